"""What was measured, and on which machine."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.peers import NODE, VENV

__all__ = ["machine", "versions"]

OURS = ("twisted_rpc", "Twisted", "autobahn", "msgspec", "httptools", "pyOpenSSL", "cryptography")
_REQUIREMENT = re.compile(r"^([\w.-]+)(?:\[\w+\])?==", re.MULTILINE)


def machine() -> dict[str, str | int]:
    """The processor, how many cores of it are ours, the kernel, the interpreters, the compiler."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "node": _first_line("node", "--version"),
        "compiler": _first_line("gcc", "--version"),
    }


def _cpu() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return done.stdout.partition("\n")[0]


def versions() -> dict[str, str]:
    """Of everything that is measured, as far as it is installed."""
    return {**_installed(OURS), **_of_node(), **_of_python()}


def _installed(names: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def _of_node() -> dict[str, str]:
    package = json.loads((NODE / "package.json").read_text(encoding="utf-8"))
    wanted = {**package["dependencies"], **package.get("optionalDependencies", {})}
    files = {name: NODE / "node_modules" / name / "package.json" for name in wanted}
    return {
        f"npm {name}": json.loads(file.read_text(encoding="utf-8"))["version"]
        for name, file in files.items()
        if file.exists()
    }


def _of_python() -> dict[str, str]:
    text = (NODE.parent / "python" / "requirements.txt").read_text(encoding="utf-8")
    names = _REQUIREMENT.findall(text)
    program = "import sys; from importlib.metadata import version\n"
    program += "for name in sys.argv[1:]: print(version(name))"
    try:
        done = subprocess.run(
            [str(VENV), "-c", program, *names], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return {}
    found = zip(names, done.stdout.split(), strict=True)
    return {f"PyPI {name}": number for name, number in found}

"""The package as users have it: its wheel, installed with pip into an environment of its own."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

__all__ = ["ROOT", "Installation", "installation"]

ROOT = Path(__file__).parents[1]
_SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "twisted_rpc", "twisted")
_MADE = shutil.ignore_patterns("__pycache__", "dropin.cache")


class Installation:
    """A virtual environment that holds the wheel and what it depends on.

    Args:
        directory: where it is.
    """

    def __init__(self, directory: Path) -> None:
        self.bin = directory / "bin"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that finds its commands first, and no debug switch."""
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        kept = {k: v for k, v in os.environ.items() if k not in ("DEBUG", "PYTHONPATH")}
        # Twisted asks for it where bcrypt is installed, before Python 3.13 takes it away.
        warnings = "default,ignore:'spwd' is deprecated:DeprecationWarning"
        return {**kept, "PATH": path, "PYTHONWARNINGS": warnings}

    def command(self, name: str) -> str:
        """The path of one of its commands."""
        return str(self.bin / name)


def installation(factory: pytest.TempPathFactory) -> Installation:
    """Make the environment, once for all the processes that run tests side by side."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    directory, done = base / "installation", base / "installation.done"
    with (base / "installation.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _install(base, directory)
            done.touch()
    return Installation(directory)


def _install(base: Path, directory: Path) -> None:
    """Build from a copy, so that no build directory appears in the checkout."""
    sources = base / "sources"
    sources.mkdir()
    for name in _SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=_MADE)
        else:
            shutil.copy(ROOT / name, sources / name)
    _run(sys.executable, "-m", "venv", str(directory))
    pip = (str(directory / "bin" / "pip"), "--disable-pip-version-check", "--quiet")
    _run(*pip, "wheel", "--no-deps", "--wheel-dir", str(base / "wheels"), str(sources))
    (wheel,) = (base / "wheels").glob("*.whl")
    _run(*pip, "install", f"{wheel}[cli,passwd,jwt,metrics]")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"

"""Measurements in a process of their own: nothing else runs there, and nobody else traces."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TypeVar

import msgspec

from tests.processes import DEADLINE

__all__ = ["apart"]

ROOT = Path(__file__).parents[2]
T = TypeVar("T")

_KEPT = ("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV")


def apart(kind: type[T], *arguments: str) -> T:
    """Run the interpreter with these arguments; what it prints, decoded.

    Hashes are the same in every run.  Nothing of the environment reaches it that could
    change its way: neither a debug switch nor coverage.

    Raises:
        AssertionError: it failed.
    """
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**environment, "PYTHONHASHSEED": "0"},
        timeout=2 * DEADLINE,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(arguments)}:\n{done.stdout}{done.stderr}"
    return msgspec.json.decode(done.stdout, type=kind)

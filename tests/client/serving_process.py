"""A server in another process, as tests see it."""

from __future__ import annotations

import subprocess

__all__ = ["Serving"]


class Serving:
    """A process of `serving.py`.

    Args:
        process: it.

    Attributes:
        port: where it listens.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self.said())

    def said(self) -> str:
        """The next line of what it prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

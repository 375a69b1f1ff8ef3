"""How far a command has come, on standard error, where a person looks at it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

__all__ = ["Progress", "status_line"]


def _is_watched() -> bool:
    """Whether something that moves may be shown: not among results on the same terminal."""
    return sys.stderr.isatty() and not sys.stdout.isatty()


class Progress:
    """A bar for a file that is read: by its bytes, where it is known how many there are.

    Args:
        descriptor: of the file that is read.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._size = _size(descriptor)
        self._bar: Any = None
        self._done = 0

    def __enter__(self) -> Self:
        if _is_watched():
            self._bar = _bar()
            self._task = self._bar.add_task("", total=self._size, requests=0)
            self._bar.start()
        return self

    def advance(self, requests: int) -> None:
        """So many more are answered."""
        self._done += requests
        if self._bar is not None:
            read = 0 if self._size is None else os.lseek(self._descriptor, 0, os.SEEK_CUR)
            self._bar.update(self._task, completed=read, requests=self._done)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    return Bar(
        BarColumn(),
        TextColumn("{task.fields[requests]} requests"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        redirect_stdout=False,
        redirect_stderr=False,
    )


def _size(descriptor: int) -> int | None:
    status = os.fstat(descriptor)
    return status.st_size if stat.S_ISREG(status.st_mode) else None


@contextmanager
def status_line(text: Callable[[], str]) -> Iterator[Callable[[], None]]:
    """A line that goes away in the end; call what is given to have it show `text()` now."""
    if not _is_watched():
        yield lambda: None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as live:
        yield lambda: live.update(Text(text()), refresh=True)

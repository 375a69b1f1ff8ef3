"""The place of a Unix socket: its owner's from the first moment, and taken from nobody."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from twisted.internet.error import CannotListenError

__all__ = ["binding", "open_directory"]


@contextmanager
def binding(path: str) -> Iterator[None]:
    """While a socket is bound: what a dead process left is gone, and nobody else may connect.

    Twisted sets the mode after it has bound, and believes that whoever has the process id
    in the lock file (`PATH.lock`) has the socket too; a container gives the same id again.

    Raises:
        CannotListenError: somebody listens there, what is there is no socket, or there is
            no such directory.
    """
    if path.startswith("\0"):  # an abstract socket, which is no file
        yield
        return
    directory = Path(path).parent
    if not directory.is_dir():
        raise CannotListenError(None, path, OSError(f"there is no directory {str(directory)!r}"))
    with _alone_in(directory) as alone:
        if alone:
            _clear(path)
        before = os.umask(0o177)
        try:
            yield
        finally:
            os.umask(before)


def open_directory(path: str) -> str | None:
    """The directory of a socket, if others can write to it."""
    directory = Path(path).absolute().parent
    with suppress(OSError):  # binding says it
        if not path.startswith("\0") and directory.stat().st_mode & stat.S_IWOTH:
            return str(directory)
    return None


@contextmanager
def _alone_in(directory: Path) -> Iterator[bool]:
    """Whether no other daemon is about to bind a socket in this directory.

    The lock ends with this block or with the process, and leaves no file behind.
    """
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # it cannot be read, and may be written to all the same
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _clear(path: str) -> None:
    """Remove a socket on which nobody listens, and the lock of who did."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise CannotListenError(None, path, OSError("there is a file, which is no socket"))
    except FileNotFoundError:
        pass
    else:
        if _is_served(path):
            raise CannotListenError(None, path, OSError("another process listens on it"))
        Path(path).unlink()
    with suppress(FileNotFoundError):
        if Path(f"{path}.lock").is_symlink():
            Path(f"{path}.lock").unlink()


def _is_served(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.setblocking(False)
        # Anything but a refusal may be a process: one that is slow to accept, or another user's.
        return caller.connect_ex(path) != errno.ECONNREFUSED

"""Files that say who may come in: read with care, read again when they change, replaced whole."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from twisted.logger import Logger

from twisted_rpc.errors import ConfigError

__all__ = ["WatchedFile", "edit_text", "read_text", "replace_text"]

T = TypeVar("T")


class WatchedFile(Generic[T]):
    """A file and what it says; it is looked at whenever somebody asks.

    Args:
        path: of the file.
        parse: makes a value of its text, or raises `ConfigError`, which names the file.
        secret: whether it is refused if everybody on the machine can read it.

    Raises:
        ConfigError: it cannot be read or parsed, or others than its owner may change it.
    """

    _log = Logger()

    def __init__(
        self, path: str | os.PathLike[str], parse: Callable[[str], T], *, secret: bool = True
    ) -> None:
        self.path = os.fspath(path)
        self._parse = parse
        self._secret = secret
        self._seen, self._value = self._read()

    def value(self) -> T:
        """What it says now.

        A new version that is wrong, or that is not there, changes nothing but the log: one
        slip of an editor must not lock everybody out.
        """
        seen = _state(self.path)
        if seen != self._seen:
            self._seen = seen
            self._read_again()
        return self._value

    def _read_again(self) -> None:
        try:
            self._seen, self._value = self._read()
        except ConfigError as error:
            self._log.error("{error}; what it said before still holds", error=error)
        else:
            self._log.info("{path} has changed and was read again", path=self.path)

    def _read(self) -> tuple[tuple[int, ...] | None, T]:
        seen = _state(self.path)  # before it is read: a change in between is seen next time
        return seen, self._parse(read_text(self.path, secret=self._secret))


def _state(path: str) -> tuple[int, ...] | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    # A change of mode or owner moves ctime alone.
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def read_text(path: str, *, secret: bool) -> str:
    """The text of a file that only its owner may change.

    Args:
        path: of the file.
        secret: whether it is refused if everybody can read it; its group may.

    Raises:
        ConfigError: it cannot be read, is no text, or its mode is too open.
    """
    try:
        mode = Path(path).stat().st_mode
        if not stat.S_ISREG(mode):
            raise ConfigError(f"{path}: not a regular file")
        if mode & 0o022:
            raise ConfigError(f"{path}: others than its owner may write it: chmod go-w {path}")
        if secret and mode & 0o004:
            raise ConfigError(f"{path}: everybody may read it: chmod o-rwx {path}")
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from error


def edit_text(path: str, edit: Callable[[str | None], str]) -> None:
    """Put what a function makes of a file's text in its place; see `replace_text`.

    Other commands that edit it wait meanwhile, and a symbolic link stays one.

    Args:
        path: of the file.
        edit: called with the text, or with None if there is no such file.

    Raises:
        ConfigError: it cannot be read or written, or `edit` raises it.
    """
    real = os.path.realpath(path)
    try:
        directory = os.open(Path(real).parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        replace_text(real, edit(_old_text(path)))
    finally:
        os.close(directory)


def _old_text(path: str) -> str | None:
    """The text of a file whose mode does not matter: it is mended when it is replaced."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from error


def replace_text(path: str, text: str) -> None:
    """Put a text in the place of a file's, all at once: a reader sees the one or the other.

    A new file is its owner's alone (mode 600); an old one keeps its owner and group, and its
    group's right to read.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        number, new = tempfile.mkstemp(prefix=".", dir=Path(path).parent)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                _take_over(path, number)
                file.write(text)
                file.flush()
                os.fsync(number)
            Path(new).replace(path)
        except BaseException:
            Path(new).unlink()
            raise
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error


def _take_over(path: str, number: int) -> None:
    """Give a new file, which has mode 600, what an old one had."""
    try:
        old = Path(path).stat()
    except FileNotFoundError:
        return
    new = os.fstat(number)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        os.fchown(number, old.st_uid, old.st_gid)
    os.fchmod(number, old.st_mode & 0o640)

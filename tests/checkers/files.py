"""Files and keys for checkers, and what a checker says."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt
from argon2 import PasswordHasher
from argon2.low_level import Type
from twisted.cred.error import LoginFailed
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from twisted_rpc.errors import ConfigError
from twisted_rpc.identity import Identity

__all__ = ["CheckerTestCase", "argon2_hash", "bcrypt_hash", "write"]

COST = 4
"""The least that bcrypt takes: a millisecond."""


def bcrypt_hash(password: str | bytes, cost: int = COST) -> str:
    """A quick hash."""
    octets = password.encode() if isinstance(password, str) else password
    return bcrypt.hashpw(octets, bcrypt.gensalt(cost)).decode()


def argon2_hash(password: str, kind: Type = Type.ID) -> str:
    """A quick hash."""
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1, type=kind).hash(password)


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    """Write a file as an editor does: all at once, so that its inode is another one."""
    new = path.with_name(path.name + ".new")
    new.write_text(text, encoding="utf-8")
    new.chmod(mode)
    return new.replace(path)


class CheckerTestCase(TestCase):
    """Tests with a directory of their own."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def path(self, name: str = "file") -> Path:
        """A path in it."""
        return self.directory / name

    def write(self, text: str, name: str = "file", mode: int = 0o600) -> Path:
        """Write a file in it."""
        return write(self.path(name), text, mode)

    def write_in_place(self, text: str, name: str = "file") -> None:
        """Write to a file, and have its time another one however coarse the clock is."""
        path = self.path(name)
        path.write_text(text, encoding="utf-8")
        later = time.time() + 10
        os.utime(path, (later, later))

    async def identity(self, checker: Any, credentials: Any) -> Identity:
        """Whose credentials these are."""
        asked: Deferred[Any] = maybeDeferred(checker.requestAvatarId, credentials)
        found = await asked
        assert isinstance(found, Identity)
        return found

    async def refusal(self, checker: Any, credentials: Any) -> str:
        """How credentials are refused."""
        try:
            found = await maybeDeferred(checker.requestAvatarId, credentials)
        except LoginFailed as error:
            return str(error)
        raise AssertionError(f"{found!r} was let in")

    def config_error(self, make: Callable[..., object], *args: Any, **options: Any) -> str:
        """The one line with which something is refused; without this test's directory."""
        with self.assertRaises(ConfigError) as caught:
            make(*args, **options)
        text = str(caught.exception)
        self.assertNotIn("\n", text)
        return text.replace(f"{self.directory}/", "")

    def logged(self) -> list[str]:
        """What was logged as an error since this was asked for, to nobody's surprise."""
        return self._messages.pop_all()

    def watch_log(self) -> None:
        """Keep what is logged from here on."""
        self._messages = _Messages(self)


@implementer(ILogObserver)
class _Messages:
    """Texts of the log until a test ends."""

    def __init__(self, test: TestCase) -> None:
        self._texts: list[str] = []
        globalLogPublisher.addObserver(self)
        test.addCleanup(globalLogPublisher.removeObserver, self)

    def __call__(self, event: LogEvent) -> None:
        if "twisted_rpc" in event.get("log_namespace", ""):
            self._texts.append(formatEvent(event))

    def pop_all(self) -> list[str]:
        """What came, and nothing twice."""
        texts, self._texts = self._texts, []
        return texts

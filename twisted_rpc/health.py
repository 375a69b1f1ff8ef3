"""Whether a server can do its work: checks of what it needs, asked together and not too often."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_rpc.invocation import chained

__all__ = ["KEPT", "Finding", "Health", "Report"]

KEPT = 1.0
"""Seconds for which findings are told again, so that visitors cost no more than one look."""

_LONGEST = 200
"""Characters of what a check says is wrong."""

_ANSWERS = "not None, True, False or a text that says what is wrong"


class Finding(Struct, frozen=True):
    """What came of one check.

    Attributes:
        name: the check's.
        ok: whether all is well with what it looks at.
        milliseconds: how long it took.
        since: from when on it has been so, in UTC.
        error: what is wrong, in one line; None if nothing is.
    """

    name: str
    ok: bool
    milliseconds: float
    since: datetime
    error: str | None = None


class Report(Struct, frozen=True):
    """Whether a server takes calls.

    Attributes:
        ready: whether it does.
        reason: why it does not: `starting`, `draining` or `checks`.
        checks: what came of each; nothing while it is starting or draining.
    """

    ready: bool
    reason: str | None
    checks: tuple[Finding, ...]


class Health:
    """Runs checks, all at once, and one run for all who ask meanwhile.

    Args:
        clock: where time comes from; for checks in threads, the reactor.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._checks: dict[str, _Check] = {}
        self._holds: list[Callable[[], str | None]] = []
        self._visitors: list[Deferred[tuple[Finding, ...]]] = []
        self._is_looking = False
        self._found: tuple[Finding, ...] | None = None
        self._found_at = 0.0

    def add(
        self, name: str, function: Callable[[], Any], *, timeout: float, thread: bool
    ) -> Callable[[], None]:
        """Add a check; call what is returned to remove it.  See `Server.add_check`."""
        if not 0 < timeout < math.inf:
            raise ValueError(f"timeout must be greater than 0, not {timeout}")
        if name in self._checks:
            raise ValueError(f"there is a check {name!r} already")
        self._checks[name] = check = _Check(name, function, timeout, self._clock, thread=thread)
        self._found = None

        def remove() -> None:
            if self._checks.get(name) is check:
                del self._checks[name]
                self._found = None

        return remove

    def hold(self, ask: Callable[[], str | None]) -> None:
        """Be not ready while a function returns a reason, in a word."""
        self._holds.append(ask)

    @property
    def unready(self) -> str | None:
        """Why no calls are taken, whatever the checks find; None if nothing is in the way."""
        return next((reason for ask in self._holds if (reason := ask())), None)

    def report(self) -> Deferred[Report]:
        """A Deferred of whether the server takes calls; it does not fail."""
        reason = self.unready
        if reason is not None:
            return succeed(Report(False, reason, ()))
        return self._findings().addCallback(self._report)

    def _report(self, findings: tuple[Finding, ...]) -> Report:
        is_well = all(finding.ok for finding in findings)
        reason = self.unready or (None if is_well else "checks")
        return Report(reason is None, reason, findings)

    def _findings(self) -> Deferred[tuple[Finding, ...]]:
        """What was found a moment ago, or is being found, or will be."""
        if self._found is not None and 0 <= self._clock.seconds() - self._found_at < KEPT:
            return succeed(self._found)
        visitor: Deferred[tuple[Finding, ...]] = Deferred(self._visitors.remove)
        self._visitors.append(visitor)
        if not self._is_looking:
            self._is_looking = True
            checks = tuple(self._checks.values())
            gatherResults([check.run() for check in checks]).addCallback(self._tell, checks)
        return visitor

    def _tell(self, findings: list[Finding], checks: tuple[_Check, ...]) -> None:
        self._is_looking = False
        found = tuple(findings)
        if checks == tuple(self._checks.values()):  # or what is kept would leave one out
            self._found, self._found_at = found, self._clock.seconds()
        while self._visitors:  # one may take away another
            self._visitors.pop(0).callback(found)


class _Check:
    """One check, which ends at its timeout whatever its function does."""

    _log = Logger()

    def __init__(
        self,
        name: str,
        function: Callable[[], Any],
        timeout: float,
        clock: IReactorTime,
        *,
        thread: bool,
    ) -> None:
        self._name = name
        self._function = function
        self._timeout = timeout
        self._clock: Any = clock
        self._thread = thread
        self._is_under_way = False
        self._was_ok: bool | None = None
        self._since = datetime.now(UTC)

    def run(self) -> Deferred[Finding]:
        """Look; a Deferred of what was found."""
        began = self._clock.seconds()
        ended: Deferred[str | None] = Deferred()
        if self._is_under_way:
            # Another one would take another thread, until there are none left.
            ended.callback("it has not come back from when it was asked before")
        else:
            self._begin(ended)
        return ended.addCallback(self._finding, began)

    def _begin(self, ended: Deferred[str | None]) -> None:
        self._is_under_way = True
        work = self._work()
        timer = self._clock.callLater(self._timeout, self._too_slow, work, ended)

        def done(complaint: str | None) -> None:
            self._is_under_way = False
            if timer.active():
                timer.cancel()
                ended.callback(complaint)

        work.addCallbacks(_complaint, _reason).addCallback(done)

    def _work(self) -> Deferred[Any]:
        if self._thread:
            pool = self._clock.getThreadPool()
            return deferToThreadPool(self._clock, pool, self._function)
        return maybeDeferred(lambda: chained(self._function()))

    def _too_slow(self, work: Deferred[Any], ended: Deferred[str | None]) -> None:
        ended.callback(f"no answer within {self._timeout:g} seconds")
        if not self._thread:  # a thread goes on, whatever is done to its Deferred
            work.cancel()

    def _finding(self, complaint: str | None, began: float) -> Finding:
        is_ok = complaint is None
        if is_ok is not self._was_ok:
            self._changed(complaint)
        milliseconds = round((self._clock.seconds() - began) * 1000, 3)
        return Finding(self._name, is_ok, milliseconds, self._since, complaint)

    def _changed(self, complaint: str | None) -> None:
        was_bad = self._was_ok is False
        self._was_ok = complaint is None
        self._since = datetime.now(UTC)
        if complaint is not None:
            self._log.warn("the check {name} fails: {why}", name=repr(self._name), why=complaint)
        elif was_bad:
            self._log.info("the check {name} is well again", name=repr(self._name))


def _complaint(answer: Any) -> str | None:
    """What a check's answer says is wrong."""
    if answer is None or answer is True:
        return None
    if answer is False:
        return "it returned False"
    if isinstance(answer, str):
        return _line(answer) or None
    return f"it returned {type(answer).__name__}, and {_ANSWERS}"


def _reason(failure: Failure) -> str:
    """What is wrong where a check raised."""
    return _line(f"{type(failure.value).__name__}: {failure.getErrorMessage()}").rstrip(": ")


def _line(text: str) -> str:
    """A text in one short line that no terminal stumbles over."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(text.split()))
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"

"""Whether a login still holds while its connection is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_rpc.deadline import Deadline

__all__ = ["Validity", "what_ended"]

_log = Logger()


def what_ended(identity: Any, now: float) -> str | None:
    """Why an identity is no longer good; None while it is.

    Args:
        identity: its attributes `expires` and `still_valid` are asked, if it has them.
        now: the time, in seconds since the epoch.
    """
    expires = getattr(identity, "expires", None)
    if expires is not None and now >= expires:
        return "the login has expired"
    still_valid = getattr(identity, "still_valid", None)
    try:
        holds = True if still_valid is None else still_valid()
        if not isinstance(holds, bool):  # a coroutine, which is always true
            raise TypeError(f"still_valid returned {type(holds).__name__}, not True or False")
    except Exception:  # who cannot be looked after is not let go on
        _log.failure("cannot tell whether {identity} still holds", identity=repr(str(identity)))
        holds = False
    return None if holds else "the login has been revoked"


class Validity:
    """Looks after one login.

    Args:
        recheck: seconds between looks; None for looking at its expiry alone.
        clock: where time comes from; its seconds are those since the epoch.
        ended: told why it holds no more.
    """

    __slots__ = ("_clock", "_ended", "_identity", "_next", "_recheck")

    def __init__(
        self, recheck: float | None, clock: IReactorTime, ended: Callable[[str], None]
    ) -> None:
        self._recheck = recheck
        self._clock = clock
        self._ended = ended
        self._identity: Any = None
        self._next = Deadline(clock, self._look)

    def watch(self, identity: Any) -> None:
        """Look after this one from now on."""
        self._identity = identity
        expires = getattr(identity, "expires", None)
        times = [] if expires is None else [max(0.0, expires - self._clock.seconds())]
        if self._recheck is not None and getattr(identity, "still_valid", None) is not None:
            times.append(self._recheck)
        self._next.set(min(times, default=None))

    def stop(self) -> None:
        """The connection has ended."""
        self._next.stop()

    def _look(self) -> None:
        why = what_ended(self._identity, self._clock.seconds())
        if why is None:
            self.watch(self._identity)
        else:
            self._ended(why)

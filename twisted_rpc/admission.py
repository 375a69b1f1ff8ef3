"""Whether one more call may run: room, rates, and whether the daemon is about to stop."""

from __future__ import annotations

import math
from collections.abc import Callable

from twisted_rpc.answers import Counters
from twisted_rpc.config import Limits
from twisted_rpc.context import Context
from twisted_rpc.errors import Busy, RateLimited, ShuttingDown
from twisted_rpc.namespace import Method
from twisted_rpc.rates import Rates
from twisted_rpc.running import Caller, Load

__all__ = ["Admission"]


class Admission:
    """Lets calls in, or says why not.

    Args:
        limits: `max_calls`, `max_in_flight`.
        rates: how often callers may call.
        counters: told of each limit that is hit.
        changed: told when `asks` may have changed.

    Attributes:
        load: how many calls run.
        max_in_flight: so many of one caller's.
    """

    def __init__(
        self, limits: Limits, rates: Rates, counters: Counters, changed: Callable[[], None]
    ) -> None:
        self.load = Load(limits.max_calls, changed)
        self.max_in_flight = limits.max_in_flight or math.inf
        self._limits = limits
        self._rates = rates
        self._counters = counters
        self._changed = changed
        self._draining = False

    @property
    def asks(self) -> bool:
        """Whether there is something to ask for every call, beside its caller's own room."""
        return self._draining or self.load.is_full or self._rates.hold_for_all

    def drain(self) -> None:
        """Refuse all calls from now on; running ones go on."""
        self._draining = True
        self._changed()

    def check(self, caller: Caller) -> None:
        """See that one more call may run.

        Raises:
            Busy, ShuttingDown, RateLimited: it may not.
        """
        if caller.in_flight >= self.max_in_flight:
            raise self._busy("calls of one connection", "max_in_flight")
        if self.load.is_full:
            raise self._busy("calls of all callers together", "max_calls")
        if self._draining:
            raise ShuttingDown()
        self.check_rates(caller)

    def has_room(self, caller: Caller) -> bool:
        """Whether an item of a batch may start, or has to be refused, now."""
        if caller.in_flight < self.max_in_flight or caller.awaits_answer:
            return True
        self._counters.hit("max_in_flight")
        return False

    def check_rates(self, caller: Caller, method: Method | None = None) -> None:
        """See that the caller may call as often as that.

        Raises:
            RateLimited: it may not.
        """
        try:
            self._rates.check(caller, method)
        except RateLimited as error:
            self._counters.hit(error.data["limit"])
            caller.delay = error.data["retry_after"]
            raise

    def check_rate_of(self, method: Method, context: Context) -> None:
        """See that the caller may call a method as often as that, once it may call it at all."""
        caller = context.connection
        if caller is None:
            caller = Caller()
            caller.identity = context.identity
        self.check_rates(caller, method)

    def _busy(self, what: str, limit: str) -> Busy:
        self._counters.hit(limit)
        return Busy(f"{getattr(self._limits, limit)} {what} are running ({limit})")

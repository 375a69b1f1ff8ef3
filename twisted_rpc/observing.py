"""Telling observers of calls that have ended, whatever became of them.

While somebody observes, messages come in here instead of at `Dispatcher.dispatch`.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, Protocol

from msgspec import UNSET, Raw, Struct, UnsetType
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.reflect import safe_repr

from twisted_rpc.batches import Batches, Outcome
from twisted_rpc.codec import Decoded, decode, error_code, item_sizes
from twisted_rpc.context import Context
from twisted_rpc.errors import RPCError
from twisted_rpc.message import Invalid, Message, Watched
from twisted_rpc.running import Answer, Caller

__all__ = ["Ended", "Observation", "Observer"]


class Ended(Struct, frozen=True, kw_only=True):
    """One call or notification that has ended, or something that was no message.

    Attributes:
        method: the name that was called, be there a method or not; None where none was given.
        id: the request's, a number at times as the `Raw` of its digits; `UNSET` for a
            notification, None where it is not known.
        caller: who sent it.
        identity: who that had proved to be; of a connection it may be another by now.
        context: what the method was told; None if it did not come to that.
        seconds: from when it was taken up until its answer was ready.
        code: of its error; None if there was none.  A notification may have one, too.
        incident: under which the log tells what happened; None if it was no surprise.
        is_notification: whether it wanted no answer.
        message_size: bytes of the message, without its framing.
        answer_size: bytes of the answer; 0 where there was none.
        params: as they came, undecoded; `UNSET` without any.
        in_batch: whether it was an item of a batch.
    """

    method: str | None
    id: Any
    caller: Caller
    identity: Any
    context: Context | None = None
    seconds: float
    code: int | None
    incident: str | None = None
    is_notification: bool = False
    message_size: int
    answer_size: int
    params: Raw | UnsetType = UNSET
    in_batch: bool = False

    @property
    def connection(self) -> Any:
        """Where it came from; None outside a connection."""
        return self.caller.connection

    @property
    def peer(self) -> str:
        """Where the far side is; empty outside a connection."""
        return getattr(self.connection, "peer", "")

    @property
    def transport(self) -> str:
        """What carried it, such as `http`; empty outside a connection."""
        return getattr(self.connection, "transport", "")


Observer = Callable[[Ended], object]
"""Is told of each call that has ended, in the reactor's thread, before its answer leaves."""


class Source(Protocol):
    """What answers messages: a `Dispatcher`."""

    batches: Batches
    max_depth: int

    def run(self, message: Decoded, caller: Caller) -> Outcome:
        """Run one message."""

    def handle_other(self, message: Message, caller: Caller) -> Answer:
        """Answer a request by the long way."""

    def refuse(self, invalid: Invalid, caller: Caller) -> bytes | None:
        """Answer what is no message."""


class Observation:
    """The way of messages that are watched, from their bytes to the observers.

    Args:
        source: what answers them.

    Attributes:
        source: the same; may be another one.
    """

    _log = Logger()

    def __init__(self, source: Source) -> None:
        self.source = source
        self._observers: tuple[_Entry, ...] = ()  # each its own, also if added twice

    @property
    def has_observers(self) -> bool:
        """Whether somebody wants to be told."""
        return bool(self._observers)

    def add(self, observer: Observer) -> Callable[[], bool]:
        """Tell an observer from now on, until what is returned is called.

        That says whether it has ended anything: it does so once.
        """
        self._observers += ((entry := _Entry(observer)),)

        def remove() -> bool:
            before = len(self._observers)
            self._observers = tuple(each for each in self._observers if each is not entry)
            return len(self._observers) < before

        return remove

    def dispatch(self, data: bytes, caller: Caller) -> Answer:
        """Answer one message or batch; see `Dispatcher.dispatch`."""
        decoded = decode(data, self.source.max_depth)
        if not isinstance(decoded, list):
            return self.take(decoded, caller, len(data))
        begun = perf_counter()
        batches = self.source.batches
        if len(decoded) > batches.most:
            answer = batches.refuse()
            self._tell_refused(None, answer, caller, len(data), begun)
            return answer
        return batches.answer_each(decoded, _Items(self, decoded, item_sizes(data)), caller)

    def take(
        self, message: Message | Invalid, caller: Caller, size: int, *, in_batch: bool = False
    ) -> Answer:
        """Answer one message, or one item of a batch, of so many bytes."""
        begun = perf_counter()
        if isinstance(message, Invalid):
            answer = self.source.refuse(message, caller)
            if answer is not None:
                self._tell_refused(message.id, answer, caller, size, begun)
            return answer
        if message.method is UNSET:  # an answer to a call of ours
            return self.source.run(message, caller)  # type: ignore[return-value]
        caller.errors = 0
        watched = Watched(
            *(message.jsonrpc, message.method, message.params, message.id),
            request_id=message.request_id,
            traceparent=message.traceparent,
            tracestate=message.tracestate,
            begun=begun,
            size=size,
            identity=caller.identity,
            in_batch=in_batch,
        )
        outcome = self.source.handle_other(watched, caller)
        if isinstance(outcome, Deferred):
            return outcome.addCallback(self._ended, watched, caller)
        return self._ended(outcome, watched, caller)

    def _ended(self, answer: bytes | None, watched: Watched, caller: Caller) -> bytes | None:
        failure: RPCError | None = watched.failure
        data = None if failure is None else failure.data
        self._tell(
            Ended(
                method=str(watched.method),
                id=watched.id,
                caller=caller,
                identity=watched.identity,
                context=watched.context,
                seconds=perf_counter() - watched.begun,
                code=None if failure is None else int(failure.code),
                incident=data.get("incident") if isinstance(data, dict) else None,
                is_notification=watched.id is UNSET,
                message_size=watched.size,
                answer_size=0 if answer is None else len(answer),
                params=watched.params,
                in_batch=watched.in_batch,
            )
        )
        return answer

    def _tell_refused(
        self, request_id: Any, answer: bytes, caller: Caller, size: int, begun: float
    ) -> None:
        self._tell(
            Ended(
                method=None,
                id=request_id,
                caller=caller,
                identity=caller.identity,
                seconds=perf_counter() - begun,
                code=error_code(answer),
                message_size=size,
                answer_size=len(answer),
            )
        )

    def _tell(self, ended: Ended) -> None:
        for entry in self._observers:
            try:
                entry.observer(ended)
            except BaseException:  # whatever it is, the call is to be answered
                if not entry.has_failed:
                    entry.has_failed = True
                    self._log.failure(
                        "{observer} failed on a call that ended (not told again)",
                        observer=safe_repr(entry.observer),
                    )


class _Entry:
    """An observer, and whether its failing was logged."""

    def __init__(self, observer: Observer) -> None:
        self.observer = observer
        self.has_failed = False


class _Items:
    """The items of one batch, each with its size; see `Items`."""

    def __init__(
        self, observation: Observation, items: list[Message | Invalid], sizes: list[int]
    ) -> None:
        self._take = observation.take
        self._has_room = observation.source.batches.has_room
        self._sizes = {id(item): size for item, size in zip(items, sizes, strict=True)}

    def start(self, item: Message | Invalid, caller: Caller) -> Answer:
        """See `Items`."""
        return self._take(item, caller, self._sizes[id(item)], in_batch=True)

    def has_room(self, caller: Caller) -> bool:
        """See `Items`."""
        return self._has_room(caller)

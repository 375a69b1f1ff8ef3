"""HTTP/1.1 on one line: one request after the other, and their answers in that order."""

from __future__ import annotations

from twisted_rpc.errors import RequestTimeout
from twisted_rpc.transports.base import RPCProtocol
from twisted_rpc.transports.exchange import Exchange
from twisted_rpc.transports.reading import RequestReader
from twisted_rpc.transports.repeated import KnownHeads
from twisted_rpc.transports.responses import Outbox, Responses
from twisted_rpc.transports.times import RequestTimes
from twisted_rpc.transports.web import Reply

__all__ = ["Pipeline"]


class Pipeline(RPCProtocol):
    """Reads requests, lets one of them at a time be served, and writes the answers.

    At any time it is idle, reading a request, busy with one (`_busy`), or done with the
    line (`_closing`: the last answer is there, what still comes is thrown away).  A
    subclass says what becomes of a request: `head_received` and `serve`.

    Attributes:
        heads: those that the lines of its port begin with.
        responses: writes responses.
    """

    heads: KnownHeads
    responses: Responses

    __slots__ = (
        *("_busy", "_closing", "_congested", "_draining", "_expected", "_gone", "_held"),
        *("_input_ended", "_outbox", "_progressed", "_queue", "_reader", "_silence", "_times"),
        "_working",
    )

    def begin(self) -> None:
        """See `RPCProtocol.begin`."""
        self._reader = RequestReader(self, self.heads)
        self._queue: list[Exchange] = []  # short: a deque would take as much as all the rest
        self._outbox = Outbox(self.wire)
        self._held: list[bytes] = []
        self._busy = False
        self._closing = False
        self._draining = False
        self._gone = False
        self._working = False
        self._congested = False
        self._input_ended = False
        self._expected = False
        self._progressed = False
        self._times = RequestTimes(
            self.endpoint.limits, self.endpoint.clock, self._idle_expired, self._arrival_expired
        )
        self._times.begin(self.first_timeout)
        self._silence = self.first_limit

    # -- what a subclass implements ----------------------------------------------------------

    def head_received(self, exchange: Exchange) -> Reply | None:
        """Decide, before the body is read, where a request goes; or refuse it."""
        raise NotImplementedError

    def serve(self, exchange: Exchange) -> None:
        """See to a request: `answer` it, or `begin_work` and later `go_on`."""
        raise NotImplementedError

    # -- what comes in -----------------------------------------------------------------------

    @property
    def max_body(self) -> int:
        """The longest body a request may have, in bytes."""
        return self.endpoint.limits.max_message or 1 << 62

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        if self._busy or self._congested:
            self._held.append(data)
            self.wire.set_reading(False)
        elif not self._closing:
            self._read(data)

    def _read(self, data: bytes) -> None:
        rest = self._reader.feed(data)
        if rest is not None:
            self._held.append(rest)
        self._work()

    def request_received(self, exchange: Exchange) -> None:
        """The reader has a request, or as much of it as has to be refused."""
        self._queue.append(exchange)
        self._progressed = True
        self._expected = False  # its body has come without being asked for

    def body_too_big(self) -> None:
        """A body is longer than it may be."""
        self.endpoint.counters.hit("max_message")

    def may_continue(self) -> None:
        """A client waits to be told that its body is wanted (RFC 9110, section 10.1.1)."""
        self._expected = True

    # -- one request after the other -----------------------------------------------------------

    def _work(self) -> None:
        if self._working:  # an answer that was ready at once: the loop below goes on
            return
        self._working = True
        try:
            self._work_off_queue()
        finally:
            self._working = False
        if self._gone:
            return
        if self._is_free and self._expected and self._reader.in_request:
            self._expected = False
            self._outbox.put(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._outbox.flush()
        if self._input_ended and self._is_free and not self._held:
            self._closing = True
        if self._closing:
            if self._reader.in_request:
                self.wire.close_unread()
            else:
                self.wire.close()
        elif self._is_free and self._reader.in_request:
            self._times.arrive(progressed=self._progressed)
            self._progressed = False
        elif self._is_free:
            self._rest()

    def _rest(self) -> None:
        """Nothing is to be done until the next request begins."""
        self._progressed = False
        self._silence = "idle_timeout"
        self._times.idle()

    def _work_off_queue(self) -> None:
        while self._queue and self._is_free:
            exchange = self._queue.pop(0)
            if exchange.refusal is not None:
                self.answer(exchange, exchange.refusal)
            else:
                self.serve(exchange)

    @property
    def _is_free(self) -> bool:
        return not (self._busy or self._congested or self._closing or self._gone)

    def begin_work(self) -> None:
        """Take no other request until `go_on`; the answers so far leave first."""
        self._outbox.flush()
        self._busy = True
        self._times.work()

    def go_on(self) -> None:
        """The request that was worked on is answered: the next, or what has come since."""
        self._busy = False
        self._work()
        if self._held and self._is_free and not self._working:
            data = b"".join(self._held)
            self._held.clear()
            self.wire.set_reading(True)
            self._read(data)

    def answer(self, exchange: Exchange, answer: Reply) -> None:
        """Answer a request in its turn."""
        is_last = self._input_ended and not (self._queue or self._held)
        closes = answer.closes or not exchange.keep_alive or self._draining or is_last
        self._closing = self._closing or closes
        self._outbox.put(self.responses.whole(exchange, answer, closes=closes))

    # -- the end -------------------------------------------------------------------------------

    def drain(self) -> None:
        """See `ILine.drain`."""
        if not self.begun:
            self.wire.abort()
            return
        self._draining = True
        if not self._busy and not self._queue and not self._working:
            self._closing = True
            self.wire.close()

    def end_input(self) -> None:
        """The far side has closed its half: what has come is answered still."""
        self._input_ended = True
        if not self._busy and not self._congested:
            self._work()

    def congested(self, congested: bool) -> None:
        """See `RPCProtocol.congested`."""
        if not self.begun:
            return
        self._congested = congested
        if congested:  # no time runs while it is we who do not read
            self._times.work()
        if not congested and not self._busy:
            self.go_on()

    def _idle_expired(self) -> None:
        if not (self._busy or self._queue or self._held or self._reader.in_request):
            self._closing = True
            self.endpoint.counters.hit(self._silence)
            self.wire.close()

    def _arrival_expired(self) -> None:
        seconds = self.endpoint.limits.request_timeout
        text = f"the request was not complete after {seconds:g} seconds (request_timeout)"
        self.endpoint.counters.hit("request_timeout")
        self._reader.give_up(Reply.of(408, RequestTimeout(text), closes=True))
        self._work()

    def end_here(self) -> None:
        """Have nothing to do with the line any more."""
        self._gone = True
        self._times.stop()

    def end(self) -> None:
        """See `RPCProtocol.end`."""
        self.end_here()

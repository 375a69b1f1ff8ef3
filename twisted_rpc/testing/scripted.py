"""A far side that does what a test says, right or wrong: `expect(...)`, `reply(...)`."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any, Self

from msgspec import UNSET
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_rpc.detection import FRAMINGS
from twisted_rpc.listener import Framing

__all__ = ["ANY", "Expectation", "ScriptedPeer", "same"]


class _Any:
    """Equal to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "ANY"


ANY: Any = _Any()
"""Parameters that do not matter."""


class Expectation:
    """A call or notification that a scripted peer waits for, and what it does then.

    What is asked of it before the message has come is done when it comes; afterwards, at
    once.  Each method returns the expectation, so that `expect("m").reply(1).reply(2)`
    answers twice.  Without any of them a call stays unanswered.

    Attributes:
        message: the message, decoded, once it has come.
    """

    def __init__(self, method: str, params: Any, *, is_call: bool) -> None:
        self.method = method
        self.params = params
        self.is_call = is_call
        self.message: Any = None
        self._line: _ScriptedLine | None = None
        self._batch: _Batch | None = None
        self._waiting: list[Callable[[_ScriptedLine], None]] = []

    def reply(self, result: Any, *, id: Any = UNSET) -> Self:
        """Answer with a result; with another `id` than the call's, if one is given."""
        return self._do(lambda line: self._answer(line, {"result": result}, id))

    def fail(self, code: int, message: str, data: Any = UNSET) -> Self:
        """Answer with an error."""
        error = {"code": code, "message": message}
        if data is not UNSET:
            error["data"] = data
        return self._do(lambda line: self._answer(line, {"error": error}, UNSET))

    def write(self, data: bytes) -> Self:
        """Send bytes as they are: garbage, half a message, another protocol."""
        return self._do(lambda line: line.write(data))

    def hang_up(self) -> Self:
        """Close the line."""
        return self._do(lambda line: line.transport.loseConnection())

    def __repr__(self) -> str:
        kind = "call" if self.is_call else "notification"
        return f"{kind} {self.method!r} {self.params!r}"

    def _do(self, action: Callable[[_ScriptedLine], None]) -> Self:
        if self._line is None:
            self._waiting.append(action)
        else:
            action(self._line)
        return self

    def _answer(self, line: _ScriptedLine, outcome: dict[str, Any], id: Any) -> None:
        answer = {"jsonrpc": "2.0", **outcome, "id": self.message["id"] if id is UNSET else id}
        if self._batch is None or not self._batch.take(answer, line):
            line.send(answer)

    def matches(self, message: Any) -> bool:
        """Whether a message is the one that is waited for."""
        return (
            isinstance(message, dict)
            and message.get("method") == self.method
            and ("id" in message) is self.is_call
            and same(self.params, message.get("params"))
        )

    def meet(self, message: Any, line: _ScriptedLine, batch: _Batch | None) -> None:
        """The message has come."""
        self.message, self._line, self._batch = message, line, batch
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            action(line)


def same(wanted: Any, came: Any) -> bool:
    """Whether JSON is what is wanted: unlike in Python, true is not 1."""
    if isinstance(wanted, dict) and isinstance(came, dict):
        return wanted.keys() == came.keys() and all(same(wanted[k], came[k]) for k in wanted)
    if isinstance(wanted, list | tuple) and isinstance(came, list):
        return len(wanted) == len(came) and all(map(same, wanted, came))
    if isinstance(wanted, bool) or isinstance(came, bool):
        return wanted is came or wanted is ANY
    return bool(wanted == came)


class _Batch:
    """The answers of one batch, which are sent together."""

    def __init__(self, items: list[Any]) -> None:
        self._calls = sum(isinstance(item, dict) and "id" in item for item in items)
        self._answers: list[Any] = []

    def take(self, answer: Any, line: _ScriptedLine) -> bool:
        """Keep an answer until it is the last; False once they have been sent."""
        if len(self._answers) == self._calls:
            return False
        self._answers.append(answer)
        if len(self._answers) == self._calls:
            line.send(self._answers)
        return True


class _ScriptedLine(Protocol):
    """One line of a scripted peer."""

    transport: Any

    def __init__(self, peer: ScriptedPeer, framing: Framing) -> None:
        self._peer = peer
        self._framer = FRAMINGS[framing](1 << 62)
        self.is_open = True

    def dataReceived(self, data: bytes) -> None:
        for message in self._framer.feed(data):
            self._peer.take(json.loads(message), self)
        if self._framer.failed is not None:
            raise AssertionError(f"what came is no message: {self._framer.failed.data}")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.is_open = False

    def send(self, message: Any) -> None:
        """Send a message, framed."""
        self.write(self._framer.frame(json.dumps(message).encode()))

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.transport.write(data)


class ScriptedPeer(Factory):
    """A client or a server that is not ours: it says what the test has it say.

    Messages have to come in the order in which they are expected; another one fails the
    test there and then.  `Network.script` makes one.

    Args:
        framing: how messages are told apart.

    Attributes:
        received: every message that came, decoded.
    """

    noisy = False

    def __init__(self, framing: Framing = "line") -> None:
        self.received: list[Any] = []
        self._framing = framing
        self._lines: list[_ScriptedLine] = []
        self._expected: list[Expectation] = []
        self._unclaimed: list[tuple[Any, _ScriptedLine, _Batch | None]] = []
        self._asked: dict[Any, Deferred[Any]] = {}
        self._ids = count(1)

    # -- the script --------------------------------------------------------------------------

    def expect(self, method: str, params: Any = ANY) -> Expectation:
        """Wait for a call, after all that is expected already.

        Args:
            method: its name.
            params: its parameters as JSON has them; None for none.
        """
        return self._expect(Expectation(method, params, is_call=True))

    def expect_notification(self, method: str, params: Any = ANY) -> Expectation:
        """Wait for a notification, after all that is expected already; see `expect`."""
        return self._expect(Expectation(method, params, is_call=False))

    def call(self, method: str, params: Any = None) -> Deferred[Any]:
        """Call the far side; a Deferred of its answer, as a whole message."""
        request_id = f"scripted-{next(self._ids)}"
        answer: Deferred[Any] = Deferred()
        self._asked[request_id] = answer
        self._say(method, params, {"id": request_id})
        return answer

    def notify(self, method: str, params: Any = None) -> None:
        """Notify the far side."""
        self._say(method, params, {})

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._line.write(data)

    def end(self) -> None:
        """Close our half: nothing more will be sent, answers are still read."""
        self._line.transport.loseWriteConnection()

    def hang_up(self) -> None:
        """Close every line."""
        for line in self._lines:
            if line.is_open:
                line.transport.loseConnection()

    @property
    def is_connected(self) -> bool:
        """Whether it has a line."""
        return any(line.is_open for line in self._lines)

    def check(self) -> None:
        """See whether everything came that was expected, and nothing else.

        Raises:
            AssertionError: it did not; the text says what.
        """
        if self._expected:
            raise AssertionError(f"did not come: {self._expected}")
        if self._unclaimed:
            raise AssertionError(f"not expected: {[message for message, *_ in self._unclaimed]}")

    # -- what comes --------------------------------------------------------------------------

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """See `IProtocolFactory.buildProtocol`."""
        line = _ScriptedLine(self, self._framing)
        self._lines.append(line)
        return line

    def take(self, message: Any, line: _ScriptedLine) -> None:
        """A message, or a batch, has come."""
        self.received.append(message)
        is_batch = isinstance(message, list)
        batch = _Batch(message) if is_batch else None
        for item in message if is_batch else [message]:
            if not isinstance(item, dict) or "method" not in item:
                self._answered(item)
            elif not self._expected:
                self._unclaimed.append((item, line, batch))
            elif self._expected[0].matches(item):
                self._expected.pop(0).meet(item, line, batch)
            else:
                raise AssertionError(f"{item} came; expected was the {self._expected[0]}")

    def _answered(self, answer: Any) -> None:
        asked = self._asked.pop(answer.get("id"), None) if isinstance(answer, dict) else None
        if asked is not None:
            asked.callback(answer)

    def _expect(self, expectation: Expectation) -> Expectation:
        if not self._unclaimed:
            self._expected.append(expectation)
            return expectation
        message, line, batch = self._unclaimed.pop(0)
        if not expectation.matches(message):
            raise AssertionError(f"{message} came; expected was the {expectation}")
        expectation.meet(message, line, batch)
        return expectation

    def _say(self, method: str, params: Any, identity: dict[str, Any]) -> None:
        message = {"jsonrpc": "2.0", "method": method, **identity}
        if params is not None:
            message["params"] = params
        self._line.send(message)

    @property
    def _line(self) -> _ScriptedLine:
        """The newest line."""
        if not self.is_connected:
            raise ConnectionDone("nobody is connected to the scripted peer")
        return self._lines[-1]

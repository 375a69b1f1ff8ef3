"""What several test modules share: messages as bytes, and a connection without a transport."""

from __future__ import annotations

import atexit
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from twisted_rpc import Connection, Context, Endpoint, Limits, Server
from twisted_rpc.auth.portal import Login
from twisted_rpc.context import NO_HEADERS
from twisted_rpc.interfaces import ILine

_NOTHING: Any = object()


def request(method: str, params: Any = _NOTHING, id: Any = 1) -> bytes:
    """A call as bytes."""
    message = {"jsonrpc": "2.0", "method": method, "params": params, "id": id}
    return json.dumps({k: v for k, v in message.items() if v is not _NOTHING}).encode()


def notification(method: str, params: Any = _NOTHING) -> bytes:
    """A notification as bytes."""
    return request(method, params, _NOTHING)


def response(result: Any, id: Any = 1) -> bytes:
    """A successful answer as bytes."""
    return json.dumps({"jsonrpc": "2.0", "result": result, "id": id}).encode()


def batch(*items: bytes) -> bytes:
    """A batch as bytes."""
    return b"[" + b",".join(items) + b"]"


def new_path() -> str:
    """A path where nothing is, short enough for a socket; gone when the tests end."""
    directory = tempfile.TemporaryDirectory()
    atexit.register(directory.cleanup)  # trial cleans up before it tears down
    return str(Path(directory.name) / "it")


@implementer(ILine)
class MemoryConnection(Connection):
    """A connection without a transport: keeps what is written.

    Attributes:
        sent: every message written, decoded.
        reading: whether it would read from its transport.
        aborted: whether it was closed the hard way.
    """

    transport: ClassVar[str] = "memory"

    def __init__(
        self,
        owner: Endpoint,
        headers: Mapping[str, str] = NO_HEADERS,
        identity: Any = None,
        *,
        full_duplex: bool = True,
    ) -> None:
        super().__init__(owner, "memory", headers, identity and Login(identity))
        self.full_duplex = full_duplex  # type: ignore[misc]
        self.owner = owner
        self.sent: list[Any] = []
        self.reading = True
        self.aborted = False

    def open(self) -> MemoryConnection:
        """Do what a transport does when its line is up."""
        assert self.owner.admit(self, self.peer) is None
        self.opened()
        return self

    def close(self) -> None:
        """See `Connection.close`."""
        self.lost()

    def abort(self) -> None:
        """See `Connection.abort`."""
        self.aborted = True
        self.lost()

    def lost(self) -> None:
        """See `Connection.lost`."""
        super().lost()
        if self in self.owner.lines:
            self.owner.release(self)

    def take_sent(self) -> list[Any]:
        """What was written since this was asked for the last time."""
        taken, self.sent = self.sent, []
        return taken

    def _write(self, messages: list[bytes]) -> None:
        self.sent.extend(json.loads(message) for message in messages)

    def _set_reading(self, reading: bool) -> None:
        self.reading = reading


class ServerTestCase(TestCase):
    """Tests against a server whose time stands still until they move it.

    Attributes:
        server: has the limits of the class.
        clock: its time.
    """

    limits: ClassVar[Limits] = Limits()

    def setUp(self) -> None:
        """Make a server."""
        self.clock = Clock()
        self.server = self.make_server()

    def make_server(self, kind: type[Server] = Server, **options: Any) -> Server:
        """A server of another class, or with other options, on the same clock."""
        return kind(limits=self.limits, reactor=self.clock, **options)

    def answer_to(self, message: bytes, context: Context | None = None) -> Any:
        """The answer to a message, decoded; None for none.  It has to be there at once."""
        answer = self.successResultOf(self.server.dispatch(message, context))
        return None if answer is None else json.loads(answer)

    def result_of(self, method: str, *params: Any) -> Any:
        """The result of a call that has to end well, at once."""
        answer = self.answer_to(request(method, list(params)))
        self.assertEqual(set(answer), {"jsonrpc", "result", "id"}, answer)
        return answer["result"]

    def error_of(self, method: str, *params: Any) -> Any:
        """The error of a call that has to fail at once."""
        answer = self.answer_to(request(method, list(params)))
        self.assertEqual(set(answer), {"jsonrpc", "error", "id"}, answer)
        return answer["error"]

    def code_of(self, method: str, *params: Any) -> int:
        """The error code of a call that has to fail at once."""
        code: int = self.error_of(method, *params)["code"]
        return code


class ConnectionTestCase(ServerTestCase):
    """Tests with one open connection to the server.

    Attributes:
        connection: the server's end; what the far side sends is given to it.
    """

    def setUp(self) -> None:
        """Make a server and a connection."""
        super().setUp()
        self.connection = MemoryConnection(self.server).open()

    def answer(self, message: dict[str, Any], id: int = 1) -> None:
        """Let an answer come from the far side."""
        raw = json.dumps({"jsonrpc": "2.0", "id": id, **message}).encode()
        self.connection.receive([raw])

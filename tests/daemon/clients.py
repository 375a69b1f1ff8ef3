"""The plainest clients there are: sockets, and what RFC 6455 wants of a WebSocket."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
from types import TracebackType
from typing import Any, Self

from tests.processes import DEADLINE

__all__ = ["ANY_PORT", "LineClient", "WebSocketClient", "is_refused", "post", "request"]

ANY_PORT = "tcp:0:interface=127.0.0.1"


def request(method: str, *params: Any, id: Any = 1) -> bytes:
    """A call as bytes."""
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": id}).encode()


def is_refused(port: int) -> bool:
    """Whether nobody accepts connections on a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), DEADLINE).close()
    except ConnectionRefusedError:
        return True
    return False


def post(
    port: int, body: bytes, path: str = "/", user: str | None = None
) -> tuple[int, dict[str, str], Any]:
    """POST a message: status, header fields by lower-case name, and what came back, decoded."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    headers = {"Content-Type": "application/json"}
    if user is not None:
        headers["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    text = response.read()
    fields = {name.lower(): value for name, value in response.getheaders()}
    connection.close()
    is_json = fields.get("content-type") == "application/json"
    return response.status, fields, json.loads(text) if is_json else text.decode()


class Client:
    """A connected socket, for as long as a `with` block lasts.

    Args:
        connected: the socket.
    """

    def __init__(self, connected: socket.socket) -> None:
        connected.settimeout(DEADLINE)
        self.socket = connected
        self.file = connected.makefile("rb")

    @classmethod
    def to(cls, port: int) -> Self:
        """Connect to a port of this machine."""
        return cls(socket.create_connection(("127.0.0.1", port), DEADLINE))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.file.close()
        self.socket.close()


class LineClient(Client):
    """A line each way."""

    def send(self, message: bytes) -> None:
        """Send one message."""
        self.socket.sendall(message + b"\n")

    def receive(self) -> Any:
        """The next message; None if the line has ended."""
        line = self.file.readline()
        return json.loads(line) if line else None

    def call(self, method: str, *params: Any) -> Any:
        """The answer to a call, while nothing else is under way."""
        self.send(request(method, *params))
        return self.receive()


class WebSocketClient(Client):
    """A WebSocket that sends and takes short text messages.

    Attributes:
        status: the status code of the handshake.
        code: that of the closing frame, once it came.
    """

    def __init__(self, connected: socket.socket) -> None:
        super().__init__(connected)
        self.code: int | None = None
        host, port = connected.getpeername()
        key = base64.b64encode(os.urandom(16)).decode()
        fields = (
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        )
        connected.sendall("\r\n".join(["GET / HTTP/1.1", *fields, "", ""]).encode())
        self.status = int(self.file.readline().split()[1])
        while self.file.readline().strip():
            pass

    def send(self, message: bytes) -> None:
        """Send one message."""
        assert len(message) < 126
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(message))
        self.socket.sendall(bytes((0x81, 0x80 | len(message))) + mask + masked)

    def receive(self) -> Any:
        """The next message; None if a closing frame came instead."""
        opcode, size = self.file.read(2)
        if size == 126:
            size = int.from_bytes(self.file.read(2), "big")
        payload = self.file.read(size)
        if opcode == 0x88:
            self.code = int.from_bytes(payload[:2], "big")
            return None
        assert opcode == 0x81
        return json.loads(payload)

    def call(self, method: str, *params: Any) -> Any:
        """The answer to a call, while nothing else is under way."""
        self.send(request(method, *params))
        return self.receive()

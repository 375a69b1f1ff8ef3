r"""Conversations: files of what is sent and what has to come back, and how they are played.

A line of such a file is one of

    // why                 a reason, for people
    limit NAME VALUE       the server's limits; before anything is sent
    --> MESSAGE            send it, framed as the transport does
    ==> BYTES              send them as they are
    end                    close our half of the line
    <-- ANSWER             this is the next answer
    <-- STATUS ANSWER      over HTTP, with this status instead of 200
    <-- nothing            there is none: 204 over HTTP
    header NAME: VALUE     the last answer bore this HTTP header field
    close                  the line closes; what follows goes over a new one
    close CODE             over a WebSocket, with this code
    logs EXCEPTION         an incident with such an exception is logged, sooner or later

Lines that follow each other as `-->` are sent in one write.  `{stream http}` before a line
keeps it to these transports, `{!stream}` from them, `{tcp !hybrid}` does both; the names are
the `kinds` in `tests/players.py`.  Where nothing stands, all transports have to agree.

In messages and answers `\xHH` is a byte and `\(N*TEXT)` is TEXT, N times.  Answers are
compared as JSON values, numbers digit by digit; `"..."` stands for any text that is not empty.

After every exchange a ping has to be answered next, so that nothing came unexpected.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from msgspec import Struct

from tests.players import Closed, Reply, Session
from twisted_rpc.config import Limits

__all__ = ["PING", "PONG", "Conversation", "Number", "Step", "read", "value_of"]

PING = b'{"jsonrpc": "2.0", "method": "ping", "id": "ping"}'
PONG = '{"jsonrpc": "2.0", "result": "pong", "id": "ping"}'
ANY_TEXT = "..."

_LINE = re.compile(r"(?:\{([^}]*)\} )?(-->|==>|<--|end|header|close|logs)(?: (.*))?")
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})|\\\((\d+)\*([^)]*)\)")
_STATUS = re.compile(r"(\d{3})(?: (.*))?")


class Step(Struct, frozen=True):
    """One line of a conversation."""

    number: int
    selector: str | None
    kind: str
    text: str

    def is_for(self, kinds: frozenset[str]) -> bool:
        """Whether a transport of these kinds plays it."""
        names = set((self.selector or "").split())
        without = {name for name in names if name.startswith("!")}
        if any(name[1:] in kinds for name in without):
            return False
        return names == without or bool(names & kinds)

    @property
    def data(self) -> bytes:
        """The text as bytes."""
        return _ESCAPE.sub(_unescaped, self.text.encode())


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode()) if found[1] else found[3] * int(found[2])


class Script(Struct, frozen=True):
    """A file, read."""

    limits: Limits
    steps: list[Step]

    @property
    def logs(self) -> list[tuple[Step, str]]:
        """The exceptions that are logged."""
        return [(step, step.text) for step in self.steps if step.kind == "logs"]


def read(path: Path) -> Script:
    """Read a file.

    Raises:
        ValueError: a line of it is none of those above.
    """
    limits: dict[str, Any] = {}
    steps: list[Step] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line or line.startswith("//"):
            continue
        if line.startswith("limit "):
            _, name, value = line.split(" ")
            limits[name] = None if value == "none" else json.loads(value)
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"{path.name}:{number}: {line!r} is no line of a conversation")
        steps.append(Step(number, found[1], found[2], found[3] or ""))
    return Script(Limits(**limits), steps)


class Number(NamedTuple):
    """A number as it was written: 1, 1.0 and 1e0 are three."""

    text: str


def value_of(text: str | bytes) -> Any:
    """Decode JSON, numbers as they were written.

    Raises:
        ValueError: it is none, or has NaN or Infinity in it.
    """
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_refuse)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def matches(expected: Any, actual: Any) -> bool:
    """Whether a value is the expected one."""
    if expected == ANY_TEXT:
        return isinstance(actual, str) and actual != ""
    if type(expected) is not type(actual):
        return False
    if isinstance(expected, dict):
        same = expected.keys() == actual.keys()
        return same and all(matches(expected[name], actual[name]) for name in expected)
    if isinstance(expected, list):
        pairs = zip(expected, actual, strict=False)
        return len(expected) == len(actual) and all(matches(*pair) for pair in pairs)
    return bool(expected == actual)


def incidents_in(value: Any) -> Iterator[str]:
    """The incidents that an answer, or each answer of a batch, names."""
    for answer in value if isinstance(value, list) else [value]:
        data = answer.get("error", {}).get("data")
        if isinstance(data, dict) and "incident" in data:
            yield data["incident"]


class Conversation:
    """Plays the steps of a script that are for one transport.

    Attributes:
        incidents: what the answers named.
    """

    def __init__(self, name: str, script: Script, session: Session) -> None:
        self.incidents: list[str] = []
        self._name = name
        self._session = session
        kinds = session.transport.kinds
        self._steps = [step for step in script.steps if step.is_for(kinds)]
        self._step = Step(0, None, "", "")
        self._last = Reply(None)
        self._waiting: list[bytes] = []
        self._is_open = True

    async def play(self) -> None:
        """Play it to the end.

        Raises:
            AssertionError: something else came back; the text names file and line.
        """
        await self._session.open()
        expecting = False
        for step in self._steps:
            if expecting and step.kind in ("-->", "==>", "end"):
                await self._settle()
            expecting = step.kind in ("<--", "header", "close", "logs")
            self._step = step
            await self._take(step)
        await self._settle()

    async def _take(self, step: Step) -> None:
        if step.kind == "-->":
            self._waiting.append(step.data)
            return
        self._flush()
        if step.kind == "==>":
            self._session.send_raw(step.data)
        elif step.kind == "end":
            self._session.end()
        elif step.kind == "<--":
            await self._expect_reply(step.text)
        elif step.kind == "close":
            await self._expect_close(step.text)
        elif step.kind == "header":
            self._expect_header(step.text)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._session.send(waiting)

    async def _settle(self) -> None:
        """See that all is answered that had to be; begin anew after a line's end."""
        if self._is_open:
            self._session.send([PING])
            await self._expect_reply(PONG)
        else:
            await self._session.connect()
            self._is_open = True

    async def _expect_reply(self, text: str) -> None:
        kinds = self._session.transport.kinds
        if text == "nothing" and not kinds & {"memory", "http"}:
            return  # the ping shows it
        reply = await self._session.receive()
        self._require(isinstance(reply, Reply), text, reply)
        assert isinstance(reply, Reply)
        self._last = reply
        if text == "nothing":
            self._require(reply.body is None, text, reply)
            self._require_status(204, reply)
            return
        found = _STATUS.fullmatch(text)
        self._require_status(int(found[1]) if found else 200, reply)
        body = (found[2] or "") if found else text
        if body:
            self._require_body(body, reply)

    def _require_status(self, status: int, reply: Reply) -> None:
        if reply.headers is not None:
            self._require(reply.status == status, f"status {status}", reply)
            self._expect_header("Cache-Control: no-store")
            self._expect_header("X-Content-Type-Options: nosniff")

    def _require_body(self, text: str, reply: Reply) -> None:
        expected = value_of(_ESCAPE.sub(_unescaped, text.encode()))
        try:
            actual = value_of(reply.body or b"")
        except ValueError:
            self._require(False, text, reply)
        self._require(matches(expected, actual), text, reply)
        self.incidents.extend(incidents_in(actual))
        if reply.headers is not None:
            self._expect_header("Content-Type: application/json")

    def _expect_header(self, field: str) -> None:
        name, value = field.split(": ", 1)
        headers = self._last.headers or {}
        self._require(headers.get(name.lower()) == value, field, self._last)

    async def _expect_close(self, code: str) -> None:
        event = await self._session.receive()
        self._require(event == Closed(int(code) if code else None), f"close {code}", event)
        self._is_open = False

    def _require(self, holds: bool, expected: str, got: object) -> None:
        where = f"{self._name}:{self._step.number} over {self._session.transport.name}"
        assert holds, f"{where}: expected {expected}, got {got}"

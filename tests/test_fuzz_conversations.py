"""Messages nobody would write: whatever they are, every transport answers the same.

The messages of the conversations are damaged in every way hypothesis thinks of, and sent to
`Server.dispatch`, a TCP line, HTTP and a WebSocket, each with a server of its own.  The
examples are the same in every run.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from tests.conversation import PING, PONG, Number, read, value_of
from tests.players import TRANSPORTS, Reply, Session
from tests.service import serve
from tests.test_conversations import FILES
from twisted_rpc import Limits

EXAMPLES = 400
COMPARED = ("memory", "line", "http", "websocket_binary")
"""A WebSocket with binary messages: its text closes the line where others answer -32700."""

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
_BYTES = [b"", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\r", b"\0", b"\xff"]
_WORDS = [b"null", b"NaN", b"-0", b"1e999", b'"id":', b'"method":', b'"params":', b"\\ud800"]
_PIECES = st.sampled_from([*_BYTES, *_WORDS, b"\xc3\xa9"])


def corpus() -> list[bytes]:
    """Short messages of the conversations, without those that take a thread's time."""
    scripts = [read(path) for path in FILES]
    sent = {
        step.data
        for script in scripts
        for step in script.steps
        if step.kind == "-->" and script.limits == Limits()
    }
    return sorted(m for m in sent if 0 < len(m) < 300 and b"thread" not in m)


@st.composite
def damaged(draw: st.DrawFn, messages: list[bytes]) -> bytes:
    """A message with pieces of it replaced, or with members that hold something else."""
    message = draw(st.sampled_from(messages))
    if draw(st.booleans()):
        message = draw(_with_other_members(message))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(message)))
        end = draw(st.integers(start, min(len(message), start + 8)))
        message = message[:start] + draw(_PIECES) + message[end:]
    return message


@st.composite
def _with_other_members(draw: st.DrawFn, message: bytes) -> bytes:
    try:
        members = json.loads(message)
    except ValueError:
        return message
    if not isinstance(members, dict):
        return message
    name = draw(st.sampled_from([*members, "result", "error", "id", "params", "extra"]))
    if draw(st.booleans()):
        members.pop(name, None)
    else:
        members[name] = draw(_JSON)
    return json.dumps(members, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


def examples() -> list[bytes]:
    """The messages; a line is not one when it is empty, nor one when it has an end in it."""
    found: list[bytes] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged(corpus()))
    def collect(message: bytes) -> None:
        found.append(message.replace(b"\n", b" "))

    collect()
    return [message for message in dict.fromkeys(found) if message.strip()]


class AgreementTests(TestCase):
    """All transports beside each other."""

    timeout = 60

    async def test_transports_agree_on_damaged_messages(self) -> None:
        messages = examples()
        self.assertGreater(len(messages), EXAMPLES // 2)
        answers = {name: await self._answers(name, messages) for name in COMPARED}
        self.flushLoggedErrors()
        self.assertGreater(len({str(answer) for answer in answers["memory"]}), EXAMPLES // 10)
        for index, message in enumerate(messages):
            given = {name: answers[name][index] for name in COMPARED}
            same = all(answer == given["memory"] for answer in given.values())
            self.assertTrue(same, f"{message!r}: {given}")

    async def _answers(self, name: str, messages: list[bytes]) -> list[list[Any]]:
        session = Session(serve(Limits()), TRANSPORTS[name])
        await session.open()
        try:
            session.send([PING])  # nobody takes the first message for an HTTP request now
            await session.receive()
            return [await self._exchange(session, message) for message in messages]
        finally:
            await session.close()

    async def _exchange(self, session: Session, message: bytes) -> list[Any]:
        """What comes for a message before the answer to a ping that follows it."""
        session.send([message])
        answers: list[Any] = []
        if session.transport.name not in ("memory", "http"):
            session.send([PING])
        while True:
            reply = await session.receive()
            assert isinstance(reply, Reply), f"{message!r} over {session.transport.name}: {reply}"
            value = None if reply.body is None else value_of(reply.body)
            if value == value_of(PONG):
                return answers
            if value is not None:
                answers.append(_anonymous(value))
            if session.transport.name in ("memory", "http"):
                return answers


def _anonymous(value: Any) -> Any:
    """An answer without the ids of its incidents, each of which is another."""
    if isinstance(value, Number) or not isinstance(value, dict | list):
        return value
    if isinstance(value, list):
        return [_anonymous(item) for item in value]
    return {
        name: "an incident" if name == "incident" else _anonymous(item)
        for name, item in value.items()
    }

"""Every conversation in `tests/conversations`, played over every transport.

They give the same answers everywhere; where transports differ, the file says so.  What is
logged is part of it: each incident that an answer names is in the log under its id, and
nothing else is logged as an error.  `tests/conversation.py` describes the files.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.conversation import Conversation, Step, matches, read, value_of
from tests.players import TRANSPORTS, Session, Transport
from tests.service import serve

FOLDER = Path(__file__).with_name("conversations")
FILES = sorted(FOLDER.glob("*.txt"))


class ConversationTests(TestCase):
    """One test for each file and transport; they are added below."""

    timeout = 20

    def setUp(self) -> None:
        self.logged: list[str] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            if "incident" in event:
                self.logged.append(event["incident"])

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    async def play(self, path: Path, transport: Transport) -> None:
        script = read(path)
        session = Session(serve(script.limits), transport)
        conversation = Conversation(path.name, script, session)
        try:
            await conversation.play()
        finally:
            await session.close()
            failures = self.flushLoggedErrors()
        told = [name for step, name in script.logs if step.is_for(transport.kinds)]
        self.assertEqual(sorted(failure.type.__name__ for failure in failures), sorted(told))
        self.assertLessEqual(set(conversation.incidents), set(self.logged))
        self.assertEqual(len(conversation.incidents), len(set(conversation.incidents)))


Test = Callable[[ConversationTests], Coroutine[Any, Any, None]]


def _test_of(path: Path, transport: Transport) -> Test:
    async def test(self: ConversationTests) -> None:
        await self.play(path, transport)

    return test


for _path in FILES:
    for _transport in TRANSPORTS.values():
        _name = f"test_{_path.stem}__{_transport.name}"
        setattr(ConversationTests, _name, _test_of(_path, _transport))


class FormatTests(TestCase):
    """The rules of comparison, on which all the others rest."""

    def is_same(self, expected: str, actual: str) -> bool:
        return matches(value_of(expected), value_of(actual))

    def test_numbers_are_compared_digit_by_digit(self) -> None:
        self.assertTrue(self.is_same("[1, 1.50]", "[1,1.50]"))
        self.assertFalse(self.is_same("1.5", "1.50"))
        self.assertFalse(self.is_same("1", '"1"'))
        self.assertFalse(self.is_same("1", "true"))

    def test_members_may_stand_in_any_order_and_none_may_be_added(self) -> None:
        self.assertTrue(self.is_same('{"a": 1, "b": 2}', '{"b":2,"a":1}'))
        self.assertFalse(self.is_same('{"a": 1}', '{"a": 1, "b": 2}'))
        self.assertFalse(self.is_same("[1]", "[1, 1]"))

    def test_three_dots_stand_for_any_text_but_none(self) -> None:
        self.assertTrue(self.is_same('["..."]', '["something"]'))
        self.assertFalse(self.is_same('["..."]', '[""]'))
        self.assertFalse(self.is_same('["..."]', "[1]"))

    def test_escapes_make_any_bytes(self) -> None:
        step = Step(1, None, "-->", r'\xff\(3*ab)"\u0041"')
        self.assertEqual(step.data, b'\xffababab"\\u0041"')

    def test_a_selector_keeps_a_line_to_transports_or_from_them(self) -> None:
        kinds = TRANSPORTS["hybrid_http"].kinds
        selectors = ["http tcp", "hybrid", "!http", "!line", "line", "http !hybrid", "http !line"]
        played = [selector for selector in selectors if _is_for(selector, kinds)]
        self.assertEqual(played, ["http tcp", "hybrid", "!line", "http !line"])


def _is_for(selector: str, kinds: frozenset[str]) -> bool:
    return Step(1, selector, "close", "").is_for(kinds)

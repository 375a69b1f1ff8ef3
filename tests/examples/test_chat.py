"""The chat: two WebSocket clients and one TCP client talk, and the server asks them something."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from examples.chat import MOOD_LENGTH, MOOD_TIMEOUT, ChatRoom
from tests.daemon.clients import LineClient, WebSocketClient, post
from tests.examples.daemon import serving
from tests.helpers import MemoryConnection, ServerTestCase, notification, request, response
from tests.processes import Daemon


class Person:
    """Somebody at a client, who keeps what comes between a call and its answer.

    Args:
        client: connected.
    """

    def __init__(self, client: LineClient | WebSocketClient) -> None:
        self.client = client
        self._ids = count(1)
        self._inbox: deque[Any] = deque()

    def ask(self, method: str, *params: Any) -> Any:
        """The answer to a call, without what all answers have."""
        number = next(self._ids)
        self.client.send(request(f"chat.{method}", list(params), number))
        while "method" in (message := self.client.receive()):
            self._inbox.append(message)
        assert message.pop("id") == number
        assert message.pop("jsonrpc") == "2.0"
        return message

    def call(self, method: str, *params: Any) -> Any:
        """The result of a call that ends well."""
        return self.ask(method, *params)["result"]

    def code(self, method: str, *params: Any) -> Any:
        """The error code of a call that does not."""
        return self.ask(method, *params)["error"]["code"]

    def hears(self) -> Any:
        """The next that the server says by itself: method and parameters."""
        message = self._take()
        assert set(message) == {"jsonrpc", "method", "params"}
        return message["method"], message["params"]

    def is_asked(self) -> int:
        """The id of the server's call, which has to be the next."""
        message = self._take()
        assert message["method"] == "chat.askMood"
        number: int = message["id"]
        return number

    def _take(self) -> Any:
        return self._inbox.popleft() if self._inbox else self.client.receive()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with serving(tmp_path, "chat") as running:
        yield running


@pytest.fixture
def people(daemon: Daemon) -> Iterator[tuple[Person, Person, Person]]:
    """Ann and Bob over WebSocket, Cy over TCP; they have joined and heard of each other."""
    with ExitStack() as stack:
        ann = Person(stack.enter_context(WebSocketClient.to(daemon.port)))
        bob = Person(stack.enter_context(WebSocketClient.to(daemon.port)))
        cy = Person(stack.enter_context(LineClient.to(daemon.port)))
        assert ann.call("join", "ann") == [member("ann")]
        assert bob.call("join", "bob") == [member("ann"), member("bob")]
        assert cy.call("join", "cy") == [member("ann"), member("bob"), member("cy")]
        for person in (ann, bob, cy):
            assert person.is_asked() == 1
        assert [ann.hears(), ann.hears(), bob.hears()] == [
            joined("bob"),
            joined("cy"),
            joined("cy"),
        ]
        yield ann, bob, cy


def member(name: str, mood: str | None = None) -> Any:
    return {"name": name, "mood": mood}


def joined(name: str) -> Any:
    return "chat.joined", {"name": name}


def left(name: str) -> Any:
    return "chat.left", {"name": name}


def said(name: str, text: str) -> Any:
    return "chat.said", {"name": name, "text": text}


def test_what_one_says_the_others_hear(people: tuple[Person, Person, Person]) -> None:
    ann, bob, cy = people
    assert ann.call("say", "hello") == 2
    assert bob.hears() == cy.hears() == said("ann", "hello")
    assert cy.call("say", "good day, \u263a") == 2
    assert ann.hears() == bob.hears() == said("cy", "good day, \u263a")


def test_something_can_be_said_without_waiting_for_an_answer(
    people: tuple[Person, Person, Person],
) -> None:
    ann, bob, cy = people
    bob.client.send(notification("chat.say", ["psst"]))
    assert ann.hears() == cy.hears() == said("bob", "psst")


def test_a_mood_that_a_client_answers_is_told_to_the_others(
    people: tuple[Person, Person, Person],
) -> None:
    ann, bob, cy = people
    cy.client.send(response("cheerful", 1))
    assert ann.hears() == bob.hears() == ("chat.mood", {"name": "cy", "mood": "cheerful"})
    assert ann.call("who") == [member("ann"), member("bob"), member("cy", "cheerful")]


def test_who_leaves_is_out_and_may_come_back(people: tuple[Person, Person, Person]) -> None:
    ann, bob, cy = people
    assert bob.call("leave") is None
    assert ann.hears() == cy.hears() == left("bob")
    assert bob.code("say", "hello?") == 2003
    assert bob.code("leave") == 2003
    assert bob.call("join", "bobby") == [member("ann"), member("cy"), member("bobby")]
    assert ann.hears() == cy.hears() == joined("bobby")


@pytest.mark.parametrize("gone", [1, 2])
def test_who_is_cut_off_leaves(people: tuple[Person, Person, Person], gone: int) -> None:
    ann, (name, person) = people[0], (("bob", people[1]), ("cy", people[2]))[gone - 1]
    person.client.__exit__(None, None, None)
    assert ann.hears() == left(name)
    assert name not in [other["name"] for other in ann.call("who")]


def test_a_name_is_taken_once_and_a_connection_joins_once(
    people: tuple[Person, Person, Person], daemon: Daemon
) -> None:
    assert people[0].code("join", "dee") == 2002
    with LineClient.to(daemon.port) as client:
        newcomer = Person(client)
        expected = {"code": 2001, "message": "name is taken", "data": {"name": "ann"}}
        assert newcomer.ask("join", "ann")["error"] == expected


@pytest.mark.parametrize("name", ["", "two words", "new\n", "x" * 41, 7])
def test_a_name_is_one_short_word(daemon: Daemon, name: Any) -> None:
    with LineClient.to(daemon.port) as client:
        assert Person(client).code("join", name) == -32602


def test_over_http_one_may_look_in_but_not_join(
    people: tuple[Person, Person, Person], daemon: Daemon
) -> None:
    _, _, answer = post(daemon.port, request("chat.who"))
    assert [person["name"] for person in answer["result"]] == ["ann", "bob", "cy"]
    codes = [
        post(daemon.port, request(f"chat.{method}", params))[2]["error"]["code"]
        for method, params in (("join", ["dee"]), ("say", ["hello"]))
    ]
    assert codes == [2004, 2003]


class MoodTests(ServerTestCase):
    """What becomes of the server's question, on a clock that the tests move."""

    def setUp(self) -> None:
        super().setUp()
        self.server.expose("chat", ChatRoom())
        self.ann, self.bob = (self.join(name) for name in ("ann", "bob"))
        self.ann.take_sent()

    def join(self, name: str) -> MemoryConnection:
        """A new connection that has joined and was asked."""
        connection = MemoryConnection(self.server).open()
        connection.receive([request("chat.join", [name])])
        asked, answered = connection.take_sent()
        self.assertEqual((asked["method"], asked["params"]), ("chat.askMood", {"name": name}))
        self.assertIn("result", answered)
        return connection

    def answer(self, message: bytes) -> None:
        """Have Bob answer; nothing comes back to him."""
        self.bob.receive([message])
        self.assertEqual(self.bob.take_sent(), [])

    def assert_mood(self, mood: str | None) -> None:
        """Bob's mood is this, and Ann was told of it unless it is none."""
        told = [message["params"]["mood"] for message in self.ann.take_sent()]
        self.assertEqual(told, [] if mood is None else [mood])
        self.assertEqual(self.result_of("chat.who")[-1], member("bob", mood))

    def test_a_mood_may_come_in_the_last_moment(self) -> None:
        self.clock.advance(MOOD_TIMEOUT - 0.001)
        self.answer(response("fine"))
        self.assert_mood("fine")

    def test_a_mood_that_comes_too_late_is_not_taken(self) -> None:
        self.clock.advance(MOOD_TIMEOUT)
        self.ann.take_sent()  # both are told that nobody waits any more
        self.bob.take_sent()
        self.answer(response("fine"))
        self.assert_mood(None)

    def test_a_client_that_knows_no_moods_stays_without(self) -> None:
        self.answer(b'{"jsonrpc":"2.0","error":{"code":-32601,"message":"what?"},"id":1}')
        self.assert_mood(None)

    def test_an_answer_that_is_no_text_is_no_mood(self) -> None:
        self.answer(response({"mood": "fine"}))
        self.assert_mood(None)

    def test_a_long_mood_is_cut(self) -> None:
        self.answer(response("x" * 1000))
        self.assert_mood("x" * MOOD_LENGTH)

    def test_the_mood_of_somebody_who_has_left_is_not_told(self) -> None:
        self.answer(notification("chat.leave"))
        self.ann.take_sent()
        self.answer(response("fine"))
        self.assertEqual(self.ann.take_sent(), [])

    def test_nobody_is_told_twice_of_one_who_came_twice_and_is_cut_off(self) -> None:
        self.answer(notification("chat.leave"))
        self.bob.receive([request("chat.join", ["bob"])])
        self.ann.take_sent()
        self.bob.lost()
        (told,) = self.ann.take_sent()
        self.assertEqual((told["method"], told["params"]), left("bob"))

    def test_two_who_are_cut_off_at_once_are_both_gone(self) -> None:
        self.ann.lost()
        self.bob.lost()
        self.assertEqual(self.result_of("chat.who"), [])

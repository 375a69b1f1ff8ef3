"""History, batches, and what comes from the server."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

from playwright.sync_api import Route, expect

from tests.console.browsing import Visitor
from tests.console.servers import EXAMPLES, Served
from tests.processes import DEADLINE


def test_history(visitor: Visitor) -> None:
    visitor.open("#/history")
    expect(visitor.heading).to_have_text("Nothing was sent yet")
    visitor.call("calc.add", "[1, 2]")
    expect(visitor.answer).to_contain_text("OK")
    visitor.call("calc.divide", "[1, 0]")
    expect(visitor.answer).to_contain_text("division by zero")
    visitor.page.reload()
    visitor.tab("History").click()
    cards = visitor.page.locator(".card")
    expect(cards).to_have_count(2)
    expect(cards.first).to_contain_text("division by zero")
    cards.last.get_by_role("button", name="Edit: calc.add").click()
    expect(visitor.editor).to_have_value("[1, 2]")
    visitor.tab("History").click()
    visitor.button("Send again: calc.add").click()
    expect(visitor.answer).to_contain_text("OK")
    visitor.tab("History").click()
    expect(cards).to_have_count(3)
    visitor.button("Clear").click()
    expect(visitor.heading).to_have_text("Nothing was sent yet")


def test_history_copies_as_curl(visitor: Visitor) -> None:
    visitor.open()
    visitor.call("calc.add", "[1, 2]")
    expect(visitor.answer).to_contain_text("OK")
    visitor.tab("History").click()
    visitor.button("Copy as… calc.add").click()
    expect(visitor.page.locator(".card")).to_contain_text("curl")


def test_secrets_are_not_kept(visitor: Visitor) -> None:
    visitor.open()
    for method, params in (("auth", '["ann", "hush"]'), ("door.open", '{"password": "hush"}')):
        visitor.call(method, params)
        expect(visitor.answer).to_contain_text("Error")
    kept = visitor.page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert "door.open" in kept
    assert "hush" not in kept
    visitor.tab("History").click()
    expect(visitor.page.get_by_text("not kept: there may be a secret in it")).to_have_count(2)


def test_history_is_bounded(visitor: Visitor) -> None:
    visitor.open()
    items = [
        {"id": n, "method": "calc.add", "text": "[1, 2]", "ms": 1, "at": 1} for n in range(100)
    ]
    visitor.page.evaluate(
        "text => sessionStorage.setItem('twisted-rpc.history', text)", json.dumps(items)
    )
    visitor.page.reload()
    visitor.call("calc.add", "[1, 2]")
    expect(visitor.answer).to_contain_text("OK")
    visitor.tab("History").click()
    expect(visitor.page.locator(".card")).to_have_count(100)


def test_history_that_is_none_is_passed_over(visitor: Visitor) -> None:
    visitor.open()
    visitor.page.evaluate(
        "sessionStorage.setItem('twisted-rpc.history', '[{\"method\": 3}, null]')"
    )
    visitor.page.reload()
    visitor.tab("History").click()
    expect(visitor.heading).to_have_text("Nothing was sent yet")


def test_batch(visitor: Visitor) -> None:
    visitor.open("#/batch")
    expect(visitor.heading).to_have_text("No batch yet")
    for method, params in (
        ("calc.add", "[1, 2]"),
        ("calc.divide", "[1, 0]"),
        ("calc.multiply", "[6, 7]"),
    ):
        visitor.go(f"#/method/{method}")
        expect(visitor.heading).to_have_text(method)
        visitor.editor.fill(params)
        visitor.button("Add to batch").click()
    visitor.page.get_by_label("without an answer").check()
    visitor.button("Add to batch").click()
    visitor.page.get_by_label("over").select_option("http")
    visitor.tab("Batch").click()
    with visitor.page.expect_request(lambda request: request.method == "POST") as sent:
        visitor.button("Send 4 as one").click()
    cards = visitor.page.locator(".card")
    expect(cards.nth(0)).to_contain_text("OK")
    expect(cards.nth(1)).to_contain_text("division by zero")
    expect(cards.nth(2)).to_contain_text("42")
    expect(cards.nth(3)).to_contain_text("A notification is not answered.")
    calls: Any = sent.value.post_data_json
    assert [item["method"] for item in calls] == ["calc.add", "calc.divide", *2 * ["calc.multiply"]]
    assert ["id" in item for item in calls] == [True, True, True, False]
    visitor.button("Remove: calc.divide").click()
    expect(cards).to_have_count(3)
    visitor.button("Clear").click()
    expect(visitor.heading).to_have_text("No batch yet")


def test_a_batch_is_sent_once(visitor: Visitor) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    visitor.open("#/method/calc.add")
    visitor.button("Add to batch").click()
    visitor.page.get_by_label("over").select_option("http")
    visitor.page.route(f"{visitor.address}/", hold)
    visitor.tab("Batch").click()
    remove = visitor.button("Remove: calc.add")
    remove.press("Control+Enter")
    expect(visitor.page.get_by_text("Waiting…")).to_be_visible()
    remove.press("Control+Enter")
    expect(visitor.button("Send 1 as one")).to_be_disabled()
    for route in held:
        route.continue_()
    expect(visitor.page.locator(".card")).to_contain_text("OK")
    assert len(held) == 1


def test_a_key_that_is_held_down_sends_once(visitor: Visitor) -> None:
    visitor.open("#/method/calc.add")
    visitor.editor.focus()
    visitor.page.keyboard.down("Control")
    for _ in range(5):
        visitor.page.keyboard.down("Enter")
    visitor.page.keyboard.up("Enter")
    visitor.page.keyboard.up("Control")
    expect(visitor.answer).to_contain_text("OK")
    visitor.tab("History").click()
    expect(visitor.page.locator(".card")).to_have_count(1)
    expect(visitor.page.locator(".card")).to_contain_text(re.compile(r"ms · WebSocket"))


def chat(port: int, *lines: str) -> None:
    """Somebody else joins the chat over TCP, says something, and leaves."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as line:
        for number, text in enumerate(lines):
            line.sendall(text.encode() + b"\n")
            answer = line.recv(65536)
            assert b'"error"' not in answer, (number, answer)


def say(name: str, text: str) -> tuple[str, str]:
    """The two lines of somebody who joins and says something."""
    join = {"jsonrpc": "2.0", "method": "chat.join", "params": [name], "id": 1}
    said = {"jsonrpc": "2.0", "method": "chat.say", "params": [text], "id": 2}
    return json.dumps(join), json.dumps(said)


def test_live(visitor: Visitor) -> None:
    visitor.open("#/live")
    expect(visitor.page.get_by_text("Nothing has come yet.")).to_be_visible()
    declared = visitor.page.get_by_role("complementary", name="Declared by the server")
    expect(declared).to_contain_text("chat.said")
    expect(declared).to_contain_text("chat.askMood")
    visitor.call("chat.join", '["ann"]')
    expect(visitor.answer).to_contain_text("OK")
    expect(visitor.tab("Live").locator(".count")).to_be_visible()  # the server asked for a mood
    visitor.tab("Live").click()
    expect(visitor.tab("Live").locator(".count")).to_have_count(0)
    chat(visitor.port, *say("bob", "hello there"))
    stream = visitor.page.get_by_role("list", name="Notifications")
    expect(stream).to_contain_text("hello there")
    expect(stream.get_by_text("chat.left")).to_be_visible()
    expect(stream.locator("time").first).to_have_text(re.compile(r"^\d\d:\d\d:\d\d\.\d{3}$"))
    visitor.page.get_by_role("searchbox", name="Filter notifications").fill("HELLO")
    expect(stream.locator("li")).to_have_count(1)
    visitor.page.get_by_role("searchbox", name="Filter notifications").fill("nobody said this")
    expect(stream).to_contain_text("Nothing fits the filter.")
    visitor.page.get_by_role("searchbox", name="Filter notifications").fill("")
    visitor.button("Pause").click()
    chat(visitor.port, *say("eve", "unheard"))
    expect(visitor.page.get_by_text("Paused. 3 came since")).to_be_visible()
    expect(stream).not_to_contain_text("unheard")
    visitor.button("Go on").click()
    visitor.button("Clear").click()
    expect(visitor.page.get_by_text("Nothing has come yet.")).to_be_visible()


def test_connection_comes_back(visitor: Visitor, tmp_path: Path) -> None:
    with Served(tmp_path, EXAMPLES) as first:
        visitor.port = first.port
        visitor.open()
        expect(visitor.state).to_have_text("Connected")
    visitor.expect_complaint("WebSocket connection to")
    expect(visitor.state).not_to_have_text("Connected")
    with Served(tmp_path, EXAMPLES + 'more = "service:Events"\n', port=visitor.port):
        expect(visitor.state).to_have_text("Connected")
        expect(visitor.methods.get_by_role("link", name="more.emit")).to_be_visible()
        visitor.call("calc.add", "[1, 2]")
        expect(visitor.answer).to_contain_text("OK")

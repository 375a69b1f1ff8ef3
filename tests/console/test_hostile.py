"""What a server sends is text, whatever it looks like."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Dialog, expect

from tests.browser.browser import Chromium
from tests.console.browsing import Visitor
from tests.console.servers import Served
from tests.console.service import EVIL

NAME = "<img/src=x/onerror=alert(1)>"


@pytest.fixture
def served(hostile: Served) -> Served:
    return hostile


@pytest.fixture(autouse=True)
def _nothing_runs(chromium: Chromium, visitor: Visitor) -> None:
    def complain(dialogue: Dialog) -> None:
        visitor.complaints.append(dialogue.message)

    chromium.do(visitor.page.on, "dialog", complain)


def check_is_text(visitor: Visitor) -> None:
    """No element of theirs is there, and no wider line than the window."""
    assert visitor.page.locator("main img, aside img, main script, main b").count() == 0
    visitor.check_fits()


def test_names_and_docstrings(visitor: Visitor) -> None:
    visitor.open()
    link = visitor.methods.get_by_role("link", name=NAME)
    expect(link).to_contain_text("onerror=alert(1)")
    link.click()
    expect(visitor.heading).to_have_text(f"calc.{NAME}")
    expect(
        visitor.page.get_by_text('<b>Bold</b> "quoted" `${1}` & <script>alert(1)</script>').last
    ).to_be_visible()
    expect(visitor.page.get_by_text("</p><script>alert(2)</script>")).to_be_visible()
    check_is_text(visitor)
    visitor.button("Send").click()
    expect(visitor.answer).to_contain_text("onerror=alert(1)")
    check_is_text(visitor)
    visitor.tab("History").click()
    expect(visitor.page.locator(".card")).to_contain_text(NAME)
    check_is_text(visitor)


def test_what_cannot_be_seen_is_shown(visitor: Visitor) -> None:
    visitor.open()
    visitor.call(
        "calc.echo",
        json.dumps({"value": {"a\u2028": "\u202egro.live\u200b\x7f\U000e0041 \u2764\u200d"}}),
    )
    expect(visitor.answer).to_contain_text(r'"a\u2028"')
    expect(visitor.answer).to_contain_text(
        '"\\u202egro.live\\u200b\\u007f\\udb40\\udc41 \u2764\u200d"'
    )


def test_results_and_errors(visitor: Visitor) -> None:
    visitor.open()
    visitor.call(
        "calc.echo", json.dumps([{EVIL: [EVIL, {"__proto__": EVIL, "constructor": None}]}])
    )
    expect(visitor.answer).to_contain_text("onerror=alert(1)")
    expect(visitor.answer).to_contain_text("__proto__")
    check_is_text(visitor)
    visitor.call("calc.echo", json.dumps({"value": 1, EVIL: 1}))
    expect(visitor.answer).to_contain_text("unknown parameter")
    check_is_text(visitor)


def test_notifications(visitor: Visitor) -> None:
    visitor.open()
    visitor.call("events.emit", json.dumps({"name": EVIL, "params": {EVIL: EVIL}}))
    visitor.tab("Live").click()
    expect(visitor.page.get_by_role("list", name="Notifications")).to_contain_text(
        "onerror=alert(1)"
    )
    check_is_text(visitor)


def test_notifications_are_bounded(visitor: Visitor) -> None:
    visitor.open()
    visitor.call("events.emit", json.dumps({"name": "flood", "params": {}, "times": 700}))
    visitor.tab("Live").click()
    events = visitor.page.locator(".event")
    expect(events).to_have_count(500)
    expect(events.first).to_contain_text("699")


def test_large_and_exact_numbers(visitor: Visitor) -> None:
    visitor.open()
    for transport in ("websocket", "http"):
        visitor.go("#/method/calc.echo")
        visitor.page.get_by_label("over").select_option(transport)
        visitor.call("calc.echo", '{"value": 123456789012345678}')
        expect(visitor.answer).to_contain_text("123456789012345678")


def test_long_answer(visitor: Visitor) -> None:
    visitor.open()
    visitor.call("calc.echo", json.dumps([["word " * 20] * 5000]))
    expect(visitor.answer.locator(".measures")).to_contain_text("KiB")
    check_is_text(visitor)


def test_a_flood_is_drawn_no_more_often_than_the_window(visitor: Visitor) -> None:
    visitor.open()
    expect(visitor.state).to_have_attribute("data-state", "connected")
    visitor.page.evaluate("""() => {
        window.frames_ = window.draws = 0;
        const count = () => requestAnimationFrame(count, window.frames_ += 1);
        count();
        new MutationObserver(() => { window.draws += 1; })
            .observe(document.querySelector('.tabs'), {subtree: true, characterData: true,
                childList: true});
    }""")
    visitor.call("events.emit", json.dumps({"name": "tick", "params": {}, "times": 600}))
    expect(visitor.answer).to_contain_text("OK")
    expect(visitor.tab("Live").locator(".count")).to_have_text("99+")
    draws, frames = visitor.page.evaluate("[window.draws, window.frames_]")
    assert draws <= frames + 1
    visitor.tab("Live").click()
    expect(visitor.page.locator(".event")).to_have_count(500)

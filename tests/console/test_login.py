"""Who logs in sees what they may call, and nothing else; what they typed is nowhere afterwards."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.console.browsing import Visitor
from tests.console.conftest import TOKEN
from tests.console.servers import Served


@pytest.fixture
def served(guarded: Served) -> Served:
    return guarded


def test_nothing_is_shown_before(visitor: Visitor) -> None:
    visitor.open()
    expect(visitor.heading).to_have_text("Log in to see the methods")
    expect(visitor.page.get_by_role("navigation")).to_have_count(0)
    assert "vault" not in visitor.page.content()
    visitor.check_themes()
    visitor.button("Log in").first.click()
    expect(visitor.page.get_by_role("dialog", name="Log in")).to_be_visible()
    visitor.check_themes()


def test_password(visitor: Visitor) -> None:
    visitor.open()
    visitor.log_in("alice", "wonderland")
    expect(visitor.page.locator(".who")).to_have_text("alice")
    expect(visitor.state).to_have_text("Connected")
    for transport in ("websocket", "http"):
        visitor.go("#/method/vault.combination")
        visitor.page.get_by_label("over").select_option(transport)
        visitor.button("Send").click()
        expect(visitor.answer).to_contain_text("9007199254740993")
    visitor.button("Log out").click()
    expect(visitor.heading).to_have_text("Log in to see the methods")
    assert "vault" not in visitor.page.content()


def test_credentials_are_kept_nowhere(visitor: Visitor) -> None:
    visitor.open()
    visitor.log_in("alice", "wonderland")
    expect(visitor.page.locator(".who")).to_have_text("alice")
    visitor.call("vault.size", "")
    expect(visitor.answer).to_contain_text("OK")
    kept = (
        "JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie, location.href])"
    )
    for place in (visitor.page.evaluate(kept), visitor.page.content()):
        assert "wonderland" not in place
    snippet = visitor.page.locator(".snippets")
    expect(snippet).to_contain_text("TWISTED_RPC_PASSWORD")
    visitor.page.reload()
    expect(visitor.heading).to_have_text("Log in to see the methods")


def test_token(visitor: Visitor) -> None:
    visitor.open()
    visitor.button("Log in").first.click()
    dialogue = visitor.page.get_by_role("dialog", name="Log in")
    dialogue.get_by_label("Token").check()
    dialogue.get_by_role("textbox", name="Token").fill(TOKEN)
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.locator(".who")).to_have_text("ci")
    visitor.call("vault.combination", "")
    expect(visitor.answer).to_contain_text("9007199254740993")


def test_wrong_password(visitor: Visitor) -> None:
    visitor.expect_complaint("401")
    visitor.open()
    visitor.log_in("alice", "wrong")
    dialogue = visitor.page.get_by_role("dialog")
    expect(dialogue.get_by_role("alert")).to_have_text(
        "The server does not take these credentials."
    )
    visitor.page.keyboard.press("Escape")
    expect(dialogue).to_have_count(0)
    expect(visitor.heading).to_have_text("Log in to see the methods")
    visitor.log_in("alice", "wonderland")
    expect(visitor.page.locator(".who")).to_have_text("alice")


def test_no_trace_of_what_one_may_not_call(visitor: Visitor) -> None:
    visitor.open()
    visitor.log_in("bob", "builder")
    expect(visitor.methods.get_by_role("link", name="vault.size")).to_be_visible()
    for hidden in ("combination", "admin.", "Connections", "Charts"):
        assert hidden not in visitor.page.content()
    views = visitor.page.get_by_role("navigation", name="Views").get_by_role("link")
    expect(views).to_have_text(
        [re.compile(name) for name in ("Methods", "Live", "Batch", "History")]
    )
    for view in ("charts", "connections"):
        visitor.go(f"#/{view}")
        expect(visitor.heading).to_have_text("Not here")
    visitor.go("#/method/vault.combination")
    expect(
        visitor.page.get_by_text("The server does not tell of a method of this name")
    ).to_be_visible()
    visitor.button("Send").click()
    expect(visitor.answer).to_contain_text("-32601")


def test_another_login_shows_nothing_of_the_first(visitor: Visitor) -> None:
    visitor.open()
    visitor.log_in("alice", "wonderland")
    visitor.call("vault.combination", "")
    expect(visitor.answer).to_contain_text("9007199254740993")
    visitor.button("Log out").click()
    visitor.log_in("bob", "builder")
    expect(visitor.page.locator(".who")).to_have_text("bob")
    visitor.go("#/method/vault.combination")
    expect(visitor.answer).not_to_contain_text("9007199254740993")

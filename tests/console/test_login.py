"""Who logs in sees what they may call, and nothing else; what they typed is nowhere afterwards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.console.browsing import Visitor
from tests.console.conftest import TOKEN
from tests.console.servers import EITHER, Served


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


def test_what_is_known_before_the_first_frame_is_shown(visitor: Visitor) -> None:
    visitor.page.add_init_script(
        "const wait = setTimeout; setTimeout = (work, ms) => wait(work, ms + 1e6);"
        "requestAnimationFrame = () => 0;"
    )
    visitor.open()
    expect(visitor.button("Log in", exact=True).first).to_be_visible()


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


def test_another_login_finds_nothing_that_the_first_wrote(visitor: Visitor) -> None:
    visitor.open()
    visitor.log_in("alice", "wonderland")
    visitor.call("vault.size", "[]")
    expect(visitor.answer).to_contain_text("OK")
    visitor.go("#/method/vault.combination")
    visitor.editor.fill('["what alice wrote"]')
    visitor.button("Log out").click()
    assert visitor.page.evaluate("sessionStorage['twisted-rpc.history']") == "[]"
    visitor.log_in("bob", "builder")
    visitor.go("#/method/vault.combination")
    expect(visitor.heading).to_have_text("vault.combination")
    expect(visitor.editor).to_have_value("")
    visitor.tab("History").click()
    expect(visitor.heading).to_have_text("Nothing was sent yet")


def test_secrets_by_position_are_not_kept(visitor: Visitor) -> None:
    visitor.open()
    visitor.log_in("bob", "builder")
    visitor.call("vault.open", '["sesame"]')
    expect(visitor.answer).to_contain_text("true")
    visitor.tab("History").click()
    expect(visitor.page.locator(".card")).to_contain_text("there may be a secret in it")
    assert "sesame" not in visitor.page.evaluate("JSON.stringify({...sessionStorage})")


def hold_settings(visitor: Visitor, user: bool) -> list[Route]:
    """Keep back requests for the settings: of who logs in, or of nobody."""
    held: list[Route] = []

    def look(route: Route) -> None:
        if ("authorization" in route.request.headers) is user:
            held.append(route)
        else:
            route.continue_()

    visitor.page.route("**/settings.json", look)
    return held


def test_a_login_that_is_given_up(visitor: Visitor) -> None:
    visitor.open()
    held = hold_settings(visitor, user=True)
    with visitor.page.expect_request("**/settings.json"):
        visitor.log_in("alice", "wonderland")
    with visitor.page.expect_event("requestfailed"):
        visitor.page.keyboard.press("Escape")
    assert len(held) == 1
    expect(visitor.heading).to_have_text("Log in to see the methods")
    expect(visitor.page.locator(".who")).to_have_count(0)
    assert "vault" not in visitor.page.content()


def test_what_was_asked_for_who_has_left_is_given_up(visitor: Visitor) -> None:
    visitor.open()
    visitor.log_in("alice", "wonderland")
    held = hold_settings(visitor, user=False)
    with visitor.page.expect_request("**/settings.json"):
        visitor.button("Log out").click()
    with visitor.page.expect_event("requestfailed"):
        visitor.log_in("bob", "builder")
    expect(visitor.page.locator(".who")).to_have_text("bob")
    assert len(held) == 1
    expect(visitor.methods.get_by_role("link", name="vault.size")).to_be_visible()


def test_settings_that_are_an_error(visitor: Visitor) -> None:
    visitor.expect_complaint("503")
    error = {"jsonrpc": "2.0", "error": {"code": -32009, "message": "Server busy"}, "id": None}
    visitor.page.route("**/settings.json", lambda route: route.fulfill(status=503, json=error))
    visitor.open()
    expect(visitor.heading).to_have_text("The server cannot be reached")
    visitor.page.unroute("**/settings.json")
    visitor.button("Try again").click()
    expect(visitor.heading).to_have_text("Log in to see the methods")
    visitor.page.route("**/settings.json", lambda route: route.fulfill(status=503, json=error))
    visitor.log_in("alice", "wonderland")
    expect(visitor.page.get_by_role("dialog").get_by_role("alert")).to_have_text(
        "settings.json is answered with 503"
    )


def test_a_wrong_password_where_nobody_has_to_log_in(visitor: Visitor, tmp_path: Path) -> None:
    visitor.expect_complaint("401")
    with Served(tmp_path, EITHER) as served:
        visitor.port = served.port
        visitor.open()
        visitor.log_in("alice", "wrong")
        expect(visitor.page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
        visitor.page.keyboard.press("Escape")
        visitor.call("calc.add", "[1, 2]")
        expect(visitor.answer).to_contain_text("OK")
        visitor.page.goto("about:blank")

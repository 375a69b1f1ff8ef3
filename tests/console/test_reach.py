"""Everybody can use it: by keys, with a screen reader, on a phone, in light and dark."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.browsing import Visitor

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "reduced_motion": "reduce"}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def window(request: pytest.FixtureRequest, theme: str) -> dict[str, Any]:
    return {**request.param, "color_scheme": theme}


def test_every_view(visitor: Visitor) -> None:
    visitor.open()
    expect(visitor.state).to_have_text("Connected", use_inner_text=False)
    check(visitor)
    visitor.call("calc.add", "[1, 2]")
    expect(visitor.answer).to_contain_text("OK")
    check(visitor)
    visitor.call("calc.add", '{"a": "one"}')
    expect(visitor.answer).to_contain_text("-32602")
    check(visitor)
    visitor.editor.fill("{")
    check(visitor)
    visitor.editor.fill("[1, 2]")
    visitor.button("Add to batch").click()
    visitor.go("#/method/users.searchUsers")
    expect(visitor.heading).to_have_text("users.searchUsers")
    check(visitor)
    visitor.call("chat.join", '["ann"]')
    expect(visitor.answer).to_contain_text("OK")
    for view in ("batch", "history", "live", "charts"):
        visitor.go(f"#/{view}")
        check(visitor)
    visitor.go("#/method/chat.leave")
    visitor.button("Send").click()
    expect(visitor.answer).to_contain_text("OK")


def check(visitor: Visitor) -> None:
    """It fits into the window, and axe finds nothing serious."""
    expect(visitor.heading).to_be_visible()
    visitor.check_fits()
    assert visitor.findings() == []


def test_by_keys_alone(visitor: Visitor) -> None:
    visitor.open()
    keyboard = visitor.page.keyboard
    keyboard.press("/")
    keyboard.type("calc.add")
    keyboard.press("Enter")
    expect(visitor.heading).to_be_focused()
    keyboard.press("Control+Enter")  # not in the form yet: nothing is sent
    for _ in range(40):
        keyboard.press("Tab")
        if visitor.page.evaluate("document.activeElement.textContent.startsWith('Send')"):
            break
    expect(visitor.button("Send")).to_be_focused()
    outline = visitor.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    keyboard.press("Enter")
    expect(visitor.answer).to_contain_text("OK")


def test_skip_link(visitor: Visitor) -> None:
    visitor.open()
    visitor.page.keyboard.press("Tab")
    skip = visitor.page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_role("main")).to_be_focused()

"""Draws the pictures of docs/console.md: `python -m tests.console.screenshots`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.browser import Chromium
from tests.console.browsing import ROOT, Visitor
from tests.console.servers import EXAMPLES, Served

__all__ = ["IMAGES", "PICTURES"]

IMAGES = ROOT / "docs/images"

DESKTOP = {"width": 1240, "height": 740}
PHONE = {"width": 360, "height": 740}


def begin(visitor: Visitor) -> None:
    """What one sees first."""
    visitor.open()


def explain(visitor: Visitor) -> None:
    """A parameter that is wrong."""
    visitor.open()
    visitor.call("calc.add", '{\n  "a": 2,\n  "b": "three"\n}')
    expect(visitor.answer.locator(".fault-name")).to_have_text("b")


def answer(visitor: Visitor) -> None:
    """A call and its answer."""
    visitor.open()
    visitor.call("users.searchUsers", '{\n  "query": "alice"\n}')
    expect(visitor.answer).to_contain_text("OK")


def listen(visitor: Visitor) -> None:
    """What the server sends by itself."""
    visitor.open()
    visitor.call("chat.join", '["ann"]')
    expect(visitor.answer).to_contain_text("OK")
    visitor.tab("Live").click()
    expect(visitor.page.locator(".event")).to_have_count(1)


PICTURES = {
    "console.png": (begin, DESKTOP, "light"),
    "console-wrong.png": (explain, DESKTOP, "light"),
    "console-dark.png": (answer, DESKTOP, "dark"),
    "console-live.png": (listen, DESKTOP, "light"),
    "console-phone.png": (begin, PHONE, "light"),
    "console-phone-dark.png": (answer, PHONE, "dark"),
}
"""What is done, in which window, in which theme, by the names of the files."""


def draw(chromium: Chromium, port: int, name: str, folder: Path) -> None:
    """Draw one picture; in the browser's thread."""
    act, size, theme = PICTURES[name]
    options: Any = {"viewport": size, "color_scheme": theme, "reduced_motion": "reduce"}
    context = chromium.browser.new_context(**options, has_touch=size is PHONE)
    try:
        visitor = Visitor(context.new_page(), port)
        act(visitor)
        expect(visitor.state).to_have_attribute("data-state", "connected")
        visitor.page.screenshot(path=folder / name)
        assert visitor.complaints == []
    finally:
        context.close()


def main() -> None:
    """Draw all of them."""
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as directory,
        Served(Path(directory), EXAMPLES) as served,
        Chromium() as chromium,
    ):
        for name in PICTURES:
            chromium.do(draw, chromium, served.port, name, IMAGES)


if __name__ == "__main__":
    main()

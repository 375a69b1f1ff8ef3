"""A visitor of the console: what they see and press, in a real browser."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.processes import DEADLINE

__all__ = ["ROOT", "Visitor"]

ROOT = Path(__file__).parents[2]
AXE = ROOT / "tests/interop/node_modules/axe-core/axe.min.js"

expect.set_options(timeout=1000 * DEADLINE / 4)


@cache
def _axe() -> str:
    assert AXE.is_file(), "run `make interop`, which installs it"
    return AXE.read_text(encoding="utf-8")


class Visitor:
    """Somebody in front of the console.

    Args:
        page: the browser's.
        port: of the daemon.
    """

    def __init__(self, page: Page, port: int) -> None:
        self.page = page
        self.port = port
        self.complaints: list[str] = []
        self._expected: list[str] = []
        page.set_default_timeout(1000 * DEADLINE / 4)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _said(self, message: Any) -> None:
        is_expected = any(words in message.text for words in self._expected)
        if message.type in ("error", "warning") and not is_expected:
            self.complaints.append(message.text)

    def expect_complaint(self, words: str) -> None:
        """The browser says by itself that something failed, as it will."""
        self._expected.append(words)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self, view: str = "", *, path: str = "/console/") -> None:
        """Open a view by its address."""
        self.page.goto(f"{self.address}{path}{view}")
        expect(self.heading).to_be_visible()

    def go(self, view: str) -> None:
        """Go to a view of the page that is open."""
        self.page.evaluate("view => { location.hash = view; }", view)

    @property
    def heading(self) -> Locator:
        return self.page.get_by_role("main").get_by_role("heading", level=1)

    @property
    def editor(self) -> Locator:
        return self.page.get_by_label("Parameters as JSON", exact=True)

    @property
    def answer(self) -> Locator:
        return self.page.get_by_role("region", name="Answer")

    @property
    def state(self) -> Locator:
        return self.page.locator(".state")

    @property
    def methods(self) -> Locator:
        return self.page.get_by_role("complementary", name="Methods")

    def button(self, name: str | re.Pattern[str], *, exact: bool = False) -> Locator:
        return self.page.get_by_role("button", name=name, exact=exact)

    def tab(self, name: str) -> Locator:
        views = self.page.get_by_role("navigation", name="Views")
        return views.get_by_role("link", name=name)

    def call(self, method: str, params: str) -> None:
        """Fill in the parameters of a method and send them by the keyboard."""
        self.go(f"#/method/{method}")
        expect(self.heading).to_have_text(method)
        self.editor.fill(params)
        self.page.keyboard.press("Control+Enter")

    def log_in(self, user: str, password: str) -> None:
        """Log in by name and password."""
        self.button("Log in", exact=True).first.click()
        dialogue = self.page.get_by_role("dialog", name="Log in")
        dialogue.get_by_label("Name", exact=True).fill(user)
        dialogue.get_by_label("Password", exact=True).fill(password)
        dialogue.get_by_role("button", name="Log in").click()

    def check_fits(self) -> None:
        """Nothing is wider than the window."""
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert self.page.evaluate(wider) <= 0

    def check_themes(self) -> None:
        """Axe finds nothing serious, in light and in dark."""
        for theme in ("light", "dark"):
            self.page.emulate_media(color_scheme=theme)
            assert self.findings() == [], theme

    def findings(self) -> list[str]:
        """What axe has to say that is serious."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_axe())
        found = self.page.evaluate("axe.run({resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {node['html']} {node['failureSummary']}"
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]

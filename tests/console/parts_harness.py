"""A daemon that shows the parts of the console, and a browser that looks at them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser.browser import Chromium
from tests.interop.daemon import TWISTD, listen
from tests.processes import Daemon

__all__ = ["EchoDaemon", "Parts", "check_access"]

HERE = Path(__file__).parent


class EchoDaemon(Daemon):
    """`twistd -n rpc` on a hybrid port, with methods that give back what they are given.

    Args:
        directory: where its configuration and log are kept.
        keys: what the listener has besides.
        options: of the command line.
    """

    def __init__(self, directory: Path, keys: str = "", *options: str) -> None:
        expose = '[expose]\necho = "parts_harness_service:Echo"\n'
        site = '[web]\nresource = "parts_harness_service:Site"\n'
        text = "\n".join([listen("hybrid"), keys, expose, site])
        (directory / "rpc.toml").write_text(text, encoding="utf-8")
        command = [TWISTD, "-n", "--pidfile=", "rpc", "--config", "rpc.toml", *options]
        super().__init__(command, directory, {**os.environ, "PYTHONPATH": str(HERE)})


AXE = (HERE.parent / "interop/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
"""Looks for what people with a screen reader or poor sight cannot use."""


class Parts(Chromium):
    """A browser that looks at single parts of the console.

    Args:
        port: of an `EchoDaemon`.
    """

    def __init__(self, port: int) -> None:
        super().__init__()
        self._address = f"http://127.0.0.1:{port}/parts/"

    def show(
        self,
        name: str,
        given: dict[str, Any],
        look: Callable[[Page], None],
        expected: str | None = None,
        **options: Any,
    ) -> None:
        """Look at one part; nothing may be complained of meanwhile.

        Args:
            name: of the part.
            given: what it is given; see `parts_harness.js`.
            look: what is done with the page, in the browser's thread.
            expected: what is in the complaints that are there on purpose.
            options: of the browser's context.
        """
        complaints: list[str] = []
        self.do(self._show, name, given, look, complaints, options)
        further = [one for one in complaints if expected is None or expected not in one]
        assert further == [], further

    def _show(
        self,
        name: str,
        given: dict[str, Any],
        look: Callable[[Page], None],
        complaints: list[str],
        options: dict[str, Any],
    ) -> None:
        context = self.browser.new_context(**{"locale": "en-GB", **options})
        try:
            page = context.new_page()
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.set_default_timeout(10_000)
            page.goto(self._address)
            page.wait_for_function("window.part")
            page.evaluate("([name, given]) => part.show(name, given)", [name, given])
            look(page)
        finally:
            context.close()


def check_access(page: Page) -> None:
    """Axe finds nothing serious in the page, in both themes, and nothing is wider than it."""
    page.evaluate(AXE)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        serious = [
            (violation["id"], [node["html"] for node in violation["nodes"]])
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
        ]
        assert serious == [], theme
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

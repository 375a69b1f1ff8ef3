"""Live charts of what is measured."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.parts_harness import EchoDaemon, Parts, check_access
from tests.processes import DEADLINE

SHOWN = {"address": "metrics"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EchoDaemon]:
    with EchoDaemon(tmp_path_factory.mktemp("charts")) as running:
        yield running


@pytest.fixture(scope="module")
def parts(daemon: EchoDaemon) -> Iterator[Parts]:
    with Parts(daemon.port) as running:
        yield running


def call(daemon: EchoDaemon, method: str, *params: Any) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{daemon.port}/rpc",
        json.dumps(
            {"jsonrpc": "2.0", "method": f"echo.{method}", "params": params, "id": 1}
        ).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        assert "result" in json.load(answer)


def chart(page: Page, title: str) -> Any:
    return page.get_by_role("figure", name=title)


def scraped(page: Page) -> None:
    """Wait until the page has looked once more."""
    with page.expect_response("**/metrics"):
        pass


def test_what_is_measured_is_drawn(parts: Parts, daemon: EchoDaemon) -> None:
    call(daemon, "measured", "calc.add", 0.0005)
    call(daemon, "state", "tcp", 3, 0.25)

    def look(page: Page) -> None:
        expect(page.get_by_role("status")).to_contain_text("Two looks make a chart")
        for _ in range(20):
            call(daemon, "measured", "calc.add", 0.005)
        call(daemon, "measured", "<b>chat.say</b>", 0.5)
        call(daemon, "failed", -32601)
        scraped(page)
        calls = chart(page, "Calls per second")
        expect(calls.locator("canvas")).to_be_visible()
        expect(calls.locator(".chart-legend")).to_contain_text("calc.add")
        expect(chart(page, "Errors per second")).to_contain_text("-32601")
        expect(chart(page, "Connections").locator(".chart-legend")).to_have_text("tcp 3")
        expect(chart(page, "Calls that run").locator(".chart-legend")).to_have_text("in flight 3")
        lag = chart(page, "Lag of the reactor")
        expect(lag.locator(".chart-legend")).to_have_text("lag 250 ms")
        durations = chart(page, "Duration of calls")
        durations.get_by_label("Method").select_option("<b>chat.say</b>")
        durations.get_by_text("In numbers").click()
        row = durations.get_by_role("row", name="p50")
        # Half of the way through the bucket from 10 ms to 1 s.
        expect(row).to_contain_text("505 ms")
        check_access(page)

    parts.show("charts", SHOWN, look)


def test_where_nothing_happened_there_is_none_of_it(tmp_path: Path) -> None:
    def look(page: Page) -> None:
        errors = chart(page, "Errors per second")
        expect(errors.locator(".chart-legend")).to_have_text("none 0/s")
        expect(errors.locator("canvas")).to_be_visible()
        expect(chart(page, "Duration of calls").locator(".chart-legend")).to_contain_text(
            "p50 \u2013"
        )

    with EchoDaemon(tmp_path) as fresh, Parts(fresh.port) as parts:
        parts.show("charts", SHOWN, look)


def test_an_error_stops_it_until_somebody_goes_on(parts: Parts, daemon: EchoDaemon) -> None:
    call(daemon, "switch", True)

    def look(page: Page) -> None:
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("The charts stand still: /metrics answers 503")
        call(daemon, "switch", False)
        alert.get_by_role("button", name="Go on").click()
        expect(alert).to_have_count(0)
        expect(page.get_by_role("figure").first).to_be_visible()

    try:
        parts.show("charts", SHOWN, look, expected="503")
    finally:
        call(daemon, "switch", False)


def test_nobody_looks_at_what_cannot_be_seen(parts: Parts) -> None:
    def look(page: Page) -> None:
        asked: list[str] = []
        scraped(page)
        page.on("request", lambda request: asked.append(request.url))
        hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
        seen = "document.dispatchEvent(new Event('visibilitychange'))"
        page.evaluate(hide % "true" + seen)
        # Twice the time between two looks goes by on the page's own clock.
        page.clock.run_for(4500)
        assert asked == []
        page.evaluate(hide % "false" + seen)
        scraped(page)

    def installed(page: Page) -> None:
        page.clock.install()
        page.reload()
        page.wait_for_function("window.part")
        page.evaluate("given => part.show('charts', given)", SHOWN)
        look(page)

    parts.show("charts", SHOWN, installed)


def test_it_takes_the_colours_of_the_page(parts: Parts) -> None:
    def look(page: Page) -> None:
        page.wait_for_selector("canvas")
        drawn = "document.querySelector('canvas').toDataURL()"
        light = page.evaluate(drawn)
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(f"before => {drawn} !== before", arg=light)

    parts.show("charts", SHOWN, look)

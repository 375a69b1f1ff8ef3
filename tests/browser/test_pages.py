"""What pages in a real browser can have a daemon do: nothing, unless their origin is listed."""

from __future__ import annotations

import json

import pytest

from tests.browser.attacks import ASKED, UNASKED, WEBSOCKET
from tests.browser.browser import EVIL, Chromium
from tests.browser.servers import BUMP, LOOPBACK, CarelessServer, CountingDaemon, PageServer
from tests.processes import wait_until


def arrived(server: CarelessServer | CountingDaemon, count: int, name: str) -> None:
    """Wait until a server has run so much: a beacon asks first and is sent later."""
    wait_until(lambda: server.count == count, lambda: f"{name}: {server.count}, not {count}")


def test_each_attack_would_succeed(
    chromium: Chromium, pages: PageServer, careless: CarelessServer
) -> None:
    url = f"http://{LOOPBACK}:{careless.port}/"
    with chromium.visit(f"http://{EVIL}:{pages.port}/") as page:
        for number, (name, script) in enumerate((ASKED | UNASKED).items()):
            page.run(script, url, BUMP)
            arrived(careless, number + 1, name)


@pytest.mark.parametrize("host", [LOOPBACK, "localhost", EVIL])
def test_a_stranger_runs_nothing(
    chromium: Chromium, pages: PageServer, daemon: CountingDaemon, host: str
) -> None:
    url = f"http://{LOOPBACK}:{daemon.port}/rpc"
    with chromium.visit(f"http://{host}:{pages.port}/") as page:
        for name, script in (ASKED | WEBSOCKET | UNASKED).items():
            learnt = page.run(script, url, BUMP)
            assert daemon.count == 0, name
            assert learnt in (None, "", "failed"), name  # what it may not read is empty


def test_a_rebound_name_runs_nothing(chromium: Chromium, daemon: CountingDaemon) -> None:
    place = f"http://{EVIL}:{daemon.port}"
    with chromium.visit(f"{place}/page", invented=True) as page:
        for name, script in (ASKED | WEBSOCKET | UNASKED).items():
            page.run(script, f"{place}/rpc", BUMP)
            assert daemon.count == 0, name


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_port_for_lines_runs_nothing(
    chromium: Chromium, pages: PageServer, daemon: CountingDaemon, scheme: str
) -> None:
    url = f"{scheme}://{LOOPBACK}:{daemon.line_port}/"
    with chromium.visit(f"http://{EVIL}:{pages.port}/") as page:
        for name, script in (ASKED | WEBSOCKET | UNASKED).items():
            page.run(script, url, f"\n{BUMP}\n")
            assert daemon.count == 0, name


def test_a_listed_page_calls_and_reads_the_answer(
    chromium: Chromium, pages: PageServer, friendly: CountingDaemon
) -> None:
    before, url = friendly.count, f"http://{LOOPBACK}:{friendly.port}/rpc"
    with chromium.visit(f"http://{LOOPBACK}:{pages.port}/") as page:
        for number, (name, script) in enumerate((ASKED | WEBSOCKET).items(), before + 1):
            learnt = page.run(script, url, BUMP)
            arrived(friendly, number, name)
            if learnt is not None:  # a beacon is told nothing
                assert json.loads(learnt)["result"] == number, name


def test_not_even_a_listed_page_calls_without_being_asked(
    chromium: Chromium, pages: PageServer, friendly: CountingDaemon
) -> None:
    before, url = friendly.count, f"http://{LOOPBACK}:{friendly.port}/rpc"
    with chromium.visit(f"http://{LOOPBACK}:{pages.port}/") as page:
        for name, script in UNASKED.items():
            page.run(script, url, BUMP)
            assert friendly.count == before, name


@pytest.mark.parametrize("host", [LOOPBACK, "localhost", EVIL])
def test_a_page_of_the_daemon_itself_calls_and_forms_do_not(
    chromium: Chromium, friendly: CountingDaemon, host: str
) -> None:
    before, place = friendly.count, f"http://{host}:{friendly.port}"
    with chromium.visit(f"{place}/page") as page:
        for number, (name, script) in enumerate((ASKED | WEBSOCKET).items(), before + 1):
            page.run(script, f"{place}/rpc", BUMP)
            arrived(friendly, number, name)
        for name, script in UNASKED.items():
            page.run(script, f"{place}/rpc", BUMP)
            assert friendly.count == number, name


def test_a_link_leads_to_a_page_of_the_daemon(
    chromium: Chromium, pages: PageServer, friendly: CountingDaemon
) -> None:
    with chromium.visit(f"http://{EVIL}:{pages.port}/") as page:
        assert page.follow_link(f"http://{LOOPBACK}:{friendly.port}/page") == "own"

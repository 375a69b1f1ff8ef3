"""The list of connections, and how one is closed."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.parts_harness import EchoDaemon, Parts, check_access
from tests.processes import DEADLINE


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EchoDaemon]:
    with EchoDaemon(tmp_path_factory.mktemp("connections"), "admin = true") as running:
        yield running


@pytest.fixture(scope="module")
def parts(daemon: EchoDaemon) -> Iterator[Parts]:
    with Parts(daemon.port) as running:
        yield running


@contextmanager
def line_to(daemon: EchoDaemon) -> Iterator[socket.socket]:
    """A connection that has made a call."""
    with socket.create_connection(("127.0.0.1", daemon.port), DEADLINE) as line:
        line.sendall(b'{"jsonrpc":"2.0","method":"echo.items","id":1}\n')
        assert json.loads(line.makefile().readline())["result"] == []
        yield line


def name_of(line: socket.socket) -> str:
    host, port = line.getsockname()
    return f"{host}:{port}"


def row_of(page: Page, line: socket.socket) -> Locator:
    return page.get_by_role("row").filter(has_text=name_of(line))


def test_one_is_closed_after_a_question(parts: Parts, daemon: EchoDaemon) -> None:
    def look(page: Page) -> None:
        expect(row_of(page, line)).to_contain_text("tcp")
        close = page.get_by_role("button", name=f"Close {name_of(line)}")
        close.click()
        dialog = page.get_by_role("dialog", name="Close a connection")
        expect(dialog).to_contain_text(name_of(line))
        check_access(page)
        expect(dialog.get_by_role("button", name="Keep")).to_be_focused()
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(close).to_be_focused()
        close.click()
        dialog.get_by_role("button", name="Keep").click()
        expect(close).to_be_focused()
        expect(row_of(page, line)).to_be_visible()
        close.click()
        dialog.get_by_role("button", name="Close it").click()
        expect(page.get_by_role("status")).to_have_text(f"{name_of(line)} was closed")
        expect(row_of(page, line)).to_have_count(0)
        expect(page.get_by_role("group", name="Connections")).to_be_focused()
        assert line.recv(1) == b""
        check_access(page)

    with line_to(daemon) as line:
        parts.show("connections", {}, look)


def test_one_is_marked_as_the_own(parts: Parts) -> None:
    def look(page: Page) -> None:
        own = page.get_by_role("row").filter(has_text="this page")
        expect(own).to_have_count(1)
        expect(own).to_contain_text("websocket")
        expect(own.get_by_role("button")).to_have_count(0)

    parts.show("connections", {}, look)


def test_what_comes_and_goes_is_seen(parts: Parts, daemon: EchoDaemon) -> None:
    def look(page: Page) -> None:
        expect(page.get_by_text("this page")).to_be_visible()
        with line_to(daemon) as line:
            name = name_of(line)
            row = row_of(page, line)
            expect(row).to_be_visible(timeout=10_000)
            page.get_by_role("button", name=f"Close {name}").click()
        # Gone by itself, before the question is answered.
        page.get_by_role("button", name="Close it").click()
        expect(page.get_by_role("status")).to_have_text(f"{name} was gone already")
        expect(row).to_have_count(0)

    parts.show("connections", {}, look)


def test_it_is_sorted_by_its_heads(parts: Parts, daemon: EchoDaemon) -> None:
    def shown(page: Page) -> list[str]:
        return page.locator("tbody td:nth-child(1)").all_text_contents()

    def look(page: Page) -> None:
        expect(page.locator("tbody tr")).to_have_count(3)
        head = page.get_by_role("columnheader", name="Transport")
        head.get_by_role("button").click()
        expect(head).to_have_attribute("aria-sort", "ascending")
        assert shown(page) == ["tcp", "tcp", "websocket"]
        head.get_by_role("button").press("Enter")
        expect(head).to_have_attribute("aria-sort", "descending")
        assert shown(page) == ["websocket", "tcp", "tcp"]
        page.get_by_role("columnheader", name="Open for").get_by_role("button").click()
        expect(head).not_to_have_attribute("aria-sort", "descending")
        assert shown(page) == ["websocket", "tcp", "tcp"]  # the newest first

    with line_to(daemon), line_to(daemon):
        parts.show("connections", {}, look)


def test_who_may_not_ask_is_told_so(tmp_path: Path) -> None:
    def look(page: Page) -> None:
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("The list stands still: Method not found")
        expect(alert.get_by_role("button", name="Go on")).to_be_visible()
        expect(page.get_by_role("table")).to_have_count(0)

    with EchoDaemon(tmp_path) as without, Parts(without.port) as parts:
        parts.show("connections", {}, look)

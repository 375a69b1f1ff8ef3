"""Charts and connections, for those who may see them."""

from __future__ import annotations

import json
import socket

import pytest
from playwright.sync_api import expect

from tests.console.browsing import Visitor
from tests.console.servers import Served
from tests.processes import DEADLINE


@pytest.fixture
def served(guarded: Served) -> Served:
    return guarded


def test_connections(visitor: Visitor) -> None:
    visitor.open()
    visitor.log_in("alice", "wonderland")
    visitor.tab("Connections").click()
    expect(visitor.page.get_by_role("table")).to_contain_text("alice")
    visitor.check_themes()


def test_connection_is_closed_and_the_others_stay(visitor: Visitor) -> None:
    visitor.open()
    visitor.log_in("alice", "wonderland")
    visitor.tab("Connections").click()
    rows = visitor.page.get_by_role("table").get_by_role("row")
    with socket.create_connection(("127.0.0.1", visitor.port), DEADLINE) as line:
        login = {"jsonrpc": "2.0", "method": "auth", "params": ["bob", "builder"], "id": 1}
        line.sendall(json.dumps(login).encode() + b"\n")
        assert b'"result":true' in line.recv(4096)
        bob = rows.filter(has_text="bob")
        expect(bob).to_have_count(1)
        bob.get_by_role("button").click()
        visitor.page.get_by_role("dialog").get_by_role("button", name="Close it").click()
        expect(bob).to_have_count(0)
        while line.recv(4096):
            pass  # until it is closed on the other side
    expect(rows.filter(has_text="alice").first).to_be_visible()


def test_charts(visitor: Visitor) -> None:
    visitor.open()
    visitor.log_in("alice", "wonderland")
    visitor.tab("Charts").click()
    expect(visitor.page.locator("canvas").first).to_be_visible()
    visitor.check_themes()

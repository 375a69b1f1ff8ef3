"""What `docs/interop.md` says of our client and other people's servers, tried as it stands."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.pages import Block, blocks_of
from tests.installation import ROOT
from tests.interop.daemon import HERE
from tests.interop.servers.harness import ServerTestCase
from tests.interop.servers.table import SERVERS, Server, Servers
from tests.processes import DEADLINE
from twisted_rpc import Client, connect  # noqa: F401  # for the lines of the page

PAGE = ROOT / "docs" / "interop.md"
OVER = {"http": "HTTP", "tcp": "TCP", "websocket": "WebSocket", "raw": "raw socket"}
LOCKED = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]


class Row(NamedTuple):
    """One row of the page's second table."""

    server: str
    over: str
    how: str
    does_not: str


def rows() -> list[Row]:
    """The rows of the second table."""
    text = PAGE.read_text(encoding="utf-8").partition("\n## Our client")[2]
    lines = re.findall(r"^\| (.+) \|$", text, re.MULTILINE)[1:]
    return [Row(*line.split(" | ")) for line in lines]


def is_about(row: Row, server: Server) -> bool:
    """Whether a row is a server's."""
    over = OVER.get(server.transport, server.transport)
    return row.server.split()[0] == server.name and re.match(rf"{over}\b", row.over) is not None


def row_of(server: Server) -> Row:
    """The row of a server."""
    (row,) = [row for row in rows() if is_about(row, server)]
    return row


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.key)
def test_each_server_has_its_row_with_its_version_and_every_reason(server: Server) -> None:
    row = row_of(server)
    pinned = LOCKED[server.name] if server.name in LOCKED else version(server.name)
    assert row.server.split()[1] == pinned
    assert [reason for reason in server.cannot.values() if reason not in row.does_not] == []


def test_there_is_no_other_row() -> None:
    assert len(rows()) == len(SERVERS)


class HowTests(ServerTestCase):
    """The line of each row."""

    async def test_each_line_connects(self) -> None:
        for server in SERVERS:
            client = await self.by(row_of(server).how, server)
            self.assertEqual(await client.call("subtract", [42, 23]), 19, server.key)

    def by(self, how: str, server: Server) -> Client:
        """What a line makes, on the place of a server that runs."""
        port = self.start(server).port if server.serves_once else port_of(server, self.servers)
        client: Client = eval(placed(how.strip("`"), server, port))
        self.clients.append(client)
        return client


def port_of(server: Server, servers: Servers, *, guarded: bool = False) -> int:
    """Where a shared server listens; a child process does nowhere."""
    return 0 if server.scheme == "exec" else servers.port_of(server, guarded=guarded)


def placed(text: str, server: Server, port: int) -> str:
    """A text of the page, with a real place in it."""
    command = shlex.join(server.command(0))
    text = text.replace("HOST:PORT", f"127.0.0.1:{port}")
    return re.sub(r"exec:[^\"]+", f"exec:{command}", text)


@pytest.mark.parametrize("block", [b for b in blocks_of(PAGE) if b.title], ids=lambda b: b.title)
def test_each_program_ends_well(servers: Servers, tmp_path: Path, block: Block) -> None:
    assert block.title is not None
    server = next(each for each in SERVERS if each.name == Path(block.title).stem)
    port = port_of(server, servers, guarded=True)
    path = tmp_path / block.title
    path.write_text(placed(block.text, server, port), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")

"""What a daemon tells of itself, as its configuration wants it."""

from __future__ import annotations

from pathlib import Path

from tests.daemon.clients import LineClient
from tests.daemon.conftest import Start

CONFIG = """
[server]
title = "Sums"
version = "3.0"
description = "Adds."
{more}

[[listen]]
transport = "hybrid"
endpoint = "tcp:0:interface=127.0.0.1"
path = "/api"

[expose]
calc = "mymodule:Calculator"
"""


def test_title_and_servers_are_those_of_the_daemon(start: Start, project: Path) -> None:
    (project / "rpc.toml").write_text(CONFIG.format(more=""), encoding="utf-8")
    with start("--config", "rpc.toml") as daemon:
        place = f"127.0.0.1:{daemon.port}"
        expected = [f"http://{place}/api", f"ws://{place}/api", f"tcp://{place}"]
        with LineClient.to(daemon.port) as line:
            document = line.call("rpc.discover")["result"]
        info = {"title": "Sums", "version": "3.0", "description": "Adds."}
        assert document["info"] == info
        assert [server["url"] for server in document["servers"]] == expected


def test_daemon_that_tells_nobody(start: Start, project: Path) -> None:
    (project / "rpc.toml").write_text(CONFIG.format(more="discover = false"), encoding="utf-8")
    with start("--config", "rpc.toml") as daemon, LineClient.to(daemon.port) as line:
        for name in ("rpc.discover", "rpc.methods"):
            assert line.call(name)["error"]["code"] == -32601
        assert line.call("calc.add", 1, 2)["result"] == 3

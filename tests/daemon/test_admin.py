"""A daemon that is looked after by a listener of its own; the public one knows nothing of it."""

from __future__ import annotations

import getpass
import http.client
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.clients import LineClient, post
from tests.daemon.conftest import Start
from tests.daemon.test_check import check
from tests.daemon.test_listeners import unix_client
from tests.installation import Installation
from tests.processes import DEADLINE, Daemon, wait_until
from twisted_rpc.pages.choosing import PLACES

ETC = Path(__file__).parents[2] / "etc" / "admin.toml"
LOG = '[log]\nlevels = { "twisted_rpc.service" = "warn" }\n'


@pytest.fixture
def daemon(start: Start, project: Path) -> Daemon:
    """The listeners of `etc/admin.toml`, with other methods."""
    text = ETC.read_text(encoding="utf-8").replace("tcp:7080:", "tcp:0:")
    exposed = "examples.calculator:Calculator"
    assert exposed in text
    (project / "rpc.toml").write_text(text.replace(exposed, "mymodule:Calculator"), "utf-8")
    return start("--config", "rpc.toml", listeners=2)


class UnixHTTP(http.client.HTTPConnection):
    """HTTP over a Unix socket, which says `Host: localhost` as curl does."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=DEADLINE)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(str(self._path))


def get(connection: http.client.HTTPConnection, path: str, **headers: str) -> tuple[int, bytes]:
    """What a page is answered with."""
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def test_the_public_port_shows_no_page_and_no_admin(daemon: Daemon, project: Path) -> None:
    with daemon:
        public = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=DEADLINE)
        for page in PLACES:
            assert get(public, page.decode())[0] == (405 if page == b"/" else 404), page
        with LineClient.to(daemon.port) as line, unix_client(project / "admin.sock") as own:
            shown, all_ = (each.call("rpc.methods")["result"] for each in (line, own))
            assert shown == ["calc.add", "calc.wait_for", "calc.whoami"]
            admin = sorted(set(all_) - set(shown))
            assert len(admin) == 8
            for name in admin:
                body = json.dumps({"jsonrpc": "2.0", "method": name, "id": 1}).encode()
                assert line.call(name)["error"]["code"] == -32601
                assert post(daemon.port, body)[2]["error"]["code"] == -32601
            assert own.call("calc.add", 1, 2)["result"] == 3.0


def test_pages_are_read_over_the_socket(daemon: Daemon, project: Path) -> None:
    with daemon:
        web = UnixHTTP(project / "admin.sock")
        for page in PLACES:
            assert get(web, page.decode())[0] != 404, page
        assert get(web, "/healthz") == (200, b"ok\n")
        status, body = get(web, "/readyz")
        assert (status, json.loads(body)) == (200, {"ready": True, "reason": None, "checks": []})
        assert get(web, "/healthz", Host="evil.example")[0] == 403


def test_an_operator_sees_and_ends_connections(daemon: Daemon, project: Path) -> None:
    with daemon, LineClient.to(daemon.port) as line, unix_client(project / "admin.sock") as own:
        assert line.call("calc.add", 1, 2)["result"] == 3.0
        theirs, mine = own.call("admin.connections")["result"]
        assert theirs["listener"] == f"127.0.0.1:{daemon.port}"
        assert theirs["peer"] == f"127.0.0.1:{line.socket.getsockname()[1]}"
        assert (mine["listener"], mine["peer"]) == ("unix:admin.sock", "unix")
        assert own.call("admin.kick", theirs["id"], "too loud")["result"] is True
        assert line.receive() is None
        daemon.wait_for(rf"unix closes connection {theirs['id']} to 127.*: 'too loud'$")


def test_drain_ends_the_daemon_in_good_order(daemon: Daemon, project: Path) -> None:
    with daemon, unix_client(project / "admin.sock") as own:
        assert own.call("admin.drain")["result"] is True
        assert own.receive() is None
        assert daemon.wait() == 0
        assert "Server Shut Down." in daemon.log


def test_levels_of_the_log_are_changed(start: Start, project: Path) -> None:
    listener = '[[listen]]\ntransport = "tcp"\nendpoint = "unix:admin.sock"\nadmin = true\n'
    (project / "rpc.toml").write_text(LOG + listener, "utf-8")
    with start("--config", "rpc.toml", listeners=0) as daemon:
        path = project / "admin.sock"
        wait_until(path.exists, lambda: daemon.log)
        with unix_client(path) as own:

            def level(*params: Any) -> Any:
                return own.call("admin.log_level", "twisted_rpc.service", *params)["result"]

            assert (level(), level("debug"), level(None)) == ("warn", "debug", "warn")


def test_the_users_of_the_kernel_may_look_after_it(start: Start, project: Path) -> None:
    text = f"""
[server]
auth = ["memory:alice:wonderland", "peercred:"]
[access.{getpass.getuser()}]
roles = ["admin"]
[[listen]]
transport = "tcp"
endpoint = "tcp:0:interface=127.0.0.1"
admin = true
[[listen]]
transport = "tcp"
endpoint = "unix:admin.sock"
admin = true
"""
    (project / "rpc.toml").write_text(text, "utf-8")
    with start("--config", "rpc.toml", listeners=2) as daemon:
        with unix_client(project / "admin.sock") as own:
            (mine,) = own.call("admin.connections")["result"]
            assert mine["identity"] == getpass.getuser()
        with LineClient.to(daemon.port) as line:
            assert line.call("auth", "alice", "wonderland")["result"] is True
            assert line.call("admin.connections")["error"]["code"] == -32601


def test_a_check_names_what_admin_lacks(installed: Installation, project: Path) -> None:
    listener = (
        '[[listen]]\ntransport = "http"\nendpoint = "tcp:0:interface=0.0.0.0"\nadmin = true\n'
    )
    (project / "rpc.toml").write_text(f"[server]\ninsecure_public = true\n{listener}", "utf-8")
    done = check(installed, project, "--config", "rpc.toml")
    assert done.returncode == 1
    assert done.stderr == (
        "rpc: endpoint 'tcp:0:interface=0.0.0.0' has admin = true, can be reached by others, and "
        "nobody has to log in: set auth; insecure_public is not enough for that\n"
    )

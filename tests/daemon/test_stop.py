"""SIGTERM: nobody new comes in, calls that run are answered, and nothing lasts for ever."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.daemon.clients import (
    ANY_PORT,
    LineClient,
    WebSocketClient,
    is_refused,
    request,
)
from tests.daemon.conftest import Start
from tests.processes import Daemon, wait_until

LIMITS = '[expose]\ncalc = "mymodule:Calculator"\n[limits]\ndrain_timeout = {}\n'


def daemon_of(start: Start, project: Path, drain_timeout: float, transport: str = "tcp") -> Daemon:
    """A daemon with this limit and one listener."""
    (project / "rpc.toml").write_text(LIMITS.format(drain_timeout), encoding="utf-8")
    return start("--config", "rpc.toml", f"--{transport}", ANY_PORT)


def begin_to_wait(client: LineClient | WebSocketClient, path: str) -> None:
    """Have a call under way: an answer to a later one shows that it is."""
    client.send(request("calc.wait_for", path, id="waiting"))
    assert client.call("calc.add", 1, 2)["result"] == 3.0


def stop(daemon: Daemon) -> None:
    """Send SIGTERM, and wait until the daemon has begun to act on it."""
    daemon.terminate()
    wait_until(lambda: is_refused(daemon.port), lambda: daemon.log)


def test_a_running_call_is_answered_and_new_connections_are_refused(
    start: Start, project: Path
) -> None:
    with daemon_of(start, project, 60) as daemon, LineClient.to(daemon.port) as line:
        begin_to_wait(line, "now")
        stop(daemon)
        assert daemon.process.poll() is None
        (project / "now").touch()
        assert line.receive() == {"jsonrpc": "2.0", "result": "done", "id": "waiting"}
        assert line.receive() is None
        assert daemon.wait() == -signal.SIGTERM


def test_a_new_call_on_an_open_connection_is_refused(start: Start, project: Path) -> None:
    with daemon_of(start, project, 60) as daemon, LineClient.to(daemon.port) as line:
        begin_to_wait(line, "now")
        stop(daemon)
        assert line.call("calc.add", 1, 2)["error"]["code"] == -32012
        (project / "now").touch()
        assert line.receive()["result"] == "done"


def test_an_idle_connection_is_closed_at_once(start: Start, project: Path) -> None:
    with daemon_of(start, project, 60) as daemon, LineClient.to(daemon.port) as line:
        assert line.call("calc.add", 1, 2)["result"] == 3.0
        daemon.terminate()
        assert line.receive() is None
        assert daemon.wait() == -signal.SIGTERM


def test_a_websocket_is_closed_as_going_away(start: Start, project: Path) -> None:
    with (
        daemon_of(start, project, 60, "websocket") as daemon,
        WebSocketClient.to(daemon.port) as websocket,
    ):
        begin_to_wait(websocket, "now")
        stop(daemon)
        (project / "now").touch()
        assert websocket.receive()["result"] == "done"
        assert websocket.receive() is None
        assert websocket.code == 1001


def test_a_call_that_does_not_end_is_cut_at_the_drain_timeout(start: Start, project: Path) -> None:
    with daemon_of(start, project, 0.2) as daemon, LineClient.to(daemon.port) as line:
        begin_to_wait(line, "never")
        daemon.terminate()
        assert daemon.wait() == -signal.SIGTERM
        daemon.wait_for(r"1 lines are open after 0\.2 seconds \(drain_timeout\): they are aborted")


BLOCKING = """
import time
from pathlib import Path


def block(begun, released):
    Path(begun).touch()
    while not Path(released).exists():
        time.sleep(0.01)
    return "done"


def interrupt():
    raise KeyboardInterrupt
"""


def test_ctrl_c_ends_it_after_the_method_that_blocks_and_one_that_raises_it_does_not(
    start: Start, project: Path
) -> None:
    (project / "blocking.py").write_text(BLOCKING, encoding="utf-8")
    exposed = (f"--expose={name}=blocking:{name}" for name in ("block", "interrupt"))
    with start(f"--tcp={ANY_PORT}", *exposed) as daemon, LineClient.to(daemon.port) as line:
        daemon.logs_incidents = True
        assert line.call("interrupt")["error"]["code"] == -32603
        line.send(request("block", "begun", "released"))
        wait_until((project / "begun").exists, lambda: daemon.log)
        daemon.process.send_signal(signal.SIGINT)
        daemon.wait_for("in the method 'block'")
        (project / "released").touch()
        assert line.receive()["result"] == "done"
        assert line.receive() is None
        assert daemon.wait() == -signal.SIGINT

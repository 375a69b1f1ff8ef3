"""What `twistd rpc` logs by `[log]`, and where to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

from tests.daemon.clients import LineClient
from tests.examples.daemon import twistd
from tests.logs.daemon import LoggingDaemon, events_of
from tests.processes import DEADLINE, wait_until
from twisted_rpc.tap import Options

MODULE = """
from twisted.logger import Logger

log = Logger("mymodule")


def fail(text):
    raise ValueError(text)


def say(text):
    log.info("{text}", text=text)
    log.debug("softly: {text}", text=text)
    print("printed")
"""
EXPOSED = '[expose]\nfail = "mymodule:fail"\nsay = "mymodule:say"\n'
HOSTILE = "a\n2026-01-01T00:00:00.000Z [b#info] forged\x1b[2J\u2028\u202e"


def test_standard_output_gets_json(tmp_path: Path) -> None:
    levels = '[log.levels]\nmymodule = "debug"\n'
    daemon = LoggingDaemon(tmp_path, f"[log]\n{levels}{EXPOSED}", module=MODULE)
    with daemon, LineClient.to(daemon.port) as client:
        client.call("say", HOSTILE)
    said = [json.loads(line) for line in daemon.log.splitlines()]
    ours = [event for event in said if event["namespace"] == "mymodule"]
    assert [event["level"] for event in ours] == ["info", "debug"]
    assert ours[0]["text"] == HOSTILE.encode("unicode_escape").decode()
    assert "printed" in [event["message"] for event in said if event["namespace"] == "stdout"]
    assert said[-1]["message"] == "Server Shut Down."


def test_text_has_one_line_for_each_event(tmp_path: Path) -> None:
    daemon = LoggingDaemon(tmp_path, f'[log]\nformat = "text"\n{EXPOSED}', module=MODULE)
    daemon.logs_incidents = True
    with daemon, LineClient.to(daemon.port) as client:
        client.call("say", HOSTILE)
        answer = client.call("fail", HOSTILE)
        daemon.wait_for("ValueError")
    lines = daemon.log.splitlines()
    assert not [line for line in lines if line.startswith("2026-01-01")]
    assert [line for line in lines if line.endswith(r"forged\x1b[2J\u2028\u202e")]
    incident = answer["error"]["data"]["incident"]
    at = next(number for number, line in enumerate(lines) if f"incident {incident}" in line)
    assert lines[at + 1] == "    Traceback (most recent call last):"


def test_a_file_that_was_moved_is_made_again(tmp_path: Path) -> None:
    configuration = f'[log]\nfile = "rpc.log"\n{EXPOSED}'
    with LoggingDaemon(tmp_path, configuration, module=MODULE, file="rpc.log") as daemon:
        path = tmp_path / "rpc.log"
        assert path.stat().st_mode & 0o137 == 0
        port = daemon.port
        path.rename(tmp_path / "rpc.log.1")
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(path.exists, lambda: "it is not made again")
        with LineClient.to(port) as client:
            client.call("say", "after")
    assert "SIGHUP: reloading" in [event["message"] for event in events_of(tmp_path / "rpc.log.1")]
    assert "after" in [event["message"] for event in events_of(path)]


def test_options_of_twistd_go_before_it(tmp_path: Path) -> None:
    configuration = f'[log]\nfile = "rpc.log"\n{EXPOSED}'
    flags = ("-n", "--logfile=-")
    with LoggingDaemon(tmp_path, configuration, module=MODULE, flags=flags) as daemon:
        daemon.wait_for(r"\[twisted_rpc.ports.ListenerService#info\] tcp on")
    assert not (tmp_path / "rpc.log").exists()


def test_a_reader_that_is_gone_does_not_end_it(tmp_path: Path) -> None:
    with LoggingDaemon(tmp_path, f'[log]\nformat = "json"\n{EXPOSED}', module=MODULE) as daemon:
        port = daemon.port
    (tmp_path / "rpc.toml").write_text(
        (tmp_path / "rpc.toml").read_text("utf-8").replace("tcp:0", f"tcp:{port}"), "utf-8"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = twistd("--config", "rpc.toml")
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        while b"tcp on" not in process.stdout.readline():
            assert process.poll() is None
        process.stdout.close()
        with LineClient.to(port) as client:
            assert client.call("say", "x" * 5000)["result"] is None
    finally:
        process.terminate()
        process.wait(DEADLINE)


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "rpc.toml").write_text('[log]\nfile = "no/rpc.log"\n', encoding="utf-8")
    for more in ([], ["--check"]):
        done = subprocess.run(
            twistd("--config", "rpc.toml", *more),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("rpc: [log] '")
        assert done.stderr.count("\n") == 1


def test_calls_are_traced_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "rpc.toml"
    for otel, traced in (("true", True), ("false", False)):
        path.write_text(f"[log]\notel = {otel}\n", encoding="utf-8")
        options = Options()
        options.parseOptions(["--config", str(path)])
        assert options.service is not None
        assert options.service.server.dispatcher.invoker.plain is not traced

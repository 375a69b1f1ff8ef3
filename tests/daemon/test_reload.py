"""SIGHUP and SIGUSR1: certificates are read again, no line is lost, and nothing ends."""

from __future__ import annotations

import signal
import socket
import ssl
from pathlib import Path

import pytest

from tests.daemon.clients import ANY_PORT, LineClient, post, request
from tests.daemon.conftest import Start
from tests.installation import Installation
from tests.processes import DEADLINE, Daemon
from tests.transports.certificate import Authority

CALC = ("--expose", "calc=mymodule:Calculator")
TLS = f"""
[[listen]]
transport = "tcp"
endpoint = "{ANY_PORT}"
certificate = "localhost.pem"
key = "localhost.key"

[expose]
calc = "mymodule:Calculator"
"""


class TLSClient(LineClient):
    """A line each way, by TLS."""

    @classmethod
    def trusting(cls, port: int, trusted: Path) -> TLSClient:
        """Connect to a port of this machine, whatever its name."""
        context = ssl.create_default_context(cafile=trusted)
        context.check_hostname = False
        plain = socket.create_connection(("127.0.0.1", port), DEADLINE)
        return cls(context.wrap_socket(plain))

    @property
    def server(self) -> str:
        """The name in the server's certificate."""
        assert isinstance(self.socket, ssl.SSLSocket)
        certificate = self.socket.getpeercert()
        assert certificate is not None
        names = certificate["subject"]
        return str(names[0][0][1])


@pytest.mark.parametrize("command", ["twistd -n --pidfile=", "twist --log-format=text"])
def test_certificates_are_exchanged_while_calls_go_on(
    installed: Installation, project: Path, command: str
) -> None:
    authority = Authority(project)
    authority.issue("localhost")
    (project / "rpc.toml").write_text(TLS, encoding="utf-8")
    name, *flags = command.split()
    run = [installed.command(name), *flags, "rpc", "--config", "rpc.toml"]
    with (
        Daemon(run, project, installed.environment) as daemon,
        TLSClient.trusting(daemon.port, authority.path) as old,
    ):
        assert old.call("calc.add", 1, 2)["result"] == 3.0
        old.send(request("calc.wait_for", str(project / "go"), id=7))
        authority.issue("renewed", path="localhost")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for(r"has new certificates$")
        with TLSClient.trusting(daemon.port, authority.path) as new:
            assert (old.server, new.server) == ("localhost", "renewed")
            assert new.call("calc.add", 1, 2)["result"] == 3.0
        (project / "localhost.key").write_text("half a file", encoding="utf-8")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for(r"keeps its certificates: key localhost\.key: there is no private key")
        with TLSClient.trusting(daemon.port, authority.path) as still:
            assert still.server == "renewed"
        (project / "go").touch()
        assert old.receive() == {"jsonrpc": "2.0", "result": "done", "id": 7}


def test_without_anything_to_reload_it_says_so_and_goes_on(start: Start) -> None:
    with start(*CALC, "--http", ANY_PORT) as daemon:
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for(r"reload: there is nothing to reload$")
        daemon.process.send_signal(signal.SIGUSR1)
        daemon.wait_for(r"SIGUSR1: nothing to do$")
        assert post(daemon.port, request("calc.add", 1, 2))[2]["result"] == 3.0

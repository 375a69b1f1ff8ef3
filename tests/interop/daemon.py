"""A real `twistd -n rpc` in a process of its own, for as long as a `with` block lasts."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import TracebackType

from tests.processes import Daemon

HERE = Path(__file__).parent
TWISTD = str(Path(sys.executable).with_name("twistd"))
ANY_PORT = "tcp:0:interface=127.0.0.1"
EXPOSE = '[expose]\ninterop = "service:Interop"\n'


def listen(transport: str, framing: str | None = None, endpoint: str = ANY_PORT) -> str:
    """A `[[listen]]` table, on a port that the system picks unless an endpoint is given."""
    table = f'[[listen]]\ntransport = "{transport}"\n'
    table += f'endpoint = "{endpoint}"\n' if endpoint else ""
    return table + (f'framing = "{framing}"\n' if framing else "")


def environment() -> dict[str, str]:
    """The environment of a child that can import `service`."""
    return {**os.environ, "PYTHONPATH": str(HERE)}


class Interop(Daemon):
    """`twistd -n rpc` with the service that the clients call.

    Args:
        directory: where its configuration and log are kept.
        listeners: a name for each, and its table of the configuration.
        options: further command-line options of `rpc`.
        limits: what `[limits]` says.
    """

    logs_incidents = True

    def __init__(
        self, directory: Path, listeners: dict[str, str], *options: str, limits: str = ""
    ) -> None:
        config = directory / "rpc.toml"
        text = "\n".join([*listeners.values(), EXPOSE, "[limits]", limits])
        config.write_text(text, encoding="utf-8")
        command = [TWISTD, "-n", "--pidfile=", "rpc", "--config", str(config), *options]
        super().__init__(command, directory, environment(), listeners=len(listeners))
        self._names = list(listeners)

    def port_of(self, listener: str) -> int:
        """Where a listener listens: the log names them in the order of the configuration."""
        return dict(zip(self._names, self.listening, strict=True))[listener]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, traceback)
        # twistd ends itself by the signal it was sent, after an orderly stop.
        assert self.process.returncode == -signal.SIGTERM, self.log
        assert self.log.rstrip().endswith("Server Shut Down."), self.log
        assert "Unhandled" not in self.log, self.log

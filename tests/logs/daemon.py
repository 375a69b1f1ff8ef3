"""A daemon whose log is that of `[log]`, wherever it goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.examples.daemon import BIN, environment
from tests.processes import Daemon

__all__ = ["LoggingDaemon", "events_of"]

LISTEN = '[[listen]]\ntransport = "{}"\nendpoint = "tcp:0:interface=127.0.0.1"\n'


def events_of(path: Path) -> list[dict[str, Any]]:
    """What is in a JSON log: each line an object."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class LoggingDaemon(Daemon):
    """Serves a module by a configuration, both written here.

    Args:
        directory: where it runs.
        configuration: TOML, without listeners.
        module: the text of `mymodule`.
        transports: of its listeners.
        file: its log, if that is not its standard output.
        flags: of twistd.
    """

    def __init__(
        self,
        directory: Path,
        configuration: str,
        *,
        module: str = "",
        transports: tuple[str, ...] = ("tcp",),
        file: str | None = None,
        flags: tuple[str, ...] = ("-n",),
    ) -> None:
        (directory / "mymodule.py").write_text(module, encoding="utf-8")
        listeners = "".join(LISTEN.format(transport) for transport in transports)
        (directory / "rpc.toml").write_text(listeners + configuration, encoding="utf-8")
        program = [str(BIN / "twistd"), *flags, "--pidfile=", "rpc", "--config", "rpc.toml"]
        super().__init__(program, directory, environment(), len(transports))
        self._file = directory / file if file else None

    @property
    def log(self) -> str:
        """See `Daemon`."""
        if self._file is None:
            return super().log
        return self._file.read_text(encoding="utf-8") if self._file.exists() else super().log

    @property
    def listening(self) -> list[int]:
        """See `Daemon`."""
        ports = []
        for line in self.log.splitlines():
            said = json.loads(line) if line.startswith("{") else {}
            if said.get("namespace") == "twisted_rpc.ports.ListenerService":
                ports.append(int(said["where"].rpartition(":")[2]))
        return ports or super().listening

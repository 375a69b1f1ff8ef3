"""A daemon for the parts of the console."""

from __future__ import annotations

import os
from pathlib import Path

from tests.interop.daemon import TWISTD, listen
from tests.processes import Daemon

__all__ = ["EchoDaemon"]

HERE = Path(__file__).parent


class EchoDaemon(Daemon):
    """`twistd -n rpc` on a hybrid port, with methods that give back what they are given.

    Args:
        directory: where its configuration and log are kept.
        configuration: what stands in it besides.
        options: of the command line.
    """

    def __init__(self, directory: Path, configuration: str = "", *options: str) -> None:
        expose = '[expose]\necho = "parts_harness_service:Echo"\n'
        site = '[web]\nresource = "parts_harness_service:Site"\n'
        text = "\n".join([listen("hybrid"), expose, site, configuration])
        (directory / "rpc.toml").write_text(text, encoding="utf-8")
        command = [TWISTD, "-n", "--pidfile=", "rpc", "--config", "rpc.toml", *options]
        super().__init__(command, directory, {**os.environ, "PYTHONPATH": str(HERE)})

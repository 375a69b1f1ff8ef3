"""The daemons that the console is looked at on."""

from __future__ import annotations

import os
from pathlib import Path

from tests.console.browsing import ROOT
from tests.interop.daemon import TWISTD, listen
from tests.processes import Daemon

__all__ = ["EITHER", "EXAMPLES", "GUARDED", "HOSTILE", "Served"]

EXAMPLES = """
[server]
title = "Examples"
version = "1.0"

[expose]
calc = "examples.calculator:Calculator"
users = "examples.users:Users"
chat = "examples.chat:ChatRoom"
"""

GUARDED = """
[server]
auth = ["memory:alice:wonderland:bob:builder", "token:tokens.toml"]

[limits]
auth_delay = "none"
max_auth_attempts = "none"

[expose]
calc = "examples.calculator:Calculator"
vault = "service:Vault"

[access.alice]
roles = ["read", "secret", "metrics", "admin"]

[access.bob]
roles = ["read"]

[access.ci]
roles = ["read", "secret"]
"""

EITHER = """
[server]
auth = ["anonymous", "memory:alice:wonderland"]

[limits]
auth_delay = "none"
max_auth_attempts = "none"

[expose]
calc = "examples.calculator:Calculator"
"""

HOSTILE = """
[expose]
calc = "service:Hostile"
events = "service:Events"
"""


class Served(Daemon):
    """`twistd -n rpc` with one hybrid port that shows the console.

    Args:
        directory: where its configuration and log are kept.
        text: its configuration, without listeners.
        port: where it listens; on a free one unless given.
        keys: further ones of its listener.
    """

    def __init__(self, directory: Path, text: str, *, port: int = 0, keys: str = "") -> None:
        listener = listen("hybrid").replace("tcp:0", f"tcp:{port}")
        config = f"{listener}\n{keys}\n{text}"
        (directory / "rpc.toml").write_text(config, encoding="utf-8")
        command = [TWISTD, "-n", "--pidfile=", "rpc", "--config", "rpc.toml"]
        path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
        super().__init__(command, directory, {**os.environ, "PYTHONPATH": path})

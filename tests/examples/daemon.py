"""The examples as the daemon runs them: `twistd` with a configuration of `etc/`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.processes import DEADLINE, Daemon

__all__ = [
    "BIN",
    "CONFIGURATIONS",
    "ROOT",
    "any_port",
    "check",
    "ended_well",
    "environment",
    "serving",
]

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CONFIGURATIONS = sorted((ROOT / "etc").glob("*.toml"))

_NO_ENVIRONMENT: Mapping[str, str] = {}


def environment(more: Mapping[str, str] = _NO_ENVIRONMENT) -> dict[str, str]:
    """The environment of a daemon that finds the examples, wherever it runs."""
    kept = {k: v for k, v in os.environ.items() if k not in ("DEBUG", "USERS_DB")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def any_port(configuration: Path, directory: Path) -> Path:
    """A copy of a configuration that listens on a port of the system's choice."""
    text, found = re.subn(r"tcp:7080:", "tcp:0:", configuration.read_text(encoding="utf-8"))
    assert found == 1, configuration
    copy = directory / configuration.name
    copy.write_text(text, encoding="utf-8")
    return copy


def check(configuration: Path, directory: Path) -> subprocess.CompletedProcess[str]:
    """Have a configuration checked."""
    return subprocess.run(
        twistd("--config", str(configuration), "--check"),
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@contextmanager
def serving(
    directory: Path, name: str, more: Mapping[str, str] = _NO_ENVIRONMENT
) -> Iterator[Daemon]:
    """Run `etc/NAME.toml` on a port of its own, and end it in good order.

    Args:
        directory: where it runs.
        name: of the configuration.
        more: what else its environment has.
    """
    config = any_port(ROOT / "etc" / f"{name}.toml", directory)
    with ended_well(Daemon(twistd("--config", str(config)), directory, environment(more))) as up:
        yield up


@contextmanager
def ended_well(daemon: Daemon) -> Iterator[Daemon]:
    """Run a daemon, end it by SIGTERM, and see that its end was an orderly one."""
    with daemon:
        yield daemon
    # twistd ends itself by the signal it was sent, after an orderly stop.
    assert daemon.process.returncode == -signal.SIGTERM, daemon.log
    assert "Server Shut Down." in daemon.log, daemon.log
    assert "Unhandled" not in daemon.log, daemon.log


def twistd(*options: str) -> list[str]:
    """The command of a daemon with these options."""
    return [str(BIN / "twistd"), "-n", "--pidfile=", "rpc", *options]

"""The installed package, a user's module, and daemons that serve it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation, installation
from tests.processes import Daemon

Start = Callable[..., Daemon]

MODULE = '''
from pathlib import Path

from twisted.internet import reactor, task
from twisted_rpc import Context, Server, method

print("noise of an import")


class Calculator:
    @method
    def add(self, a: float, b: float) -> float:
        print("noise of a call")
        return a + b

    @method
    async def wait_for(self, path: str) -> str:
        """End once there is a file."""
        while not Path(path).exists():
            await task.deferLater(reactor, 0.01)
        return "done"

    @method
    def whoami(self, ctx: Context) -> str | None:
        return ctx.identity


class MyServer(Server):
    def __init__(self, **options):
        super().__init__(**options)
        self.expose("mine", {"answer": lambda: 42})


class Empty:
    pass


class Broken:
    def __init__(self):
        raise RuntimeError("no\\nluck")


class BrokenServer(Server):
    def __init__(self, **options):
        raise RuntimeError("no luck")
'''


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel in an environment of its own."""
    return installation(tmp_path_factory)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with a user's module in it."""
    (tmp_path / "mymodule.py").write_text(MODULE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def start(installed: Installation, project: Path) -> Start:
    """Make a daemon of `twistd -n rpc` with these options, to be used in a `with` statement."""

    def make(*options: str, **rest: Any) -> Daemon:
        command = [installed.command("twistd"), "-n", "--pidfile=", "rpc", *options]
        environment = {**installed.environment, **rest.pop("environment", {})}
        return Daemon(command, project, environment, **rest)

    return make

"""Programs of asyncio that use the client, each in a process with a loop of its own.

Warnings are errors there, and in Python's development mode whatever is left open is one.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import succeed

from tests.client.serving_process import Serving
from tests.processes import DEADLINE
from twisted_rpc import as_future

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

BEGINNING = """
import asyncio, logging, sys, threading
# A slow machine is no fault of the program's.
logging.getLogger("asyncio").setLevel(logging.ERROR)
from twisted_rpc import *
PLACE = sys.argv[1]
"""


@pytest.fixture(params=["tcp", "ws", "http"])
def scheme(request: pytest.FixtureRequest) -> Any:
    """Of each transport."""
    return request.param


@pytest.fixture
def url(shared: Serving, scheme: str) -> str:
    """Where a server is."""
    return f"{scheme}://127.0.0.1:{shared.port}"


def run(program: str, url: str = "") -> list[str]:
    """The lines that a program prints, which ends well and has nothing to complain of."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", BEGINNING + program, url],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
        cwd=ROOT,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.splitlines()


def main(body: str) -> str:
    """A program that does this while the reactor runs, with a client."""
    return f"""
async def main():
    async with running_reactor():
        client = await as_future(connect(PLACE, backoff=lambda failures: 0.01))
{textwrap.indent(textwrap.dedent(body).strip(), " " * 8)}
        await as_future(client.close())
    print(len(threading.enumerate()), "thread")

asyncio.run(main())
"""


def test_many_calls_at_once(url: str) -> None:
    body = """
        calls = [as_future(client.call("double", [n])) for n in range(200)]
        print(sum(await asyncio.gather(*calls)))
    """
    assert run(main(body), url) == [str(sum(range(200)) * 2), "1 thread"]


def test_a_coroutine_of_the_clients_own(url: str) -> None:
    body = """
        async def use():
            async with client.batch() as batch:
                calls = [batch.call("double", [n]) for n in range(3)]
            return [await call for call in calls]
        print(await as_future(use()))
    """
    assert run(main(body), url) == ["[0, 2, 4]", "1 thread"]


def test_errors_come_as_they_are(url: str) -> None:
    body = """
        for method in ("nothing", "wait"):
            try:
                await as_future(client.call(method, timeout=0.1 if method == "wait" else 20))
            except CallError as error:
                print(type(error).__name__, isinstance(error, TimeoutError))
    """
    assert run(main(body), url) == ["RemoteError False", "CallTimeout True", "1 thread"]


def test_no_connection_is_an_exception_too() -> None:
    program = """
async def main():
    async with running_reactor():
        try:
            await as_future(connect("tcp://127.0.0.1:1"))
        except ConnectionRefused as error:
            print(error)

asyncio.run(main())
"""
    (said,) = run(program)
    assert said.startswith("tcp://127.0.0.1:1: connection refused")


def test_cancelling_cancels_the_call(own: Serving, scheme: str) -> None:
    body = """
        call = as_future(client.call("wait", timeout=None))
        await as_future(client.call("double", [1]))
        call.cancel()
        try:
            await call
        except asyncio.CancelledError:
            print("cancelled")
        try:
            await asyncio.wait_for(as_future(client.call("wait", timeout=None)), 0.2)
        except asyncio.TimeoutError:
            print("too late")
    """
    url = f"{scheme}://127.0.0.1:{own.port}"
    assert run(main(body), url) == ["cancelled", "too late", "1 thread"]
    if scheme == "http":  # whose server cannot tell a request given up from a half-close
        return
    said = sorted(own.said() for _ in range(4))
    assert said == ["called", "called", "cancelled", "cancelled"]


def test_a_lost_line_ends_its_calls_and_comes_back(url: str) -> None:
    body = """
        states = []
        client.on_state(lambda state: states.append(state.value))
        try:
            await as_future(client.call("cut"))
        except ConnectionLost as error:
            print("lost")
        print(await as_future(client.call("double", [21], retry=True)))
        print(states == ([] if PLACE.startswith("http") else
                         ["disconnected", "connecting", "connected"]))
    """
    assert run(main(body), url) == ["lost", "42", "True", "1 thread"]


def test_the_server_calls_back(url: str) -> None:
    body = """
        if PLACE.startswith("http"):
            try:
                client.expose("double", print)
            except NotFullDuplex:
                print(42)
        else:
            client.expose("double", lambda value: value * 2)
            print(await as_future(client.call("ask", [21])))
    """
    assert run(main(body), url) == ["42", "1 thread"]


def test_what_is_left_open_ends_with_the_reactor(url: str) -> None:
    program = """
async def main():
    async with running_reactor():
        client = await as_future(connect(PLACE))
        call = as_future(client.call("wait"))
        await as_future(client.call("double", [1]))
    try:
        await call
    except ConnectionLost:
        print("lost")
    await asyncio.sleep(0)
    print(len(threading.enumerate()), "thread")

asyncio.run(main())
"""
    assert run(program, url) == ["lost", "1 thread"]


def test_an_exception_inside_comes_out() -> None:
    program = """
async def main():
    async with running_reactor():
        raise ValueError("mine")

try:
    asyncio.run(main())
except ValueError as error:
    print(error)
"""
    assert run(program) == ["mine"]


def test_under_twisteds_own_reactor_on_asyncio(url: str) -> None:
    program = """
from twisted.internet import asyncioreactor
asyncioreactor.install()
from twisted.internet import reactor

async def main():
    client = await as_future(connect(PLACE))
    print(await as_future(client.call("double", [21])))
    await as_future(client.close())
    reactor.stop()

reactor.callWhenRunning(lambda: tasks.append(asyncio.ensure_future(main())))
tasks = []
reactor.run()
tasks[0].result()
"""
    assert run(program, url) == ["42"]


INSTALLED = (
    "a reactor is installed already, EPollReactor: enter running_reactor() before anything "
    "imports twisted.internet.reactor"
)
ENTER = """
async def main():
    async with running_reactor():
        print("runs")

def enter(*_):
    try:
        asyncio.run(main())
    except RuntimeError as error:
        print(error)
"""


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            "from twisted.internet import reactor\nenter()",
            [INSTALLED],
        ),
        (
            "enter()\nenter()",
            ["runs", "running_reactor() is for once in a process: no reactor starts again"],
        ),
        (
            "try:\n    main().send(None)\nexcept RuntimeError as error:\n    print(error)",
            ["no running event loop"],
        ),
    ],
    ids=["another reactor", "twice", "no loop"],
)
def test_where_it_cannot_run_it_says_why(program: str, said: list[str]) -> None:
    assert run(f"{ENTER}\n{program}\n") == said


def test_without_a_reactor_a_future_would_never_come() -> None:
    program = """
from twisted.internet.defer import Deferred

async def main():
    try:
        as_future(Deferred())
    except RuntimeError as error:
        print(error)

asyncio.run(main())
"""
    assert run(program) == ["no reactor runs in this loop: enter `async with running_reactor()`"]


def test_outside_of_a_loop_there_are_no_futures() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        as_future(succeed(None))

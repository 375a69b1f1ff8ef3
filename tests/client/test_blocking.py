"""Calls that wait, in processes of their own: this one's reactor belongs to the tests."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.serving_process import Serving

HERE = Path(__file__).parent
DEADLINE = 60


@pytest.fixture
def url(shared: Serving) -> str:
    """Where a server is."""
    return f"tcp://127.0.0.1:{shared.port}"


def run(url: str, program: str) -> subprocess.CompletedProcess[str]:
    """Run a script that finds the server's URL as `URL`."""
    return subprocess.run(
        [sys.executable, "-c", f"URL = {url!r}\n{program}"],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
        cwd=HERE.parents[1],
    )


def test_calls_return_their_results(url: str) -> None:
    done = run(
        url,
        "from twisted_rpc import blocking\n"
        "with blocking.connect(URL) as rpc:\n"
        "    print(rpc.double(21), rpc.double(value=2), rpc.call('double', [1], timeout=5))\n"
        "    rpc.notify('double', [1])\n",
    )
    assert (done.stdout, done.stderr, done.returncode) == ("42 4 2\n", "", 0)


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("blocking.connect(URL).nothing()", "RemoteError: nothing: Method not found (-32601)"),
        ("blocking.connect(URL).never.ends.call", ""),
        ("blocking.connect('tcp://127.0.0.1:1')", "ConnectionRefused: tcp://127.0.0.1:1: conn"),
        ("blocking.connect('nonsense')", "ValueError: 'nonsense'"),
        ("blocking.connect('exec:true')", "a child process needs the reactor in the main thread"),
        ("blocking.connect(URL).call('wait', timeout=0.1)", "CallTimeout: wait: no answer"),
        ("blocking.connect(URL).double(1, value=2)", "TypeError: double: give parameters by"),
    ],
)
def test_what_is_wrong_is_raised(url: str, program: str, error: str) -> None:
    done = run(url, f"from twisted_rpc import blocking\n{program}\n")
    assert error in done.stderr
    assert (done.returncode == 0) is (error == "")


def test_inside_the_reactor_it_says_what_to_do_instead() -> None:
    done = run(
        "tcp://127.0.0.1:1",
        "from twisted.internet import reactor\n"
        "from twisted_rpc import blocking\n"
        "def use():\n"
        "    try:\n"
        "        blocking.connect(URL)\n"
        "    except RuntimeError as error:\n"
        "        print(error)\n"
        "    reactor.stop()\n"
        "reactor.callWhenRunning(use)\n"
        "reactor.run()\n",
    )
    assert "use twisted_rpc.connect, and await" in done.stdout


def test_an_interrupt_ends_the_wait(own: Serving) -> None:
    program = (
        f"URL = 'tcp://127.0.0.1:{own.port}'\n"
        "from twisted_rpc import blocking\n"
        "with blocking.connect(URL) as rpc:\n"
        "    print('waiting', flush=True)\n"
        "    rpc.wait()\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE.parents[1]
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        assert own.said() == "called"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=DEADLINE)
        assert own.said() == "cancelled"
    assert "KeyboardInterrupt" in errors


def test_it_hears_and_is_called_back(url: str) -> None:
    done = run(
        url,
        "from queue import Queue\n"
        "from twisted_rpc import blocking\n"
        "heard = Queue()\n"
        "with blocking.connect(URL) as rpc:\n"
        "    rpc.expose('double', lambda value: value * 2)\n"
        "    end = rpc.on('told', heard.put)\n"
        "    print(rpc.ask(21), heard.get(timeout=20))\n"
        "    end()\n"
        "    print(rpc.call('ask', [21], retry=True), heard.empty())\n",
    )
    assert (done.stdout, done.stderr) == ("42 news\n42 True\n", "")


def test_a_reactor_that_has_ended_is_no_trap() -> None:
    done = run(
        "tcp://127.0.0.1:1",
        "from twisted.internet import reactor\n"
        "from twisted_rpc import blocking\n"
        "reactor.callWhenRunning(reactor.stop)\n"
        "reactor.run()\n"
        "blocking.connect(URL)\n",
    )
    assert "RuntimeError: the reactor has run in this process" in done.stderr


def test_nor_is_one_that_ends_meanwhile(url: str) -> None:
    done = run(
        url,
        "import threading\n"
        "from twisted.internet import reactor\n"
        "from twisted_rpc import blocking\n"
        "rpc = blocking.connect(URL)\n"
        "threading.Timer(0.1, reactor.callFromThread, (reactor.stop,)).start()\n"
        "try:\n"
        "    rpc.wait()\n"
        "except Exception as error:\n"
        "    print(type(error).__name__)\n"
        "rpc.double(1)\n",
    )
    assert done.stdout == "ConnectionLost\n"
    assert "RuntimeError: the reactor has stopped" in done.stderr


def test_nor_is_one_of_the_process_that_forked(url: str) -> None:
    done = run(
        url,
        "import os\n"
        "from twisted_rpc import blocking\n"
        "rpc = blocking.connect(URL)\n"
        "if os.fork() == 0:\n"
        "    for use in (rpc.wait, lambda: blocking.connect(URL)):\n"
        "        try:\n"
        "            use()\n"
        "        except RuntimeError as error:\n"
        "            print(error, flush=True)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "rpc.close()\n",
    )
    assert done.stdout.count("this process was forked from one whose reactor ran") == 2

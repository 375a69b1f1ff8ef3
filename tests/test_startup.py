"""What a start loads, and what it does not: a module that nobody needs is time for nothing.

Each program runs in a process of its own and says which of the modules in its table are
loaded in the end.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest

SERVER = {
    "autobahn": "a tenth of a second; loaded beside the reactor once a port is open",
    "cffi": "Autobahn's",
    "twisted.web.client": "nobody is called",
    "twisted.web.http": "requests are read by httptools",
    "twisted.web.server": "there is no site",
    "twisted_rpc.admin": "no listener has it",
    "twisted_rpc.pages.page": "nobody asks for one",
    "twisted_rpc.client": "nobody is called",
    "twisted_rpc.transports.connecting": "nobody is called",
    "click": "the command line's",
    "rich": "the command line's",
    "jwt": "nobody logs in by it",
    "argon2": "nobody logs in by it",
}

CLIENT = {
    "autobahn": "for ws:// alone",
    "twisted.web.client": "for http:// alone",
    "twisted.web.server": "nobody is served",
    "twisted_rpc.service": "the daemon's",
    "twisted_rpc.server": "nobody is served",
    "httptools": "nobody is served",
}

PLUGINS = {
    "twisted_rpc": "every twistd command imports the plugins",
    "msgspec": "ours",
    "cryptography": "a checker's, when one is made",
}

HELP = {
    "twisted": "nothing is called yet",
    "twisted_rpc.cli.commands": "no command is run yet",
    "twisted_rpc.tap": "the daemon's",
    "rich": "nothing is shown in a table",
}

CALL = {
    **CLIENT,
    "twisted_rpc.tap": "the daemon's",
    "twisted_rpc.cli.measuring": "another command's",
    "twisted_rpc.cli.tokens": "another command's",
    "rich": "a result is no table",
}

COMMAND_LINE = """
import sys
from twisted_rpc.cli import main
sys.argv = ["twisted-rpc", *{arguments!r}]
try:
    main()
except SystemExit:
    pass
"""

OPTIONS = "from twisted_rpc.tap import Options\n"
SERVED = OPTIONS + "Options().parseOptions(['--hybrid=tcp:0', '--expose=examples.users:Users'])"

STARTS = [
    ("import twisted_rpc", {"twisted": "nothing is asked for", "msgspec": "nothing is asked for"}),
    ("import twisted.plugins.twisted_rpc_auth, twisted.plugins.twisted_rpc_plugin", PLUGINS),
    (
        "from twisted.internet import reactor\nfrom twisted_rpc import listen, method, Server",
        SERVER,
    ),
    (OPTIONS + "Options().parseOptions([])", SERVER),
    (SERVED, SERVER),
    ("from twisted_rpc import Client, connect, connector", CLIENT),
    (COMMAND_LINE.format(arguments=["--version"]), HELP),
    (COMMAND_LINE.format(arguments=["--help"]), HELP),
    (COMMAND_LINE.format(arguments=["completion", "bash"]), HELP),
    (COMMAND_LINE.format(arguments=["call", "--help"]), CALL),
]


def _loaded(program: str, modules: Mapping[str, str]) -> list[str]:
    """Those of some modules that are loaded when a program has run."""
    said = (
        f"\nimport json, sys\nprint(json.dumps([n for n in {list(modules)} if n in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program + said],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


@pytest.mark.parametrize(("program", "modules"), STARTS)
def test_start_does_not_load(program: str, modules: dict[str, str]) -> None:
    assert _loaded(program, modules) == []


LISTEN = """
import threading
from twisted.internet import reactor
from twisted_rpc import Server, listen
ports = []
listen(Server(), "tcp:0", {transport!r}).addCallback(ports.append)
assert ports
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join()
"""


@pytest.mark.parametrize("transport", ["http", "hybrid", "websocket"])
def test_open_port_loads_websocket(transport: str) -> None:
    assert _loaded(LISTEN.format(transport=transport), {"autobahn": ""}) == ["autobahn"]


def test_open_port_of_streams_loads_no_websocket() -> None:
    assert _loaded(LISTEN.format(transport="tcp"), {"autobahn": ""}) == []


RIGHTS = """
from twisted_rpc.tap import Options, makeService
options = Options()
options.parent = {rights!r}
options.parseOptions([])
makeService(options)
"""


@pytest.mark.parametrize("right", ["chroot", "uid", "gid"])
def test_daemon_loads_everything_before_it_gives_up_a_right(right: str) -> None:
    """What it imports after that may be out of its reach."""
    assert _loaded(RIGHTS.format(rights={right: "/"}), {"autobahn": ""}) == ["autobahn"]
    assert _loaded(RIGHTS.format(rights={right: None}), {"autobahn": ""}) == []


OUT_OF_REACH = """
import http.client, json, sys
from twisted.internet import reactor, threads
from twisted_rpc.pages.choosing import PLACES
from twisted_rpc.tap import Options, makeService

options = Options()
options.parent = {"chroot": "/"}
options.parseOptions(["--hybrid", "tcp:0"])
service = makeService(options)
before = set(sys.modules)
service.privilegedStartService()
service.startService()
(listener,) = service.listeners
port = listener.port.getHost().port

def ask():
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found = {}
    sys.addaudithook(opened)
    for path in [*map(bytes.decode, PLACES), "/console/main.js", "/console/vendor/preact.js"]:
        line.request("GET", path)
        response = line.getresponse()
        response.read()
        found[path] = response.status
    return found

files = []

def opened(event, args):
    if event == "open" and "twisted_rpc" in str(args[0]):
        files.append(str(args[0]))

def say(found):
    late = [name for name in set(sys.modules) - before if name.startswith("twisted")]
    print(json.dumps([found, late, files]))
    reactor.stop()

threads.deferToThread(ask).addBoth(say)
reactor.run()
"""


def test_pages_need_no_file_once_a_right_is_given_up() -> None:
    """`-O`, because what an assertion looks at is looked at by nobody then."""
    done = subprocess.run(
        [sys.executable, "-O", "-c", OUT_OF_REACH],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found, late, files = json.loads(done.stdout)
    assert {status for path, status in found.items() if path not in ("/", "/console")} == {200}
    assert (found["/"], found["/console"]) == (303, 303)
    assert (late, files) == ([], [])

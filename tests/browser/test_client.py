"""The client at `/client.js` in a real browser: in pages of ours, of listed origins, of others."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.browser import EVIL, Chromium, Visit
from tests.browser.servers import LOOPBACK, CountingDaemon, PageServer
from tests.docs.pages import Block, blocks_of
from tests.installation import ROOT
from tests.interop.daemon import TWISTD
from tests.processes import Daemon

PAGE = ROOT / "docs" / "browser.md"

IMPORT = "const module = await import(url + 'client.js'); const {connect} = module;"
SCRIPT = "(async () => { %s %s })().then(JSON.stringify, (error) => 'failed: ' + error.message)"


def run(page: Visit, url: str, program: str) -> Any:
    """What a program comes to that has imported the client from a server."""
    learnt = page.run(SCRIPT % (IMPORT, program), url, "")
    assert learnt is not None
    return learnt if learnt.startswith("failed") else json.loads(learnt)


def address(daemon: CountingDaemon) -> str:
    return f"http://{LOOPBACK}:{daemon.port}/"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CountingDaemon]:
    """A daemon for alice alone, with a page whose policy allows next to nothing."""
    web = """
        [server]
        auth = ["memory:alice:wonder"]

        [limits]
        auth_delay = "none"

        [web]
        resource = "service:StrictSite"
    """
    with CountingDaemon(tmp_path_factory.mktemp("guarded"), web) as running:
        yield running


@pytest.mark.parametrize("target", ["'/rpc'", "url", "url.replace('http', 'ws')"])
def test_page_of_the_daemon_calls(
    chromium: Chromium, friendly: CountingDaemon, target: str
) -> None:
    url = address(friendly)
    with chromium.visit(url + "page") as page:
        learnt = run(
            page,
            url,
            f"""
            const client = connect({target});
            const before = await client.call('counter.read');
            await client.proxy.counter.bump();
            const [after, unknown] = client.batch((batch) => [
                batch.call('counter.read'), batch.call('nothing').catch((error) => error.code),
            ]);
            const result = [await after - before, await unknown, client.url, client.state];
            client.close();
            return [...result, client.state];
            """,
        )
    scheme = "http" if target == "url" else "ws"
    path = "rpc" if "rpc" in target else ""
    where = f"{scheme}://{LOOPBACK}:{friendly.port}/{path}"
    assert learnt == [1, -32601, where, "connected", "closed"]


def test_page_of_a_listed_origin_imports_and_calls(
    chromium: Chromium, pages: PageServer, friendly: CountingDaemon
) -> None:
    program = """
        const results = [];
        for (const where of [url, url.replace('http', 'ws')]) {
            const client = connect(where);
            results.push(typeof await client.call('counter.read'));
            client.close();
        }
        return results;
    """
    with chromium.visit(f"http://{LOOPBACK}:{pages.port}/") as page:
        assert run(page, address(friendly), program) == ["number", "number"]


def test_page_of_another_origin_imports_nothing(
    chromium: Chromium, pages: PageServer, friendly: CountingDaemon, daemon: CountingDaemon
) -> None:
    with chromium.visit(f"http://{EVIL}:{pages.port}/") as page:
        for server in (friendly, daemon):
            assert run(page, address(server), "return 1;").startswith("failed: Failed to fetch")


def test_calls_of_the_server_and_a_lost_line(chromium: Chromium, friendly: CountingDaemon) -> None:
    url = address(friendly)
    program = """
        const client = connect('/', {backoff: () => 10});
        const heard = [], states = [], mistakes = [];
        window.addEventListener('error', (event) => {
            mistakes.push(event.error.message);
            event.preventDefault();
        });
        client.onstate = (state) => states.push(state);
        client.on('told', (...params) => heard.push(params));
        client.expose('double', (number) => 2 * number);
        client.expose('crash', () => { throw new Error('a mistake'); });
        const back = [await client.call('counter.ask', ['double', [21]])];
        back.push(await client.call('counter.ask', ['crash', []]));
        client.expose('cut', () => {
            client.notify('counter.drop');
            return new Promise(() => {});
        });
        back.push(await client.call('counter.ask', ['cut', []]).catch((error) => error.name));
        while (!heard.length) await client.call('counter.tell', ['told', ['again']]);
        client.close();
        return [back, heard, states, mistakes];
    """
    with chromium.visit(url + "page") as page:
        back, heard, states, mistakes = run(page, url, program)
    assert back == [42, -32603, "ConnectionLost"]
    assert heard[-1] == ["again"]
    assert states == ["connected", "disconnected", "connecting", "connected", "closed"]
    assert mistakes == ["a mistake"]


def test_credentials_under_a_strict_policy(chromium: Chromium, guarded: CountingDaemon) -> None:
    """The page's policy forbids all but scripts and connections of its own origin."""
    url = address(guarded)
    program = """
        const auth = {user: 'alice', password: 'wonder'};
        const results = [];
        try { eval('1'); } catch (error) { results.push(error.name); }
        const http = connect(url, {auth});
        for (const options of [{auth}, {auth: () => http.call('rpc.ticket').then(
            ({ticket}) => ({ticket}))}, {auth: {...auth, password: 'wrong'}}, {}]) {
            const client = connect('/', options);
            results.push(await client.call('counter.read').catch((error) => error.name));
            client.close();
        }
        results.push(await http.call('counter.read'));
        const nobody = connect(url);
        results.push(await nobody.call('counter.read').catch((error) => error.name));
        return results;
    """
    with chromium.visit(url + "page") as page:
        learnt = run(page, url, program)
    assert learnt == [
        "EvalError",
        0,
        0,
        "AuthenticationFailed",
        "RPCError",
        0,
        "AuthenticationFailed",
    ]


class DocumentedDaemon(Daemon):
    """The daemon of `docs/browser.md`, on any free port.

    Args:
        directory: where the files of the page are written.
        blocks: those of the page.
    """

    def __init__(self, directory: Path, blocks: list[Block]) -> None:
        for block in blocks:
            if block.title is not None:
                text = block.text.replace("tcp:7080", "tcp:0")
                (directory / block.title).write_text(text, encoding="utf-8")
        command = [TWISTD, "-n", "--pidfile=", "rpc", "--config", "rpc.toml"]
        environment = {**os.environ, "PYTHONPATH": str(directory)}
        super().__init__(command, directory, environment)


@pytest.fixture
def documented(tmp_path: Path) -> Iterator[str]:
    """Where the page of the documentation is served."""
    with DocumentedDaemon(tmp_path, blocks_of(PAGE)) as running:
        yield f"http://{LOOPBACK}:{running.port}/"


def test_documented_page(chromium: Chromium, documented: str) -> None:
    """A click in one window is seen in the other."""
    click = """new Promise((resolve) => {
        const button = document.querySelector('button');
        const seen = () => !button.disabled && resolve(button.textContent);
        setTimeout(() => resolve('in vain'), 20_000);
        new MutationObserver(seen).observe(button, {childList: true, attributes: true});
        seen();
    })"""
    changed = """new Promise((resolve) => {
        const button = document.querySelector('button');
        const seen = () => button.textContent === message && resolve(message);
        setTimeout(() => resolve('in vain'), 20_000);
        new MutationObserver(seen).observe(button, {childList: true});
        seen();
    })"""
    with chromium.visit(documented) as one, chromium.visit(documented) as other:
        for page in (one, other):
            assert page.run(click, documented, "") == "Turn it on"
        one.run("(document.querySelector('button').click(), 'clicked')", documented, "")
        for page in (one, other):
            assert page.run(changed, documented, "Turn it off") == "Turn it off"


def test_documented_program(chromium: Chromium, documented: str) -> None:
    """The parts of the page's module do what they say; `console.assert` says so."""
    parts = [block.text for block in blocks_of(PAGE) if block.kind == "js"]
    assert parts[0].startswith("import ")
    first = re.sub(
        r"^import (\{.*\}) from '(.*)';$",
        r"const \1 = await import('\2');",
        parts[0],
        flags=re.MULTILINE,
    )
    program = f"""new Promise(async (resolve) => {{
        const failures = [];
        let asserted = 0;
        setTimeout(() => resolve(JSON.stringify([asserted, 'in vain'])), 20_000);
        console.assert = (holds) => {{
            asserted += 1;
            if (!holds) failures.push(new Error().stack);
        }};
        {first}
        {"".join(parts[1:])}
        resolve(JSON.stringify([asserted, failures]));
    }})"""
    with chromium.visit(documented) as page:
        learnt = page.run(program, documented, "")
    assert learnt is not None
    assert json.loads(learnt) == [sum(part.count("console.assert") for part in parts), []]

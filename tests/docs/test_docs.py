"""What README and documentation show is true: every block is run, every link leads somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from examples.calculator import Calculator
from tests.docs.pages import PAGES, Page, blocks_of
from tests.installation import ROOT
from twisted_rpc import Server
from twisted_rpc.configuration_file import parse
from twisted_rpc.errors import ErrorCode

KINDS = {"console", "html", "ini", "js", "python", "rpc", "text", "toml"}
_LINK = re.compile(r"\]\(([^)#:]+)(#[^)]*)?\)")


def name_of(path: Path) -> str:
    """What a page is called in a test's name."""
    return path.name


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_block_of_a_page_does_what_it_shows(path: Path, page: Page) -> None:
    for block in blocks_of(path):
        assert block.kind in KINDS, block
        if block.kind == "toml":
            parse(block.text, path.name)
        if block.title is not None:
            page.write(block)
        elif block.kind == "python":
            page.run_python(block.text)
        elif block.kind == "console":
            page.run_console(block.text)
        elif block.kind == "rpc":
            check_conversation(block.text)


def check_conversation(text: str) -> None:
    """Hold the conversation of a block with the calculator."""
    server = Server()
    server.expose("calc", Calculator())
    lines = [line for line in text.splitlines() if line]
    while lines:
        assert lines[0].startswith("--> ")
        outcome: list[bytes | None] = []
        server.dispatch(lines.pop(0)[4:].encode()).addCallback(outcome.append)
        (answer,) = outcome
        if lines and lines[0].startswith("<-- "):
            assert answer is not None
            assert json.loads(answer) == json.loads(lines.pop(0)[4:])
        else:
            assert answer is None


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    targets = [target for target, _ in _LINK.findall(path.read_text(encoding="utf-8"))]
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_every_error_code_is_explained() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    codes = [int(code) for code in re.findall(r"^\| (-\d+) \|", text, re.MULTILINE)]
    assert sorted(codes) == sorted(int(code) for code in ErrorCode)


def test_every_module_has_its_place_in_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    package = ROOT / "twisted_rpc"
    modules = {path.relative_to(package).with_suffix("") for path in package.rglob("*.py")}
    names = {str(module) for module in modules if module.name != "__init__"}
    assert {name for name in names if f"`{name}`" not in text} == set()


@pytest.mark.parametrize(
    "target", ["serve", "test", "check", "bench", "bench-quick", "fuzz", "soak"]
)
def test_the_commands_of_make_exist(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)

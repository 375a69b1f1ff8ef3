"""`etc/public.toml` is what docs/operations.md runs, with an example to call."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.docs.pages import blocks_of
from tests.examples.daemon import ROOT, check
from tests.transports.certificate import Authority
from twisted_rpc.config import Config
from twisted_rpc.configuration_file import parse

FILE = ROOT / "etc" / "public.toml"


def without_what_is_exposed(text: str) -> Config:
    """A configuration, but for `[expose]`."""
    return msgspec.structs.replace(parse(text, "public.toml"), expose={})


def test_the_page_runs_the_same_listener() -> None:
    blocks = blocks_of(ROOT / "docs" / "operations.md")
    (shown,) = [block.text for block in blocks if block.title == "public.toml"]
    text = FILE.read_text(encoding="utf-8")
    assert without_what_is_exposed(shown) == without_what_is_exposed(text)
    assert "#     twistd -n rpc --config etc/public.toml\n" in text


def test_it_passes_its_check_and_says_which_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text("alice:wonderland\n", encoding="utf-8")
    done = check(FILE, tmp_path)
    said = "rpc: certificate ca.pem: No such file or directory\n"
    assert (done.returncode, done.stderr) == (1, said)
    Authority(tmp_path).issue("localhost", path="server")
    done = check(FILE, tmp_path)
    assert (done.stdout, done.stderr) == ("ok: 1 listener(s), 5 method(s)\n", "")

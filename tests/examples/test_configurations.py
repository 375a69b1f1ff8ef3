"""Every configuration in `etc/` is sound, and checking one leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.daemon import CONFIGURATIONS, ROOT, check

# `public` needs files; see test_public.py.
METHODS = {
    "admin": 13,
    "calculator": 5,
    "chat": 5,
    "examples": 14,
    "server_subclass": 1,
    "users": 4,
}


def test_every_configuration_is_known_here() -> None:
    assert {path.stem for path in CONFIGURATIONS} == {*METHODS, "public"}


@pytest.mark.parametrize("name", METHODS)
def test_a_configuration_passes_its_check(name: str, tmp_path: Path) -> None:
    done = check(ROOT / "etc" / f"{name}.toml", tmp_path)
    assert done.returncode == 0, done.stderr
    listeners = 2 if name == "admin" else 1
    assert done.stdout == f"ok: {listeners} listener(s), {METHODS[name]} method(s)\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", METHODS)
def test_a_configuration_says_how_it_is_run(name: str) -> None:
    text = (ROOT / "etc" / f"{name}.toml").read_text(encoding="utf-8")
    assert f"#     twistd -n rpc --config etc/{name}.toml\n" in text

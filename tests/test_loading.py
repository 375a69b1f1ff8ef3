"""MODULE:OBJECT to the object, from real modules on the path; errors say what failed."""

from __future__ import annotations

import os.path
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from twisted_rpc.errors import ConfigError
from twisted_rpc.loading import instance, load_object, split_exposure

MODULE = """
class Shop:
    class Inner:
        name = "inner"

class Picky:
    def __init__(self, needed): ...

class Failing:
    def __init__(self):
        raise OSError("no stock")

shop = Shop()

def ping(): ...
"""

BROKEN = {
    "rpctest_syntax": ("def", "importing 'rpctest_syntax' failed: SyntaxError: "),
    "rpctest_raises": ("1 / 0", "importing 'rpctest_raises' failed: ZeroDivisionError: "),
    "rpctest_imports": ("import rpctest_none", "cannot import 'rpctest_imports': No module named"),
}


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A directory with modules, made the current one; the path and modules as before after."""
    (tmp_path / "rpctest_shop.py").write_text(MODULE)
    for name, (source, _) in BROKEN.items():
        (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    for name in [name for name in sys.modules if name.startswith("rpctest_")]:
        del sys.modules[name]


def problem(reference: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_object(reference)
    said = str(caught.value)
    assert said.startswith(f"{reference}: ")
    return said.removeprefix(f"{reference}: ")


def test_module_object_and_attribute_of_an_object_are_found() -> None:
    assert load_object("os.path") is os.path
    assert load_object("os.path:join") is os.path.join
    assert load_object("os:path.join") is os.path.join
    assert load_object("os:") is os


def test_current_directory_is_searched_and_added_once() -> None:
    sys.path[:] = [entry for entry in sys.path if entry != str(Path.cwd())]
    assert load_object("rpctest_shop:Shop.Inner").name == "inner"
    load_object("rpctest_shop")
    assert sys.path.count(str(Path.cwd())) == 1


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("rpctest_none:x", "cannot import 'rpctest_none': No module named 'rpctest_none'"),
        ("rpctest_shop.sub:x", "cannot import 'rpctest_shop.sub': "),
        ("rpctest_shop:none", "'rpctest_shop' has no 'none'"),
        ("rpctest_shop:Shop.none", "'rpctest_shop' has no 'Shop.none'"),
        ("rpctest_shop:Shop..x", "'rpctest_shop' has no 'Shop..x'"),
        *((f"{name}:x", said) for name, (_, said) in BROKEN.items()),
    ],
)
def test_what_cannot_be_loaded_is_explained(reference: str, said: str) -> None:
    assert problem(reference).startswith(said)


@pytest.mark.parametrize("reference", ["", ":x", ".relative:x"])
def test_what_names_no_module_is_refused(reference: str) -> None:
    with pytest.raises(ConfigError, match=f"^{reference!r} is not MODULE:OBJECT$"):
        load_object(reference)


def test_class_is_called_and_anything_else_is_taken_as_it_is() -> None:
    made = instance("rpctest_shop:Shop")
    assert type(made).__name__ == "Shop"
    assert instance("rpctest_shop:shop") is load_object("rpctest_shop:shop")
    assert instance("rpctest_shop:ping") is load_object("rpctest_shop:ping")
    assert instance("os.path") is os.path


@pytest.mark.parametrize(
    ("name", "reason"),
    [("Picky", "Picky() failed: TypeError: "), ("Failing", "Failing() failed: OSError: no stock")],
)
def test_class_that_cannot_be_called_is_explained(name: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        instance(f"rpctest_shop:{name}")
    assert str(caught.value).startswith(f"rpctest_shop:{name}: {reason}")


@pytest.mark.parametrize(
    ("text", "name", "reference"),
    [
        ("calc=shop:Calculator", "calc", "shop:Calculator"),
        ("a.b=shop:Calculator", "a.b", "shop:Calculator"),
        ("=shop:Calculator", "", "shop:Calculator"),
        ("shop:Calculator", "calculator", "shop:Calculator"),
        ("shop:Shop.Inner", "inner", "shop:Shop.Inner"),
        ("shop.Tools", "tools", "shop.Tools"),
        ("shop", "shop", "shop"),
    ],
)
def test_exposure_is_split_in_name_and_reference(text: str, name: str, reference: str) -> None:
    assert split_exposure(text) == (name, reference)


@pytest.mark.parametrize("text", ["", "calc=", "calc=:Calculator", ":Calculator", "="])
def test_exposure_without_a_module_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is not \[NAME=\]MODULE:OBJECT"):
        split_exposure(text)

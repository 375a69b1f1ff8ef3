"""The facade: complete, sorted, importable, and each name in one place."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import twisted_rpc

MODULES = [
    "twisted_rpc",
    *(found.name for found in pkgutil.walk_packages(twisted_rpc.__path__, "twisted_rpc.")),
]


def _seen_by_type_checkers() -> dict[str, set[str]]:
    """The names that the package imports for type checkers, by their modules."""
    tree = ast.parse(Path(twisted_rpc.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    prefix = "twisted_rpc."
    return {
        str(node.module).removeprefix(prefix): {alias.name for alias in node.names}
        for node in imports
    }


def test_facade_holds_what_it_lists() -> None:
    names = [name for names in twisted_rpc._MODULES.values() for name in names]
    assert sorted(names) == sorted(twisted_rpc.__all__)


def test_type_checkers_see_what_is_loaded() -> None:
    loaded = {module: set(names) for module, names in twisted_rpc._MODULES.items()}
    assert _seen_by_type_checkers() == loaded


def test_facade_names_what_it_has_not_loaded() -> None:
    program = (
        "import sys, twisted_rpc\n"
        "print(set(twisted_rpc.__all__) <= set(dir(twisted_rpc)),"
        " [name for name in sys.modules if name.startswith('twisted_rpc.')])\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("True []\n", "")


def test_modules_of_the_package_are_its_attributes() -> None:
    program = "import twisted_rpc; print(twisted_rpc.framing.__name__, twisted_rpc.auth.__name__)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout.decode().split() == ["twisted_rpc.framing", "twisted_rpc.auth"]


def test_facade_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="'twisted_rpc' has no attribute 'Sever'"):
        _ = twisted_rpc.Sever  # type: ignore[attr-defined]  # and they know it too


@pytest.mark.parametrize("name", MODULES)
def test_all_is_sorted_without_repetition_and_true(name: str) -> None:
    module = importlib.import_module(name)
    listed = getattr(module, "__all__", [])
    # The order that ruff keeps: constants, classes, the rest.
    assert listed == sorted(listed, key=_isort_key)
    assert len(set(listed)) == len(listed)
    for public in listed:
        assert hasattr(module, public), f"{name}.__all__ lists {public}"


def _isort_key(name: str) -> tuple[int, str]:
    if name.isupper() and len(name) > 1:
        return 0, name
    return (1, name) if name[0].isupper() else (2, name)


def test_star_import_brings_exactly_the_facade() -> None:
    names: dict[str, object] = {}
    exec("from twisted_rpc import *", names)
    del names["__builtins__"]
    assert set(names) == set(twisted_rpc.__all__)


def test_version_is_a_release() -> None:
    assert [part.isdigit() for part in twisted_rpc.__version__.split(".")] == [True] * 3

"""The facade: complete, sorted, importable, and each name in one place."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

import twisted_rpc

MODULES = [
    "twisted_rpc",
    *(found.name for found in pkgutil.walk_packages(twisted_rpc.__path__, "twisted_rpc.")),
]


def _public(module: ModuleType) -> set[str]:
    """What a module holds under public names, submodules left out."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }


def test_facade_lists_everything_it_holds() -> None:
    assert _public(twisted_rpc) == set(twisted_rpc.__all__)


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

"""References to objects, as they stand on command lines and in configurations."""

from __future__ import annotations

import sys
from collections import OrderedDict
from pathlib import Path

import pytest

from twisted_rpc.errors import ConfigError
from twisted_rpc.loading import instance, load_object, split_exposure


def test_a_module_an_object_and_an_attribute_of_one_are_found() -> None:
    assert load_object("collections").OrderedDict is OrderedDict
    assert load_object("collections:OrderedDict") is OrderedDict
    assert load_object("collections:OrderedDict.fromkeys") == OrderedDict.fromkeys


def test_the_current_directory_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "only_here_5821.py").write_text("thing = 7\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert load_object("only_here_5821:thing") == 7


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("nowhere_5821:thing", "cannot import 'nowhere_5821': No module named"),
        ("collections:Nothing", "'collections' has no 'Nothing'"),
        ("collections:OrderedDict.nothing", "'collections' has no 'OrderedDict.nothing'"),
    ],
)
def test_what_is_not_there_is_named(reference: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_object(reference)
    assert str(caught.value).startswith(f"{reference}: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize("reference", [":thing", "", ".relative:thing"])
def test_a_reference_names_a_module(reference: str) -> None:
    with pytest.raises(ConfigError, match="is not MODULE:OBJECT"):
        load_object(reference)


@pytest.mark.parametrize("kind", ["ZeroDivisionError", "ValueError", "SyntaxError"])
def test_a_module_that_fails_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (tmp_path / f"fails_{kind}.py").write_text(f"raise {kind}('no luck')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=f"importing 'fails_{kind}' failed: {kind}: no luck"):
        load_object(f"fails_{kind}:thing")


def test_a_class_is_made_and_anything_else_taken_as_it_is() -> None:
    assert instance("collections:OrderedDict") == OrderedDict()
    assert instance("math:pi") == load_object("math:pi")


def test_a_class_that_cannot_be_made_says_why() -> None:
    with pytest.raises(ConfigError, match=r"datetime:date: date\(\) failed: TypeError"):
        instance("datetime:date")


@pytest.mark.parametrize(
    ("text", "name", "reference"),
    [
        ("calc=m:Calculator", "calc", "m:Calculator"),
        ("m:Calculator", "calculator", "m:Calculator"),
        ("m:Outer.Inner", "inner", "m:Outer.Inner"),
        ("package.module", "module", "package.module"),
        ("=m:Calculator", "", "m:Calculator"),
    ],
)
def test_an_exposure_has_a_name_and_a_reference(text: str, name: str, reference: str) -> None:
    assert split_exposure(text) == (name, reference)


@pytest.mark.parametrize("text", ["calc=", "calc=:Calculator", "", ":Calculator"])
def test_an_exposure_without_a_module_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is not \[NAME=\]MODULE:OBJECT"):
        split_exposure(text)

"""Documents of ours, checked against the schema that the OpenRPC project publishes."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from tests.discovery.everything import serving_everything
from tests.helpers import request
from tests.interop.daemon import HERE
from twisted_rpc import Server
from twisted_rpc.configuration_file import load
from twisted_rpc.service import make_server

VERSIONS = {"1.3": "1.3.2", "1.4": "1.4.1"}
ROOT = Path(__file__).parents[2]
# OpenRPC refers to a place on the web for JSON Schema, and means draft 7.
JSON_SCHEMA = {
    "$ref": Draft7Validator.META_SCHEMA["$id"],
    "definitions": {"JSONSchemaObject": {"properties": {"$ref": {"type": "string"}}}},
}


@cache
def _validator(version: str) -> Any:
    name = version.replace(".", "_")
    path = HERE / "node_modules" / "@open-rpc" / "spec" / "dist" / name / "schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    del schema["$schema"]
    elsewhere = Resource.from_contents(JSON_SCHEMA, default_specification=DRAFT7)
    registry = Registry().with_resources(
        [
            ("https://meta.json-schema.tools", elsewhere),
            ("https://meta.json-schema.tools/", elsewhere),
            (
                Draft7Validator.META_SCHEMA["$id"],
                DRAFT7.create_resource(Draft7Validator.META_SCHEMA),
            ),
        ]
    )
    return Draft7Validator(schema, registry=registry)


def _document(server: Server, version: str) -> Any:
    answers: list[Any] = []
    server.dispatch(request("rpc.discover", {"version": version})).addCallback(answers.append)
    return json.loads(answers[0])["result"]


def check(document: Any, version: str) -> None:
    """See that a document is valid, and so is every example in it."""
    assert document["openrpc"] == VERSIONS[version]
    errors = [f"{list(e.path)}: {e.message}" for e in _validator(version).iter_errors(document)]
    assert errors == []
    names = [method["name"] for method in document["methods"]]
    assert len(names) == len(set(names))
    for method in document["methods"]:
        _check_method(method, document)


def _check_method(method: Any, document: Any) -> None:
    required = [param.get("required", False) for param in method["params"]]
    assert required == sorted(required, reverse=True), method
    schemas = {param["name"]: param["schema"] for param in method["params"]}
    for example in method.get("examples", ()):
        for given in [*example["params"], example["result"]]:
            schema = {"result": method["result"]["schema"], **schemas}.get(given["name"], True)
            whole = {"allOf": [schema], "components": document.get("components", {})}
            assert Draft7Validator(whole).is_valid(given["value"]), given


@pytest.mark.parametrize("version", VERSIONS)
def test_every_kind_of_annotation(version: str) -> None:
    check(_document(serving_everything(), version), version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", sorted((ROOT / "etc").glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_of_ours(path: Path, version: str, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("USERS_DB", str(tmp_path / "users.sqlite"))
    document = _document(make_server(load(str(path))), version)
    check(document, version)
    exposed = tomllib.loads(path.read_text(encoding="utf-8")).get("expose", {"shop": ""})
    tags = {tag["name"] for method in document["methods"] for tag in method["tags"]}
    assert tags == set(exposed)


def test_what_is_wrong_is_found() -> None:
    document = _document(serving_everything(), "1.3")
    document["methods"][0]["result"]["schema"] = {"type": "nonsense"}
    assert not _validator("1.3").is_valid(document)
    assert not _validator("1.4").is_valid(_document(serving_everything(), "1.3"))

"""A server's methods as an OpenRPC document (spec.open-rpc.org)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from twisted_rpc.describing import describe_event, describe_method
from twisted_rpc.errors import InvalidParams
from twisted_rpc.events import Event
from twisted_rpc.namespace import Method
from twisted_rpc.schemas import Schemas

__all__ = ["document", "version_of"]

_VERSIONS = {"1.3": "1.3.2", "1.4": "1.4.1"}
"""The newest of each edition; they differ in what is optional, and we leave nothing out."""


def version_of(wanted: str) -> str:
    """The version of the specification that a caller means by `1.3` or `1.3.2`.

    Raises:
        InvalidParams: it is none that we know.
    """
    if wanted in _VERSIONS.values():
        return wanted
    if wanted not in _VERSIONS:
        raise InvalidParams(f"version: unknown, there are {' and '.join(_VERSIONS)}")
    return _VERSIONS[wanted]


def document(
    version: str,
    info: Mapping[str, str],
    methods: Iterable[Method],
    events: Mapping[str, Event],
) -> dict[str, Any]:
    """The document; nothing is in it but what is given.

    Args:
        version: of the specification, as `version_of` returns it.
        info: at least `title` and `version`.
        methods: in the order in which they are to stand there.
        events: what is sent to clients, by full name.
    """
    schemas = Schemas()
    made: dict[str, Any] = {"openrpc": version, "info": dict(info)}
    made["methods"] = [describe_method(method, schemas) for method in methods]
    for key, is_call in (("x-notifications", False), ("x-calls", True)):
        found = [
            describe_event(name, event, schemas)
            for name, event in events.items()
            if event.is_call is is_call
        ]
        if found:
            made[key] = found
    components = schemas.keep([value for key, value in made.items() if key != "info"])
    if components:
        made["components"] = {"schemas": components}
    return made

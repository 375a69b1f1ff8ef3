"""What methods a server has, if it says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from twisted_rpc.client import Client
from twisted_rpc.errors import CallError, ErrorCode, ProtocolError, RemoteError

__all__ = ["MethodInfo", "as_table", "list_methods"]


class MethodInfo(Struct, frozen=True, omit_defaults=True):
    """A method as its server describes it.

    Attributes:
        name: as it is called.
        params: the names of its parameters; None where the server does not tell.
        summary: what it does.
        deprecated: what to use instead, or nothing but that it is deprecated; None if it is not.
    """

    name: str
    params: list[str] | None = None
    summary: str | None = None
    deprecated: str | None = None

    @property
    def meaning(self) -> str:
        """What it does, and whether it is to be used no longer."""
        if self.deprecated is None:
            return self.summary or ""
        warning = f"deprecated: {self.deprecated}" if self.deprecated else "deprecated"
        return f"{self.summary} ({warning})" if self.summary else warning

    @property
    def signature(self) -> str:
        """The name with its parameters, where they are known."""
        return self.name if self.params is None else f"{self.name}({', '.join(self.params)})"


def as_table(methods: Sequence[MethodInfo]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows for a person; without what methods do, where none says it."""
    if not any(method.meaning for method in methods):
        return ["method"], [[method.signature] for method in methods]
    rows = [[method.signature, method.meaning] for method in methods]
    return ["method", "what it does"], rows


class _Parameter(Struct):
    """A content descriptor of OpenRPC, or a reference to one."""

    name: str = ""
    reference: str = field(name="$ref", default="")


class _Method(Struct):
    name: str = ""
    params: list[_Parameter] = []
    summary: str | None = None
    deprecated: bool = False
    instead: str = field(name="x-deprecated", default="")


class _Document(Struct):
    """An OpenRPC document (OpenRPC 1.3), as far as it is looked at."""

    methods: list[_Method]


def _of_document(answer: Any) -> list[MethodInfo]:
    document = msgspec.convert(answer, _Document)
    return [
        MethodInfo(
            method.name,
            [each.name or each.reference.rpartition("/")[2] for each in method.params],
            method.summary,
            method.instead if method.deprecated else None,
        )
        for method in document.methods
        if method.name  # others are references
    ]


def _of_names(answer: Any) -> list[MethodInfo]:
    return [MethodInfo(name) for name in msgspec.convert(answer, list[str])]


_ASKED: dict[str, Callable[[Any], list[MethodInfo]]] = {
    "rpc.discover": _of_document,
    "rpc.methods": _of_names,
    "system.listMethods": _of_names,
}
"""What servers may know, the more telling before: OpenRPC's, ours, XML-RPC's."""


async def list_methods(client: Client) -> list[MethodInfo]:
    """The methods of a server, sorted by name.

    Raises:
        CallError: it tells nobody, or what it tells makes no sense.
    """
    for name, read in _ASKED.items():
        try:
            answer = await client.call(name)
        except RemoteError as error:
            if error.code == ErrorCode.METHOD_NOT_FOUND:
                continue
            raise
        try:
            return sorted(read(answer), key=lambda method: method.name)
        except msgspec.ValidationError as error:
            raise ProtocolError(f"{name}: {client.peer} answers something else: {error}") from None
    *others, last = _ASKED
    names = f"{', '.join(others)} nor {last}"
    raise CallError(f"{client.peer} does not list its methods: it knows neither {names}")

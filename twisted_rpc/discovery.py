"""`rpc.discover`: what a server has, as far as a caller may know of it, made once for each view."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import Struct

from twisted_rpc import codec
from twisted_rpc.access import View
from twisted_rpc.context import Context
from twisted_rpc.docstrings import class_doc, parse_doc
from twisted_rpc.invocation import Invoker
from twisted_rpc.namespace import Namespace
from twisted_rpc.openrpc import document, version_of

__all__ = ["Described", "Discovery", "info_of"]

MOST = 64
"""So many documents are kept: callers with the same rights share one."""

_Known = tuple[tuple[str, ...], tuple[str, ...]]
"""The names of methods, and those of events, that a caller may know of."""

UNVERSIONED = "0.0.0"
"""The version of what has none; OpenRPC wants one."""


class Described(Struct, frozen=True):
    """A document as it is sent.

    Attributes:
        text: it, encoded.
        tag: what changes with it (RFC 9110, section 8.8.3).
    """

    text: bytes
    tag: str


class Discovery:
    """The OpenRPC documents of a server.

    Args:
        namespace: what is exposed and declared.
        invoker: knows what a caller may know of.
        info: title, version and the like.
    """

    def __init__(
        self, namespace: Namespace, invoker: Invoker, info: Callable[[], Mapping[str, str]]
    ) -> None:
        self._namespace = namespace
        self._invoker = invoker
        self._info = info
        self._names: WeakKeyDictionary[View, _Known] = WeakKeyDictionary()
        self._made: dict[Any, Described] = {}
        namespace.on_change(self._forget)

    async def describe(self, context: Context, version: str, urls: Iterable[str]) -> Described:
        """The document for a caller.

        Args:
            context: who asks.
            version: of the specification, see `version_of`.
            urls: those of the listener by which it came.

        Raises:
            InvalidParams: there is no such version.
        """
        version = version_of(version)
        known = await self._known_to(context)
        info = self._info()
        places = tuple(urls)
        key = (version, known, places, *info.items())
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= MOST:
                del self._made[next(iter(self._made))]
            made = self._made[key] = self._make(version, info, known, places)
        return made

    def _forget(self) -> None:
        self._names.clear()
        self._made.clear()

    async def _known_to(self, context: Context) -> _Known:
        """What a caller may know of."""
        view = context.view
        known = None if view is None or self._invoker.authorizes else self._names.get(view)
        if known is None:
            known = await self._look_up(context)
            if view is not None and not self._invoker.authorizes:
                self._names[view] = known
        return known

    async def _look_up(self, context: Context) -> _Known:
        """The same, asked for.  A method and an event of one name have access levels each."""
        methods, events, view = self._namespace.methods, self._namespace.events, context.view
        names = await self._invoker.known(sorted({**methods, **events}), context)
        told = (each for each in names if each in events and (view is None or view.tells_of(each)))
        return tuple(name for name in names if name in methods), tuple(told)

    def _make(
        self, version: str, info: Mapping[str, str], known: _Known, urls: tuple[str, ...]
    ) -> Described:
        methods, events = self._namespace.methods, self._namespace.events
        made = document(
            version,
            info,
            [methods[name] for name in known[0] if name in methods],
            {name: events[name] for name in known[1] if name in events},
        )
        if urls:
            made["servers"] = [{"url": url} for url in urls]
        text = codec.encode(made)
        return Described(text, hashlib.sha256(text).hexdigest()[:32])


def info_of(server: type, base: type) -> dict[str, str]:
    """What a class tells of the servers that are made of it.

    Args:
        server: the class; its name is the title, its docstring the description, and the
            version that of the distribution, or else the package, that it comes from.
        base: the class that tells nothing of any application.
    """
    if server is base:
        return {"title": "JSON-RPC server", "version": UNVERSIONED}
    doc = parse_doc(class_doc(server))
    info = {"title": server.__name__, "version": _version_of(server.__module__)}
    description = "\n\n".join(filter(None, (doc.summary, doc.description)))
    return {**info, "description": description} if description else info


def _version_of(module: str) -> str:
    package = module.partition(".")[0]
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        said = getattr(sys.modules.get(package), "__version__", None)
        return said if isinstance(said, str) else UNVERSIONED

"""What is exposed: one flat table of full names.

The table is built when something is exposed.  A call looks its name up there and
nowhere else; no attribute of an object is ever reached by a name from outside.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType

from twisted_rpc.binding import Binder
from twisted_rpc.context import Context
from twisted_rpc.errors import ExposeError
from twisted_rpc.events import Event, events_of
from twisted_rpc.marking import MARK_IT, Marker, describe, marked, marker_of

__all__ = ["Listeners", "Method", "Namespace", "is_reserved"]

Short = tuple[Callable[..., Any], Callable[[Raw], Any], Callable[[Struct], dict[str, Any]]]
"""All that the short way needs of a method: its function, and its binder's `quick` and `named`."""


Ready = tuple[Callable[..., Any], Callable[[Raw], Any], Callable[[Struct], dict[str, Any]], Any]
"""A `Short`, and the meter of its method; None if that has none."""


class Method(Struct, frozen=True):
    """One entry of the table.

    Attributes:
        name: the full name, as it is called.
        function: what is called, bound to its object.
        binder: decodes the parameters.
        access: the access level given with it, None if none was.
        timeout: seconds; None for never; `UNSET` for the limit that holds for all.
        thread: whether it runs in the reactor's thread pool.
        namespace: the name it was exposed under.
        rate, burst: how often one caller may call it; see `method`.
        marker: all that was said of it, for who describes it.
        owner: the object or module it is a member of, if it is one's.
    """

    name: str
    function: Callable[..., Any]
    binder: Binder
    access: str | None = None
    timeout: float | None | UnsetType = UNSET
    thread: bool = False
    namespace: str = ""
    rate: float | None = None
    burst: int | None = None
    marker: Marker = Marker()
    owner: Any = None

    @property
    def short(self) -> Short | None:
        """How to call it by the short way, if a call needs its parameters alone.

        None if it needs a context, a thread, or to be asked for its rate.
        """
        binder = self.binder
        if self.thread or self.rate is not None or binder.quick is None or binder.context_name:
            return None
        return self.function, binder.quick, binder.named

    def arguments(
        self, raw: Raw | UnsetType, context: Context
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What to call the function with.

        Raises:
            InvalidParams, InvalidRequest: the parameters do not fit.
        """
        bound = self.binder.bind(raw)
        if self.binder.context_name is not None:
            return self.binder.with_context(bound, context)
        return (bound, {}) if type(bound) is tuple else ((), bound)  # type: ignore[return-value]


def is_reserved(name: str) -> bool:
    """Whether a name, or a part of it, may never be called: `_x`, `a._x`, `rpc.x`.

    Names that begin with `rpc.` belong to the protocol (specification, section 4.3).
    """
    return name == "rpc" or name.startswith(("rpc.", "_")) or "._" in name


class Namespace:
    """The table of full names to methods, and the functions asked when a name is not in it.

    Attributes:
        methods: the table.
        apart: namespaces that are shown to no port that does not name them.
        events: what is sent to clients, by full name; for documentation alone.
    """

    def __init__(self) -> None:
        self.methods: dict[str, Method] = {}
        self.apart: set[str] = set()
        self.events: dict[str, Event] = {}
        self._under: dict[str, dict[str, None]] = {}  # full names by what takes them back
        self.fallbacks: list[Method] = []
        self._observers: list[Callable[[], None]] = []

    def on_change(self, observer: Callable[[], None]) -> None:
        """Call a function whenever methods are exposed or taken back."""
        self._observers.append(observer)

    def _changed(self) -> None:
        for observer in self._observers:
            observer()

    def expose(self, name: str, target: Any) -> None:
        """Make a function, an object, a module or a mapping callable under a name.

        Args:
            name: dots nest; an empty name exposes the members of `target` by themselves.
            target: a function; an instance or a module, of which only what is marked
                with `@method` or listed in its `api` is exposed; or a mapping of names
                to functions or further mappings.

        Raises:
            ExposeError: a name is taken, reserved or malformed, nothing is marked, or a
                signature cannot be served.  Nothing is exposed then.
        """
        entries = [_entry(*found, name) for found in _functions(name, target)]
        fresh: dict[str, Method] = {}
        for entry in entries:
            if not self.apart.isdisjoint(_places(entry.name)):
                raise ExposeError(f"{entry.name!r} is in a namespace of the daemon's own")
            if entry.name in self.methods or entry.name in fresh:
                raise ExposeError(f"{entry.name!r} is exposed already")
            fresh[entry.name] = entry
        events = self._checked(_events(name, target))
        self.methods.update(fresh)
        self.events.update(events)
        for full in fresh:
            for place in _places(full):
                self._under.setdefault(place, {})[full] = None
        self._changed()

    def expose_apart(self, name: str, target: Any) -> None:
        """Expose a namespace for ports that name it; nothing else can be exposed there any more.

        Raises:
            ExposeError: see `expose`, or there is something in it.
        """
        if name in self._under:
            raise ExposeError(f"something is exposed as {name!r} already")
        self.expose(name, target)
        self.apart.add(name)
        self._changed()

    def unexpose(self, name: str) -> None:
        """Take back one method, or all under a namespace; with its last method go its events.

        Raises:
            ExposeError: there is nothing of that name.
        """
        if name not in self._under:
            raise ExposeError(f"nothing is exposed as {name!r}")
        empty = {name}
        for full in list(self._under[name]):
            del self.methods[full]
            for place in _places(full):
                del self._under[place][full]
                if not self._under[place]:
                    del self._under[place]
                    empty.add(place)
        for full in [full for full in self.events if not empty.isdisjoint(_places(full))]:
            del self.events[full]
        self._changed()

    def declare(self, name: str, event: Event) -> None:
        """Say that something is sent to clients under a name.

        Raises:
            ExposeError: the name is declared already, reserved or malformed.
        """
        self.events.update(self._checked([(name, event)]))
        self._changed()

    def _checked(self, found: Iterable[tuple[str, Event]]) -> dict[str, Event]:
        fresh: dict[str, Event] = {}
        for name, event in found:
            _check_name(name)
            if name in self.events or name in fresh:
                raise ExposeError(f"{name!r} is declared already")
            fresh[name] = event
        return fresh

    def fallback(self, function: Callable[..., Any]) -> None:
        """Ask this function for names that are not in the table, after those added before.

        It usually takes a `Context`, whose `method` is the name, and `Params`.  It raises
        `MethodNotFound` to pass the call on.
        """
        self.fallbacks.append(Method("fallback", function, Binder(function, "fallback")))

    def counts(self) -> dict[str, int]:
        """How many methods each name was exposed with."""
        counts: dict[str, int] = {}
        for entry in self.methods.values():
            counts[entry.namespace] = counts.get(entry.namespace, 0) + 1
        return counts


class Listeners:
    """Functions told of a notification: any number for each name."""

    __slots__ = ("_by_name",)

    def __init__(self) -> None:
        self._by_name: dict[str, list[Method]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def on(self, name: str, function: Callable[..., Any]) -> Callable[[], None]:
        """Add a listener; call what is returned to remove it.

        Raises:
            ExposeError: the function's signature cannot be served.
        """
        listener = Method(name, function, Binder(function, name))
        self._by_name.setdefault(name, []).append(listener)

        def remove() -> None:
            listeners = self._by_name.get(name, [])
            if listener in listeners:
                listeners.remove(listener)
                if not listeners:
                    del self._by_name[name]

        return remove

    def of(self, name: str) -> list[Method]:
        """The listeners of one name, in the order they were added."""
        return list(self._by_name.get(name, ()))


def _entry(
    name: str, function: Callable[..., Any], marker: Marker, owner: Any, namespace: str
) -> Method:
    _check_name(name)
    return Method(
        name,
        function,
        Binder(function, name),
        marker.access,
        marker.timeout,
        marker.thread,
        namespace,
        marker.rate,
        marker.burst,
        marker,
        owner,
    )


def _check_name(name: str) -> None:
    if not name or any(not part for part in name.split(".")):
        raise ExposeError(f"{name!r} is no name: a name is words with dots between them")
    if any(character.isspace() or not character.isprintable() for character in name):
        raise ExposeError(f"{name!r} is no name: it has white space or control characters in it")
    if is_reserved(name):
        raise ExposeError(
            f"{name!r} is reserved: names beginning with '_' are private, 'rpc.' is the protocol's"
        )


def _functions(name: str, target: Any) -> Iterator[tuple[str, Callable[..., Any], Marker, Any]]:
    """The full names, functions, markers and owners that exposing `target` as `name` means."""
    if isinstance(target, Mapping):
        if not target:
            raise ExposeError(f"{name!r}: the mapping is empty")
        for key, value in target.items():
            yield from _functions(_joined(name, str(key)), value)
    elif inspect.isroutine(target):
        yield name, target, marker_of(target), None
    elif inspect.isclass(target):
        raise ExposeError(f"{name!r}: {target.__name__} is a class, expose an instance of it")
    else:
        members = dict(marked(target))
        if members:
            for attribute, marker in members.items():
                full_name = _joined(name, marker.name or attribute)
                yield full_name, getattr(target, attribute), marker, target
        elif callable(target):
            yield name, target, Marker(), None
        else:
            raise ExposeError(f"{name!r}: nothing in {describe(target)} is marked; {MARK_IT}")


def _events(name: str, target: Any) -> Iterator[tuple[str, Event]]:
    """What the objects say that are exposed with `target`, under their full names."""
    if isinstance(target, Mapping):
        for key, value in target.items():
            yield from _events(_joined(name, str(key)), value)
    else:
        for key, event in events_of(target):
            yield _joined(name, key), event


def _places(name: str) -> Iterator[str]:
    """A full name, and the namespaces it is in: `a.b.c`, `a.b`, `a`."""
    yield name
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _joined(name: str, part: str) -> str:
    return f"{name}.{part}" if name else part

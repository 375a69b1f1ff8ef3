"""Who may call what: rules become rights, and rights a view of the methods.

A method that a caller may not call it does not see: its view has no such name, and the
answer is the one for a name that nobody has.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any
from weakref import WeakValueDictionary

from msgspec import Struct

from twisted_rpc.config import AccessRule
from twisted_rpc.identity import words
from twisted_rpc.listener import EVERYTHING
from twisted_rpc.namespace import Method, Namespace, Ready

__all__ = ["EVERYBODY", "PAGES", "Access", "Direct", "Rights", "View", "Views", "doubts"]

EVERYBODY = "*"
"""The name whose rule holds for every caller, also for one without an identity."""

PAGES = {"rpc.health": "admin", "rpc.metrics": "metrics"}
"""What pages ask rights for, as if it were a method of that access level."""


class Rights(Struct, frozen=True):
    """What one kind of caller may call.

    Attributes:
        namespaces: each a set of namespaces; a name has to be in one of every set.
        hidden: namespaces that a name must not be in.
        roles: the access levels it has; None where levels are not asked for.
        allow: what a name has to match; None for any.
        deny: what a name must not match; None for nothing.
    """

    namespaces: tuple[frozenset[str], ...] = ()
    hidden: frozenset[str] = frozenset()
    roles: frozenset[str] | None = None
    allow: re.Pattern[str] | None = None
    deny: re.Pattern[str] | None = None

    def permit(self, name: str, access: str | None = None) -> bool:
        """Whether they reach to a name, at an access level."""
        if self.roles is not None and access is not None and access not in self.roles:
            return False
        if (self.namespaces or self.hidden) and not self._reaches(name):
            return False
        if self.deny is not None and self.deny.match(name):
            return False
        return self.allow is None or self.allow.match(name) is not None

    def _reaches(self, name: str) -> bool:
        """Whether the namespaces let them."""
        if _is_in(name, self.hidden):
            return False
        return all(_is_in(name, namespaces) for namespaces in self.namespaces)


class Access:
    """The rules, by the names of identities.

    Args:
        asks_levels: whether a method's access level is asked for, also while there is
            no rule: that is where callers have to say who they are.
        apart: see `Namespace`.
    """

    def __init__(self, asks_levels: Callable[[], bool], apart: Collection[str]) -> None:
        self.rules: dict[str, AccessRule] = {}
        self._asks_levels = asks_levels
        self._apart = apart

    def rights_of(self, identity: Any, namespaces: Collection[str] | None = None) -> Rights:
        """What a caller may call.

        Args:
            identity: who it is; its attributes `roles` and `namespaces`, if it has them,
                are taken beside the rules.
            namespaces: those of the port it came in by; None, or `*` among them, for all
                but those that are kept apart.

        Raises:
            TypeError: one of those is no collection of words.
        """
        own = _words(identity, "namespaces")
        name = None if identity is None else str(identity)
        rules = [self.rules[key] for key in (EVERYBODY, name) if key in self.rules]
        roles: frozenset[str] | None = None
        if self.rules or self._asks_levels():
            known = _words(identity, "roles") or frozenset()
            roles = known.union(*(rule.roles for rule in rules))
        # As with bitcoin's rpcwhitelist: once there is a list, who has none may call nothing.
        has_lists = any(rule.allow is not None for rule in self.rules.values())
        allowed = [pattern for rule in rules for pattern in rule.allow or ()]
        denied = [pattern for rule in rules for pattern in rule.deny]
        shown = frozenset(() if namespaces is None else namespaces)
        is_all = namespaces is None or EVERYTHING in shown
        return Rights(
            tuple(names for names in (None if is_all else shown, own) if names is not None),
            frozenset(self._apart) - shown,
            roles,
            _matcher(allowed) if has_lists else None,
            _matcher(denied) if denied else None,
        )


def doubts(rules: Mapping[str, AccessRule], methods: Mapping[str, Method]) -> Iterator[str]:
    """What rules say that nothing comes of: slips, most likely.

    Args:
        rules: by the names of identities.
        methods: by their names; no others are answered.
    """
    levels = sorted({method.access for method in methods.values() if method.access is not None})
    for name, rule in rules.items():
        for role in rule.roles:
            if role not in (*levels, *PAGES.values()):
                known = ", ".join(levels) or "none"
                yield f"[access.{name}] roles: no method wants {role!r}; access levels: {known}"
        for key, patterns in (("allow", rule.allow or ()), ("deny", rule.deny)):
            for pattern in patterns:
                if not any(_matcher([pattern]).match(known) for known in (*methods, *PAGES)):
                    yield f"[access.{name}] {key}: {pattern!r} matches no method"


def _unmeasured(name: str) -> None:
    """There is no meter."""


class View:
    """The methods as a caller with certain rights sees them.

    Attributes:
        direct: those that may be called by the short way.
    """

    def __init__(self, namespace: Namespace, rights: Rights) -> None:
        self.direct = Direct(self.find)
        self._namespace = namespace
        self._rights = rights

    def find(self, name: str) -> Method | None:
        """The method of a name; None if there is none, or none for this caller."""
        method = self._namespace.methods.get(name)
        if method is None or not self._rights.permit(name, method.access):
            return None
        return method

    def permits(self, name: str) -> bool:
        """Whether this caller may use a name, be there a method or an event of it or not."""
        method = self._namespace.methods.get(name)
        if method is not None:
            return self._rights.permit(name, method.access)
        event = self._namespace.events.get(name)
        return self._rights.permit(name, None if event is None else event.access)

    def tells_of(self, name: str) -> bool:
        """Whether this caller may know of an event, whatever method has its name."""
        return self._rights.permit(name, self._namespace.events[name].access)

    def names(self) -> list[str]:
        """The full names of all its methods, in their order."""
        return sorted(name for name in self._namespace.methods if self.permits(name))


class Direct(dict[str, Ready | None]):
    """What to call by which name, filled as names are asked for; unknown ones leave no trace.

    None stands for a method that is there and has to be called the long way.

    Args:
        find: the method of a name.

    Attributes:
        is_short: whether there is a short way.
        meter_of: what the calls of a method are counted by; None for nothing.
    """

    is_short = True
    meter_of: Callable[[str], Any] = staticmethod(_unmeasured)

    def __init__(self, find: Callable[[str], Method | None]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, name: str) -> Ready | None:
        method = self._find(name) if self.is_short and isinstance(name, str) else None
        if method is None:
            raise KeyError(name)
        short = method.short
        self[name] = found = None if short is None else (*short, self.meter_of(name))
        return found


class Views:
    """One view for all callers with the same rights.

    Args:
        namespace: the methods.
        access: the rules.

    Attributes:
        nothing: for who may call nothing.
    """

    def __init__(self, namespace: Namespace, access: Access) -> None:
        self._namespace = namespace
        self._access = access
        self._is_short = True
        self._meter_of: Callable[[str], Any] = _unmeasured
        # Kept by who uses them: there are no more than there are callers.
        self._views: WeakValueDictionary[Rights, View] = WeakValueDictionary()
        self.nothing = View(namespace, Rights(allow=_matcher(())))
        namespace.on_change(self.refresh)

    def of(self, identity: Any, namespaces: Collection[str] | None = None) -> View:
        """The view of a caller; see `Access.rights_of`."""
        rights = self._access.rights_of(identity, namespaces)
        view = self._views.get(rights)
        if view is None:
            view = self._views[rights] = View(self._namespace, rights)
            self._prepare(view)
        return view

    def refresh(self) -> None:
        """What is exposed has changed."""
        for view in list(self._views.values()):
            view.direct.clear()

    @property
    def is_short(self) -> bool:
        """Whether methods may be called by the short way."""
        return self._is_short

    @is_short.setter
    def is_short(self, is_short: bool) -> None:
        self._is_short = is_short
        self._prepare_all()

    def measure(self, meter_of: Callable[[str], Any]) -> None:
        """Have what the short way calls counted, by the meters of the methods."""
        self._meter_of = meter_of
        self._prepare_all()

    def _prepare_all(self) -> None:
        for view in list(self._views.values()):
            self._prepare(view)

    def _prepare(self, view: View) -> None:
        view.direct.is_short = self._is_short
        view.direct.meter_of = self._meter_of
        view.direct.clear()


def _words(identity: Any, attribute: str) -> frozenset[str] | None:
    """What an identity says of itself; None if it says nothing."""
    said = getattr(identity, attribute, None)
    return None if said is None else words(said, f"{attribute} of an identity")


def _is_in(name: str, namespaces: Iterable[str]) -> bool:
    return any(name == space or name.startswith(f"{space}.") for space in namespaces)


def _matcher(patterns: Iterable[str]) -> re.Pattern[str]:
    """An expression that matches what any of the shell patterns does; without any, nothing."""
    parts = [fnmatch.translate(pattern) for pattern in sorted(set(patterns))]
    return re.compile("|".join(parts) if parts else r"(?!)")

"""The interfaces at which the layers meet, and outsiders plug in."""

from __future__ import annotations

from typing import Any

from zope.interface import Attribute, Interface

__all__ = ["IConnectionOwner", "ILine", "IRPCConnection"]


class IConnectionOwner(Interface):
    """What a connection needs of the endpoint it belongs to."""

    dispatcher = Attribute("The `Dispatcher` that answers its messages.")
    limits = Attribute("The `Limits` that hold for it.")
    counters = Attribute("The `Counters` of what happens.")
    lines = Attribute("The `Lines` there are.")
    clock = Attribute("An `IReactorTime` provider.")
    broadcasts = Attribute("The `Broadcasts` that leave before all that is sent later.")
    tracing = Attribute("Whether `trace` wants to be told of every message.")
    requires_authentication = Attribute("Whether it has to prove who it is first.")
    logins = Attribute("The `Logins` that find out who it is.")
    answers_rubbish = Attribute("Whether what is no message is answered, and not the line's end.")

    def new_ids() -> Any:
        """Return an iterator of ids for calls over one connection; None for 1, 2, 3."""

    def call_made(call: Any) -> None:
        """A call of ours is going to be sent."""

    def traced(direction: str, message: bytes, connection: Any) -> None:
        """A message came in (`"<--"`) or is going out (`"-->"`): let `trace` see it."""

    def opened(connection: Any) -> None:
        """The connection is ready for messages."""

    def closed(connection: Any) -> None:
        """The connection has ended."""

    def release(line: Any) -> None:
        """A line that was admitted is gone."""


class ILine(Interface):
    """One line as the endpoint sees it: a protocol, whatever it has come to carry."""

    def drain() -> None:
        """Close as soon as the calls that are running have been answered."""

    def abort() -> None:
        """Close now."""


class IRPCConnection(Interface):
    """One far side, as methods and applications see it."""

    id = Attribute("A string no other connection of this process has.")
    peer = Attribute("Where the far side is, for people to read.")
    headers = Attribute("The HTTP headers it came with; lower-case names.")
    identity = Attribute("Who it is; None if nobody asked.")
    full_duplex = Attribute("Whether it can be called and notified.")

    def call(method: str, params: Any = None, *, timeout: float | None = None) -> Any:
        """Call a method of the far side; return a Deferred of its result."""

    def notify(method: str, params: Any = None) -> None:
        """Send the far side a notification."""

    def on(method: str, listener: Any) -> Any:
        """Be told of a notification; return a function that ends it."""

    def close() -> None:
        """Close once everything written is out."""

    def closed() -> Any:
        """Return a Deferred that fires with None when the connection has ended."""

"""A chat room: the server notifies its clients, calls them back, and sees them go.

twistd -n rpc --config etc/chat.toml

Members talk over TCP or WebSocket, each in the framing of its own.  They are sent what
`ChatRoom.sends` lists; who joins is called as well: `chat.askMood`.
"""

from __future__ import annotations

from contextlib import suppress
from enum import IntEnum
from typing import Annotated, Any, ClassVar

from msgspec import Meta, Struct
from twisted.internet.defer import ensureDeferred

from twisted_rpc import (
    CallError,
    Connection,
    ConnectionLost,
    Context,
    Event,
    Example,
    RPCError,
    method,
)

__all__ = ["ChatError", "ChatRoom", "Member"]

Name = Annotated[str, Meta(pattern=r"^\S+\Z", max_length=40, description="One word.")]
Text = Annotated[str, Meta(min_length=1, max_length=1000)]

MOOD_LENGTH = 100
MOOD_TIMEOUT = 10.0
"""How many seconds a client has to answer; a person may have to type it."""


class ChatError(IntEnum):
    """What can go wrong here; applications choose codes outside -32768..-32000."""

    NAME_TAKEN = 2001
    ALREADY_JOINED = 2002
    NOT_JOINED = 2003
    ONE_WAY = 2004


class Member(Struct):
    """Somebody in the room.

    Attributes:
        name: what the others see.
        mood: what its client answered when it was asked.
    """

    name: str
    mood: str | None = None


class Named(Struct):
    """Somebody's name."""

    name: str


class Said(Struct):
    """Somebody has said something."""

    name: str
    text: str


class Mood(Struct):
    """Somebody's mood is known."""

    name: str
    mood: str


NOT_JOINED = RPCError(ChatError.NOT_JOINED, "join first")


class ChatRoom:
    """One room; a connection is one member of it at most."""

    sends: ClassVar = {
        "joined": Event(Named, description="Somebody has entered the room."),
        "said": Event(Said),
        "mood": Event(Mood),
        "left": Event(Named, description="Somebody has left, or is gone."),
        "askMood": Event(Named, str, "How do you feel?  It is asked once of who has joined."),
    }

    def __init__(self) -> None:
        self._members: dict[Connection, Member] = {}
        self._watched: set[Connection] = set()

    @method(
        errors=[
            RPCError(ChatError.NAME_TAKEN, "name is taken", {"name": "ann"}),
            RPCError(ChatError.ALREADY_JOINED, "you are in the room already"),
            RPCError(ChatError.ONE_WAY, "join over TCP or WebSocket"),
        ]
    )
    def join(self, ctx: Context, name: Name) -> list[Member]:
        """Enter the room; return who is in it.

        From then on the others are heard, until the connection is closed.
        """
        connection = ctx.connection
        if connection is None or not connection.full_duplex:
            raise RPCError(ChatError.ONE_WAY, "join over TCP or WebSocket")
        if connection in self._members:
            raise RPCError(ChatError.ALREADY_JOINED, "you are in the room already")
        if any(member.name == name for member in self._members.values()):
            raise RPCError(ChatError.NAME_TAKEN, "name is taken", {"name": name})
        self._members[connection] = Member(name)
        self._watch(connection)
        self._tell_others(connection, "joined", {"name": name})
        # Nobody waits for this, and it raises nothing.
        ensureDeferred(self._ask_mood(connection))
        return self.who()

    @method(errors=[NOT_JOINED])
    def say(self, ctx: Context, text: Text) -> int:
        """Say something to the others; return how many they are."""
        member = self._member(ctx)
        return self._tell_others(ctx.connection, "said", {"name": member.name, "text": text})

    @method(errors=[NOT_JOINED])
    def leave(self, ctx: Context) -> None:
        """Leave the room; the connection stays open."""
        self._member(ctx)
        self._remove(ctx.connection)

    @method(examples=[Example([], [], "an empty room")])
    def who(self) -> list[Member]:
        """The members, first come first; also for those who are none."""
        return list(self._members.values())

    @method(deprecated="use chat.who")
    def members(self) -> list[str]:
        """The names of the members."""
        return [member.name for member in self._members.values()]

    def _member(self, ctx: Context) -> Member:
        try:
            return self._members[ctx.connection]
        except KeyError:
            raise RPCError(ChatError.NOT_JOINED, "join first") from None

    async def _ask_mood(self, connection: Connection) -> None:
        """Ask the client for its mood; it need not know how to answer, nor in time."""
        member = self._members[connection]
        try:
            mood = await connection.call(
                "chat.askMood", {"name": member.name}, timeout=MOOD_TIMEOUT
            )
        except CallError:  # an error for an answer, too late, or the line has dropped
            return
        # What a client answers is as little to be trusted as what it asks.
        if isinstance(mood, str) and self._members.get(connection) is member:
            member.mood = mood[:MOOD_LENGTH]
            self._tell_others(connection, "mood", {"name": member.name, "mood": member.mood})

    def _watch(self, connection: Connection) -> None:
        """Have a member leave when its line drops; once, however often it joins."""
        if connection not in self._watched:
            self._watched.add(connection)
            connection.closed().addCallback(lambda _: self._gone(connection))

    def _gone(self, connection: Connection) -> None:
        self._watched.remove(connection)
        self._remove(connection)

    def _remove(self, connection: Connection) -> None:
        member = self._members.pop(connection, None)
        if member is not None:
            self._tell_others(connection, "left", {"name": member.name})

    def _tell_others(self, sender: Connection, event: str, params: dict[str, Any]) -> int:
        others = [connection for connection in self._members if connection is not sender]
        for connection in others:
            with suppress(ConnectionLost):  # we shall be told of that as well
                connection.notify(f"chat.{event}", params)
        return len(others)

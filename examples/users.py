"""A user directory on SQLite: typed parameters, error codes of our own, transactions.

twistd -n rpc --config etc/users.toml

The names of methods and parameters are what clients send, so they are in camelCase.  Parameters
are by name only, as the `*` in each signature says.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct
from twisted.application.service import Service
from twisted.enterprise.adbapi import ConnectionPool, Transaction

from twisted_rpc import Example, InvalidParams, RPCError, method

__all__ = ["Filters", "User", "UserError", "Users"]

T = TypeVar("T")
Name = Annotated[str, Meta(min_length=1, max_length=80)]
Email = Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+\Z", max_length=254)]
Limit = Annotated[int, Meta(ge=1, le=100)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]

SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE COLLATE NOCASE,
    verified INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE follows (
    follower TEXT NOT NULL REFERENCES users,
    followee TEXT NOT NULL REFERENCES users,
    PRIMARY KEY (followee, follower)
) WITHOUT ROWID;
CREATE VIEW profiles AS
    SELECT id, name, email, verified,
           (SELECT count(*) FROM follows WHERE followee = users.id) AS followers
    FROM users;
INSERT INTO users VALUES
    ('user-5f9d88c', 'Alice Johnson', 'alice@example.com', 1),
    ('user-abc123', 'Bob Stone', 'bob@example.com', 0),
    ('user-7e21b04', 'Carol Alice Reyes', 'carol@example.com', 1),
    ('user-0d4c9fa', 'Malice Grey', 'malice@example.com', 0);
INSERT INTO follows VALUES
    ('user-7e21b04', 'user-5f9d88c'),
    ('user-5f9d88c', 'user-7e21b04'),
    ('user-0d4c9fa', 'user-7e21b04');
PRAGMA user_version = 1;
COMMIT;
"""
FIND = "SELECT * FROM profiles WHERE id = ?"
UPDATE = """
UPDATE users
SET name = coalesce(:name, name), email = coalesce(:email, email)
WHERE id = :id
"""
FOLLOW = "INSERT OR IGNORE INTO follows (follower, followee) VALUES (?, ?)"
SEARCH = """
SELECT * FROM profiles
WHERE (instr(lower(name), lower(:query)) OR instr(lower(email), lower(:query)))
  AND (:verified IS NULL OR verified = :verified)
  AND followers >= :min_followers
ORDER BY name, id
LIMIT :limit OFFSET :offset
"""


class UserError(IntEnum):
    """What can go wrong here; applications choose codes outside -32768..-32000."""

    NOT_FOUND = 1001
    EMAIL_TAKEN = 1002
    CANNOT_FOLLOW_SELF = 1003


class User(Struct, frozen=True):
    """A user as callers see one.

    Attributes:
        verified: whether the address is known to be theirs.
        followers: how many there are.
    """

    id: str
    name: str
    email: str
    verified: bool
    followers: int


class Filters(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What a search may be narrowed by.

    Attributes:
        verified: true for those whose address is verified alone, false for the others.
        minFollowers: how many followers they have at least.
    """

    verified: bool | None = None
    min_followers: Count = 0


NO_FILTERS = Filters()
NOT_FOUND = RPCError(UserError.NOT_FOUND, "user not found", {"id": "user-0"})
ALICE = User("user-5f9d88c", "Alice Johnson", "alice@example.com", verified=True, followers=1)


class Users(Service):
    """The users; being a service, it starts and stops with the daemon.

    Args:
        path: the database file, made on the first start; `USERS_DB` in the environment says
            where it is, or else it is `var/users.sqlite`.
    """

    def __init__(self, path: str | None = None) -> None:
        self._path = Path(path or os.environ.get("USERS_DB") or "var/users.sqlite")
        self._pool: ConnectionPool

    def startService(self) -> None:
        """Open the database."""
        super().startService()
        _create(self._path)
        # A connection belongs to one thread of the pool, but closing is done by the reactor's.
        self._pool = ConnectionPool(
            "sqlite3", self._path, check_same_thread=False, cp_openfun=_prepare
        )

    def stopService(self) -> None:
        """Close the database."""
        super().stopService()
        self._pool.close()

    @method(
        name="getUserById",
        access="read",
        errors=[NOT_FOUND],
        examples=[Example({"id": ALICE.id}, ALICE)],
    )
    async def get_user_by_id(self, *, id: str) -> User:
        """The user of that id."""
        return await self._run(_find, id)

    @method(
        name="updateUser",
        access="write",
        errors=[
            NOT_FOUND,
            RPCError(UserError.EMAIL_TAKEN, "email is taken", {"email": ALICE.email}),
        ],
    )
    async def update_user(
        self, *, id: str, name: Name | None = None, email: Email | None = None
    ) -> User:
        """Change what is given; return the user as it is then."""
        if name is None and email is None:
            raise InvalidParams("give a name or an email")
        return await self._run(_update, {"id": id, "name": name, "email": email})

    @method(
        name="followUser",
        access="write",
        errors=[
            NOT_FOUND,
            RPCError(UserError.CANNOT_FOLLOW_SELF, "users cannot follow themselves"),
        ],
    )
    async def follow_user(self, *, followerId: str, followeeId: str) -> User:
        """Have one user follow another; return the one who is followed."""
        if followerId == followeeId:
            raise RPCError(UserError.CANNOT_FOLLOW_SELF, "users cannot follow themselves")
        return await self._run(_follow, followerId, followeeId)

    @method(
        name="searchUsers",
        access="read",
        examples=[
            Example(
                {"query": "alice", "filters": {"verified": True}, "limit": 1},
                [ALICE],
                "verified users alone",
            )
        ],
    )
    async def search_users(
        self, *, query: str, filters: Filters = NO_FILTERS, limit: Limit = 20, offset: Count = 0
    ) -> list[User]:
        """The users with a text in their name or address, in the order of their names.

        Args:
            query: the text, in whatever case.
            filters: what they have to be besides.
            limit: how many at most.
            offset: how many of the first are left out.
        """
        values = {
            "query": query,
            "verified": filters.verified,
            "min_followers": filters.min_followers,
            "limit": limit,
            "offset": offset,
        }
        rows = await self._pool.runQuery(SEARCH, values)
        return [_user(row) for row in rows]

    async def _run(self, interaction: Callable[..., T], *arguments: Any) -> T:
        """Run one transaction: what it returns is committed, what it raises rolls it back."""
        result: T = await self._pool.runInteraction(interaction, *arguments)
        return result


# The transactions; they run in threads of the pool.


def _find(transaction: Transaction, id: str) -> User:
    row = transaction.execute(FIND, (id,)).fetchone()
    if row is None:
        raise RPCError(UserError.NOT_FOUND, "user not found", {"id": id})
    return _user(row)


def _update(transaction: Transaction, values: dict[str, str | None]) -> User:
    try:
        transaction.execute(UPDATE, values)
    except sqlite3.IntegrityError:
        data = {"email": values["email"]}
        raise RPCError(UserError.EMAIL_TAKEN, "email is taken", data) from None
    return _find(transaction, str(values["id"]))


def _follow(transaction: Transaction, follower: str, followee: str) -> User:
    for user in (follower, followee):
        _find(transaction, user)
    transaction.execute(FOLLOW, (follower, followee))
    return _find(transaction, followee)


def _user(row: tuple[Any, ...]) -> User:
    id, name, email, verified, followers = row
    return User(id, name, email, bool(verified), followers)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA foreign_keys = ON")


def _create(path: Path) -> None:
    """Make the database with a few users in it, all or nothing, unless it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            connection.executescript(SCHEMA)
    finally:
        connection.close()

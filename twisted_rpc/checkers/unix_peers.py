"""`peercred:...`: the user at the other end of a Unix socket, as the kernel tells it."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from zope.interface import implementer

from twisted_rpc.auth.credentials import IUnixPeer
from twisted_rpc.checkers.arguments import keyword_arguments, words
from twisted_rpc.errors import ConfigError
from twisted_rpc.identity import Identity

__all__ = ["UnixPeerChecker", "from_argument"]

_MAX_ID = 2**32 - 2  # (uid_t) -1 means "no change" (POSIX, chown)


@implementer(ICredentialsChecker)
class UnixPeerChecker:
    """Processes of the same machine, by their user; the identity is the user's name.

    Without arguments root is let in, and whoever the daemon runs as.

    Args:
        uids: users by number.
        users: users by name.
        groups: names of groups, all of whose members are let in.

    Raises:
        ConfigError: there is no such user or group.
    """

    credentialInterfaces = (IUnixPeer,)

    def __init__(
        self,
        *,
        uids: Iterable[int] = (),
        users: Iterable[str] = (),
        groups: Iterable[str] = (),
    ) -> None:
        self._uids = {*map(_checked, uids), *map(_uid_of, users)}
        self._groups = {_gid_of(group) for group in groups}
        self._is_default = not self._uids and not self._groups

    def requestAvatarId(self, credentials: Any) -> Any:
        """See `ICredentialsChecker`: an `Identity`.

        Raises:
            UnauthorizedLogin: a user who is not among these.
        """
        uid = credentials.uid
        if not (uid in self._allowed() or self._is_member(uid, credentials.gid)):
            raise UnauthorizedLogin(f"user {uid} is not let in")
        user = _user_of(uid)
        return Identity(f"uid:{uid}" if user is None else user.pw_name)

    def _allowed(self) -> set[int]:
        # Asked now: a daemon that begins as root gives that up after it has read its options.
        return {0, os.geteuid()} if self._is_default else self._uids

    def _is_member(self, uid: int, gid: int) -> bool:
        if gid in self._groups:
            return True
        user = _user_of(uid) if self._groups else None
        if user is None:
            return False
        # Its own group, and those that list it; whoever is put in one is let in from then on.
        return not self._groups.isdisjoint(os.getgrouplist(user.pw_name, user.pw_gid))


def _user_of(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _checked(uid: int) -> int:
    if not 0 <= uid <= _MAX_ID:
        raise ConfigError(f"uid: {uid} is no user id")
    return uid


def _uid_of(user: str) -> int:
    try:
        return pwd.getpwnam(user).pw_uid
    except (KeyError, ValueError):
        raise ConfigError(f"user: there is no {user!r}") from None


def _gid_of(group: str) -> int:
    try:
        return grp.getgrnam(group).gr_gid
    except (KeyError, ValueError):
        raise ConfigError(f"group: there is no {group!r}") from None


def from_argument(text: str) -> UnixPeerChecker:
    """The checker of a description: `uid=0,1000`, `user=alice,root` and `group=staff`, or none.

    Raises:
        ConfigError: as `UnixPeerChecker`, or it is not in that form.
    """
    given = {k: words(v) for k, v in keyword_arguments(text, ("uid", "user", "group")).items()}
    for key, named in given.items():
        if not named:
            raise ConfigError(f"{key}: nobody is named")
    for uid in given.get("uid", ()):
        if not (uid.isascii() and uid.isdigit()):
            raise ConfigError(f"uid: {uid!r} is no number")
    uids = map(int, given.get("uid", ()))
    return UnixPeerChecker(uids=uids, users=given.get("user", ()), groups=given.get("group", ()))

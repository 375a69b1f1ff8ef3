"""`peercred:...`: users of this machine."""

from __future__ import annotations

import grp
import os
import pwd
from unittest.mock import patch

from tests.checkers.files import CheckerTestCase
from twisted_rpc.auth.credentials import UnixPeer
from twisted_rpc.checkers.unix_peers import UnixPeerChecker, from_argument

NOBODY = pwd.getpwnam("nobody")
UNKNOWN = 2**31 - 5
"""A user that no system has."""


def peer(uid: int, gid: int = UNKNOWN) -> UnixPeer:
    return UnixPeer(uid, gid, 1)


class Users(CheckerTestCase):
    async def test_root_and_our_own_user_unless_others_are_named(self) -> None:
        checker = from_argument("")
        self.assertEqual(await self.identity(checker, peer(0)), "root")
        own = pwd.getpwuid(os.geteuid()).pw_name
        self.assertEqual(await self.identity(checker, peer(os.geteuid())), own)
        await self.refusal(checker, peer(NOBODY.pw_uid, NOBODY.pw_gid))

    async def test_our_own_user_is_who_we_are_when_somebody_comes(self) -> None:
        checker = from_argument("")
        with patch.object(os, "geteuid", lambda: NOBODY.pw_uid):
            self.assertEqual(await self.identity(checker, peer(NOBODY.pw_uid)), "nobody")

    async def test_by_number_and_by_name(self) -> None:
        for text in (f"uid={NOBODY.pw_uid}", "user=nobody", f"uid={UNKNOWN}, 5:user=nobody"):
            with self.subTest(text=text):
                checker = from_argument(text)
                self.assertEqual(await self.identity(checker, peer(NOBODY.pw_uid)), "nobody")
                await self.refusal(checker, peer(0))

    async def test_a_user_without_a_name_has_its_number(self) -> None:
        checker = UnixPeerChecker(uids=[UNKNOWN])
        self.assertEqual(await self.identity(checker, peer(UNKNOWN)), f"uid:{UNKNOWN}")

    async def test_a_group_lets_its_members_in(self) -> None:
        group = grp.getgrgid(NOBODY.pw_gid)
        checker = from_argument(f"group={group.gr_name}")
        self.assertEqual(await self.identity(checker, peer(0, group.gr_gid)), "root")
        self.assertEqual(await self.identity(checker, peer(NOBODY.pw_uid)), "nobody")
        await self.refusal(checker, peer(UNKNOWN))
        await self.refusal(checker, peer(0))

    async def test_a_group_lets_in_whom_it_lists(self) -> None:
        group = grp.getgrgid(NOBODY.pw_gid)
        checker = from_argument(f"group={group.gr_name}")

        def groups(user: str, own: int) -> list[int]:
            return [own, group.gr_gid] if user == "root" else [own]

        with patch.object(os, "getgrouplist", groups):
            self.assertEqual(await self.identity(checker, peer(0)), "root")

    def test_what_there_is_not_is_refused(self) -> None:
        cases: list[tuple[str, str]] = [
            ("uid=x", "uid: 'x' is no number"),
            ("uid=-1", "uid: '-1' is no number"),
            ("uid=²", "uid: '²' is no number"),
            ("uid=4294967295", "uid: 4294967295 is no user id"),
            ("user=no such", "user: there is no 'no such'"),
            ("user=a\0b", "user: there is no 'a\\x00b'"),
            ("group=no such", "group: there is no 'no such'"),
            ("0", "'0' is not KEY=VALUE"),
        ]
        for text, error in cases:
            with self.subTest(text=text):
                self.assertEqual(self.config_error(from_argument, text), error)

    def test_a_list_of_nobody_is_not_the_default(self) -> None:
        for text, error in (
            ("uid=,", "uid: nobody is named"),
            ("group=,", "group: nobody is named"),
        ):
            with self.subTest(text=text):
                self.assertEqual(self.config_error(from_argument, text), error)

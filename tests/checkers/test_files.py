"""Files that are read again when they change, and replaced whole."""

from __future__ import annotations

import fcntl
import os
import stat
import threading

from tests.checkers.files import CheckerTestCase
from twisted_rpc.checkers.files import WatchedFile, edit_text, read_text, replace_text
from twisted_rpc.errors import ConfigError


def shout(text: str) -> str:
    if not text:
        raise ConfigError("it is empty")
    return text.upper()


class Watched(CheckerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.watch_log()
        self.write("one")
        self.file = WatchedFile(self.path(), shout)

    def test_a_new_file_in_its_place_is_read(self) -> None:
        self.assertEqual(self.file.value(), "ONE")
        self.write("two")
        self.assertEqual(self.file.value(), "TWO")
        self.assertIn("has changed and was read again", self.logged()[0])

    def test_a_change_in_place_is_read(self) -> None:
        self.write_in_place("two")
        self.assertEqual(self.file.value(), "TWO")

    def test_it_is_not_read_while_it_stays_the_same(self) -> None:
        kept = self.file.value()
        self.assertIs(self.file.value(), kept)

    def test_what_is_wrong_is_logged_once_and_changes_nothing(self) -> None:
        self.write("")
        self.assertEqual([self.file.value(), self.file.value()], ["ONE", "ONE"])
        self.assertEqual(self.logged(), ["it is empty; what it said before still holds"])
        self.write("three")
        self.assertEqual(self.file.value(), "THREE")

    def test_a_file_that_is_gone_changes_nothing_until_there_is_one_again(self) -> None:
        self.path().unlink()
        self.assertEqual(self.file.value(), "ONE")
        self.assertIn("No such file", self.logged()[0])
        self.write("two")
        self.assertEqual(self.file.value(), "TWO")

    def test_a_mode_that_is_too_open_counts_as_wrong(self) -> None:
        self.path().chmod(0o666)
        self.assertEqual(self.file.value(), "ONE")
        self.assertIn("may write it", self.logged()[0])


class Reading(CheckerTestCase):
    def test_what_others_may_do_is_refused(self) -> None:
        for mode, secret, problem in (
            (0o604, True, "file: everybody may read it: chmod o-rwx "),
            (0o620, True, "file: others than its owner may write it: chmod go-w "),
            (0o602, True, "file: others than its owner may write it"),
            (0o664, False, "file: others than its owner may write it"),
        ):
            with self.subTest(mode=oct(mode)):
                self.write("text", mode=mode)
                error = self.config_error(read_text, str(self.path()), secret=secret)
                self.assertTrue(error.startswith(problem), error)

    def test_its_group_may_read_it_and_everybody_what_is_public(self) -> None:
        self.write("text", mode=0o640)
        self.assertEqual(read_text(str(self.path()), secret=True), "text")
        self.write("text", mode=0o644)
        self.assertEqual(read_text(str(self.path()), secret=False), "text")

    def test_what_is_no_text_file_is_refused(self) -> None:
        self.path("binary").write_bytes(b"ab\xff")
        self.path("binary").chmod(0o600)
        os.mkfifo(self.path("pipe"), 0o600)
        for name, problem in (
            ("binary", "binary: not UTF-8 at byte 2"),
            ("pipe", "pipe: not a regular file"),
            ("", "not a regular file"),
            ("none", "none: No such file or directory"),
        ):
            with self.subTest(name=name):
                error = self.config_error(read_text, str(self.path(name)), secret=True)
                self.assertTrue(error.endswith(problem), error)


class Replacing(CheckerTestCase):
    def mode(self) -> int:
        return stat.S_IMODE(self.path().stat().st_mode)

    def test_a_new_file_is_its_owners_alone_whatever_the_umask_is(self) -> None:
        self.addCleanup(os.umask, os.umask(0))
        replace_text(str(self.path()), "text")
        self.assertEqual((self.path().read_text(), self.mode()), ("text", 0o600))

    def test_an_old_one_keeps_its_readers_and_no_more(self) -> None:
        for before, after in ((0o640, 0o640), (0o600, 0o600), (0o666, 0o640), (0o400, 0o400)):
            with self.subTest(mode=oct(before)):
                self.write("old", mode=before)
                replace_text(str(self.path()), "new")
                self.assertEqual((self.path().read_text(), self.mode()), ("new", after))

    def test_an_old_one_keeps_its_owner(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("only root gives files away")
        self.write("old", mode=0o640)
        os.chown(self.path(), 12345, 23456)
        replace_text(str(self.path()), "new")
        status = self.path().stat()
        self.assertEqual((status.st_uid, status.st_gid, self.mode()), (12345, 23456, 0o640))

    def test_what_fails_leaves_nothing_behind(self) -> None:
        self.path().mkdir()
        error = self.config_error(replace_text, str(self.path()), "text")
        self.assertEqual(error, "file: Is a directory")
        self.assertEqual(list(self.directory.iterdir()), [self.path()])
        error = self.config_error(replace_text, str(self.path("no/where")), "text")
        self.assertEqual(error, "no/where: No such file or directory")

    def test_only_one_edits_at_a_time(self) -> None:
        path = str(self.path())

        def append(letter: str) -> None:
            edit_text(path, lambda text: (text or "") + letter)

        def edit(text: str | None) -> str:
            self.assertIsNone(text)
            second.start()
            descriptor = os.open(self.directory, os.O_RDONLY)
            self.addCleanup(os.close, descriptor)
            with self.assertRaises(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return "a"

        second = threading.Thread(target=append, args=("b",))
        edit_text(path, edit)
        second.join(60)
        self.assertEqual(self.path().read_text(), "ab")

    def test_a_symbolic_link_stays_one(self) -> None:
        self.write("old", "real")
        self.path().symlink_to("real")
        edit_text(str(self.path()), lambda text: f"{text} and new")
        self.assertTrue(self.path().is_symlink())
        self.assertEqual(self.path("real").read_text(), "old and new")

    def test_what_cannot_be_edited_is_named(self) -> None:
        self.path("binary").write_bytes(b"a\xff")
        self.path("directory").mkdir()
        for name, error in (
            ("no/where", "no/where: No such file or directory"),
            ("binary", "binary: not UTF-8 at byte 1"),
            ("directory", "directory: Is a directory"),
        ):
            with self.subTest(name=name):
                made = self.config_error(edit_text, str(self.path(name)), lambda text: text or "")
                self.assertEqual(made, error)

"""Notifications for many: when they leave, in which order, and how often they are framed."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_rpc.broadcasting import Broadcasts


class Ear:
    """A far side, and what it was told: each write as the messages in it."""

    def __init__(self, framing: str = "line") -> None:
        self.is_closed = False
        self.framing = framing
        self.framed_times = 0
        self.writes: list[bytes] = []

    def framed(self, messages: list[bytes]) -> bytes:
        self.framed_times += 1
        return self.framing.encode() + b":" + b",".join(messages)

    def push(self, frames: bytes, messages: int) -> None:
        self.writes.append(frames)

    def notify_encoded(self, notification: bytes) -> None:
        self.writes.append(notification)


class Turns(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.broadcasts = Broadcasts(self.clock)

    def test_those_of_one_turn_are_one_write(self) -> None:
        ears = [Ear(), Ear()]
        self.broadcasts.add(ears, b"1")
        self.broadcasts.add(list(ears), b"2")
        self.assertTrue(self.broadcasts.waiting)
        self.assertEqual([ear.writes for ear in ears], [[], []])
        self.clock.advance(0)
        self.assertEqual([ear.writes for ear in ears], [[b"line:1,2"], [b"line:1,2"]])
        self.assertFalse(self.broadcasts.waiting)

    def test_each_framing_is_made_once(self) -> None:
        ears = [Ear("line"), Ear("line"), Ear("websocket"), Ear("websocket")]
        self.broadcasts.add(ears, b"1")
        self.broadcasts.send()
        self.assertEqual([ear.framed_times for ear in ears], [1, 0, 1, 0])
        self.assertEqual([ear.writes[0] for ear in ears][1::2], [b"line:1", b"websocket:1"])

    def test_who_shares_no_frames_is_told_one_by_one(self) -> None:
        alone, other = Ear(""), Ear()
        for text in (b"1", b"2"):
            self.broadcasts.add([alone, other], text)
        self.broadcasts.send()
        self.assertEqual(alone.writes, [b"1", b"2"])
        self.assertEqual(other.writes, [b"line:1,2"])

    def test_other_hearers_begin_another_write_and_no_list_of_them_is_kept(self) -> None:
        first, second = Ear(), Ear()
        self.broadcasts.add([first, second], b"1")
        self.broadcasts.add([second], b"2")
        self.assertEqual(first.writes, [b"line:1"])
        self.broadcasts.add([first, second], b"3")
        self.broadcasts.send()
        self.assertEqual(first.writes, [b"line:1", b"line:3"])
        self.assertEqual(second.writes, [b"line:1", b"line:2", b"line:3"])

    def test_who_has_closed_meanwhile_is_told_nothing(self) -> None:
        ear = Ear()
        self.broadcasts.add([ear], b"1")
        ear.is_closed = True
        self.clock.advance(0)
        self.assertEqual(ear.writes, [])

    def test_many_bytes_do_not_wait(self) -> None:
        ear = Ear()
        for _ in range(3):
            self.broadcasts.add([ear], b"x" * 30_000)
        self.assertEqual([len(write) for write in ear.writes], [90_007])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_sent_early_nothing_is_left_for_the_end_of_the_turn(self) -> None:
        ear = Ear()
        self.broadcasts.add([ear], b"1")
        self.broadcasts.send()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.broadcasts.send()
        self.assertEqual(ear.writes, [b"line:1"])

    def test_what_is_added_while_it_is_sent_follows(self) -> None:
        broadcasts = self.broadcasts

        class Echoing(Ear):
            def push(self, frames: bytes, messages: int) -> None:
                super().push(frames, messages)
                if len(self.writes) == 1:
                    broadcasts.add([self], b"2")

        ear = Echoing()
        broadcasts.add([ear], b"1")
        broadcasts.send()
        self.assertEqual(ear.writes, [b"line:1"])
        self.clock.advance(0)
        self.assertEqual(ear.writes, [b"line:1", b"line:2"])

    def test_one_that_cannot_be_told_keeps_nothing_from_the_others(self) -> None:
        class Deaf(Ear):
            def push(self, frames: bytes, messages: int) -> None:
                raise RuntimeError("deaf")

        ears = [Deaf(), Ear()]
        self.broadcasts.add(ears, b"1")
        self.clock.advance(0)
        self.assertEqual(ears[1].writes, [b"line:1"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_what_one_hearer_leads_to_is_heard_after_it_by_all(self) -> None:
        broadcasts = self.broadcasts
        ears: list[Ear] = []

        class Hasty(Ear):
            def push(self, frames: bytes, messages: int) -> None:
                super().push(frames, messages)
                if len(self.writes) == 1:
                    broadcasts.add(ears, b"2" * 70_000)
                    broadcasts.send()

        ears += [Hasty(), Ear()]
        broadcasts.add(ears, b"1")
        broadcasts.send()
        self.clock.advance(0)
        self.assertEqual([[len(write) for write in ear.writes] for ear in ears], [[6, 70_005]] * 2)

"""Unix sockets: whose they are, from when on, and who may take a place."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from pathlib import Path
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.logger import capturedLogs, formatEvent

from tests.helpers import new_path
from tests.transports.harness import TransportTestCase, reactor
from twisted_rpc.listener import Listener
from twisted_rpc.transports.listening import Place
from twisted_rpc.transports.stream import StreamFactory
from twisted_rpc.transports.unix_socket import binding


def mode_of(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


class UnixSocketTests(TransportTestCase):
    """Binding one."""

    def setUp(self) -> None:
        super().setUp()
        self.path = Path(new_path())

    def place(self, options: str = "", *, insecure: bool = False) -> Place:
        """A listener, not bound yet."""
        listener = Listener(transport="tcp", endpoint=f"unix:{self.path}{options}")
        return Place(self.server, listener, insecure_public=insecure, reactor=reactor)

    async def bind(self, options: str = "") -> IListeningPort:
        """A listener that is bound."""
        port = await self.place(options).listen(StreamFactory(self.server))
        self.ports.append(port)
        return port

    async def refusal(self) -> str:
        """Why it cannot be bound."""
        with self.assertRaises(CannotListenError) as caught:
            await self.bind()
        return str(caught.exception)

    def leave_stale(self) -> None:
        """Leave what a process leaves that is killed; its id belongs to another now."""
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(self.path))
        Path(f"{self.path}.lock").symlink_to(str(os.getpid()))

    async def test_it_is_its_owners_before_twisted_sets_the_mode(self) -> None:
        seen: list[int] = []
        chmod = os.chmod

        def look(path: Any, mode: int, **options: Any) -> None:
            seen.append(mode_of(Path(os.fsdecode(path))))
            chmod(path, mode, **options)

        self.patch(os, "chmod", look)
        before = os.umask(0)
        try:
            await self.bind(":mode=660")
            self.assertEqual(os.umask(0), 0)
        finally:
            os.umask(before)
        self.assertEqual((seen, mode_of(self.path)), ([0o600], 0o660))

    async def test_what_a_killed_process_left_is_replaced(self) -> None:
        self.leave_stale()
        await self.bind()
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(self.path))

    async def test_a_socket_that_is_served_is_not_taken(self) -> None:
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(self.path))
            other.listen()
            self.assertIn("another process listens on it", await self.refusal())
            with socket.socket(socket.AF_UNIX) as caller:
                caller.connect(str(self.path))
            self.assertIn("another process listens on it", await self.refusal())

    async def test_a_file_is_not_replaced(self) -> None:
        self.path.write_text("precious")
        self.assertIn("there is a file, which is no socket", await self.refusal())
        self.assertEqual(self.path.read_text(), "precious")

    async def test_a_directory_that_is_not_there_is_told(self) -> None:
        self.path = self.path / "nowhere" / "it"
        self.assertIn("there is no directory", await self.refusal())

    async def test_of_two_that_start_at_once_one_gives_way(self) -> None:
        """Who holds the directory may be between bind and listen: its socket looks stale."""
        self.leave_stale()
        holder = os.open(self.path.parent, os.O_RDONLY)
        self.addCleanup(os.close, holder)
        fcntl.flock(holder, fcntl.LOCK_EX)
        self.assertIn("Cannot acquire lock", await self.refusal())
        fcntl.flock(holder, fcntl.LOCK_UN)
        await self.bind()

    async def test_a_directory_that_cannot_be_read_is_no_obstacle(self) -> None:
        def refuse(*_: Any) -> int:
            raise PermissionError

        patched = self.patch(os, "open", refuse)
        port = self.place().listen(StreamFactory(self.server))
        patched.restore()
        self.ports.append(await port)

    async def test_an_abstract_socket_is_no_file(self) -> None:
        self.path = Path(f"\0{self.path}")
        with capturedLogs() as events:
            place = self.place(":lockfile=0", insecure=True)
            self.ports.append(await place.listen(StreamFactory(self.server)))
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(self.path))
        said = "|".join(str(formatEvent(event)) for event in events)
        self.assertIn("can be reached by every user of this machine", said)

    def test_the_directory_is_free_again_afterwards(self) -> None:
        with binding(str(self.path)):
            pass
        holder = os.open(self.path.parent, os.O_RDONLY)
        self.addCleanup(os.close, holder)
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)

    async def test_a_directory_that_others_can_write_to_is_a_warning(self) -> None:
        for mode, warned in ((0o700, False), (0o755, False), (0o1777, True), (0o707, True)):
            self.path.parent.chmod(mode)
            with capturedLogs() as events:
                port = await self.bind()
            said = f"others can write to {self.path.parent}, and put a socket of theirs there"
            self.assertEqual(said in "|".join(str(formatEvent(e)) for e in events), warned)
            stopped = port.stopListening()
            assert stopped is not None
            await stopped
            self.ports.clear()

"""What the examples of our example services show is true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.trial.unittest import TestCase

from examples.calculator import Calculator
from examples.chat import ChatRoom
from examples.server_subclass import MyServer
from examples.users import Users
from tests.helpers import request
from twisted_rpc import Server
from twisted_rpc.testing import check_examples


class ExamplesTest(TestCase):
    """Each service by itself, as it is when it has just been made."""

    @pytest.fixture(autouse=True)
    def _in_a_directory(self, tmp_path: Path) -> None:
        self.directory = tmp_path

    async def check(self, name: str, target: Any) -> int:
        """How many examples are true of a service."""
        server = Server()
        server.expose(name, target)
        return await check_examples(server)

    async def test_calculator(self) -> None:
        assert await self.check("calc", Calculator()) == 4

    async def test_chat(self) -> None:
        assert await self.check("chat", ChatRoom()) == 1

    async def test_users(self) -> None:
        users = Users(str(self.directory / "users.sqlite"))
        users.startService()
        try:
            assert await self.check("users", users) == 2
        finally:
            users.stopService()

    async def test_server_subclass(self) -> None:
        assert await check_examples(MyServer()) == 1

    async def test_chat_tells_what_it_sends(self) -> None:
        server = Server()
        server.expose("chat", ChatRoom())
        answer = await server.dispatch(request("rpc.discover"))
        assert answer is not None
        for name in ("chat.joined", "chat.said", "chat.mood", "chat.left", "chat.askMood"):
            assert b'"%b"' % name.encode() in answer

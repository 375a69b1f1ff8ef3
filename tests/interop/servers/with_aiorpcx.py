"""aiorpcX: `python with_aiorpcx.py tcp PORT [USER PASSWORD]`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any

import aiorpcx  # type: ignore[import-untyped]

NOTES: list[str] = []
WAITING = {"waiting": 0, "cancelled": 0}
WHO = sys.argv[3:]


class Session(aiorpcx.RPCSession):  # type: ignore[misc]
    """One client: its requests and notifications come to the methods named `do_…`."""

    admitted = not WHO

    async def handle_request(self, request: Any) -> Any:
        """What the library asks for each of them."""
        handler: Callable[..., Any] | None = getattr(self, f"do_{request.method}", None)
        if not self.admitted and request.method != "auth":
            raise aiorpcx.RPCError(-32001, "Unauthorized")
        return await aiorpcx.handler_invocation(handler, request)()

    async def do_auth(self, user: str, password: str) -> bool:
        if [user, password] != WHO:
            raise aiorpcx.RPCError(-32001, "Unauthorized")
        self.admitted = True
        return True

    async def do_subtract(self, minuend: float, subtrahend: float) -> float:
        return minuend - subtrahend

    async def do_echo(self, value: Any) -> Any:
        return value

    async def do_nothing(self) -> None:
        return None

    async def do_fail(self) -> None:
        raise aiorpcx.RPCError(7, "as asked")

    async def do_note(self, text: str) -> None:
        NOTES.append(text)

    async def do_notes(self) -> list[str]:
        return NOTES

    async def do_wait(self) -> None:
        WAITING["waiting"] += 1
        await asyncio.Event().wait()

    async def do_waits(self) -> dict[str, int]:
        return WAITING

    async def do_pid(self) -> int:
        return os.getpid()

    async def do_ask(self, name: str, params: list[Any]) -> Any:
        return await self.send_request(name, params)

    async def do_tell(self, name: str, params: list[Any]) -> None:
        await self.send_notification(name, params)


async def main(port: int) -> None:
    server = await aiorpcx.serve_rs(Session, "127.0.0.1", port)
    print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[2])))

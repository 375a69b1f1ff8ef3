"""aiorpcX: `python with_aiorpcx.py asyncio|uvloop tcp|websocket PORT`."""

import asyncio
import sys
from typing import Any, ClassVar

import aiorpcx
import uvloop


class Session(aiorpcx.RPCSession):
    """One client."""

    sessions: ClassVar[set["Session"]] = set()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sessions.add(self)
        # Its limits are for strangers: who sends much is made to wait, and then sent away.
        self.cost_hard_limit = 0

    async def connection_lost(self) -> None:
        """It is gone."""
        self.sessions.discard(self)
        await super().connection_lost()

    async def handle_request(self, request: Any) -> Any:
        """What the library asks for each request and notification."""
        method = {"calc.add": self.add, "calc.echo": self.echo, "news.publish": self.publish}
        return await aiorpcx.handler_invocation(method.get(request.method), request)()

    async def add(self, a: float, b: float) -> float:
        """Add two numbers."""
        return a + b

    async def echo(self, text: str) -> str:
        """Give a text back."""
        return text

    async def publish(self, count: int, params: list[str]) -> int:
        """Send everybody so many notifications."""
        for _ in range(count):
            for session in list(self.sessions):
                await session.send_notification("news", params)
        return count


async def main(transport: str, port: int) -> None:
    """Serve until ended."""
    if transport == "websocket":
        await aiorpcx.serve_ws(Session, "127.0.0.1", port)
    else:
        await aiorpcx.serve_rs(Session, "127.0.0.1", port)
    await asyncio.Event().wait()


run = {"asyncio": asyncio.run, "uvloop": uvloop.run}[sys.argv[1]]
run(main(sys.argv[2], int(sys.argv[3])))

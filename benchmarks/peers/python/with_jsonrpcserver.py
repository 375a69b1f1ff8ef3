"""jsonrpcserver on uvloop: `python with_jsonrpcserver.py http|websocket PORT`.

Requests are not validated against its schema: that takes nearly half of its time, and its
documentation says how to do without.
"""

import asyncio
import sys
from typing import Any

import uvloop
from aiohttp import web
from jsonrpcserver import Result, Success, async_dispatch, method
from websockets.asyncio.server import serve


@method(name="calc.add")
async def add(a: float, b: float) -> Result:
    """Add two numbers."""
    return Success(a + b)


@method(name="calc.echo")
async def echo(text: str) -> Result:
    """Give a text back."""
    return Success(text)


async def answer(text: Any) -> str:
    """The answer to a message."""
    return await async_dispatch(text, validator=lambda _: None)


async def on_request(request: web.Request) -> web.Response:
    """A request of HTTP came."""
    return web.Response(text=await answer(await request.text()), content_type="application/json")


def over_http(port: int) -> None:
    """Serve until ended."""
    app = web.Application()
    app.router.add_post("/", on_request)
    loop = uvloop.new_event_loop()
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, loop=loop)


async def on_connection(websocket: Any) -> None:
    """A WebSocket is open."""
    async for message in websocket:
        if text := await answer(message):
            await websocket.send(text)


async def over_websocket(port: int) -> None:
    """Serve until ended."""
    async with serve(on_connection, "127.0.0.1", port):
        await asyncio.Event().wait()


if sys.argv[1] == "http":
    over_http(int(sys.argv[2]))
else:
    uvloop.run(over_websocket(int(sys.argv[2])))

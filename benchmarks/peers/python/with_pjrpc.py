"""pjrpc on aiohttp and uvloop: `python with_pjrpc.py http PORT`."""

import sys

import pjrpc.server
import uvloop
from aiohttp import web
from pjrpc.server.integration import aiohttp

methods = pjrpc.server.MethodRegistry()


@methods.add(name="calc.add")
async def add(a: float, b: float) -> float:
    """Add two numbers."""
    return a + b


@methods.add(name="calc.echo")
async def echo(text: str) -> str:
    """Give a text back."""
    return text


app = aiohttp.Application("/")
app.add_methods(methods)
web.run_app(
    app.http_app,
    host="127.0.0.1",
    port=int(sys.argv[2]),
    access_log=None,
    loop=uvloop.new_event_loop(),
)

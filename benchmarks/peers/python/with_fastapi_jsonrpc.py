"""fastapi-jsonrpc on uvicorn: `python with_fastapi_jsonrpc.py http PORT`."""

import sys

import fastapi_jsonrpc as jsonrpc
import uvicorn
from fastapi import Body

app = jsonrpc.API()
calc = jsonrpc.Entrypoint("/rpc")


@calc.method(name="calc.add")
async def add(a: float = Body(...), b: float = Body(...)) -> float:
    """Add two numbers."""
    return a + b


@calc.method(name="calc.echo")
async def echo(text: str = Body(...)) -> str:
    """Give a text back."""
    return text


app.bind_entrypoint(calc)
# Its own choice where they are installed: uvloop and httptools.
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning")

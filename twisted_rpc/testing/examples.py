"""Whether what the examples of a server's methods show is true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from twisted_rpc import codec
from twisted_rpc.context import Context
from twisted_rpc.exposing import Exposing
from twisted_rpc.marking import Example
from twisted_rpc.testing.scripted import same

__all__ = ["check_examples"]


async def check_examples(server: Exposing, context: Context | None = None) -> int:
    """Make the calls of all `@method(examples=[...])`, in the order in which methods were exposed.

    Args:
        server: whose methods are called, without any transport.
        context: who calls, see `Exposing.dispatch`.

    Returns:
        How many there are.

    Raises:
        AssertionError: one is answered otherwise; the text says which, and how.
    """
    wrong = []
    examples = list(_examples(server))
    for method, example in examples:
        call = {"jsonrpc": "2.0", "method": method, "params": example.params, "id": 1}
        answer = await server.dispatch(codec.encode(call), context)
        assert answer is not None  # it is a call
        said = json.loads(answer)
        if "result" not in said or not same(_as_sent(example.result), said["result"]):
            outcome = said.get("result", said.get("error"))
            wrong.append(f"{method} {example.params}: {outcome!r}, not {example.result!r}")
    if wrong:
        raise AssertionError("; ".join(wrong))
    return len(examples)


def _examples(server: Exposing) -> Iterator[tuple[str, Example]]:
    for name, method in server.methods.items():
        for example in method.marker.examples:
            yield name, example


def _as_sent(value: Any) -> Any:
    return json.loads(codec.encode(value))

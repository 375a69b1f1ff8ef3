"""`check_examples`: whether what the examples of an application show is true."""

from __future__ import annotations

import pytest
from msgspec import Struct

from twisted_rpc import Context, Example, RPCError, Server, method
from twisted_rpc.testing import Network, check_examples


class Point(Struct):
    x: int


class Service:
    """Methods whose examples are right."""

    @method(examples=[Example([1], Point(1)), Example({"x": 2}, {"x": 2})])
    def point(self, x: int) -> Point:
        return Point(x)

    @method(examples=[Example([], "ann")])
    async def who(self, ctx: Context) -> str:
        return str(ctx.identity)


class Wrong:
    """Methods whose examples are not."""

    @method(examples=[Example([], True), Example([], 1), Example([2], 1)])
    def one(self) -> int:
        return 1

    @method(examples=[Example([], None)])
    def fail(self) -> None:
        raise RPCError(7, "no")


def test_all_are_right() -> None:
    with Network() as network:
        server = Server(reactor=network.clock)
        server.expose("good", Service())
        assert network.run(check_examples(server, Context(identity="ann"))) == 3


def test_each_that_is_wrong_is_named() -> None:
    with Network() as network:
        server = Server(reactor=network.clock)
        server.expose("bad", Wrong())
        with pytest.raises(AssertionError) as caught:
            network.run(check_examples(server))
    first, second, third = str(caught.value).split("; ")
    assert first.startswith("bad.fail []: {'code': 7")
    assert second == "bad.one []: 1, not True"
    assert third.startswith("bad.one [2]: {'code': -32602")

"""What we serve while we are measured."""

from __future__ import annotations

from benchmarks.application import NewsServer
from twisted_rpc.testing import Network


def test_it_adds_and_gives_back(rpc_network: Network) -> None:
    client = rpc_network.connect(NewsServer(reactor=rpc_network.clock))
    assert rpc_network.run(client.call("calc.add", [5, 3])) == 8
    assert rpc_network.run(client.call("calc.echo", ["text"])) == "text"


def test_everybody_hears_every_notification(rpc_network: Network) -> None:
    server = NewsServer(reactor=rpc_network.clock)
    heard: list[tuple[int, str]] = []
    clients = [rpc_network.connect(server) for _ in range(3)]
    for number, client in enumerate(clients):
        client.on("news", lambda text, number=number: heard.append((number, text)))
    rpc_network.settle()
    assert rpc_network.run(clients[0].call("news.publish", [2, ["now"]])) == 2
    rpc_network.settle()
    assert sorted(heard) == [(0, "now")] * 2 + [(1, "now")] * 2 + [(2, "now")] * 2

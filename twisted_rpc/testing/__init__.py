"""The test kit: servers, clients and scripted peers in memory, whose time stands still.

No ports, no threads, no waiting: a `Network` moves bytes and time only while it is told to.
"""

from twisted_rpc.testing.examples import check_examples
from twisted_rpc.testing.faults import FaultyLine, FaultyWay
from twisted_rpc.testing.network import Network
from twisted_rpc.testing.scripted import ANY, Expectation, ScriptedPeer

__all__ = [
    "ANY",
    "Expectation",
    "FaultyLine",
    "FaultyWay",
    "Network",
    "ScriptedPeer",
    "check_examples",
]

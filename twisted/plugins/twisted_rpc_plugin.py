"""Makes `twistd` and `twist` know the command `rpc`.

Imported by every twistd command whenever plugins are listed: it loads nothing of ours.
"""

from twisted.application.service import ServiceMaker

rpc = ServiceMaker(
    "twisted_rpc",
    "twisted_rpc.tap",
    "A JSON-RPC 2.0 daemon over TCP, HTTP and WebSocket.",
    "rpc",
)

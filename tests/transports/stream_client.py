"""A port for streams."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.transports.harness import Line, TransportTestCase
from twisted_rpc.transports.stream import StreamFactory

__all__ = ["StreamTestCase", "code_of"]


def code_of(answer: Any) -> int:
    """The code of an error."""
    code: int = answer["error"]["code"]
    return code


class StreamTestCase(TransportTestCase):
    """A port in one framing.

    Attributes:
        framing: its name.
    """

    framing: ClassVar[str] = "line"

    async def open(self) -> Line:
        """A client; the first one opens the port."""
        if not self.ports:
            await self.listen(StreamFactory(self.server, self.framing))
        return await self.connect()

"""What the daemons of these tests serve: methods that give back what they are given."""

from __future__ import annotations

from typing import Any

from twisted_rpc import Context, method


class Echo:
    """Gives back its parameters."""

    @method
    def items(self, *args: Any) -> list[Any]:
        return list(args)

    @method
    def members(self, **kwargs: Any) -> dict[str, Any]:
        return kwargs

    @method
    def whoami(self, ctx: Context) -> str | None:
        identity: str | None = ctx.identity
        return identity

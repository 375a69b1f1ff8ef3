"""The commands that look after configuration: the daemon's and the shell's."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import get_completion_class

from twisted_rpc.cli.program import examples, program

__all__ = ["completion", "config"]


@program.group()
def config() -> None:
    """Look after configuration files of the daemon."""


@config.command(epilog=examples("config check /etc/rpc/rpc.toml"))
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check a configuration FILE, with all that it names, as twistd rpc --check does."""
    from twisted_rpc.tap import Options

    try:
        Options().parseOptions([f"--config={file}", "--check"])
    except SystemExit as end:
        if end.code:
            raise click.UsageError(str(end.code).removeprefix("rpc: ")) from None


@program.command(epilog=examples("completion bash", "completion zsh"))
@click.argument("shell", type=click.Choice(["bash", "zsh"]))
def completion(shell: str) -> None:
    """Print what makes a SHELL complete the commands and options of twisted-rpc.

    In ~/.bashrc: eval "$(twisted-rpc completion bash)"; in ~/.zshrc the same for zsh.
    """
    made = get_completion_class(shell)
    assert made is not None
    if shell == "bash":  # which else takes a URL for three words, and what follows for too much
        click.echo("COMP_WORDBREAKS=${COMP_WORDBREAKS//:}")
    click.echo(made(program, {}, "twisted-rpc", "_TWISTED_RPC_COMPLETE").source())

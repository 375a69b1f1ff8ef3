"""What the end of a command means for the exit status."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

import click

from twisted_rpc.cli.output import OutputClosed, error_text, printable
from twisted_rpc.errors import CallError, ConnectError, ConnectionLost

__all__ = ["FAILED", "MISUSED", "UNCONNECTED", "Interrupted", "exit_status"]

FAILED, MISUSED, UNCONNECTED = 1, 2, 3
"""Exit statuses: the far side gave no result; the command makes no sense; no connection."""

_BROKEN_PIPE = 128 + signal.SIGPIPE


class Interrupted(Exception):
    """A signal came.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def exit_status(command: Callable[[], int | None]) -> int:
    """Run a command; say in one line on standard error what is wrong, if anything is.

    Returns:
        The exit status: what the command returned, or one for how it failed.
    """
    try:
        status = command() or 0
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return MISUSED
    except click.ClickException as error:
        return _complain(error.format_message(), MISUSED)
    except CallError as error:
        return _complain(error_text(error), _status_of(error))
    except Interrupted as error:
        _give_up_output()
        return 128 + error.number
    except (click.Abort, KeyboardInterrupt):
        _give_up_output()
        return 128 + signal.SIGINT
    except (OutputClosed, BrokenPipeError):
        _give_up_output()
        return _BROKEN_PIPE
    except OSError as error:
        _give_up_output()
        return _complain(f"cannot write: {error.strerror}", FAILED)
    return status


def _give_up_output() -> None:
    """Keep the interpreter's end from a last try to write what is still buffered."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _status_of(error: CallError) -> int:
    return UNCONNECTED if isinstance(error, ConnectError | ConnectionLost) else FAILED


def _complain(text: str, status: int) -> int:
    print(f"twisted-rpc: {printable(' '.join(text.split()))}", file=sys.stderr)
    return status

"""MODULE:OBJECT, as it stands on a command line or in a configuration, to the object."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

from twisted_rpc.errors import ConfigError

__all__ = ["instance", "load_object", "split_exposure"]


def load_object(reference: str) -> Any:
    """Import what `MODULE:OBJECT` or `MODULE` names.

    The current directory is searched as well, so that a project need not be installed.

    Raises:
        ConfigError: there is no such module or object, or importing it fails.
    """
    module_name, _, path = reference.partition(":")
    if not module_name or module_name.startswith("."):
        raise ConfigError(f"{reference!r} is not MODULE:OBJECT")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise ConfigError(f"{reference}: cannot import {module_name!r}: {error}") from error
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{reference}: importing {module_name!r} failed: {reason}") from error
    for attribute in path.split(".") if path else ():
        try:
            found = getattr(found, attribute)
        except AttributeError:
            raise ConfigError(f"{reference}: {module_name!r} has no {path!r}") from None
    return found


def instance(reference: str) -> Any:
    """What `load_object` finds; a class is called without arguments.

    Raises:
        ConfigError: as `load_object`, or the class cannot be called like that.
    """
    found = load_object(reference)
    if not inspect.isclass(found):
        return found
    try:
        return found()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{reference}: {found.__name__}() failed: {reason}") from error


def split_exposure(text: str) -> tuple[str, str]:
    """`[NAME=]MODULE:OBJECT` to name and reference.

    The name is the object's own in lower case, unless one is given.

    Raises:
        ConfigError: there is no module in it.
    """
    name, equals, reference = text.partition("=")
    if not equals:
        reference = text
        name = reference.rpartition(":")[2].rpartition(".")[2].lower()
    if not reference.partition(":")[0]:
        raise ConfigError(f"{text!r} is not [NAME=]MODULE:OBJECT")
    return name, reference

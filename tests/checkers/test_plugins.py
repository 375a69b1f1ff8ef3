"""Descriptions: found by `--auth` and `[server] auth`, explained, and cheap until one is used."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.cred import strcred
from twisted.cred.checkers import ICredentialsChecker
from zope.interface.verify import verifyObject

from tests.checkers.files import bcrypt_hash, write
from tests.checkers.signing import public_pem
from twisted_rpc import Server
from twisted_rpc.auth.credentials import BearerToken, IBearerToken, UnixPeer
from twisted_rpc.checkers.tokens import hash_of
from twisted_rpc.identity import Identity
from twisted_rpc.tap import Options, makeService

OURS = ("cert", "htpasswd", "jwt", "peercred", "token")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a file for every checker."""
    write(tmp_path / "passwords", f"ann:{bcrypt_hash('secret')}\n")
    table = f'[[token]]\nname = "ci"\nhash = "{hash_of(b"t")}"\nroles = ["deploy"]\n'
    write(tmp_path / "tokens", table)
    write(tmp_path / "key", public_pem("rsa"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


DESCRIPTIONS = (
    "htpasswd:passwords",
    "token:tokens",
    r"jwt:key=key:algorithms=RS256:audience=a:issuer=https\://issuer.example",
    "cert:subject=CN",
    "peercred:",
    "peercred",
)


@pytest.mark.parametrize("description", DESCRIPTIONS)
def test_a_description_makes_what_its_factory_promises(here: Path, description: str) -> None:
    factory = strcred.findCheckerFactory(description.partition(":")[0])
    assert verifyObject(strcred.ICheckerFactory, factory)
    checker = strcred.makeChecker(description)
    assert verifyObject(ICredentialsChecker, checker)
    assert tuple(checker.credentialInterfaces) == tuple(factory.credentialInterfaces)


def server_of(*options: str) -> Server:
    """The server that a command line makes."""
    parsed = Options()
    parsed.parseOptions(list(options))
    return makeService(parsed).server


def identity(server: Server, credentials: Any) -> Any:
    """Whose credentials these are, which the server knows at once."""
    found: list[Any] = []
    server.authenticate(credentials).addCallback(found.append)
    return found[0]


def test_the_daemon_asks_all_of_them(here: Path) -> None:
    write(here / "rpc.toml", "[server]\nauth = ['htpasswd:passwords', 'peercred:']\n")
    server = server_of("--config", "rpc.toml", *[f"--auth={text}" for text in DESCRIPTIONS[1:4]])
    token = identity(server, BearerToken(b"t"))
    assert isinstance(token, Identity)
    assert token == "ci"
    assert token.roles == {"deploy"}
    assert identity(server, UnixPeer(0, 0, 1)) == "root"
    assert server.requires_authentication


@pytest.mark.parametrize(
    ("description", "error"),
    [
        ("htpasswd:none", "none: No such file or directory"),
        ("htpasswd", "the name of a file is missing"),
        ("token:passwords", "passwords: "),
        ("jwt:algorithms=RS256", "one of secret, key and jwks is needed, and no second one"),
        ("cert:", "one of subject, san and map is needed"),
        ("peercred:gid=5", "'gid' is unknown; known: uid, user, group"),
    ],
)
def test_what_is_wrong_is_one_line(here: Path, description: str, error: str) -> None:
    with pytest.raises(SystemExit) as caught:
        server_of("--auth", description)
    line = str(caught.value.code)
    assert line.startswith(f"rpc: --auth {description.partition(':')[0]}: {error}")
    assert "\n" not in line
    write(here / "rpc.toml", f"[server]\nauth = ['{description}']\n")
    with pytest.raises(SystemExit) as caught:
        server_of("--config", "rpc.toml")
    kind = description.partition(":")[0]  # what follows may be a password
    assert str(caught.value.code).startswith(f"rpc: [server] auth: '{kind}': {error}")


def help_of(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    parsed = Options()
    parsed.authOutput = sys.stdout
    with pytest.raises(SystemExit):
        parsed.parseOptions(list(options))
    return capsys.readouterr().out


def test_help_lists_and_explains_them(capsys: pytest.CaptureFixture[str]) -> None:
    listed = help_of(capsys, "--help-auth")
    for name in OURS:
        assert re.search(rf"^  {name}\s", listed, re.MULTILINE)
        explained = help_of(capsys, "--help-auth-type", name)
        assert f"Usage: --auth {name}[:ArgString]" in explained
        assert "WARNING" not in explained
        assert len(explained.splitlines()) > 6
        assert max(map(len, explained.splitlines())) <= 110


def test_listing_checkers_loads_nothing_of_ours() -> None:
    program = (
        "import sys\n"
        "from twisted.cred.strcred import findCheckerFactories\n"
        "print(sorted(f.authType for f in findCheckerFactories() if f.authHelp))\n"
        "print([name for name in sys.modules if name.startswith('twisted_rpc')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    names, loaded = done.stdout.splitlines()
    assert all(f"'{name}'" in names for name in OURS)
    assert loaded == "[]"


def test_what_a_factory_takes_is_what_the_daemon_supports() -> None:
    token = strcred.findCheckerFactory("token")
    assert tuple(token.credentialInterfaces) == (IBearerToken,)
    assert Options().supportsCheckerFactory(token)

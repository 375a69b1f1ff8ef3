"""Where credentials come from, and where they do not."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from twisted_rpc.cli.credentials import Credentials, find_credentials, host_of

NETRC = """
machine one login ann password a1
machine two password token2
default login dora password d1
"""
ANN, DORA, EVE = Credentials("ann", "a1"), Credentials("dora", "d1"), Credentials("eve", "e1")
EVE_THERE = {"TWISTED_RPC_USER": "eve", "TWISTED_RPC_PASSWORD": "e1"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".netrc").write_text(NETRC)
    (tmp_path / ".netrc").chmod(0o600)
    return tmp_path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "credentials"
    file.write_text("machine one login fay password f1\ndefault password token9\n")
    file.chmod(0o400)
    return file


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    assert find_credentials("one", None, {}, tmp_path) == Credentials()


def test_a_named_file_comes_first(home: Path, file: Path) -> None:
    assert find_credentials("one", file, EVE_THERE, home) == Credentials("fay", "f1")
    assert find_credentials("other", file, EVE_THERE, home) == Credentials(token="token9")
    assert find_credentials(None, file, EVE_THERE, home) == Credentials(token="token9")


def test_then_the_environment(home: Path) -> None:
    assert find_credentials("one", None, EVE_THERE, home) == EVE
    found = find_credentials(None, None, {"TWISTED_RPC_TOKEN": "t"}, home)
    assert found == Credentials(token="t")
    assert find_credentials("one", None, {"TWISTED_RPC_TOKEN": ""}, home) == ANN


def test_then_netrc_by_host_and_never_its_default(home: Path, tmp_path: Path) -> None:
    assert find_credentials("one", None, {}, home) == ANN
    assert find_credentials("two", None, {}, home) == Credentials(token="token2")
    assert find_credentials("three", None, {}, home) == Credentials()
    assert find_credentials(None, None, {}, home) == Credentials()
    environ = {"NETRC": str(home / ".netrc")}
    assert find_credentials("one", None, environ, tmp_path / "elsewhere") == ANN


def test_files_that_others_can_read_are_refused(home: Path, file: Path) -> None:
    file.chmod(0o640)
    with pytest.raises(click.UsageError, match="credentials may be read by others: chmod 600 /"):
        find_credentials("one", file, {}, home)
    (home / ".netrc").chmod(0o644)
    with pytest.raises(click.UsageError, match="netrc may be read by others"):
        find_credentials("one", None, {}, home)
    assert find_credentials("three", None, {}, home) == Credentials()


@pytest.mark.parametrize(
    ("environ", "error"),
    [
        ({"TWISTED_RPC_USER": "eve"}, "belong together: one of them is not set"),
        ({"TWISTED_RPC_PASSWORD": "e1"}, "belong together: one of them is not set"),
        ({**EVE_THERE, "TWISTED_RPC_TOKEN": "t"}, "are both set: it can be only one of them"),
        ({"NETRC": "/nowhere"}, "/nowhere: No such file or directory"),
    ],
)
def test_an_environment_that_makes_no_sense_is_refused(
    home: Path, environ: dict[str, str], error: str
) -> None:
    with pytest.raises(click.UsageError, match=error):
        find_credentials("one", None, environ, home)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"machine one login\nmachine\nwhat\n", r"credentials: line \d: "),
        (b"machine one password a secret\n", r"credentials: line \d: not in the format of netrc$"),
        (b"\xff\xff", "credentials: not a text file"),
        (b"machine two login a password b\n", "credentials has no entry for one"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(file: Path, content: bytes, error: str) -> None:
    file.chmod(0o600)
    file.write_bytes(content)
    with pytest.raises(click.UsageError, match=error):
        find_credentials("one", file, {}, file.parent)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("tcp://one:1", "one"),
        ("http://[::1]:80/a@b", "::1"),
        ("unix:/run/a@b", None),
        ("tcp:one:1", None),
    ],
)
def test_the_host_is_that_of_the_url(url: str, host: str | None) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    "url",
    [
        *("tcp://a:b@one:1", "http://a@one/", "nonsense://:b@one"),
        *("tcp://a:b@o℀e", "tcp://a:b@[one", "tcp://a:b＠one:1"),  # noqa: RUF001  # as are typed
    ],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(click.UsageError, match="everybody sees in the process list") as caught:
        host_of(url)
    assert url not in str(caught.value)
    assert "a:b" not in str(caught.value)


def test_a_url_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(click.UsageError, match="the URL makes no sense: Invalid IPv6 URL"):
        host_of("http://[::1")

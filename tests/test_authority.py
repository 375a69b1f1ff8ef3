"""Hosts, ports and origins: what is one, and which are the same."""

from __future__ import annotations

import pytest

from twisted_rpc.authority import Origin, address_of, parse_authority, parse_origin


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("localhost", "localhost", None),
        ("LocalHost.:80", "localhost", 80),
        ("localhost:", "localhost", None),
        ("a-b_c.example:0", "a-b_c.example", 0),
        ("127.0.0.1:65535", "127.0.0.1", 65535),
        ("[::1]", "::1", None),
        ("[0:0:0:0:0:0:0:1]:80", "::1", 80),
        ("[::ffff:10.0.0.1]:80", "10.0.0.1", 80),
        ("[2001:DB8::0001]", "2001:db8::1", None),
    ],
)
def test_a_host_has_one_form(text: str, host: str, port: int | None) -> None:
    assert parse_authority(text) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        *("", ":80", ".", "a..b", ".a", "a..", "a b", "a/b", "a?b", "a#b", "a,b", "a%2eb", "a\n"),
        *("ann@localhost", "ann:x@localhost", "localhost:65536", "localhost:123456"),
        *("localhost:x", "localhost:-1", "localhost:+1", "localhost:\u0661", "h\u00e9"),
        *("::1", "[::1", "::1]", "[]", "[:]", "[1.2.3.4]", "[v1.a]", "[localhost]", "[::1]x"),
        *("[fe80::1%eth0]", "[fe80::1%25eth0]", "[::1]:65536"),
    ],
)
def test_what_is_no_host_is_none(text: str) -> None:
    assert parse_authority(text) is None


@pytest.mark.parametrize(
    ("text", "origin", "written"),
    [
        ("http://a", ("http", "a", 80), "http://a"),
        ("HTTP://A:80", ("http", "a", 80), "http://a"),
        ("https://a:443", ("https", "a", 443), "https://a"),
        ("http://a:443", ("http", "a", 443), "http://a:443"),
        ("https://[::1]:80", ("https", "::1", 80), "https://[::1]:80"),
    ],
)
def test_an_origin_has_one_form(text: str, origin: Origin, written: str) -> None:
    found = parse_origin(text)
    assert found == origin
    assert str(found) == written


@pytest.mark.parametrize(
    "text", ["", "null", "a", "http://", "http:a", "ftp://a", "http://a/", "http://a b", "file://"]
)
def test_what_is_no_origin_is_none(text: str) -> None:
    assert parse_origin(text) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("0::1", "::1"),
        ("127.1", ""),
        ("0x7f.0.0.1", ""),
        ("127.0.0.01", ""),
        ("/run/rpc.sock", ""),
        ("", ""),
    ],
)
def test_an_address_has_one_form(text: str, address: str) -> None:
    assert address_of(text) == address

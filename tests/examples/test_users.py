"""The user directory: what it answers, what it keeps, and what it refuses."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.clients import LineClient, post
from tests.examples.daemon import serving
from tests.helpers import batch, request
from tests.processes import Daemon

ALICE = {
    "id": "user-5f9d88c",
    "name": "Alice Johnson",
    "email": "alice@example.com",
    "verified": True,
    "followers": 1,
}
BOB = "user-abc123"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Users that no test changes."""
    with serving(tmp_path_factory.mktemp("users"), "users") as running:
        yield running


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Users of one test alone."""
    with serving(tmp_path, "users") as running:
        yield running


def answer_to(daemon: Daemon, method: str, params: Any) -> Any:
    status, _, answer = post(daemon.port, request(f"users.{method}", params))
    assert status == 200
    return answer


def result_of(daemon: Daemon, method: str, **params: Any) -> Any:
    return answer_to(daemon, method, params)["result"]


def error_of(daemon: Daemon, method: str, **params: Any) -> Any:
    return answer_to(daemon, method, params)["error"]


def names(daemon: Daemon, query: str, **params: Any) -> list[str]:
    return [user["name"] for user in result_of(daemon, "searchUsers", query=query, **params)]


# -- the database file -----------------------------------------------------------------------------


def test_the_first_start_makes_the_database(daemon: Daemon, tmp_path: Path) -> None:
    assert result_of(daemon, "getUserById", id=ALICE["id"]) == ALICE
    with closing(sqlite3.connect(tmp_path / "var" / "users.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM users").fetchone() == (4,)


def test_the_environment_says_where_the_database_is(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down.db"
    with serving(tmp_path, "users", {"USERS_DB": str(path)}) as daemon:
        assert result_of(daemon, "getUserById", id=ALICE["id"]) == ALICE
    assert path.is_file()
    assert not (tmp_path / "var").exists()


def test_changes_are_there_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path, "users") as daemon:
        changed = result_of(daemon, "updateUser", id=ALICE["id"], name="Alice Smith")
    with serving(tmp_path, "users") as daemon:
        assert result_of(daemon, "getUserById", id=ALICE["id"]) == changed
    assert changed == {**ALICE, "name": "Alice Smith"}


# -- getUserById, updateUser -----------------------------------------------------------------------


def test_an_unknown_user_is_not_found(seeded: Daemon) -> None:
    expected = {"code": 1001, "message": "user not found", "data": {"id": "nobody"}}
    assert error_of(seeded, "getUserById", id="nobody") == expected
    assert error_of(seeded, "updateUser", id="nobody", name="N") == expected


def test_an_update_changes_only_what_is_given(daemon: Daemon) -> None:
    result_of(daemon, "updateUser", id=ALICE["id"], email="a@example.org")
    changed = result_of(daemon, "updateUser", id=ALICE["id"], name="A")
    assert changed == {**ALICE, "name": "A", "email": "a@example.org"}


def test_a_taken_address_changes_nothing_at_all(seeded: Daemon) -> None:
    error = error_of(seeded, "updateUser", id=ALICE["id"], name="A", email="BOB@example.com")
    expected = {"code": 1002, "message": "email is taken", "data": {"email": "BOB@example.com"}}
    assert error == expected
    assert result_of(seeded, "getUserById", id=ALICE["id"]) == ALICE


def test_changes_at_once_from_several_connections_wait_for_each_other(daemon: Daemon) -> None:
    with LineClient.to(daemon.port) as one, LineClient.to(daemon.port) as other:
        for number in range(10):
            for client in (one, other):
                params = {"id": BOB, "name": f"Bob {number}"}
                client.send(request("users.updateUser", params, number))
        for client in (one, other):
            answers = {answer["id"]: answer for answer in (client.receive() for _ in range(10))}
            assert [answers[n]["result"]["name"] for n in range(10)] == [
                f"Bob {n}" for n in range(10)
            ]


# -- followUser ------------------------------------------------------------------------------------


def test_following_counts_once(daemon: Daemon) -> None:
    params = {"followerId": BOB, "followeeId": ALICE["id"]}
    assert result_of(daemon, "followUser", **params) == {**ALICE, "followers": 2}
    assert result_of(daemon, "followUser", **params) == {**ALICE, "followers": 2}


def test_nobody_follows_themselves(seeded: Daemon) -> None:
    error = error_of(seeded, "followUser", followerId=BOB, followeeId=BOB)
    assert error == {"code": 1003, "message": "users cannot follow themselves"}


@pytest.mark.parametrize(("follower", "followee"), [(BOB, "nobody"), ("nobody", BOB)])
def test_both_users_have_to_be_there(seeded: Daemon, follower: str, followee: str) -> None:
    error = error_of(seeded, "followUser", followerId=follower, followeeId=followee)
    assert (error["code"], error["data"]) == (1001, {"id": "nobody"})
    assert result_of(seeded, "getUserById", id=BOB)["followers"] == 0


# -- searchUsers -----------------------------------------------------------------------------------


def test_a_search_looks_in_names_and_addresses_in_the_order_of_names(seeded: Daemon) -> None:
    assert names(seeded, "ALICE") == ["Alice Johnson", "Carol Alice Reyes", "Malice Grey"]
    assert names(seeded, "bob@") == ["Bob Stone"]
    assert names(seeded, "nobody") == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"verified": True}, ["Alice Johnson", "Carol Alice Reyes"]),
        ({"verified": False}, ["Malice Grey"]),
        ({"minFollowers": 2}, ["Carol Alice Reyes"]),
        ({"verified": False, "minFollowers": 1}, []),
    ],
)
def test_filters_narrow_a_search(seeded: Daemon, filters: Any, expected: list[str]) -> None:
    assert names(seeded, "alice", filters=filters) == expected


def test_a_search_is_read_page_by_page(seeded: Daemon) -> None:
    pages = [names(seeded, "alice", limit=2, offset=offset) for offset in (0, 2, 4)]
    assert pages == [["Alice Johnson", "Carol Alice Reyes"], ["Malice Grey"], []]


@pytest.mark.parametrize("query", ["%", "_", "' OR 1 = 1 --", '"; DROP TABLE users; --'])
def test_a_query_is_text_and_never_sql(seeded: Daemon, query: str) -> None:
    assert names(seeded, query) == []
    assert names(seeded, "bob") == ["Bob Stone"]


# -- parameters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "params", "says"),
    [
        ("getUserById", ["user-5f9d88c"], "by name"),
        ("getUserById", {}, "missing: id"),
        ("getUserById", {"id": 1}, "id: Expected `str`"),
        ("updateUser", {"id": BOB}, "give a name or an email"),
        ("updateUser", {"id": BOB, "name": ""}, "name: Expected `str` of length >= 1"),
        ("updateUser", {"id": BOB, "email": "bob"}, "email: Expected `str` matching"),
        ("updateUser", {"id": BOB, "email": "b@example.org\n"}, "email: Expected `str` matching"),
        ("updateUser", {"id": BOB, "verified": True}, "unknown parameter 'verified'"),
        ("searchUsers", {"query": "a", "filters": {"age": 3}}, "filters: Object contains unknown"),
        ("searchUsers", {"query": "a", "filters": {"verified": "yes"}}, "filters.verified:"),
        ("searchUsers", {"query": "a", "limit": 0}, "limit: Expected `int` >= 1"),
        ("searchUsers", {"query": "a", "offset": 2**70}, "offset: "),
    ],
)
def test_wrong_parameters_are_named(seeded: Daemon, method: str, params: Any, says: str) -> None:
    error = answer_to(seeded, method, params)["error"]
    assert error["code"] == -32602
    assert says in error["data"]


def test_a_batch_gets_a_user_and_a_search_in_one_go(seeded: Daemon) -> None:
    calls = batch(
        request("users.getUserById", {"id": ALICE["id"]}, "user"),
        request("users.searchUsers", {"query": "carol"}, "search"),
        request("users.getUserById", {"id": "nobody"}, "none"),
    )
    with LineClient.to(seeded.port) as client:
        client.send(calls)
        user, search, none = client.receive()
    assert (user["id"], user["result"]) == ("user", ALICE)
    assert [found["name"] for found in search["result"]] == ["Carol Alice Reyes"]
    assert none["error"]["code"] == 1001

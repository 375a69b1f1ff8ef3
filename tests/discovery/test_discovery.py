"""`rpc.discover`: what it says, to whom, and how often it is made."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from unittest.mock import patch

from msgspec import Struct, defstruct
from twisted.internet.defer import ensureDeferred, succeed

from tests.discovery.everything import serving_everything, taking
from tests.helpers import ServerTestCase, request
from twisted_rpc import (
    Context,
    Event,
    Example,
    ExposeError,
    Identity,
    RPCError,
    Server,
    discovery,
    method,
)
from twisted_rpc.discovery import MOST, info_of
from twisted_rpc.errors import Forbidden
from twisted_rpc.openrpc import document


class Account:
    """Money."""

    sends: ClassVar = {"changed": Event(int), "audited": Event(int, access="audit")}

    @method
    def balance(self) -> int:
        return 1

    @method(access="audit")
    def entries(self) -> list[Entry]:
        return []


class Entry(Struct):
    """Nobody sees it who may not see entries."""

    amount: int


class DiscoveryTestCase(ServerTestCase):
    """Tests that ask for documents."""

    def document(self, identity: Any = None, **params: Any) -> Any:
        """The document for somebody."""
        context = Context(identity=identity)
        return self.answer_to(request("rpc.discover", params), context)["result"]

    def names(self, identity: Any = None, key: str = "methods") -> list[str]:
        """The names in it."""
        return [each["name"] for each in self.document(identity).get(key, ())]


class Documents(DiscoveryTestCase):
    """What stands in one."""

    def test_versions(self) -> None:
        for wanted, version in (
            ("1.3", "1.3.2"),
            ("1.3.2", "1.3.2"),
            ("1.4", "1.4.1"),
            ("1.4.1", "1.4.1"),
        ):
            self.assertEqual(self.document(version=wanted)["openrpc"], version)
        self.assertEqual(self.document()["openrpc"], "1.3.2")
        error = self.error_of("rpc.discover", "2.0")
        self.assertEqual(error["code"], -32602)
        self.assertEqual(error["data"], "version: unknown, there are 1.3 and 1.4")

    def test_nothing_is_exposed(self) -> None:
        info = {"title": "JSON-RPC server", "version": "0.0.0"}
        self.assertEqual(self.document(), {"openrpc": "1.3.2", "info": info, "methods": []})

    def test_info_by_attributes(self) -> None:
        self.document()
        self.server.title, self.server.version = "Bank", "2.1"
        self.server.description = "Keeps money."
        expected = {"title": "Bank", "version": "2.1", "description": "Keeps money."}
        self.assertEqual(self.document()["info"], expected)

    def test_info_by_class(self) -> None:
        class Bank(Server):
            """Keeps money.

            All of it.
            """

        info = info_of(Bank, Server)
        self.assertEqual(info["title"], "Bank")
        self.assertEqual(info["description"], "Keeps money.\n\nAll of it.")
        self.assertEqual(info["version"], "0.0.0")
        Bank.__module__ = "msgspec.somewhere"
        self.assertRegex(info_of(Bank, Server)["version"], r"^\d+\.\d+")
        Bank.__module__, Bank.__doc__ = "platform", None
        import platform

        version = platform.__version__  # type: ignore[attr-defined]
        self.assertEqual(info_of(Bank, Server), {"title": "Bank", "version": version})

    def test_tags_are_namespaces(self) -> None:
        self.server.expose("bank.account", Account())
        self.server.expose("plain", lambda: 1)
        balance, _, plain = self.document()["methods"]
        self.assertEqual(balance["tags"], [{"name": "bank.account", "description": "Money."}])
        self.assertNotIn("tags", plain)

    def test_docstring_that_nobody_wrote_is_not_told(self) -> None:
        """A dataclass makes one, and what it was given stands in it."""

        @dataclass
        class Store(Server):
            password: str = "hunter2"

            @method
            def find(self) -> None: ...

        self.server.expose("store", Store())
        self.assertEqual(self.document()["methods"][0]["tags"], [{"name": "store"}])
        self.assertNotIn("description", info_of(Store, Server))

    def test_module_describes_its_namespace(self) -> None:
        import examples.calculator

        with patch.object(examples.calculator, "api", {"Calculator": "any"}, create=True):
            self.server.expose("module", examples.calculator)
        tags = self.document()["methods"][0]["tags"]
        first = "The first five minutes: a class, exposed as it is."
        self.assertEqual(tags, [{"name": "module", "description": first}])

    def test_overriding_method_keeps_the_docstring(self) -> None:
        self.server.expose("sub", _Sub())
        self.assertEqual(self.document()["methods"][0]["summary"], "What it does.")

    def test_partial_is_described_by_its_function(self) -> None:
        self.server.expose("half", functools.partial(_two, 1))
        (half,) = self.document()["methods"]
        self.assertEqual(half["summary"], "Both.")
        self.assertEqual([param["name"] for param in half["params"]], ["b"])

    def test_builtin_function(self) -> None:
        import time

        self.server.expose("now", time.time)
        self.server.expose("pick", getattr)
        _, pick = self.document()["methods"]
        self.assertEqual(pick["params"], [{"name": "args", "schema": {}, "x-rest": True}])

    def test_api_mapping_says_the_same_as_marks(self) -> None:
        class Old:
            api: ClassVar = {
                "get": {
                    "errors": [RPCError(5, "five")],
                    "examples": [Example({"x": 1}, 1)],
                    "deprecated": "use new",
                }
            }

            def get(self, x: int) -> int:
                return x

        self.server.expose("old", Old())
        (get,) = self.document()["methods"]
        self.assertEqual(get["errors"], [{"code": 5, "message": "five"}])
        self.assertEqual((get["deprecated"], get["x-deprecated"]), (True, "use new"))
        self.assertEqual(get["examples"][0]["params"], [{"name": "x", "value": 1}])

    def test_whole_service(self) -> None:
        self.server = serving_everything()
        document = self.document()
        by_name = {each["name"]: each for each in document["methods"]}
        self.assertEqual(by_name["all.either"]["description"], "At length.")
        self.assertNotIn("never shown", repr(document))
        self.assertNotIn("Opaque", repr(document))
        structures = {name: each["paramStructure"] for name, each in by_name.items()}
        self.assertEqual(structures["all.either"], "either")
        self.assertEqual(structures["all.rest"], "by-position")
        self.assertEqual(structures["all.members"], "by-name")


class Events(DiscoveryTestCase):
    """What clients are sent."""

    def test_declared_one_by_one(self) -> None:
        self.server.declare_event("bank.opened", description="It is open.")
        self.server.declare_call("bank.confirm", tuple[int, str], bool, deprecated="soon gone")
        document = self.document()
        (opened,) = document["x-notifications"]
        self.assertEqual(opened["summary"], "It is open.")
        self.assertEqual((opened["params"], opened["tags"]), ([], [{"name": "bank"}]))
        (confirm,) = document["x-calls"]
        self.assertEqual(confirm["result"]["schema"], {"type": "boolean"})
        self.assertEqual(confirm["x-deprecated"], "soon gone")

    def test_types_of_every_form(self) -> None:
        self.server = serving_everything()
        told = {each["name"]: each for each in self.document()["x-notifications"]}
        shown = {name: [p["name"] for p in each["params"]] for name, each in told.items()}
        self.assertEqual(
            shown,
            {
                "all.counted": ["members"],
                "all.listed": ["items"],
                "all.moved": ["x", "y"],
                "all.named": ["left", "right"],
                "all.silent": [],
            },
        )
        self.assertIs(told["all.counted"]["params"][0]["x-rest"], True)
        self.assertIs(told["all.listed"]["params"][0]["x-rest"], True)
        self.assertEqual(told["all.named"]["paramStructure"], "by-position")
        self.assertEqual([p.get("required") for p in told["all.named"]["params"]], [True, None])
        self.assertEqual(told["all.moved"]["params"][1]["description"], "up.")

    def test_examples_name_what_they_give(self) -> None:
        def take(*items: int) -> int:
            return len(items)

        marked = method(examples=[Example([5, 6, 7], 3)])(take)
        self.server.expose("take", marked)
        (example,) = self.document()["methods"][0]["examples"]
        self.assertEqual(example["name"], "take [5,6,7]")
        given = {param["name"]: param["value"] for param in example["params"]}
        self.assertEqual(given, {"items": 5, "items0": 6, "items1": 7})

    def test_come_and_go_with_their_object(self) -> None:
        self.server.expose("deep", {"bank": Account()})
        self.server.declare_event("other")
        expected = ["deep.bank.audited", "deep.bank.changed", "other"]
        self.assertEqual(self.names(key="x-notifications"), expected)
        self.server.unexpose("deep")
        self.assertEqual(self.names(key="x-notifications"), ["other"])

    def test_go_with_the_last_method_of_their_object(self) -> None:
        self.server.expose("bank", Account())
        self.server.unexpose("bank.balance")
        self.assertEqual(len(self.names(key="x-notifications")), 2)
        self.server.unexpose("bank.entries")
        self.assertEqual(self.names(key="x-notifications"), [])
        self.server.expose("bank", Account())

    def test_name_that_is_taken_or_none(self) -> None:
        self.server.declare_event("a.b")
        for name in ("a.b", "rpc.x", "_x", "", "a b"):
            with self.assertRaises(ExposeError):
                self.server.declare_event(name)

    def test_event_says_what_it_says_in_words(self) -> None:
        for key in ("description", "access", "deprecated"):
            with self.assertRaisesRegex(TypeError, f"^{key} of an event is a text, not 1$"):
                Event(**{key: 1})  # type: ignore[arg-type]

    def test_object_that_declares_something_else(self) -> None:
        target = Account()
        vars(target)["sends"] = {"changed": int}
        with self.assertRaisesRegex(ExposeError, "sends of 'changed': give an Event, not"):
            self.server.expose("bank", target)
        self.assertEqual(self.names(), [])

    def test_object_is_exposed_as_a_whole_or_not(self) -> None:
        self.server.declare_event("bank.changed")
        with self.assertRaisesRegex(ExposeError, "'bank.changed' is declared already"):
            self.server.expose("bank", Account())
        self.assertEqual(self.names(), [])


class _Base:
    @method
    def run(self) -> None:
        """What it does."""


class _Sub(_Base):
    def run(self) -> None:
        pass


def _two(a: int, b: int) -> int:
    """Both."""
    return a + b


class Permissions(DiscoveryTestCase):
    """Of what a caller may not call there is no trace."""

    def setUp(self) -> None:
        super().setUp()
        self.server.expose("bank", Account())
        self.server.expose("garden", {"water": lambda: 1})
        self.server.declare_event("garden.dry")

    def assert_unseen(self, identity: Any, *words: str) -> None:
        """See that a document says nothing of some words."""
        text = repr(self.document(identity))
        for word in words:
            self.assertNotIn(word, text)

    def test_everybody_sees_all_where_there_are_no_rules(self) -> None:
        self.assertEqual(self.names(), ["bank.balance", "bank.entries", "garden.water"])

    def test_access_levels(self) -> None:
        self.server.set_access("bob", roles=["audit"])
        self.assertEqual(self.names("ann"), ["bank.balance", "garden.water"])
        self.assert_unseen("ann", "entries", "Entry", "amount", "audited")
        self.assertIn("bank.entries", self.names("bob"))
        self.assertIn("bank.audited", self.names("bob", "x-notifications"))
        self.assertIn("Entry", self.document("bob")["components"]["schemas"])

    def test_event_with_the_name_of_a_method(self) -> None:
        """Each has an access level of its own."""
        self.server.expose("seen", lambda: 1)
        self.server.declare_event("seen", access="audit")
        self.server.set_access("ann", roles=["audit"])
        self.assertIn("seen", self.names("bob"))
        self.assertNotIn("seen", self.names("bob", "x-notifications"))
        self.assertIn("seen", self.names("ann", "x-notifications"))

    def test_patterns(self) -> None:
        self.server.set_access("*", allow=["garden.*"])
        self.assertEqual(self.names(), ["garden.water"])
        self.assert_unseen(None, "bank", "Money", "components")
        self.assertEqual(self.names(key="x-notifications"), ["garden.dry"])

    def test_namespaces_of_an_identity(self) -> None:
        ann = Identity("ann", namespaces=["bank"])
        self.assertEqual(self.names(ann), ["bank.balance", "bank.entries"])
        self.assert_unseen(ann, "garden")

    def test_authorize(self) -> None:
        def ask(later: bool) -> Callable[..., Any]:
            def authorize(self: Server, identity: Any, name: str, params: Any) -> Any:
                allowed = name.startswith(("rpc.", f"{identity}."))
                return succeed(allowed) if later else allowed

            return authorize

        for later in (False, True):
            kind = type("Asking", (Server,), {"authorize": ask(later)})
            self.server = self.make_server(kind)
            self.server.expose("bank", Account())
            self.server.expose("garden", lambda: 1)
            self.assertEqual(self.names("bank"), ["bank.balance", "bank.entries"])
            self.assertEqual(self.names("nobody"), [])
            self.assertEqual(self.names("nobody", "x-notifications"), [])

    def test_authorize_is_asked_for_the_document_itself(self) -> None:
        class Closed(Server):
            def authorize(self, identity: Any, method: str, params: Any) -> bool:
                return False

        self.server = self.make_server(Closed)
        self.assertEqual(self.code_of("rpc.discover"), -32601)

    def test_whoever_calls_without_a_view_sees_all(self) -> None:
        describing = self.server.discovery.describe(Context(), "1.3", ())
        described = self.successResultOf(ensureDeferred(describing))
        self.assertIn(b"bank.entries", described.text)


class Caching(DiscoveryTestCase):
    """A document is made once."""

    def setUp(self) -> None:
        super().setUp()
        self.server.expose("bank", Account())
        counting = patch.object(discovery, "document", side_effect=document)
        self.made = counting.start()
        self.addCleanup(counting.stop)

    def test_once_for_all_with_the_same_rights(self) -> None:
        self.server.set_access("bob", roles=["audit"])
        for identity in ("ann", "bob", "carol", "ann", None):
            self.document(identity)
        self.assertEqual(self.made.call_count, 2)

    def test_once_for_a_version_and_a_place(self) -> None:
        for version in ("1.3", "1.3.2", "1.4", "1.3"):
            self.document(version=version)
        self.assertEqual(self.made.call_count, 2)

    def test_again_when_something_has_changed(self) -> None:
        for change in (
            lambda: self.server.expose("more", lambda: 1),
            lambda: self.server.declare_event("more"),
            lambda: self.server.unexpose("more"),
            lambda: setattr(self.server, "title", "Other"),
        ):
            self.made.reset_mock()
            self.document()
            change()
            self.document()
            self.document()
            self.assertLessEqual(self.made.call_count, 2)
        self.assertEqual(self.document()["info"]["title"], "Other")
        self.assertEqual(self.names(), ["bank.balance", "bank.entries"])

    def test_where_authorize_is_asked_anew_only_that_is_done_again(self) -> None:
        class Asking(Server):
            asked = 0

            def authorize(self, identity: Any, method: str, params: Any) -> bool:
                self.asked += 1
                return True

        self.server = asking = self.make_server(Asking)
        assert isinstance(asking, Asking)
        asking.expose("bank", Account())
        self.document()
        first = asking.asked
        self.document()
        self.assertEqual((asking.asked, self.made.call_count), (2 * first, 1))

    def test_where_authorize_fails_nothing_else_is_hidden(self) -> None:
        class Failing(Server):
            def authorize(self, identity: Any, method: str, params: Any) -> bool:
                if method == "bank.balance":
                    raise Forbidden()
                return not method.startswith("bank.") or bool(params["account"])

        self.server = self.make_server(Failing)
        self.server.expose("bank", Account())
        self.server.expose("clock", {"now": lambda: 1})
        self.assertEqual(self.names(), ["clock.now"])
        (failure,) = self.flushLoggedErrors(TypeError)
        self.assertIn("UnsetType", failure.getErrorMessage())

    def test_no_more_are_kept_than_so_many(self) -> None:
        for number in range(MOST + 1):
            self.server.title = str(number)
            self.document()
        self.server.title = "0"
        self.document()
        self.assertEqual(self.made.call_count, MOST + 2)
        self.server.title = str(MOST)
        self.document()
        self.assertEqual(self.made.call_count, MOST + 2)


class Cost(DiscoveryTestCase):
    """What it takes to make one."""

    def calls_for(self, count: int) -> int:
        """How many calls a document of so many methods takes, each of a type of its own."""
        server = self.server = self.make_server()
        functions = {}
        for number in range(count):
            kind = defstruct(f"Kind{count}x{number}", [("value", int)])
            functions[f"m{number}"] = taking(kind)
        server.expose("many", functions)
        self.result_of("rpc.methods")
        calls = 0

        def note(frame: Any, event: str, argument: Any) -> None:
            nonlocal calls
            calls += 1

        before = sys.getprofile()
        sys.setprofile(note)
        try:
            self.result_of("rpc.discover")
        finally:
            sys.setprofile(before)
        return calls

    def test_grows_as_the_number_of_methods(self) -> None:
        self.calls_for(1)
        self.assertLess(self.calls_for(400), 4.4 * self.calls_for(100))


class Concealing(DiscoveryTestCase):
    """A server that tells nobody."""

    def test_neither_method_is_there(self) -> None:
        self.server.expose("bank", Account())
        self.server.conceal()
        for name in ("rpc.discover", "rpc.methods"):
            self.assertEqual(self.code_of(name), -32601)
            self.assertEqual(self.code_of(name, 1, 2, 3), -32601)
        self.assertEqual(self.result_of("bank.balance"), 1)

"""Decoding: the rows of the wire table that one text decides."""

from __future__ import annotations

import pytest
from msgspec import UNSET, Raw

from twisted_rpc import codec
from twisted_rpc.errors import ErrorCode, InvalidRequest
from twisted_rpc.message import MAX_ID_LENGTH, Invalid, Message

DEPTH = 64


def decode_one(data: bytes) -> Message | Invalid:
    decoded = codec.decode(data, DEPTH)
    assert not isinstance(decoded, list)
    return decoded


def message_of(data: bytes) -> Message:
    decoded = decode_one(data)
    assert isinstance(decoded, Message), decoded
    return decoded


def refusal(data: bytes, max_depth: int = DEPTH) -> tuple[int, object]:
    """The code and the id that a text is refused with."""
    decoded = codec.decode(data, max_depth)
    assert isinstance(decoded, Invalid), decoded
    request_id = decoded.id
    return decoded.error.code, bytes(request_id) if isinstance(request_id, Raw) else request_id


def call(id: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","method":"m","id":%b}' % id


def nested(depth: int, core: bytes = b"1") -> bytes:
    """A text whose arrays and objects, by turns, nest that deep."""
    for level in range(depth):
        core = b'{"a":%b}' % core if level % 2 else b"[%b]" % core
    return core


def test_call_is_decoded_with_its_parameters_left_raw() -> None:
    message = message_of(b'{"jsonrpc":"2.0","method":"m","params":[1, 2],"id":1,"more":{}}')
    assert (message.method, message.id) == ("m", 1)
    assert isinstance(message.params, Raw)
    assert codec.decode_value(message.params) == [1, 2]


def test_notification_has_no_id() -> None:
    assert message_of(b'{"jsonrpc":"2.0","method":"m"}').id is UNSET


def test_response_is_a_message_too() -> None:
    message = message_of(b'{"jsonrpc":"2.0","result":null,"id":3}')
    assert (message.method, message.id) == (UNSET, 3)


def test_white_space_around_a_text_is_nothing() -> None:
    assert message_of(b'\r\n\t {"jsonrpc":"2.0","method":"m"} \n').method == "m"


NOT_JSON = {
    "empty": b"",
    "blank": b" \r\n",
    "truncated object": b'{"jsonrpc":"2.0","method":',
    "truncated after a wrong version": b'{"jsonrpc":"1.0","method":',
    "truncated batch": b"[1,",
    "truncated batch after a good item": b'[{"jsonrpc":"2.0","method":"m"},',
    "rubbish after a bad item": b"[1,nonsense]",
    "trailing text after an object": b'{"a":1} x',
    "trailing text after a call": call(b"1") + b"x",
    "two calls": call(b"1") + call(b"2"),
    "trailing text after an array": b"[1] x",
    "trailing text after a number": b"1 2",
    "trailing text after a string": b'"x" y',
    "trailing text after null": b"null,",
    "NaN": b"NaN",
    "NaN inside": b'{"jsonrpc":"2.0","method":"m","params":[NaN]}',
    "NaN after a bad item": b"[1,NaN]",
    "Infinity": b"[Infinity]",
    "negative Infinity": b'{"jsonrpc":"2.0","method":"m","params":[-Infinity]}',
    "byte order mark": b"\xef\xbb\xbf" + call(b"1"),
    "UTF-16": call(b"1").decode().encode("utf-16"),
    "UTF-16 without a mark": call(b"1").decode().encode("utf-16-le"),
    "UTF-32": call(b"1").decode().encode("utf-32-be"),
    "invalid UTF-8": call(b'"\xff"'),
    "invalid UTF-8 in raw parameters": b'{"jsonrpc":"2.0","method":"m","params":["\xc3("]}',
    "overlong UTF-8": call(b'"\xc0\xaf"'),
    "surrogate in UTF-8": call(b'"\xed\xa0\x80"'),
    "lone surrogate": call(b'"\\ud800"'),
    "lone low surrogate": call(b'"\\udc00"'),
    "surrogates the wrong way round": call(b'"\\udc00\\ud800"'),
    "lone surrogate in raw parameters": b'{"jsonrpc":"2.0","method":"m","params":["\\uD800"]}',
    "lone surrogate behind a huge number": b'{"jsonrpc":"2.0","method":"m","x":[1e9999,"\\ud800"]}',
    "lone surrogate in an unknown member": b'{"jsonrpc":"2.0","method":"m","x":"\\ud800"}',
    "bad escape": call(b'"\\x"'),
    "control character in a string": call(b'"a\nb"'),
    "single quotes": b"{'jsonrpc':'2.0'}",
    "comment": call(b"1") + b"// one",
    "trailing comma": b'{"jsonrpc":"2.0","method":"m",}',
    "leading zero": call(b"01"),
    "unquoted": b"hello",
}


@pytest.mark.parametrize("data", NOT_JSON.values(), ids=NOT_JSON)
def test_text_that_is_not_json_is_a_parse_error(data: bytes) -> None:
    assert refusal(data) == (ErrorCode.PARSE_ERROR, None)


@pytest.mark.parametrize("data", [b"1", b"1.5", b"-0", b"1e999", b"null", b"true", b'"x"', b'""'])
def test_json_that_is_neither_object_nor_array_is_an_invalid_request(data: bytes) -> None:
    assert refusal(data) == (ErrorCode.INVALID_REQUEST, None)


ECHOED = [
    *(b"1", b"0", b"-1", b"1.5", b"1.0", b"1e2", b"1E400", b"-0.0", b"null"),
    # The last is more digits than Python reads into an integer.
    *(b"9" * 30, b"-" + b"9" * 30, b"9" * 300, b"1." + b"9" * 300, b"9" * 5000),
    *(b"18446744073709551616", b'""', b'"a"', b'"1"', b'"null"'),
    b'"%b"' % (b"x" * MAX_ID_LENGTH),
    ('"%s"' % ("\N{SNOWMAN}" * MAX_ID_LENGTH)).encode(),
    b'"\\n\\\\"',
]


@pytest.mark.parametrize("id", ECHOED)
def test_id_is_echoed_exactly(id: bytes) -> None:
    answer = codec.encode_result(True, message_of(call(id)).id, 10**6)  # type: ignore[arg-type]
    assert answer == b'{"jsonrpc":"2.0","result":true,"id":%b}' % id


@pytest.mark.parametrize("id", ECHOED)
def test_id_is_echoed_exactly_beside_a_bad_item(id: bytes) -> None:
    decoded = codec.decode(b"[1,%b]" % call(id), DEPTH)
    assert isinstance(decoded, list)
    answer = codec.encode_result(True, decoded[1].id, 10**6)  # type: ignore[arg-type]
    assert answer == b'{"jsonrpc":"2.0","result":true,"id":%b}' % id


@pytest.mark.parametrize("id", ECHOED)
def test_id_of_an_invalid_request_is_echoed_exactly(id: bytes) -> None:
    decoded = decode_one(b'{"jsonrpc":"1.0","method":"m","id":%b}' % id)
    assert isinstance(decoded, Invalid)
    assert decoded.error.code == ErrorCode.INVALID_REQUEST
    assert codec.error_answer(decoded.error, decoded.id).endswith(b'},"id":%b}' % id)


@pytest.mark.parametrize(
    "id",
    [
        *(b"true", b"false", b"{}", b"[]", b"[1]", b'{"a":1}'),
        *(b'"%b"' % (character * (MAX_ID_LENGTH + 1)) for character in (b"x", b"\\u00e9")),
    ],
)
def test_id_of_another_type_or_too_long_is_refused_with_null(id: bytes) -> None:
    assert refusal(call(id)) == (ErrorCode.INVALID_REQUEST, None)


def test_length_of_an_id_is_counted_in_characters_not_in_bytes() -> None:
    escaped = b'"%b"' % (b"\\u00e9" * MAX_ID_LENGTH)
    assert message_of(call(escaped)).id == "\u00e9" * MAX_ID_LENGTH


WRONG_MEMBERS = [
    b'"method":"m"',
    b'"jsonrpc":"1.0","method":"m"',
    b'"jsonrpc":"2","method":"m"',
    b'"jsonrpc":2.0,"method":"m"',
    b'"jsonrpc":1e999,"method":"m"',
    b'"jsonrpc":null,"method":"m"',
    b'"jsonrpc":["2.0"],"method":"m"',
    b'"jsonrpc":"2.0"',
    b'"jsonrpc":"2.0","method":1',
    b'"jsonrpc":"2.0","method":1e999',
    b'"jsonrpc":"2.0","method":null',
    b'"jsonrpc":"2.0","method":["m"]',
    b'"jsonrpc":"2.0","method":"m","result":1',
    b'"jsonrpc":"2.0","method":"m","result":null',
    b'"jsonrpc":"2.0","method":"m","error":{}',
]


@pytest.mark.parametrize("members", WRONG_MEMBERS)
@pytest.mark.parametrize(("id", "echoed"), [(b"7", 7), (b'"a"', "a"), (b"1.5", b"1.5")])
def test_wrong_member_is_refused_with_the_id(members: bytes, id: bytes, echoed: object) -> None:
    code, request_id = refusal(b'{%b,"id":%b}' % (members, id))
    assert code == ErrorCode.INVALID_REQUEST
    assert request_id in (echoed, id)


@pytest.mark.parametrize("members", WRONG_MEMBERS)
def test_wrong_member_without_id_is_refused_with_null(members: bytes) -> None:
    assert refusal(b"{%b}" % members) == (ErrorCode.INVALID_REQUEST, None)


@pytest.mark.parametrize(
    ("data", "meant"),
    [
        (b'{"jsonrpc":"2.0","id":0}', Message("2.0", id=0, result=Raw(b"null"))),
        (b'{"jsonrpc":"2.0","id":"a","more":1}', Message("2.0", id="a", result=Raw(b"null"))),
        (b'{"jsonrpc":"2.0","id":null}', None),
        (b'{"jsonrpc":"2.0"}', None),
        (b'{"notification":"n","params":[1]}', Message("2.0", "n", Raw(b"[1]"))),
        (b'{"notification":"n"}', Message("2.0", "n")),
        (b'{"notification":"n","id":1}', None),
        (b'{"notification":1e999}', None),
        (b'{"method":"n"}', None),
    ],
)
def test_what_is_no_request_may_still_mean_something_to_a_client(
    data: bytes, meant: Message | None
) -> None:
    assert refusal(data)[0] == ErrorCode.INVALID_REQUEST
    for text in (data, b"[%b]" % data):
        decoded = codec.decode(text, DEPTH)
        item = decoded[0] if isinstance(decoded, list) else decoded
        assert isinstance(item, Invalid)
        assert item.meant == meant


def test_huge_number_in_parameters_is_left_to_whoever_reads_it() -> None:
    message = message_of(b'{"jsonrpc":"2.0","method":"m","params":[1e999,"\\u0041"]}')
    assert isinstance(message.params, Raw)
    with pytest.raises(InvalidRequest) as caught:
        codec.decode_value(message.params)
    assert "out of range" in caught.value.data


@pytest.mark.parametrize(
    ("raw", "reason"), [(b'["\xff"]', "not UTF-8 at byte"), (b"[" * 10**5, "nested too deep")]
)
def test_value_that_cannot_be_decoded_says_why(raw: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        codec.decode_value(raw)
    assert reason in caught.value.data


def test_escaped_pair_of_surrogates_is_one_character() -> None:
    assert message_of(call(b'"\\ud83d\\ude00"')).id == "\N{GRINNING FACE}"


def test_escaped_backslash_before_u_is_no_escape() -> None:
    assert message_of(call(b'"\\\\ud800"')).id == "\\ud800"


def test_empty_batch_is_one_invalid_request() -> None:
    assert refusal(b"[]") == (ErrorCode.INVALID_REQUEST, None)
    assert refusal(b" [ ] ") == (ErrorCode.INVALID_REQUEST, None)


def test_batch_of_good_items_keeps_their_order() -> None:
    decoded = codec.decode(b"[%b,%b]" % (call(b"2"), call(b"1")), DEPTH)
    assert isinstance(decoded, list)
    assert [item.id for item in decoded] == [2, 1]


def test_bad_items_of_a_batch_stand_in_their_places() -> None:
    items = [b"1", call(b"1"), b"[]", b"{}", call(b"true"), b'"x"', call(b"2"), b"null"]
    decoded = codec.decode(b"[%b]" % b",".join(items), DEPTH)
    assert isinstance(decoded, list)
    kinds = [type(item) for item in decoded]
    assert kinds == [Invalid, Message, Invalid, Invalid, Invalid, Invalid, Message, Invalid]
    codes = {item.error.code for item in decoded if isinstance(item, Invalid)}
    assert codes == {ErrorCode.INVALID_REQUEST}


def test_item_that_is_wrong_as_a_whole_is_found_in_a_batch() -> None:
    bad = b'{"jsonrpc":"2.0","method":"m","result":1,"id":5}'
    decoded = codec.decode(b"[%b,%b]" % (bad, call(b"6")), DEPTH)
    assert isinstance(decoded, list)
    assert [type(item) for item in decoded] == [Invalid, Message]
    assert decoded[0].id == 5


@pytest.mark.parametrize("core", [b"1", b'"[[[{{{"', b'"\\"[["', b'"\\\\"', b"", b'"a","]]"'])
def test_nesting_is_allowed_up_to_the_limit_and_no_deeper(core: bytes) -> None:
    """Brackets in strings do not count, whatever is escaped before them."""
    fits = codec.decode(b"[%b]" % nested(DEPTH - 2, b"[%b]" % core), DEPTH)
    assert isinstance(fits, list)
    assert isinstance(fits[0], Invalid)
    assert fits[0].error.code == ErrorCode.INVALID_REQUEST
    assert refusal(b"[%b]" % nested(DEPTH - 1, b"[%b]" % core)) == (ErrorCode.PARSE_ERROR, None)


@pytest.mark.parametrize("opening", [b"[", b"{", b"[{"])
def test_all_kinds_of_nesting_count(opening: bytes) -> None:
    def params(levels: int) -> bytes:
        core = b"1"
        for level in range(levels):
            kind = opening[level % len(opening) :][:1]
            core = b"[%b]" % core if kind == b"[" else b'{"a":%b}' % core
        return b'{"jsonrpc":"2.0","method":"m","params":%b}' % core

    assert message_of(params(DEPTH - 1)).method == "m"
    assert refusal(params(DEPTH)) == (ErrorCode.PARSE_ERROR, None)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    params = b"[%b]" % b",".join([b"[[],{}]"] * 1000)
    assert message_of(b'{"jsonrpc":"2.0","method":"m","params":%b}' % params).method == "m"


def test_brackets_in_strings_are_not_nesting() -> None:
    text = b'"%b"' % (b'[{\\"' * 1000)
    assert message_of(b'{"jsonrpc":"2.0","method":"m","params":[%b]}' % text).method == "m"


@pytest.mark.parametrize(
    "data",
    [
        *(b"[" * 10**5, b'{"a":' * 10**5, b"[" * 10**5 + b"]" * 10**5),
        b"[1," + b"[" * 10**5 + b"]" * 10**5 + b"]",
        b'{"jsonrpc":"1.0","x":' + b'{"a":[' * 10**5 + b"]}" * 10**5 + b"}",
    ],
    ids=["arrays", "objects", "closed", "behind a bad item", "behind a bad member"],
)
@pytest.mark.parametrize("max_depth", [DEPTH, 10**9])
def test_hundred_thousand_brackets_are_a_parse_error(data: bytes, max_depth: int) -> None:
    """Also without a limit of ours, where the decoder's own holds."""
    assert refusal(data, max_depth) == (ErrorCode.PARSE_ERROR, None)

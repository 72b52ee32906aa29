"""Bodies: read strictly, refused with the field at fault, and never with an effect."""

import json
import uuid

import pytest

from harness import credentials
from harness.api import new_key
from harness.problems import expect, one_of, pointers, problem


@pytest.fixture
def post(api, event):
    """Posts raw bytes to /v1/holds, and asserts that a refusal took no seat."""

    def send(body: bytes, **headers):
        response = api.request("POST", "/v1/holds", body=body, key=new_key(), headers=headers)
        if response.status >= 400:
            assert {seat["status"] for seat in api.seats(event["event_id"]).values()} == {"available"}
        return response

    return send


def hold_body(event, **change) -> bytes:
    content = {"event_id": event["event_id"], "seats": ["A-1-1"], **change}
    return json.dumps({name: value for name, value in content.items() if value is not ...}).encode()


@pytest.mark.parametrize(
    "change, pointer",
    [
        ({"event_id": ...}, "/event_id"),
        ({"event_id": None}, "/event_id"),
        ({"event_id": 7}, "/event_id"),
        ({"event_id": ""}, "/event_id"),
        ({"event_id": "not-a-uuid"}, "/event_id"),
        ({"event_id": {}}, "/event_id"),
        ({"seats": ...}, "/seats"),
        ({"seats": None}, "/seats"),
        ({"seats": "A-1-1"}, "/seats"),
        ({"seats": {}}, "/seats"),
        ({"seats": []}, "/seats"),
        ({"seats": [7]}, "/seats/0"),
        ({"seats": ["A-1-1", None]}, "/seats/1"),
        ({"seats": ["A-1-1", ["A-1-2"]]}, "/seats/1"),
        ({"seats": [""]}, "/seats/0"),
        ({"seats": ["x" * 10000]}, "/seats/0"),
        ({"seats": ["A-1-1", "A-1-2", "A-1-1"]}, "/seats/2"),
        ({"seats": [f"A-1-{number}" for number in range(1, 12)]}, "/seats"),
        ({"seats": ["A-1-1"] * 1000}, "/seats"),
        ({"colour": "red"}, "/colour"),
        ({"": 1}, "/"),
        ({"a/b~c": 1}, "/a~1b~0c"),
        ({"seats ": 1}, "/seats "),
        ({"Seats": ["A-1-1"]}, "/Seats"),
        ({"price": 1}, "/price"),
        ({"expires_at": "2099-01-01T00:00:00Z"}, "/expires_at"),
    ],
)
def test_the_field_at_fault_is_named(post, event, change, pointer):
    found = pointers(post(hold_body(event, **change)))
    if "seats" in change and isinstance(change["seats"], list) and len(change["seats"]) > 10:
        assert found[0].startswith(pointer)
    else:
        assert found == [pointer]


def test_every_error_has_its_detail(post, event):
    body = problem(post(hold_body(event, event_id=7)), "validation-failed")
    assert all(error["detail"].strip() for error in body["errors"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"}",
        b"nonsense",
        b"{'event_id': 1}",
        b'{"event_id"}',
        b'{"a":1,}',
        b"{,}",
        b"[1,]",
        b'{"a":01}',
        b'{"a":.5}',
        b'{"a":+1}',
        b'{"a":1.}',
        b'{"a":0x10}',
        b'{"a":1}x',
        b"{} {}",
        b'{"a":tru}',
        b'{"a":"\\x"}',
        b'{"a":"\\u12"}',
        b'{"a":"\n"}',
        b'{"a":"\x01"}',
        b'{"a":"unclosed',
        b"// comment\n{}",
        b"/* comment */{}",
        b"\xef\xbb\xbf{}",
        b"\x00",
        b"{}\x00",
        '{"a":1}'.encode("utf-16"),
    ],
)
def test_a_body_that_is_not_json_is_refused_with_a_detail(post, body):
    assert problem(post(body), "invalid-json")["detail"]


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-Infinity", b"nan", b"1e999", b"-1e999"])
def test_numbers_that_are_none_are_refused(post, event, value):
    one_of(post(hold_body(event)[:-1] + b', "x": ' + value + b"}"), "invalid-json", "validation-failed")
    one_of(post(b'{"event_id": ' + value + b', "seats": ["A-1-1"]}'), "invalid-json", "validation-failed")


@pytest.mark.parametrize("value", [b"9223372036854775808", b"-9223372036854775809", b"1" * 400, b"1e400", b"1.0e-400", b"0." + b"1" * 5000])
def test_huge_numbers_are_refused(post, value):
    one_of(post(b'{"event_id": ' + value + b', "seats": ["A-1-1"]}'), "invalid-json", "validation-failed")


@pytest.mark.parametrize("body", [b"[]", b"null", b"7", b'"text"', b"true", b"[{}]"])
def test_a_body_is_an_object(post, body):
    one_of(post(body), "invalid-json", "validation-failed")


@pytest.mark.parametrize(
    "text", [b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xe2\x28\xa1"]
)
def test_bytes_that_are_not_utf8_are_refused(post, event, text):
    problem(post(hold_body(event, seats=["MARK"]).replace(b"MARK", text)), "invalid-json")


@pytest.mark.parametrize("escape", [b"\\ud800", b"\\udc00", b"\\ud800\\ud800", b"\\ud800x"])
def test_half_a_surrogate_pair_is_refused(post, event, escape):
    one_of(post(hold_body(event, seats=["MARK"]).replace(b"MARK", escape)), "invalid-json", "validation-failed")


def test_a_nul_is_refused(post, event):
    one_of(post(hold_body(event, seats=["A-1-1", "a\u0000b"])), "invalid-json", "validation-failed")
    one_of(post(hold_body(event, user_id="ada\u0000")), "invalid-json", "validation-failed")
    one_of(post(hold_body(event, **{"a\u0000b": 1})), "invalid-json", "validation-failed")


@pytest.mark.parametrize("key", [b'"seats"', b'"\\u0073eats"', b'"event_id"'])
def test_a_key_given_twice_is_refused(post, event, key):
    one_of(post(hold_body(event)[:-1] + b", " + key + b': ["A-1-2"]}'), "invalid-json", "validation-failed")


@pytest.mark.parametrize("opening, closing", [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("depth", [100, 5000, 10000])
def test_deep_nesting_is_refused(post, opening, closing, depth):
    one_of(post(opening * depth + b"1" + closing * depth), "invalid-json", "validation-failed")
    one_of(post(b'{"seats":' + opening * depth), "invalid-json", "validation-failed")


def test_many_fields_are_refused_briefly(post):
    """An answer must not grow with the nonsense it answers."""
    response = post(json.dumps({f"field{number}": number for number in range(3000)}).encode())
    one_of(response, "invalid-json", "validation-failed")
    assert len(response.body) < 16384


def test_whitespace_and_escapes_mean_the_same(api, event):
    body = b' \r\n\t{ "\\u0073eats" : [ "A\\u002d1-1" ] ,\n"event_id":"' + event["event_id"].upper().encode() + b'" } \n'
    assert expect(api.request("POST", "/v1/holds", body=body, key=new_key()), 201)["seats"] == ["A-1-1"]


# Media type and size


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "text/json",
        "application/json2",
        "application/jsonx",
        "application",
        "multipart/form-data; boundary=x",
        "application/xml",
    ],
)
def test_another_media_type_is_refused(post, event, media_type):
    problem(post(hold_body(event), **{"Content-Type": media_type}), "unsupported-media-type")


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/json;charset=UTF-8"]
)
def test_json_is_taken_in_any_spelling(post, event, media_type):
    expect(post(hold_body(event), **{"Content-Type": media_type}), 201)


def test_a_body_at_the_limit_is_read(post, event):
    body = hold_body(event)
    expect(post(body + b" " * (65536 - len(body))), 201)


@pytest.mark.parametrize("size", [65537, 100000, 1000000])
def test_a_body_over_the_limit_is_refused(post, event, size):
    body = hold_body(event)
    problem(post(body + b" " * (size - len(body))), "body-too-large")


def test_an_event_over_its_limit_is_refused(server):
    admin = server.api("admin", "tro:admin")
    problem(admin.request("POST", "/v1/events", body=b'{"name": "' + b"x" * (8 << 20) + b'"}'), "body-too-large")


def send_anywhere(server, route: str, body: bytes, media_type: str = "application/json"):
    """Posts with everything that any of the routes asks for."""
    headers = {"Content-Type": media_type, "TRO-Signature": credentials.callback_signature(body)}
    return server.api("admin", "tro:admin").request("POST", route, body=body, key=new_key(), headers=headers)


@pytest.mark.parametrize("route", ["/v1/holds", "/v1/orders", "/v1/events", "/v1/payments/callback"])
def test_every_body_is_read_as_strictly(server, route):
    for body in (b"", b"{", b'{"a":NaN}', b'{"a":1,"a":1}', b"[" * 1000, b'{"a":"\xff"}'):
        one_of(send_anywhere(server, route, body), "invalid-json", "validation-failed")
    for body in (b"{}", b'{"colour":1}'):
        assert pointers(send_anywhere(server, route, body))
    problem(send_anywhere(server, route, b"{}", "text/plain"), "unsupported-media-type")
    problem(send_anywhere(server, route, b" " * (9 << 20)), "body-too-large")


def test_an_order_is_read_as_strictly(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    for content, pointer in [
        ({"hold_id": 7}, "/hold_id"),
        ({"hold_id": "x"}, "/hold_id"),
        ({"hold_id": None}, "/hold_id"),
        ({"hold_id": hold["hold_id"], "colour": 1}, "/colour"),
    ]:
        assert pointers(api.order(**content)) == [pointer]
    for body in (b"", b"{", b"[]", b'{"hold_id":NaN}'):
        one_of(api.request("POST", "/v1/orders", body=body, key=new_key()), "invalid-json", "validation-failed")
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "ACTIVE"


def test_an_unknown_query_changes_nothing(api, event):
    """Whether unknown parameters are ignored or refused, nothing breaks."""
    for query in ("?x=1", "?", "?&&=", "?verbose", "?" + "a=b&" * 200, "?x=%", "?x=%zz", "?x=%00"):
        assert api.get(f"/v1/events/{event['event_id']}{query}").status in (200, 400)


def test_a_parameter_given_twice_harms_nobody(api, event):
    for query in ("limit=1&limit=2", "status=held&status=available", "cursor=a&cursor=b"):
        assert api.get(f"/v1/events/{event['event_id']}/seats?{query}").status in (200, 400)


def test_problems_carry_the_callers_trace(api):
    trace_id = uuid.uuid4().hex
    body = problem(api.get(f"/v1/holds/{uuid.uuid4()}", headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}), "hold-unknown")
    assert body["trace_id"] == trace_id


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "nonsense",
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-" + "G" * 32 + "-00f067aa0ba902b7-01",
        "ff-" + "a" * 32 + "-00f067aa0ba902b7-01",
        "00-" + "a" * 32 + "-" + "0" * 16 + "-01",
        "x" * 2000,
    ],
)
def test_a_bad_trace_is_replaced(api, traceparent):
    body = problem(api.get(f"/v1/holds/{uuid.uuid4()}", headers={"traceparent": traceparent}), "hold-unknown")
    assert body["trace_id"].strip("0") and body["trace_id"] != "a" * 32


def test_every_problem_has_a_trace_of_its_own(api):
    traces = {problem(api.get_hold(str(uuid.uuid4())), "hold-unknown")["trace_id"] for _ in range(5)}
    assert len(traces) == 5

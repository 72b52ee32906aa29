"""What a problem says of this very request: detail, errors, and the fields that go with its status."""

import re
import time
import uuid

import pytest

from harness import credentials
from harness.api import new_key
from harness.problems import expect, problem
from harness.server import sleep_until

EARLY, LATE = "2027-03-05T10:00:00.000Z", "2020-03-05T10:00:00.000Z"


def test_how_many_seats_are_taken(api, event):
    api.as_user("bob").held(event["event_id"], "A-1-2", "A-1-3")
    taken = problem(api.hold(event["event_id"], ["A-1-1", "A-1-2"]), "seats-taken")
    assert taken["detail"] == "1 of 2 seats is taken." and taken["seats"] == ["A-1-2"]
    taken = problem(api.hold(event["event_id"], ["A-1-2", "A-1-1", "A-1-3"]), "seats-taken")
    assert taken["detail"] == "2 of 3 seats are taken." and taken["seats"] == ["A-1-2", "A-1-3"]
    assert problem(api.hold(event["event_id"], ["A-1-2"]), "seats-taken")["detail"] == "1 of 1 seat is taken."


def test_every_unknown_seat_is_named(api, event):
    unknown = problem(api.hold(event["event_id"], ["A-1-1", "Z-9-9", "A-1-2", "Y-1"]), "seat-unknown")
    assert unknown["detail"] == "The event has no seats Z-9-9, Y-1."
    assert [error["pointer"] for error in unknown["errors"]] == ["/seats/1", "/seats/3"]
    unknown = problem(api.order(event_id=event["event_id"], seats=["Z-9-9"]), "seat-unknown")
    assert unknown["detail"] == "The event has no seat Z-9-9."
    assert [error["pointer"] for error in unknown["errors"]] == ["/seats/0"]


def test_when_sales_begin_and_ended(api):
    early = api.create_event(on_sale_from=EARLY)
    assert problem(api.hold(early["event_id"], ["A-1-1"]), "not-on-sale")["detail"] == f"Sales begin at {EARLY}."
    late = api.create_event(on_sale_until=LATE)
    assert problem(api.hold(late["event_id"], ["A-1-1"]), "not-on-sale")["detail"] == f"Sales ended at {LATE}."


def test_when_a_hold_expired(start_server):
    api = start_server(HOLD_TTL="1s").api()
    hold = api.held(api.create_event()["event_id"], "A-1-1")
    sleep_until(hold["expires_at"])
    for response in (api.order(hold_id=hold["hold_id"]), api.release(hold["hold_id"])):
        assert problem(response, "hold-expired")["detail"] == f"The hold expired at {hold['expires_at']}."


def test_the_detail_says_how_a_hold_ended(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    expect(api.order(hold_id=hold["hold_id"]), 202)
    assert problem(api.release(hold["hold_id"]), "hold-converted")["detail"] == "An order was made of the hold."
    released = api.held(event["event_id"], "A-1-2")
    expect(api.release(released["hold_id"]), 204)
    assert problem(api.order(hold_id=released["hold_id"]), "hold-released")["detail"] == "The hold was released."


def test_the_detail_says_the_status_of_an_order(start_server):
    api = start_server(ORDER_TTL="1s").api()
    event_id = api.create_event()["event_id"]
    confirmed, lapsed = api.confirmed(event_id, "A-1-1"), api.ordered(event_id, "A-1-2")
    assert problem(api.cancel(confirmed["order_id"]), "order-not-cancellable")["detail"] == "The order is CONFIRMED."
    assert problem(api.pay(confirmed["order_id"], "FAILED"), "order-not-payable")["detail"] == "The order is CONFIRMED and cannot fail."
    sleep_until(lapsed["pay_by"])
    assert problem(api.cancel(lapsed["order_id"]), "order-not-cancellable")["detail"] == "The order is EXPIRED."


def test_the_detail_names_the_missing_resource(api, event):
    missing = str(uuid.uuid4())
    assert problem(api.get(f"/v1/events/{missing}"), "event-unknown")["detail"] == f"There is no event {missing}."
    assert problem(api.hold(missing, ["A-1-1"]), "event-unknown")["detail"] == f"There is no event {missing}."
    assert problem(api.get_hold(missing), "hold-unknown")["detail"] == f"There is no hold {missing}."
    assert problem(api.order(hold_id=missing), "hold-unknown")["detail"] == f"There is no hold {missing}."
    assert problem(api.get_order("nonsense"), "order-unknown")["detail"] == "There is no order nonsense."
    assert problem(api.pay(missing), "order-unknown")["detail"] == f"There is no order {missing}."
    detail = problem(api.order(event_id=event["event_id"], seats=["A-1-1"]), "hold-unknown")["detail"]
    assert detail == "There is no active hold of exactly these seats."


def test_somebody_elses_answers_like_nobodys(api, event):
    hold = api.as_user("bob").held(event["event_id"], "A-1-1")
    missing = hold["hold_id"][:-4] + "0000"
    others, unknown = (problem(api.get_hold(hold_id), "hold-unknown") for hold_id in (hold["hold_id"], missing))
    assert others["detail"].replace(hold["hold_id"], missing) == unknown["detail"]
    assert others.keys() == unknown.keys()


def test_the_detail_says_why_the_server_refuses(api):
    assert problem(api.get("/v1/nothing"), "not-found")["detail"] == "Nothing is served at /v1/nothing."
    refused = problem(api.request("DELETE", "/v1/holds"), "method-not-allowed")
    assert refused["detail"] == "DELETE is not among the methods of this resource: POST, OPTIONS."
    large = problem(api.request("POST", "/v1/holds", body=b" " * 65537, key=new_key()), "body-too-large")
    assert large["detail"] == "The body may have at most 65536 bytes."


def test_the_instance_is_a_uri_reference(api):
    assert problem(api.get("/v1/no%20thing/%C3%A4%22"), "not-found")["instance"] == "/v1/no%20thing/%C3%A4%22"


def test_which_fields_are_invalid(api):
    refused = problem(api.request("POST", "/v1/holds", json={"x": 1}, key=new_key()), "validation-failed")
    assert refused["detail"] == "3 fields are invalid: /x, /event_id, /seats."
    refused = problem(api.hold(str(uuid.uuid4()), ["A"], colour=1), "validation-failed")
    assert refused["detail"] == "/colour: unknown field."
    assert refused["errors"] == [{"pointer": "/colour", "detail": "unknown field"}]
    refused = problem(api.request("POST", "/v1/holds", json={str(number): 1 for number in range(5)}, key=new_key()), "validation-failed")
    assert refused["detail"] == "7 fields are invalid: /0, /1, /2, /3, /4 and others."
    assert problem(api.request("POST", "/v1/holds", json=[], key=new_key()), "validation-failed")["detail"] == (
        "The body must be an object."
    )


def test_a_currency_is_told_how_it_looks(server):
    response = server.api("admin", "tro:admin").post_event(
        {"name": "N", "venue": "V", "starts_at": "2027-06-01T19:30:00Z", "currency": "EURO", "seats": [{"seat": "1", "price": 1}]}
    )
    assert problem(response, "validation-failed")["errors"] == [
        {"pointer": "/currency", "detail": "must be a three-letter ISO 4217 code such as EUR"}
    ]


def callback(api, header: str | None) -> str:
    return problem(api.callback(b"{}", header), "signature-invalid")["detail"]


def test_why_a_signature_is_refused(api):
    now = int(time.time())
    assert callback(api, None) == "The TRO-Signature header is missing."
    assert callback(api, "v1=00").startswith("TRO-Signature must have one t=")
    assert callback(api, credentials.callback_signature(b"{}", now - 400)) == "The signature is older than 300 seconds."
    assert callback(api, credentials.callback_signature(b"{}", now + 400)).startswith("The signature is more than 300 seconds ahead")
    assert callback(api, credentials.callback_signature(b"{}", now, "another secret of at least 32 bytes!!")).startswith("No v1 is the")


def test_the_log_says_why_a_caller_was_refused(start_server):
    server = start_server()
    api = server.api()
    refusals = [
        problem(api.callback(b"{}", None), "signature-invalid"),
        problem(api.callback(b"{}", credentials.callback_signature(b"{}", 1700000000)), "signature-invalid"),
        problem(server.api("ada", exp=1700000000).get_hold(str(uuid.uuid4())), "unauthenticated"),
        problem(api.post_event({}), "forbidden"),
        problem(api.hold(str(uuid.uuid4()), ["A-1-1"], user_id="bob"), "user-mismatch"),
    ]
    expect(api.get("/v1/healthz"), 200)
    server.stop()
    requests = [entry for entry in server.log() if entry["message"] == "request"]
    details = {entry["trace_id"]: entry["detail"] for entry in requests if "detail" in entry}
    assert details == {refused["trace_id"]: refused["detail"] for refused in refusals}


def test_providers_may_add_to_the_callback(api, event):
    """Members and elements that nobody here knows are ignored."""
    order = api.ordered(event["event_id"], "A-1-1")
    body = (
        b'{"order_id":"%s","status":"SUCCEEDED","transaction_id":"tx-%s","provider":{"fee":[1,2]},"x":null}'
        % (order["order_id"].encode(), uuid.uuid4().hex.encode())
    )
    signature = credentials.callback_signature(body)
    assert expect(api.callback(body, f"v0=abc,{signature},v2=ff,key=7"), 200)["status"] == "CONFIRMED"


@pytest.mark.parametrize("kind", ["busy", "mismatch"])
def test_a_request_refused_for_its_key_counts(start_server, kind):
    api = start_server(RATE_LIMIT_USER="5/1m").api()
    event_id, key = api.create_event()["event_id"], new_key()
    expect(api.hold(event_id, ["A-1-1"], key=key), 201)
    statuses = [api.hold(event_id, ["A-1-1" if kind == "busy" else "A-1-2"], key=key).status for _ in range(6)]
    assert statuses == [201 if kind == "busy" else 422] * 4 + [429] * 2


def test_one_network_of_ipv6_has_one_quota(start_server):
    stranger = start_server(RATE_LIMIT_IP="3/1m", TRUSTED_PROXIES="127.0.0.1").api(None)

    def ask(address: str) -> int:
        return stranger.get("/v1/events", headers={"X-Forwarded-For": address}).status

    assert [ask(f"2001:db8:0:1::{number:x}") for number in range(5)] == [200, 200, 200, 429, 429]
    assert ask("2001:db8:0:2::1") == 200
    assert [ask("192.0.2.1"), ask("192.0.2.2")] == [200, 200]


def test_trace_ids_are_hexadecimal(api):
    assert re.fullmatch("[0-9a-f]{32}", problem(api.get("/v1/nothing"), "not-found")["trace_id"])

"""Payments: each transaction counts once, and money is never silently lost."""

import json
import time
import uuid

import pytest

from harness import credentials
from harness.problems import expect, pointers, problem
from harness.server import eventually, sleep_until


@pytest.fixture
def order(api, event):
    return api.ordered(event["event_id"], "A-1-1", "A-1-2")


def callback_body(order_id: str, status: str = "SUCCEEDED", transaction_id: str = "tx-1") -> bytes:
    return json.dumps({"order_id": order_id, "status": status, "transaction_id": transaction_id}).encode()


def test_a_payment_confirms_the_order_and_sells_its_seats(api, event, order):
    paid = expect(api.pay(order["order_id"]), 200)
    assert paid == {**order, "status": "CONFIRMED"}
    assert expect(api.get_order(order["order_id"]), 200) == paid
    assert api.seat_status(event["event_id"], "A-1-1", "A-1-2") == ["sold", "sold"]


def test_a_failed_payment_fails_the_order_and_frees_its_seats(api, event, order):
    failed = expect(api.pay(order["order_id"], "FAILED"), 200)
    assert failed == {**order, "status": "FAILED"}
    assert expect(api.get_order(order["order_id"]), 200) == failed
    api.as_user("bob").held(event["event_id"], "A-1-1", "A-1-2")


def test_the_same_report_again_gets_the_same_answer(api, order):
    first = api.pay(order["order_id"], transaction_id="again-" + order["order_id"])
    second = api.pay(order["order_id"], transaction_id="again-" + order["order_id"])
    assert expect(first, 200) == expect(second, 200)
    assert first.body == second.body
    assert api.history("orders", order["order_id"]) == ["order.created", "order.confirmed"]


def test_a_repeat_answers_what_the_first_answer_was(api, order):
    transaction = "first-" + order["order_id"]
    first = expect(api.pay(order["order_id"], transaction_id=transaction), 200)
    assert expect(api.pay(order["order_id"]), 200)["refund_required"] is True
    assert expect(api.pay(order["order_id"], transaction_id=transaction), 200) == first


def test_a_repeat_of_a_failure_answers_the_same(api, order):
    transaction = "failure-" + order["order_id"]
    first = expect(api.pay(order["order_id"], "FAILED", transaction), 200)
    assert expect(api.pay(order["order_id"], "FAILED", transaction), 200) == first


def test_a_transaction_cannot_change_its_mind(api, order):
    transaction = "mind-" + order["order_id"]
    expect(api.pay(order["order_id"], transaction_id=transaction), 200)
    problem(api.pay(order["order_id"], "FAILED", transaction), "payment-conflict")
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "CONFIRMED"


def test_a_failed_transaction_may_succeed_later(api, order):
    """A provider that tries one payment again: a late payment."""
    transaction = "second-try-" + order["order_id"]
    expect(api.pay(order["order_id"], "FAILED", transaction), 200)
    confirmed = expect(api.pay(order["order_id"], "SUCCEEDED", transaction), 200)
    assert (confirmed["status"], confirmed["refund_required"]) == ("CONFIRMED", False)
    assert expect(api.pay(order["order_id"], "SUCCEEDED", transaction), 200) == confirmed


def test_a_failed_transaction_that_succeeds_when_the_seats_are_gone(api, event, order):
    transaction = "too-late-" + order["order_id"]
    expect(api.pay(order["order_id"], "FAILED", transaction), 200)
    api.as_user("bob").held(event["event_id"], "A-1-2")
    late = expect(api.pay(order["order_id"], "SUCCEEDED", transaction), 200)
    assert (late["status"], late["refund_required"], late["refunds_due"]) == ("FAILED", True, order["total"])
    problem(api.pay(order["order_id"], "FAILED", transaction), "payment-conflict")


def test_a_transaction_that_succeeded_cannot_fail(server, api, order):
    transaction = "second-thoughts-" + order["order_id"]
    expect(api.pay(order["order_id"], "SUCCEEDED", transaction), 200)
    problem(api.pay(order["order_id"], "FAILED", transaction), "payment-conflict")
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "CONFIRMED"
    contradicted = eventually(
        lambda: [line["order_id"] for line in server.log() if line["message"] == "a payment report contradicts an earlier one"], within=2
    )
    assert order["order_id"] in contradicted


def test_a_transaction_belongs_to_one_order(api, event, order):
    other = api.ordered(event["event_id"], "A-2-1")
    transaction = "one-order-" + order["order_id"]
    expect(api.pay(order["order_id"], transaction_id=transaction), 200)
    problem(api.pay(other["order_id"], transaction_id=transaction), "payment-conflict")
    assert expect(api.get_order(other["order_id"]), 200)["status"] == "PENDING"


def test_a_transaction_belongs_to_one_order_across_events(api, order):
    """Orders of different events are decided apart from each other; transactions are shared all the same."""
    transaction = "across-" + order["order_id"]
    expect(api.pay(order["order_id"], transaction_id=transaction), 200)
    for _ in range(4):
        other = api.ordered(api.create_event()["event_id"], "A-1-1")
        problem(api.pay(other["order_id"], transaction_id=transaction), "payment-conflict")
        assert expect(api.get_order(other["order_id"]), 200)["status"] == "PENDING"


def test_a_second_payment_is_to_be_refunded(api, event, order):
    expect(api.pay(order["order_id"]), 200)
    second = expect(api.pay(order["order_id"]), 200)
    assert (second["status"], second["refund_required"]) == ("CONFIRMED", True)
    assert expect(api.get_order(order["order_id"]), 200) == second
    assert api.history("orders", order["order_id"]) == ["order.created", "order.confirmed", "order.refund_required"]
    assert api.seat_status(event["event_id"], "A-1-1", "A-1-2") == ["sold", "sold"]


def test_a_repeated_second_payment_is_refunded_once(api, order):
    expect(api.pay(order["order_id"]), 200)
    transaction = "second-" + order["order_id"]
    first = expect(api.pay(order["order_id"], transaction_id=transaction), 200)
    assert expect(api.pay(order["order_id"], transaction_id=transaction), 200) == first
    assert api.history("orders", order["order_id"]).count("order.refund_required") == 1


def test_a_failure_after_the_confirmation_is_refused(api, order):
    expect(api.pay(order["order_id"]), 200)
    problem(api.pay(order["order_id"], "FAILED"), "order-not-payable")
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "CONFIRMED"


@pytest.mark.parametrize("end", ["FAILED", "CANCELLED"])
def test_a_failure_of_an_ended_order_changes_nothing_and_is_remembered(api, order, end):
    ended = expect(api.cancel(order["order_id"]) if end == "CANCELLED" else api.pay(order["order_id"], "FAILED"), 200)
    transaction = "ended-" + order["order_id"]
    assert expect(api.pay(order["order_id"], "FAILED", transaction), 200) == ended
    assert expect(api.pay(order["order_id"], "FAILED", transaction), 200) == ended


# Late: a payment that succeeds after the order has ended.


@pytest.mark.parametrize("end", ["FAILED", "CANCELLED"])
def test_a_late_payment_takes_free_seats_again(api, event, order, end):
    expect(api.cancel(order["order_id"]) if end == "CANCELLED" else api.pay(order["order_id"], "FAILED"), 200)
    late = expect(api.pay(order["order_id"]), 200)
    assert late == {**order, "status": "CONFIRMED"}
    assert api.seat_status(event["event_id"], "A-1-1", "A-1-2") == ["sold", "sold"]
    ended = {"FAILED": "order.failed", "CANCELLED": "order.cancelled"}[end]
    assert api.history("orders", order["order_id"]) == ["order.created", ended, "order.confirmed"]


@pytest.mark.parametrize("end", ["FAILED", "CANCELLED"])
def test_a_late_payment_for_taken_seats_is_to_be_refunded(api, event, order, end):
    expect(api.cancel(order["order_id"]) if end == "CANCELLED" else api.pay(order["order_id"], "FAILED"), 200)
    other = api.as_user("bob").held(event["event_id"], "A-1-2")
    late = expect(api.pay(order["order_id"]), 200)
    assert late == {**order, "status": end, "refund_required": True, "refunds_due": order["total"]}
    assert expect(api.get_order(order["order_id"]), 200) == late
    assert api.history("orders", order["order_id"])[-1] == "order.refund_required"
    assert api.seat_status(event["event_id"], "A-1-1", "A-1-2") == ["available", "held"], "a late payment takes all seats or none"
    assert expect(api.as_user("bob").get_hold(other["hold_id"]), 200)["status"] == "ACTIVE"


def test_a_late_payment_after_expiry_takes_free_seats_again(start_server):
    server = start_server(ORDER_TTL="1s")
    api = server.api()
    event = api.create_event()
    order = api.ordered(event["event_id"], "A-1-1")
    sleep_until(order["pay_by"])
    assert expect(api.pay(order["order_id"]), 200)["status"] == "CONFIRMED"
    assert api.seat_status(event["event_id"], "A-1-1") == ["sold"]
    assert api.history("orders", order["order_id"]) == ["order.created", "order.expired", "order.confirmed"]


def test_a_late_payment_after_expiry_for_taken_seats_is_to_be_refunded(start_server):
    server = start_server(ORDER_TTL="1s")
    api = server.api()
    event = api.create_event()
    order = api.ordered(event["event_id"], "A-1-1", "A-1-2")
    sleep_until(order["pay_by"])
    api.as_user("bob").held(event["event_id"], "A-1-1")
    late = expect(api.pay(order["order_id"]), 200)
    assert (late["status"], late["refund_required"]) == ("EXPIRED", True)
    assert api.history("orders", order["order_id"]) == ["order.created", "order.expired", "order.refund_required"]
    assert api.seat_status(event["event_id"], "A-1-1", "A-1-2") == ["held", "available"]


def test_a_late_payment_takes_seats_of_a_lapsed_hold(start_server):
    """A hold past its deadline blocks nobody, a late payment neither."""
    api = start_server(HOLD_TTL="1s").api()
    event = api.create_event()
    order = api.ordered(event["event_id"], "A-1-1")
    expect(api.cancel(order["order_id"]), 200)
    lapsed = api.as_user("bob").held(event["event_id"], "A-1-1")
    sleep_until(lapsed["expires_at"])
    assert expect(api.pay(order["order_id"]), 200)["status"] == "CONFIRMED"
    assert expect(api.as_user("bob").get_hold(lapsed["hold_id"]), 200)["status"] == "EXPIRED"


def test_a_second_late_payment_is_to_be_refunded(api, order):
    expect(api.cancel(order["order_id"]), 200)
    expect(api.pay(order["order_id"]), 200)
    assert expect(api.pay(order["order_id"]), 200)["refund_required"] is True


# What is refused.


def test_an_unknown_order_stores_nothing(api, order):
    transaction = f"unknown-{order['order_id']}"
    problem(api.pay(str(uuid.uuid4()), transaction_id=transaction), "order-unknown")
    assert expect(api.pay(order["order_id"], transaction_id=transaction), 200)["status"] == "CONFIRMED"


@pytest.mark.parametrize(
    "change, pointer",
    [
        ({"status": "SUCCESS"}, "/status"),
        ({"status": "succeeded"}, "/status"),
        ({"status": None}, "/status"),
        ({"transaction_id": ""}, "/transaction_id"),
        ({"transaction_id": 7}, "/transaction_id"),
        ({"transaction_id": "x" * 10000}, "/transaction_id"),
        ({"order_id": "7"}, "/order_id"),
        ({"order_id": None}, "/order_id"),
        ({"amount": -1}, "/amount"),
        ({"amount": "1"}, "/amount"),
        ({"amount": 1.5}, "/amount"),
        ({"currency": "EURO"}, "/currency"),
        ({"currency": "XXQ"}, "/currency"),
        ({"refund_id": "7"}, "/refund_id"),
    ],
)
def test_a_bad_report_names_the_field_at_fault(api, order, change, pointer):
    content = {"order_id": order["order_id"], "status": "SUCCEEDED", "transaction_id": "tx", **change}
    body = json.dumps(content).encode()
    assert pointers(api.callback(body, credentials.callback_signature(body))) == [pointer]
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "PENDING"


@pytest.mark.parametrize("field", ["order_id", "status", "transaction_id"])
def test_a_report_needs_all_its_fields(api, order, field):
    content = {"order_id": order["order_id"], "status": "SUCCEEDED", "transaction_id": "tx"}
    del content[field]
    body = json.dumps(content).encode()
    assert pointers(api.callback(body, credentials.callback_signature(body))) == [f"/{field}"]


def signatures():
    """Signatures that must not be taken, each made from the body."""
    now = int(time.time())
    mac = credentials.callback_mac
    other = "another-secret-of-at-least-thirty-two-bytes"
    return {
        "missing": lambda body: None,
        "empty": lambda body: "",
        "nonsense": lambda body: "nonsense",
        "too old": lambda body: credentials.callback_signature(body, now - 330),
        "from the future": lambda body: credentials.callback_signature(body, now + 330),
        "of another secret": lambda body: credentials.callback_signature(body, now, other),
        "of another body": lambda body: credentials.callback_signature(body + b" ", now),
        "of another time": lambda body: f"t={now - 1},v1={mac(body, now)}",
        "without a time": lambda body: f"v1={mac(body, now)}",
        "without a mac": lambda body: f"t={now}",
        "with an empty mac": lambda body: f"t={now},v1=",
        "with a short mac": lambda body: f"t={now},v1={mac(body, now)[:-2]}",
        "with a long mac": lambda body: f"t={now},v1={mac(body, now)}00",
        "with a mac that is not hex": lambda body: f"t={now},v1={'z' * 64}",
        "of an unknown scheme": lambda body: f"t={now},v0={mac(body, now)}",
        "with a huge time": lambda body: f"t=99999999999999999999999,v1={mac(body, now)}",
        "with a negative time": lambda body: f"t=-{now},v1={mac(body, -now)}",
        "with two times": lambda body: f"t={now - 9999},t={now},v1={mac(body, now - 9999)}",
        "with very many macs": lambda body: f"t={now}," + ",".join(["v1=" + "0" * 64] * 60),
    }


@pytest.mark.parametrize("kind", signatures())
def test_a_bad_signature_changes_nothing(api, order, kind):
    body = callback_body(order["order_id"])
    problem(api.callback(body, signatures()[kind](body)), "signature-invalid")
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "PENDING"


def test_a_signature_within_the_tolerance_is_taken(api, order):
    assert expect(api.pay(order["order_id"], at=int(time.time()) - 290), 200)["status"] == "CONFIRMED"


def test_a_token_does_not_replace_the_signature(api, order):
    body = callback_body(order["order_id"])
    response = api.as_user("admin", "tro:admin tro:service").request("POST", "/v1/payments/callback", body=body)
    problem(response, "signature-invalid")


def test_an_unsigned_report_does_not_tell_whether_the_order_exists(api):
    problem(api.callback(callback_body(str(uuid.uuid4())), None), "signature-invalid")
    problem(api.callback(b"not json", None), "signature-invalid")


def test_secrets_can_be_rotated(start_server):
    old, new = "old-payment-secret-of-at-least-32-bytes", "new-payment-secret-of-at-least-32-bytes"
    api = start_server(PAYMENT_SECRET=f"{new},{old}").api()
    event = api.create_event()
    for number, secret in enumerate((old, new), start=1):
        order = api.ordered(event["event_id"], f"A-1-{number}")
        assert expect(api.pay(order["order_id"], secret=secret), 200)["status"] == "CONFIRMED"
    order = api.ordered(event["event_id"], "A-1-3")
    problem(api.pay(order["order_id"], secret=f"{new},{old}"), "signature-invalid")


def test_one_of_several_signatures_is_enough(api, order):
    body, now = callback_body(order["order_id"], transaction_id="several-" + order["order_id"]), int(time.time())
    good = credentials.callback_mac(body, now)
    assert expect(api.callback(body, f"t={now},v1={'0' * 64},v1={good}"), 200)["status"] == "CONFIRMED"


def test_elements_of_a_signature_that_are_not_known_are_ignored(api, order):
    body, now = callback_body(order["order_id"], transaction_id="elements-" + order["order_id"]), int(time.time())
    good = credentials.callback_mac(body, now)
    for signature in (f"t={now},v1={good},", f",t={now},, ,v1={good}", f"v0=x,new,t={now},v2={good},v1={good}"):
        assert expect(api.callback(body, signature), 200)["status"] == "CONFIRMED"


def test_payments_survive_a_restart(start_server):
    server = start_server()
    api = server.api()
    event = api.create_event()
    order = api.ordered(event["event_id"], "A-1-1")
    first = expect(api.pay(order["order_id"], transaction_id="durable"), 200)
    server.restart()
    assert expect(api.get_order(order["order_id"]), 200) == first
    assert expect(api.pay(order["order_id"], transaction_id="durable"), 200) == first
    problem(api.pay(order["order_id"], "FAILED", "durable"), "payment-conflict")

"""Money that is to be given back: why, how much, and the word that it was."""

import csv
import io
import uuid

import pytest

from harness.api import new_key
from harness.problems import expect, pointers, problem
from harness.server import eventually


@pytest.fixture
def shop(server):
    return server.api("shop", "tro:service")


@pytest.fixture
def order(api, event):
    return api.ordered(event["event_id"], "A-1-1", "A-1-2")


def due(shop, event) -> list[dict]:
    return shop.pages(f"/v1/refunds?status=due&event_id={event['event_id']}")


def transaction() -> str:
    return f"tx-{uuid.uuid4()}"


def done(shop, refund: dict):
    return shop.request("POST", f"/v1/refunds/{refund['refund_id']}/done")


# Why


def test_the_exact_amount_confirms(api, shop, event, order):
    paid = expect(api.pay(order["order_id"], amount=5000, currency="EUR"), 200)
    assert paid == {**order, "status": "CONFIRMED"}
    assert due(shop, event) == []


def test_a_senseless_amount_leaves_room_for_honest_payments(api, shop, event, order):
    assert pointers(api.pay(order["order_id"], amount=10**14 + 1, currency="EUR")) == ["/amount"]
    assert expect(api.pay(order["order_id"], amount=10**14, currency="EUR"), 200)["status"] == "CONFIRMED"
    assert expect(api.pay(order["order_id"], amount=5000, currency="EUR"), 200)["refunds_due"] == 10**14


@pytest.mark.parametrize("amount, currency", [(4999, "EUR"), (0, "EUR"), (5000, "USD"), (5001, "USD")])
def test_too_little_or_another_currency_does_not_confirm(api, shop, event, order, amount, currency):
    tx = transaction()
    answer = expect(api.pay(order["order_id"], "SUCCEEDED", tx, amount=amount, currency=currency), 200)
    owed = amount if currency == "EUR" else 0
    assert answer == {**order, "refunds_due": owed, "refund_required": owed > 0}
    assert api.history("orders", order["order_id"])[:2] == ["order.created", "order.payment_mismatch"]
    refunds = due(shop, event)
    assert [(refund["amount"], refund["currency"], refund["reason"], refund["transaction_id"]) for refund in refunds] == (
        [] if amount == 0 else [(amount, currency, "mismatch", tx)]
    )
    assert expect(api.pay(order["order_id"], "SUCCEEDED", tx, amount=amount, currency=currency), 200) == answer
    assert expect(api.pay(order["order_id"], amount=5000, currency="EUR"), 200)["status"] == "CONFIRMED"


def test_too_much_confirms_and_the_difference_is_due(api, shop, event, order):
    answer = expect(api.pay(order["order_id"], amount=5500, currency="EUR"), 200)
    assert answer == {**order, "status": "CONFIRMED", "refund_required": True, "refunds_due": 500}
    [refund] = due(shop, event)
    assert (refund["amount"], refund["currency"], refund["reason"]) == (500, "EUR", "overpayment")
    assert api.history("orders", order["order_id"]) == ["order.created", "order.confirmed", "order.refund_required"]


def test_a_second_payment_and_a_late_one(api, shop, event, order):
    first, second = transaction(), transaction()
    expect(api.pay(order["order_id"], "SUCCEEDED", first), 200)
    assert expect(api.pay(order["order_id"], "SUCCEEDED", second), 200)["refunds_due"] == 5000
    late = api.ordered(event["event_id"], "A-2-1")
    expect(api.cancel(late["order_id"]), 200)
    api.as_user("bob").held(event["event_id"], "A-2-1")
    expect(api.pay(late["order_id"]), 200)
    assert [(refund["reason"], refund["amount"]) for refund in due(shop, event)] == [("duplicate_payment", 5000), ("late_payment", 2500)]


def test_another_amount_of_one_transaction_contradicts_it(api, order):
    tx = transaction()
    expect(api.pay(order["order_id"], "SUCCEEDED", tx, amount=5000, currency="EUR"), 200)
    problem(api.pay(order["order_id"], "SUCCEEDED", tx, amount=5001, currency="EUR"), "payment-conflict")


def test_the_amount_can_be_required(start_server):
    server = start_server(PAYMENT_AMOUNT="required")
    api = server.api()
    order = api.ordered(api.create_event()["event_id"], "A-1-1")
    assert pointers(api.pay(order["order_id"])) == ["/amount", "/currency"]
    assert pointers(api.pay(order["order_id"], amount=2500)) == ["/currency"]
    assert pointers(api.pay(order["order_id"], "REFUNDED", currency="EUR")) == ["/amount"]
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "PENDING"
    assert expect(api.pay(order["order_id"], amount=2500, currency="EUR"), 200)["status"] == "CONFIRMED"
    other = api.ordered(order["event_id"], "A-1-2")
    assert expect(api.pay(other["order_id"], "FAILED"), 200)["status"] == "FAILED"


# Done


def test_a_refund_is_done_once(api, shop, event, order):
    expect(api.pay(order["order_id"], amount=5500, currency="EUR"), 200)
    [refund] = due(shop, event)
    closed = expect(done(shop, refund), 200)
    assert closed == {**refund, "status": "done", "done_at": closed["done_at"]}
    assert expect(done(shop, refund), 200) == closed
    assert due(shop, event) == []
    assert shop.pages(f"/v1/refunds?event_id={event['event_id']}") == [closed]
    assert shop.pages(f"/v1/refunds?status=done&event_id={event['event_id']}") == [closed]
    answer = expect(api.get_order(order["order_id"]), 200)
    assert answer == {**order, "status": "CONFIRMED", "refund_required": False, "refunds_due": 0}
    assert api.history("orders", order["order_id"])[-1] == "order.refunded"


def test_every_command_is_counted_by_its_name(server, api, shop, event, order):
    expect(api.pay(order["order_id"], amount=5500, currency="EUR"), 200)
    expect(done(shop, due(shop, event)[0]), 200)
    assert server.metric("tro_commands_total", command="refund_done") >= 1


def test_a_callback_closes_all_that_is_due_of_its_transaction(api, shop, event, order):
    tx = transaction()
    expect(api.cancel(order["order_id"]), 200)
    api.as_user("bob").held(event["event_id"], "A-1-1")
    expect(api.pay(order["order_id"], "SUCCEEDED", tx), 200)
    detail = problem(api.pay(order["order_id"], "REFUNDED", tx, amount=1, currency="EUR"), "refund-amount-differs")["detail"]
    assert detail == f"Of the transaction {tx} another amount, or another currency, is to be refunded."
    answer = expect(api.pay(order["order_id"], "REFUNDED", tx, amount=5000, currency="EUR"), 200)
    assert (answer["status"], answer["refund_required"], answer["refunds_due"]) == ("REFUNDED", False, 0)
    assert expect(api.pay(order["order_id"], "REFUNDED", tx, amount=5000, currency="EUR"), 200) == answer
    assert due(shop, event) == []
    assert expect(api.get_order(order["order_id"]), 200) == answer


def test_a_callback_closes_the_one_it_names(api, shop, event, order):
    tx = transaction()
    expect(api.pay(order["order_id"], "SUCCEEDED", tx, amount=5500, currency="EUR"), 200)
    [refund] = due(shop, event)
    missing = str(uuid.uuid4())
    assert missing in problem(api.pay(order["order_id"], "REFUNDED", tx, refund_id=missing), "refund-unknown")["detail"]
    assert expect(api.pay(order["order_id"], "REFUNDED", tx, refund_id=refund["refund_id"]), 200)["refunds_due"] == 0


def test_a_repeat_does_not_close_what_became_due_since(server, api, shop, event, order):
    tx, order_id = transaction(), order["order_id"]
    expect(api.pay(order_id, "SUCCEEDED", tx, amount=5500, currency="EUR"), 200)
    first = expect(api.pay(order_id, "REFUNDED", tx), 200)
    assert first["refunds_due"] == 0
    expect(server.api("admin", "tro:admin").request("POST", f"/v1/events/{event['event_id']}/cancel"), 200)
    eventually(lambda: expect(api.get_order(order_id), 200)["refunds_due"] == 5000, within=10)
    for same in ({}, {"amount": 500, "currency": "EUR"}):
        assert expect(api.pay(order_id, "REFUNDED", tx, **same), 200) == first
    [later] = due(shop, event)
    assert later["amount"] == 5000
    answer = expect(api.pay(order_id, "REFUNDED", tx, refund_id=later["refund_id"]), 200)
    assert (answer["status"], answer["refunds_due"], due(shop, event)) == ("REFUNDED", 0, [])


def test_a_refund_that_is_not_due_cannot_be_recorded(api, order):
    tx = transaction()
    detail = problem(api.pay(order["order_id"], "REFUNDED", tx), "refund-not-due")["detail"]
    assert detail == f"Nothing of the transaction {tx} is to be refunded."
    expect(api.pay(order["order_id"], "SUCCEEDED", tx), 200)
    problem(api.pay(order["order_id"], "REFUNDED", tx), "refund-not-due")
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "CONFIRMED"


# Who, and which


def test_refunds_are_for_services_and_administrators(server, api, shop, event, order):
    expect(api.pay(order["order_id"], amount=5500, currency="EUR"), 200)
    [refund] = due(shop, event)
    assert due(server.api("admin", "tro:admin"), event) == due(server.api("auditor", "tro:read"), event) == [refund]
    for response in (api.get("/v1/refunds"), done(api, refund), done(server.api("auditor", "tro:read"), refund)):
        problem(response, "forbidden")
        assert 'error="insufficient_scope", scope="tro:service"' in response.headers["WWW-Authenticate"]
    assert api.get("/v1/refunds").json()["detail"] == "The scope tro:service, tro:admin or tro:read is required."
    assert done(api, refund).json()["detail"] == "The scope tro:service or tro:admin is required."
    problem(api.as_user(None).get("/v1/refunds"), "unauthenticated")
    expect(done(server.api("admin", "tro:admin"), refund), 200)


def test_refunds_come_page_by_page(api, shop, event):
    for seat in range(1, 6):
        order = api.ordered(event["event_id"], f"A-1-{seat}")
        expect(api.pay(order["order_id"], amount=2500 + seat, currency="EUR"), 200)
    entries = shop.pages(f"/v1/refunds?event_id={event['event_id']}&limit=2")
    assert [entry["amount"] for entry in entries] == [1, 2, 3, 4, 5]
    assert [entry["refund_id"] for entry in entries] == sorted(entry["refund_id"] for entry in entries)


@pytest.mark.parametrize("query, parameter", [("status=open", "status"), ("event_id=7", "event_id"), ("order_id=7", "order_id")])
def test_a_bad_query_of_refunds_is_refused(shop, query, parameter):
    assert [error["parameter"] for error in problem(shop.get(f"/v1/refunds?{query}"), "bad-request")["errors"]] == [parameter]
    problem(shop.get("/v1/refunds?cursor=x"), "invalid-cursor")


def test_an_unknown_refund_cannot_be_done(shop):
    missing = str(uuid.uuid4())
    assert problem(done(shop, {"refund_id": missing}), "refund-unknown")["detail"] == f"There is no refund {missing}."
    problem(done(shop, {"refund_id": "nonsense"}), "refund-unknown")


# Cancelling an event


def cancelled_event(api, event) -> dict:
    """Something of everything, before and after the event is cancelled."""
    event_id = event["event_id"]
    return {
        "hold": api.held(event_id, "A-1-1"),
        "pending": api.ordered(event_id, "A-1-2"),
        "paid": [api.confirmed(event_id, f"A-2-{seat}", f"A-3-{seat}") for seat in (1, 2)] + [api.confirmed(event_id, "A-4-1")],
    }


def assert_wound_up(api, shop, event, before) -> None:
    assert expect(api.get_hold(before["hold"]["hold_id"]), 200)["status"] == "RELEASED"
    assert expect(api.get_order(before["pending"]["order_id"]), 200)["status"] == "CANCELLED"
    for order in before["paid"]:
        answer = expect(api.get_order(order["order_id"]), 200)
        assert (answer["status"], answer["refund_required"], answer["refunds_due"]) == ("CONFIRMED", True, order["total"])
        assert api.history("orders", order["order_id"])[-1] == "order.refund_required"
    assert sorted(refund["amount"] for refund in due(shop, event)) == [2500, 5000, 5000]
    assert {refund["reason"] for refund in due(shop, event)} == {"event_cancelled"}


def test_cancelling_an_event_makes_what_was_paid_due(server, api, shop, event):
    before = cancelled_event(api, event)
    expect(server.api("admin", "tro:admin").request("POST", f"/v1/events/{event['event_id']}/cancel"), 200)
    eventually(lambda: len(due(shop, event)) == 3 and expect(api.get_order(before["pending"]["order_id"]), 200)["status"] == "CANCELLED", 10)
    eventually(lambda: expect(api.get_hold(before["hold"]["hold_id"]), 200)["status"] == "RELEASED", 10)
    assert_wound_up(api, shop, event, before)
    problem(api.hold(event["event_id"], ["A-5-1"]), "event-cancelled")
    problem(api.order(hold_id=before["hold"]["hold_id"], key=new_key()), "hold-released")
    late = expect(api.pay(before["pending"]["order_id"]), 200)
    assert (late["status"], late["refunds_due"]) == ("CANCELLED", 2500)
    assert {refund["reason"] for refund in due(shop, event)} == {"event_cancelled"}


def test_the_command_says_what_it_is_about_to_do_and_does_it(start_server):
    server = start_server()
    api, shop = server.api(), server.api("shop", "tro:service")
    event = api.create_event()
    before = cancelled_event(api, event)
    told = server.tro("event", "cancel", event["event_id"], "--yes")
    assert told.returncode == 0, told
    plan, *_, last = told.stdout.splitlines()
    assert "3 paid orders, EUR 125.00" in plan and "1 pending order;" in plan and "1 open hold" in plan
    assert last == event["event_id"]
    assert "5 of 5 holds and orders done" in told.stderr
    assert_wound_up(api, shop, event, before)
    again = server.tro("event", "cancel", event["event_id"])
    assert again.returncode == 0 and "0 paid orders, EUR 0.00" in again.stdout


# The command line


def test_the_command_lists_refunds_and_closes_them(start_server):
    server = start_server()
    api, shop = server.api(), server.api("shop", "tro:service")
    event = api.create_event()
    order = api.ordered(event["event_id"], "A-1-1")
    expect(api.pay(order["order_id"], "SUCCEEDED", 'tx-"1",2', amount=13000, currency="EUR"), 200)
    [refund] = due(shop, event)
    listed = server.tro("refund", "list").stdout.splitlines()
    assert len(listed) == 1 and listed[0].startswith(f"{refund['refund_id']}  due ")
    assert all(part in listed[0] for part in ("EUR 105.00", "overpayment", refund["created_at"], order["order_id"], 'tx-"1",2'))
    [row] = csv.DictReader(io.StringIO(server.tro("refund", "list", "--csv").stdout))
    assert row == {name: str(refund.get(name, "")) for name in row} and set(refund) <= set(row)
    assert server.tro("refund", "list", "--event", str(uuid.uuid4())).stdout == ""
    told = server.tro("refund", "done", refund["refund_id"])
    assert (told.returncode, told.stdout) == (0, f"{refund['refund_id']}\n")
    assert server.tro("refund", "done", refund["refund_id"]).returncode == 0
    assert server.tro("refund", "list").stdout == "" and server.tro("refund", "list", "--status", "done").stdout != ""
    assert due(shop, event) == []
    assert server.tro("refund", "done", str(uuid.uuid4())).returncode == 1
    for wrong in (("refund", "done"), ("refund", "done", "x"), ("refund", "list", "--status", "open"), ("refund", "list", "--event", "x")):
        assert server.tro(*wrong).returncode == 2, wrong


def test_pay_says_an_amount_and_gives_back(server, api, shop, event, order):
    tx = transaction()
    paid = server.tro("pay", order["order_id"], "--succeed", "--transaction", tx, "--amount", "5500", "--currency", "EUR")
    assert paid.returncode == 0 and '"refunds_due":500' in paid.stdout
    [refund] = due(shop, event)
    refused = server.tro("pay", order["order_id"], "--refund", "--transaction", tx, "--amount", "1", "--currency", "EUR")
    assert refused.returncode == 1 and "409" in refused.stderr
    back = server.tro("pay", order["order_id"], "--refund", "--transaction", tx, "--refund-id", refund["refund_id"])
    assert back.returncode == 0 and '"refunds_due":0' in back.stdout
    for wrong in (("--refund",), ("--succeed", "--refund", "--transaction", tx), ("--succeed", "--amount", "1.5"), ("--succeed", "--refund-id", tx)):
        assert server.tro("pay", order["order_id"], *wrong).returncode == 2, wrong

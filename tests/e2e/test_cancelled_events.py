"""A cancelled event: its holds and orders end, and payers get their money back."""

import contextlib
import sqlite3

import pytest

from harness.problems import expect, problem
from harness.server import eventually
from harness.waiting import promptly


@pytest.fixture
def shop(start_server):
    return start_server(SEATS_PER_HOLD_MAX="10")


def cancel(server, event_id: str) -> None:
    done = server.tro("event", "cancel", event_id)
    assert done.returncode == 0, done.stderr


def test_open_orders_end_and_paid_ones_are_to_be_refunded(shop):
    api = shop.api()
    event_id = api.create_event()["event_id"]
    other = api.create_event()["event_id"]
    held = api.held(event_id, "A-1-1")
    pending = api.ordered(event_id, "A-1-2")
    paid = api.confirmed(event_id, "A-1-3", "A-1-4")
    elsewhere = api.held(other, "A-1-1")
    cancel(shop, event_id)

    assert eventually(lambda: expect(api.get_hold(held["hold_id"]), 200)["status"] == "RELEASED", within=10)
    assert eventually(lambda: expect(api.get_order(pending["order_id"]), 200)["status"] == "CANCELLED", within=10)
    assert eventually(lambda: expect(api.get_order(paid["order_id"]), 200)["refund_required"], within=10)
    order = expect(api.get_order(paid["order_id"]), 200)
    assert (order["status"], order["refunds_due"]) == ("CONFIRMED", 5000)
    assert api.history("holds", held["hold_id"]) == ["hold.created", "hold.released"]
    assert api.history("orders", pending["order_id"]) == ["order.created", "order.cancelled"]
    assert api.history("orders", paid["order_id"]) == ["order.created", "order.confirmed", "order.refund_required"]
    entry = api.pages(f"/v1/orders/{paid['order_id']}/history")[-1]
    (refund,) = entry["data"]["refunds"]
    assert refund["refund_id"] == entry["id"]
    assert (refund["amount"], refund["currency"], refund["reason"], refund["status"]) == (5000, "EUR", "event_cancelled", "due")
    assert api.seat_status(event_id, "A-1-1", "A-1-2", "A-1-3") == ["available", "available", "sold"]
    assert expect(api.get_hold(elsewhere["hold_id"]), 200)["status"] == "ACTIVE"


def test_several_events_that_are_cancelled_one_after_the_other_end_at_once(shop):
    """Each waits ten seconds for the last commits before it is settled; the others do not wait with it."""
    api = shop.api()
    events = [api.create_event()["event_id"] for _ in range(6)]
    held = [api.held(event_id, "A-1-1") for event_id in events]
    paid = [api.confirmed(event_id, "A-1-2") for event_id in events]
    for event_id in events:
        expect(api.as_user("admin", "tro:admin").request("POST", f"/v1/events/{event_id}/cancel"), 200)
    promptly(lambda: all(expect(api.get_hold(hold["hold_id"]), 200)["status"] == "RELEASED" for hold in held), within=5)
    promptly(lambda: all(expect(api.get_order(order["order_id"]), 200)["refund_required"] for order in paid), within=5)


def test_no_payment_confirms_an_order_of_it(shop):
    api = shop.api()
    event_id = api.create_event()["event_id"]
    pending = api.ordered(event_id, "A-1-1")
    held = api.held(event_id, "A-1-2")
    cancel(shop, event_id)
    order = expect(api.pay(pending["order_id"]), 200)
    assert (order["status"], order["refund_required"], order["refunds_due"]) == ("CANCELLED", True, 2500)
    refused = api.order(hold_id=held["hold_id"])  # the worker may have been there before
    problem(refused, "hold-released" if refused.json()["type"].endswith("hold-released") else "event-cancelled")


def test_the_end_of_many_orders_survives_a_crash(shop):
    api = shop.api()
    event_id = api.create_event(rows=10, seats_per_row=30)["event_id"]
    orders = [api.confirmed(event_id, f"A-{row}-{seat}")["order_id"] for row in range(1, 11) for seat in range(1, 21)]
    cancel(shop, event_id)
    shop.kill()
    shop.start()
    assert eventually(lambda: all(expect(api.get_order(order), 200)["refunds_due"] == 2500 for order in orders), within=10)
    for order in orders[::20]:
        assert api.history("orders", order) == ["order.created", "order.confirmed", "order.refund_required"]


def alter(server, sql: str) -> None:
    """Changes a stopped server's store."""
    if server.database is not None:
        server.database.query(sql)
        return
    with contextlib.closing(sqlite3.connect(server.data_dir / "tro.db")) as connection, connection:
        connection.execute(sql)


@pytest.mark.parametrize(
    "damage, repair, field",
    [
        ("UPDATE refunds SET amount = amount + 1", "UPDATE refunds SET amount = amount - 1", "amount"),
        ("UPDATE refunds SET status = 2", "UPDATE refunds SET status = 1", "status"),
        ("UPDATE orders SET paid = paid + 1", "UPDATE orders SET paid = paid - 1", "paid"),
        ("UPDATE orders SET kept = kept - 1, refunds_due = refunds_due + 1", "UPDATE orders SET kept = kept + 1, refunds_due = refunds_due - 1", "kept"),
        ("UPDATE payments SET amount = amount + 1", "UPDATE payments SET amount = amount - 1", "amount"),
    ],
)
def test_verify_finds_money_that_was_moved_behind_its_back(shop, damage, repair, field):
    api = shop.api()
    order = api.confirmed(api.create_event()["event_id"], "A-1-1")
    expect(api.pay(order["order_id"]), 200)
    shop.stop()
    alter(shop, damage)
    done = shop.tro("verify")
    alter(shop, repair)
    assert done.returncode == 1
    assert f": {field} is not what the events say (stream {order['order_id']})" in done.stdout

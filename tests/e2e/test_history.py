"""History: the events of a hold or an order, in order, and its readers."""

import contextlib
import datetime
import sqlite3

from harness.problems import expect, one_of, problem
from harness.server import eventually, sleep_until


def test_a_hold_begins_with_its_creation(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    page = expect(api.get(f"/v1/holds/{hold['hold_id']}/history"), 200)
    assert page["next_cursor"] is None
    [created] = page["data"]
    assert (created["type"], created["version"]) == ("hold.created", 1)
    assert created["occurred_at"] == hold["created_at"]
    assert isinstance(created["data"], dict)


def test_a_released_hold(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    expect(api.release(hold["hold_id"]), 204)
    assert api.history("holds", hold["hold_id"]) == ["hold.created", "hold.released"]


def test_a_lapsed_hold_that_the_worker_ended(start_server):
    api = start_server(HOLD_TTL="1s").api()
    hold = api.held(api.create_event()["event_id"], "A-1-1")
    sleep_until(hold["expires_at"])
    eventually(lambda: api.history("holds", hold["hold_id"]) == ["hold.created", "hold.expired"], within=2)


def test_a_lapsed_hold_that_the_next_buyer_ended(start_server):
    api = start_server(HOLD_TTL="1s").api()
    event_id = api.create_event()["event_id"]
    hold = api.held(event_id, "A-1-1")
    sleep_until(hold["expires_at"])
    api.as_user("bob").held(event_id, "A-1-1")
    assert api.history("holds", hold["hold_id"]) == ["hold.created", "hold.expired"]


def test_an_order_from_its_creation_to_its_confirmation(api, event):
    order = api.confirmed(event["event_id"], "A-1-1")
    assert api.history("orders", order["order_id"]) == ["order.created", "order.confirmed"]


def test_orders_that_ended_otherwise(api, event):
    failed, cancelled = api.ordered(event["event_id"], "A-1-1"), api.ordered(event["event_id"], "A-1-2")
    expect(api.pay(failed["order_id"], "FAILED"), 200)
    expect(api.cancel(cancelled["order_id"]), 200)
    assert api.history("orders", failed["order_id"]) == ["order.created", "order.failed"]
    assert api.history("orders", cancelled["order_id"]) == ["order.created", "order.cancelled"]


def test_an_order_that_was_not_paid_in_time(start_server):
    api = start_server(ORDER_TTL="1s").api()
    order = api.ordered(api.create_event()["event_id"], "A-1-1")
    sleep_until(order["pay_by"])
    eventually(lambda: api.history("orders", order["order_id"]) == ["order.created", "order.expired"], within=2)


def test_times_and_ids_never_run_backwards(api, event):
    order = api.confirmed(event["event_id"], "A-1-1")
    expect(api.pay(order["order_id"]), 200)
    entries = api.pages(f"/v1/orders/{order['order_id']}/history")
    times = [datetime.datetime.fromisoformat(entry["occurred_at"]) for entry in entries]
    assert times == sorted(times)
    assert [entry["id"] for entry in entries] == sorted({entry["id"] for entry in entries})


def test_a_later_version_may_keep_more_behind_the_trace_of_an_event(start_server):
    server = start_server()
    api = server.api("ada")
    hold = api.held(api.create_event()["event_id"], "A-1-1")
    if server.database is not None:
        server.database.query("UPDATE events SET trace = trace || '\\x613d31'::bytea")
    else:
        server.stop()
        with contextlib.closing(sqlite3.connect(server.data_dir / "tro.db")) as connection, connection:
            connection.execute("UPDATE events SET trace = trace || X'613d31'")
        server.start()
    assert api.history("holds", hold["hold_id"]) == ["hold.created"]
    expect(api.release(hold["hold_id"]), 204)
    assert api.history("holds", hold["hold_id"]) == ["hold.created", "hold.released"]


def test_a_history_comes_in_pages(api, event):
    order = api.confirmed(event["event_id"], "A-1-1")
    for _ in range(3):
        expect(api.pay(order["order_id"]), 200)
    target = f"/v1/orders/{order['order_id']}/history"
    whole = expect(api.get(target), 200)
    assert len(whole["data"]) == 5
    assert len(expect(api.get(f"{target}?limit=2"), 200)["data"]) == 2
    assert api.pages(f"{target}?limit=2") == whole["data"]


def test_a_bad_cursor_is_refused(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    one_of(api.get(f"/v1/holds/{hold['hold_id']}/history?cursor=nonsense!"), "invalid-cursor", "bad-request")


def test_a_history_belongs_to_its_owner(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    problem(api.as_user("bob").get(f"/v1/holds/{order['hold_id']}/history"), "hold-unknown")
    problem(api.as_user("bob").get(f"/v1/orders/{order['order_id']}/history"), "order-unknown")


def test_a_refusal_leaves_no_trace(api, event):
    order = api.confirmed(event["event_id"], "A-1-1")
    problem(api.cancel(order["order_id"]), "order-not-cancellable")
    problem(api.pay(order["order_id"], "FAILED"), "order-not-payable")
    problem(api.release(order["hold_id"]), "hold-converted")
    assert api.history("orders", order["order_id"]) == ["order.created", "order.confirmed"]

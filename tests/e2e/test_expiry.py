"""Expiry: a deadline counts from its very moment, whether or not the worker has run."""

import time

import pytest

from harness.machine import is_in_time
from harness.problems import expect, one_of, problem
from harness.server import SLACK, eventually, sleep_until


@pytest.fixture
def brief(start_server):
    """A server with holds and orders that last a second."""
    return start_server(HOLD_TTL="1s", ORDER_TTL="1s")


@pytest.fixture
def api(brief):
    return brief.api()


@pytest.fixture
def event(api):
    return api.create_event()


def test_a_hold_says_expired_from_its_deadline_on(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "ACTIVE"
    sleep_until(hold["expires_at"])
    assert expect(api.get_hold(hold["hold_id"]), 200) == {**hold, "status": "EXPIRED"}


def test_a_lapsed_hold_blocks_nobody(api, event):
    hold = api.held(event["event_id"], "A-1-1", "A-1-2")
    sleep_until(hold["expires_at"])
    api.as_user("bob").held(event["event_id"], "A-1-2", "A-1-3")
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "EXPIRED"
    assert api.history("holds", hold["hold_id"]) == ["hold.created", "hold.expired"]


def test_a_lapsed_hold_frees_all_its_seats(api, event):
    hold = api.held(event["event_id"], "A-1-1", "A-1-2")
    sleep_until(hold["expires_at"])
    assert api.seat_status(event["event_id"], "A-1-1", "A-1-2") == ["available", "available"]
    page = expect(api.get(f"/v1/events/{event['event_id']}/seats?status=held"), 200)
    assert page["data"] == []


def test_a_lapsed_hold_cannot_be_ordered_or_released(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    sleep_until(hold["expires_at"])
    problem(api.order(hold_id=hold["hold_id"]), "hold-expired")
    one_of(api.order(event_id=event["event_id"], seats=["A-1-1"]), "hold-expired", "hold-unknown")  # before and after it is marked
    problem(api.release(hold["hold_id"]), "hold-expired")
    eventually(lambda: api.history("holds", hold["hold_id"]) == ["hold.created", "hold.expired"], within=2)
    problem(api.order(hold_id=hold["hold_id"]), "hold-expired")
    problem(api.order(event_id=event["event_id"], seats=["A-1-1"]), "hold-unknown")
    problem(api.release(hold["hold_id"]), "hold-expired")


def test_the_worker_ends_a_lapsed_hold_within_a_second(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    sleep_until(hold["expires_at"])
    started = time.monotonic()
    eventually(lambda: api.history("holds", hold["hold_id"]) == ["hold.created", "hold.expired"], within=3)
    assert is_in_time(time.monotonic() - started, 1.2 * SLACK)


def test_a_hold_ordered_in_time_does_not_lapse(start_server):
    api = start_server(HOLD_TTL="1s", ORDER_TTL="1h").api()
    event_id = api.create_event()["event_id"]
    hold = api.held(event_id, "A-1-1")
    order = expect(api.order(hold_id=hold["hold_id"]), 202)
    sleep_until(hold["expires_at"])
    time.sleep(1.5)
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "CONVERTED"
    assert api.seat_status(event_id, "A-1-1") == ["reserved"]
    assert expect(api.pay(order["order_id"]), 200)["status"] == "CONFIRMED"


def test_a_released_hold_does_not_lapse_too(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    expect(api.release(hold["hold_id"]), 204)
    other = api.as_user("bob").ordered(event["event_id"], "A-1-1")
    expect(api.pay(other["order_id"]), 200)
    sleep_until(hold["expires_at"])
    time.sleep(1.5)
    assert api.history("holds", hold["hold_id"]) == ["hold.created", "hold.released"]
    assert api.seat_status(event["event_id"], "A-1-1") == ["sold"]


def test_an_order_says_expired_from_its_deadline_on(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "PENDING"
    sleep_until(order["pay_by"])
    assert expect(api.get_order(order["order_id"]), 200) == {**order, "status": "EXPIRED"}


def test_an_unpaid_order_blocks_nobody(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    sleep_until(order["pay_by"])
    assert api.seat_status(event["event_id"], "A-1-1") == ["available"]
    api.as_user("bob").held(event["event_id"], "A-1-1")
    assert api.history("orders", order["order_id"]) == ["order.created", "order.expired"]


def test_the_worker_ends_an_unpaid_order_within_a_second(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    sleep_until(order["pay_by"])
    started = time.monotonic()
    eventually(lambda: api.history("orders", order["order_id"]) == ["order.created", "order.expired"], within=3)
    assert is_in_time(time.monotonic() - started, 1.2 * SLACK)


def test_an_expired_order_cannot_be_cancelled(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    sleep_until(order["pay_by"])
    problem(api.cancel(order["order_id"]), "order-not-cancellable")
    time.sleep(1.5)
    problem(api.cancel(order["order_id"]), "order-not-cancellable")


def test_a_failure_of_an_expired_order_changes_nothing(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    sleep_until(order["pay_by"])
    assert expect(api.pay(order["order_id"], "FAILED"), 200) == {**order, "status": "EXPIRED"}
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "EXPIRED"


def test_a_paid_order_does_not_expire(api, event):
    order = api.confirmed(event["event_id"], "A-1-1")
    sleep_until(order["pay_by"])
    time.sleep(1.5)
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "CONFIRMED"
    assert api.history("orders", order["order_id"]) == ["order.created", "order.confirmed"]


def test_holds_that_lapsed_while_the_server_was_down_end_at_its_start(brief, api, event):
    hold, order = api.held(event["event_id"], "A-1-1"), api.ordered(event["event_id"], "A-1-2")
    brief.stop()
    sleep_until(max(hold["expires_at"], order["pay_by"]))
    brief.start()
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "EXPIRED"
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "EXPIRED"
    eventually(lambda: api.history("holds", hold["hold_id"])[-1] == "hold.expired", within=2)
    eventually(lambda: api.history("orders", order["order_id"])[-1] == "order.expired", within=2)


def test_a_hold_that_lapsed_still_replays(api, event):
    key = "replay-after-expiry-1"
    first = api.hold(event["event_id"], ["A-1-1"], key=key)
    sleep_until(expect(first, 201)["expires_at"])
    second = api.hold(event["event_id"], ["A-1-1"], key=key)
    assert (second.status, second.body) == (201, first.body)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert api.seat_status(event["event_id"], "A-1-1") == ["available"]


def test_many_holds_lapse_together(brief, api):
    event_id = api.create_event(rows=10, seats_per_row=30)["event_id"]
    holds = [api.held(event_id, f"A-{row}-{number}") for row in range(1, 11) for number in range(1, 31)]
    sleep_until(holds[-1]["expires_at"])
    assert {seat["status"] for seat in api.seats(event_id).values()} == {"available"}
    started = time.monotonic()
    for hold in holds[::10]:
        eventually(lambda: api.history("holds", hold["hold_id"])[-1] == "hold.expired", within=3)  # noqa: B023
    assert is_in_time(time.monotonic() - started, 3 * SLACK)


def test_the_same_seat_lapses_again_and_again(brief, api, event):
    holds = []
    for _ in range(4):
        holds.append(api.held(event["event_id"], "A-1-1"))
        sleep_until(holds[-1]["expires_at"])
    assert [expect(api.get_hold(hold["hold_id"]), 200)["status"] for hold in holds] == ["EXPIRED"] * 4

"""Orders: made of a hold, paid or not by their deadline."""

import datetime
import uuid

import pytest

from harness.api import new_key
from harness.problems import expect, one_of, pointers, problem


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def test_an_order_says_what_it_costs_and_until_when(api, event):
    hold = api.held(event["event_id"], "A-2-2", "A-1-1")
    response = api.order(hold_id=hold["hold_id"])
    order = expect(response, 202)
    assert response.headers["Location"] == f"/v1/orders/{order['order_id']}"
    assert order["status"] == "PENDING"
    assert order["hold_id"] == hold["hold_id"]
    assert order["event_id"] == event["event_id"]
    assert order["user_id"] == "ada"
    assert order["payment_method"] == "card"
    assert order["items"] == [{"seat": "A-2-2", "price": 2500}, {"seat": "A-1-1", "price": 2500}]
    assert (order["total"], order["currency"]) == (5000, "EUR")
    assert order["refund_required"] is False
    assert moment(order["pay_by"]) - moment(order["created_at"]) == datetime.timedelta(minutes=15)
    assert uuid.UUID(order["order_id"]).version == 7


def test_an_order_reads_back_as_it_was_answered(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    assert expect(api.get_order(order["order_id"]), 200) == order


def test_an_order_reserves_its_seats_and_converts_its_hold(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    assert api.seat_status(event["event_id"], "A-1-1") == ["reserved"]
    assert expect(api.get_hold(order["hold_id"]), 200)["status"] == "CONVERTED"
    assert problem(api.as_user("bob").hold(event["event_id"], ["A-1-1"]), "seats-taken")["seats"] == ["A-1-1"]


def test_prices_are_those_of_the_seats(api):
    event = api.create_event(currency="JPY", seats=[{"seat": "X", "price": 1}, {"seat": "Y", "price": 0}, {"seat": "Z", "price": 100000}])
    order = api.ordered(event["event_id"], "Z", "Y", "X")
    assert order["items"] == [{"seat": "Z", "price": 100000}, {"seat": "Y", "price": 0}, {"seat": "X", "price": 1}]
    assert (order["total"], order["currency"]) == (100001, "JPY")


def test_a_client_cannot_name_a_price(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    assert pointers(api.order(hold_id=hold["hold_id"], total=1)) == ["/total"]
    assert pointers(api.order(hold_id=hold["hold_id"], items=[])) == ["/items"]


@pytest.mark.parametrize("method", ["card", "invoice", "cash", "transfer"])
def test_payment_methods(api, event, method):
    hold = api.held(event["event_id"], "A-1-1")
    assert expect(api.order(hold_id=hold["hold_id"], payment_method=method), 202)["payment_method"] == method


@pytest.mark.parametrize("method", ["", "Card", "bitcoin", None, 1])
def test_other_payment_methods_are_refused(api, event, method):
    hold = api.held(event["event_id"], "A-1-1")
    assert pointers(api.order(hold_id=hold["hold_id"], payment_method=method)) == ["/payment_method"]


def test_a_payment_method_is_required(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    response = api.request("POST", "/v1/orders", json={"hold_id": hold["hold_id"]}, key=new_key())
    assert pointers(response) == ["/payment_method"]
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "ACTIVE"


def test_an_order_may_name_the_seats_instead_of_the_hold(api, event):
    hold = api.held(event["event_id"], "A-1-1", "A-1-2")
    order = expect(api.order(event_id=event["event_id"], seats=["A-1-1", "A-1-2"]), 202)
    assert order["hold_id"] == hold["hold_id"]


def test_the_seats_of_an_order_may_come_in_any_order(api, event):
    hold = api.held(event["event_id"], "A-1-1", "A-1-2", "A-1-3")
    assert expect(api.order(event_id=event["event_id"], seats=["A-1-3", "A-1-1", "A-1-2"]), 202)["hold_id"] == hold["hold_id"]


@pytest.mark.parametrize("seats", [["A-1-1"], ["A-1-1", "A-1-2", "A-1-3"], ["A-1-1", "A-1-3"], ["A-1-4"]])
def test_the_hold_must_have_exactly_these_seats(api, event, seats):
    hold = api.held(event["event_id"], "A-1-1", "A-1-2")
    problem(api.order(event_id=event["event_id"], seats=seats), "hold-unknown")
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "ACTIVE"


def test_a_hold_of_someone_else_is_not_found_by_its_seats(api, event):
    api.held(event["event_id"], "A-1-1")
    problem(api.as_user("bob").order(event_id=event["event_id"], seats=["A-1-1"]), "hold-unknown")


def test_a_hold_that_is_no_longer_active_is_not_found_by_its_seats(api, event):
    expect(api.release(api.held(event["event_id"], "A-1-1")["hold_id"]), 204)
    problem(api.order(event_id=event["event_id"], seats=["A-1-1"]), "hold-unknown")
    api.ordered(event["event_id"], "A-1-1")
    problem(api.order(event_id=event["event_id"], seats=["A-1-1"]), "hold-unknown")


def test_an_unknown_seat_is_named_by_pointer(api, event):
    api.held(event["event_id"], "A-1-1")
    assert pointers(api.order(event_id=event["event_id"], seats=["A-1-1", "Z-9-9"]), "seat-unknown") == ["/seats/1"]


def test_an_unknown_event_has_no_hold(api):
    one_of(api.order(event_id=str(uuid.uuid4()), seats=["A-1-1"]), "hold-unknown", "event-unknown")


def test_an_order_names_the_hold_or_the_seats_and_not_both(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    assert pointers(api.order(hold_id=hold["hold_id"], event_id=event["event_id"], seats=["A-1-1"]))
    assert pointers(api.order())
    assert pointers(api.order(event_id=event["event_id"]))
    assert pointers(api.order(seats=["A-1-1"]))
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "ACTIVE"


def test_an_unknown_hold_cannot_be_ordered(api):
    problem(api.order(hold_id=str(uuid.uuid4())), "hold-unknown")


def test_a_hold_makes_one_order(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    problem(api.order(hold_id=order["hold_id"]), "hold-converted")


def test_a_released_hold_makes_no_order(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    expect(api.release(hold["hold_id"]), 204)
    problem(api.order(hold_id=hold["hold_id"]), "hold-released")


def test_a_cancelled_order_frees_its_seats_at_once(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    cancelled = expect(api.cancel(order["order_id"]), 200)
    assert cancelled == {**order, "status": "CANCELLED"}
    assert expect(api.get_order(order["order_id"]), 200) == cancelled
    api.as_user("bob").held(event["event_id"], "A-1-1")


def test_a_cancelled_order_cannot_be_cancelled_again(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    expect(api.cancel(order["order_id"]), 200)
    problem(api.cancel(order["order_id"]), "order-not-cancellable")


def test_a_confirmed_order_cannot_be_cancelled(api, event):
    order = api.confirmed(event["event_id"], "A-1-1")
    problem(api.cancel(order["order_id"]), "order-not-cancellable")
    assert api.seat_status(event["event_id"], "A-1-1") == ["sold"]


def test_a_failed_order_cannot_be_cancelled(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    expect(api.pay(order["order_id"], "FAILED"), 200)
    problem(api.cancel(order["order_id"]), "order-not-cancellable")


def test_an_unknown_order_is_not_found(api):
    unknown = str(uuid.uuid4())
    problem(api.get_order(unknown), "order-unknown")
    problem(api.cancel(unknown), "order-unknown")
    problem(api.get(f"/v1/orders/{unknown}/history"), "order-unknown")


def test_a_hold_id_is_no_order_id(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    problem(api.get_order(hold["hold_id"]), "order-unknown")


def test_a_cancelled_orders_hold_stays_converted(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    expect(api.cancel(order["order_id"]), 200)
    assert expect(api.get_hold(order["hold_id"]), 200)["status"] == "CONVERTED"
    problem(api.order(hold_id=order["hold_id"]), "hold-converted")

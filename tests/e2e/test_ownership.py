"""Ownership: a user sees and changes their own holds and orders; those of others do not exist for them."""

import pytest

from harness.problems import expect, pointers, problem


@pytest.fixture
def bob(api):
    return api.as_user("bob")


def test_the_hold_of_someone_else_does_not_exist(api, bob, event):
    hold = api.held(event["event_id"], "A-1-1")
    problem(bob.get_hold(hold["hold_id"]), "hold-unknown")
    problem(bob.release(hold["hold_id"]), "hold-unknown")
    problem(bob.order(hold_id=hold["hold_id"]), "hold-unknown")
    problem(bob.get(f"/v1/holds/{hold['hold_id']}/history"), "hold-unknown")
    assert expect(api.get_hold(hold["hold_id"]), 200) == hold


def test_the_order_of_someone_else_does_not_exist(api, bob, event):
    order = api.ordered(event["event_id"], "A-1-1")
    problem(bob.get_order(order["order_id"]), "order-unknown")
    problem(bob.cancel(order["order_id"]), "order-unknown")
    problem(bob.get(f"/v1/orders/{order['order_id']}/history"), "order-unknown")
    assert expect(api.get_order(order["order_id"]), 200) == order


def test_someone_elses_answers_as_one_that_never_was(api, bob, event):
    """Even the wording must not tell the two apart."""
    hold = api.held(event["event_id"], "A-1-1")
    unknown = hold["hold_id"][:24] + "0" * 10 + hold["hold_id"][34:]
    theirs, nobodys = problem(bob.get_hold(hold["hold_id"]), "hold-unknown"), problem(bob.get_hold(unknown), "hold-unknown")
    assert theirs["detail"].replace(hold["hold_id"], "ID") == nobodys["detail"].replace(unknown, "ID")


def test_a_converted_or_ended_hold_of_someone_else_does_not_exist_either(api, bob, event):
    converted = api.ordered(event["event_id"], "A-1-1")["hold_id"]
    released = api.held(event["event_id"], "A-1-2")["hold_id"]
    expect(api.release(released), 204)
    for hold_id in (converted, released):
        problem(bob.release(hold_id), "hold-unknown")
        problem(bob.order(hold_id=hold_id), "hold-unknown")


@pytest.mark.parametrize("user", ["ADA", "ada ", "ad", "adaa", "a\u0064\u0061\u0301"])
def test_users_match_exactly(api, event, user):
    hold = api.held(event["event_id"], "A-1-1")
    assert api.as_user(user).get_hold(hold["hold_id"]).status in (401, 404)


def test_a_body_may_repeat_the_user(api, event):
    hold = expect(api.hold(event["event_id"], ["A-1-1"], user_id="ada"), 201)
    assert expect(api.order(hold_id=hold["hold_id"], user_id="ada"), 202)["user_id"] == "ada"


def test_a_body_cannot_name_someone_else(api, event):
    problem(api.hold(event["event_id"], ["A-1-1"], user_id="bob"), "user-mismatch")
    hold = api.held(event["event_id"], "A-1-1")
    problem(api.order(hold_id=hold["hold_id"], user_id="bob"), "user-mismatch")
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "ACTIVE"


@pytest.mark.parametrize("user_id", [7, "", True, ["ada"], {"sub": "ada"}])
def test_a_user_is_a_string(api, event, user_id):
    assert pointers(api.hold(event["event_id"], ["A-1-1"], user_id=user_id)) == ["/user_id"]


@pytest.mark.parametrize("scope", ["tro:admin", "tro:servic", "tro:services", "xtro:service", "service"])
def test_other_scopes_do_not_act_for_others(server, event, scope):
    problem(server.api("mallory", scope).hold(event["event_id"], ["A-1-1"], user_id="bob"), "user-mismatch")


def test_a_service_acts_for_others(server, bob, event):
    kiosk = server.api("kiosk", "tro:service")
    hold = expect(kiosk.hold(event["event_id"], ["A-1-1"], user_id="bob"), 201)
    assert hold["user_id"] == "bob"
    assert expect(bob.get_hold(hold["hold_id"]), 200) == hold
    order = expect(kiosk.order(hold_id=hold["hold_id"], user_id="bob"), 202)
    assert order["user_id"] == "bob"
    assert expect(bob.get_order(order["order_id"]), 200) == order


def test_a_service_without_a_user_acts_for_itself(server, event):
    kiosk = server.api("kiosk", "tro:service")
    assert kiosk.held(event["event_id"], "A-1-1")["user_id"] == "kiosk"

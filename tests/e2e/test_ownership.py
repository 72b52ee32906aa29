"""Ownership: a user sees and changes their own holds and orders; those of others do not exist for them."""

import re
import statistics
import time

import pytest

from harness import paths
from harness.api import new_key
from harness.problems import expect, pointers, problem
from harness.wire import Connection, request_bytes


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


KINDS = {
    "reads a hold": ("GET", "/v1/holds/{hold}"),
    "reads the history of a hold": ("GET", "/v1/holds/{hold}/history"),
    "releases a hold": ("DELETE", "/v1/holds/{hold}"),
    "reads an order": ("GET", "/v1/orders/{order}"),
    "reads the history of an order": ("GET", "/v1/orders/{order}/history"),
    "cancels an order": ("POST", "/v1/orders/{order}/cancel"),
}


def comparable(response, *ids: str) -> tuple:
    """All of an answer but what every answer has of its own; the ids that the client sent itself are one."""
    text = re.sub("|".join(ids), "ID", response.body.decode())
    text = re.sub(r'"(trace_id|request_id)":"[^"]*"', "", text)
    return response.status, [(name, value) for name, value in response.headers.fields if name.lower() not in ("date", "x-request-id", "traceparent")], text


@pytest.mark.parametrize("method, target", KINDS.values(), ids=KINDS)
def test_neither_the_answer_nor_its_time_tells_whether_an_id_is_somebodys(api, bob, event, method, target):
    """In turns on one connection, so that whatever else the machine does meets both."""
    order = api.ordered(event["event_id"], "A-1-1")
    theirs = target.format(hold=api.held(event["event_id"], "A-1-2")["hold_id"], order=order["order_id"])
    nobodys = theirs[:34] + theirs[34:36].translate(str.maketrans("0123456789abcdef", "fedcba9876543210")) + theirs[36:]
    took, answers = {theirs: [], nobodys: []}, {}
    with Connection(bob.port) as connection:
        for _ in range(300):
            for asked in took:
                fields = [("Authorization", f"Bearer {bob.token}")] + ([("Idempotency-Key", new_key())] if method == "POST" else [])
                started = time.perf_counter()
                connection.send(request_bytes(method, asked, fields))
                answers[asked] = connection.receive()
                took[asked].append(time.perf_counter() - started)
    ids = [re.search(r"[0-9a-f-]{36}", asked)[0] for asked in took]
    assert answers[theirs].status == 404 and comparable(answers[theirs], *ids) == comparable(answers[nobodys], *ids)
    medians = [statistics.median(times) * 1e6 for times in took.values()]
    print(f"{method} {target}: theirs {medians[0]:.0f} us, nobody's {medians[1]:.0f} us")
    assert paths.is_sanitized() or abs(medians[0] - medians[1]) < max(100, 0.25 * max(medians))


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

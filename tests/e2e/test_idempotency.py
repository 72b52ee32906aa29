"""Idempotency: the same request with the same key has one effect and one answer."""

import concurrent.futures
import json
import uuid

import pytest

from harness import wire
from harness.api import new_key
from harness.problems import expect, one_of, problem


def assert_replay(first, second) -> None:
    assert (second.status, second.body) == (first.status, first.body), f"{first}\n{second}"
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.headers.get("Location") == first.headers.get("Location")


def test_a_hold_again_gets_the_first_answer(api, event):
    key = new_key()
    first = api.hold(event["event_id"], ["A-1-1"], key=key)
    expect(first, 201)
    for _ in range(3):
        assert_replay(first, api.hold(event["event_id"], ["A-1-1"], key=key))
    assert api.history("holds", first.json()["hold_id"]) == ["hold.created"]


def test_an_order_again_gets_the_first_answer(api, event):
    hold, key = api.held(event["event_id"], "A-1-1"), new_key()
    first = api.order(hold_id=hold["hold_id"], key=key)
    expect(first, 202)
    assert_replay(first, api.order(hold_id=hold["hold_id"], key=key))


def test_an_order_by_its_seats_again_gets_the_first_answer(api, event):
    api.held(event["event_id"], "A-1-1")
    key = new_key()
    first = api.order(event_id=event["event_id"], seats=["A-1-1"], key=key)
    expect(first, 202)
    assert_replay(first, api.order(event_id=event["event_id"], seats=["A-1-1"], key=key))


def test_a_cancellation_again_gets_the_first_answer(api, event):
    order, key = api.ordered(event["event_id"], "A-1-1"), new_key()
    first = api.cancel(order["order_id"], key=key)
    expect(first, 200)
    assert_replay(first, api.cancel(order["order_id"], key=key))


def test_a_hold_released_meanwhile_still_replays(api, event):
    key = new_key()
    first = api.hold(event["event_id"], ["A-1-1"], key=key)
    expect(api.release(first.json()["hold_id"]), 204)
    assert_replay(first, api.hold(event["event_id"], ["A-1-1"], key=key))
    assert api.seat_status(event["event_id"], "A-1-1") == ["available"]


def test_an_order_paid_meanwhile_still_replays(api, event):
    hold, key = api.held(event["event_id"], "A-1-1"), new_key()
    first = api.order(hold_id=hold["hold_id"], key=key)
    expect(api.pay(first.json()["order_id"]), 200)
    assert_replay(first, api.order(hold_id=hold["hold_id"], key=key))


def test_a_hold_whose_seats_others_took_since_still_replays(api, event):
    key = new_key()
    first = api.hold(event["event_id"], ["A-1-1"], key=key)
    expect(api.release(first.json()["hold_id"]), 204)
    api.as_user("bob").confirmed(event["event_id"], "A-1-1")
    assert_replay(first, api.hold(event["event_id"], ["A-1-1"], key=key))


@pytest.mark.parametrize("stop", ["restart", "kill"])
def test_a_replay_survives_the_server(start_server, stop):
    server = start_server()
    api = server.api()
    event_id = api.create_event()["event_id"]
    keys = [new_key() for _ in range(3)]
    first = [api.hold(event_id, ["A-1-1"], key=keys[0])]
    first.append(api.order(hold_id=first[0].json()["hold_id"], key=keys[1]))
    first.append(api.cancel(first[1].json()["order_id"], key=keys[2]))
    if stop == "restart":
        server.restart()
    else:
        server.kill()
        server.start()
    assert_replay(first[0], api.hold(event_id, ["A-1-1"], key=keys[0]))
    assert_replay(first[1], api.order(hold_id=first[0].json()["hold_id"], key=keys[1]))
    assert_replay(first[2], api.cancel(first[1].json()["order_id"], key=keys[2]))
    problem(api.hold(event_id, ["A-1-2"], key=keys[0]), "idempotency-mismatch")


# Which keys


@pytest.mark.parametrize("route", ["/v1/holds", "/v1/orders", "/v1/orders/{}/cancel"])
def test_a_key_is_required(api, event, route):
    order = api.ordered(event["event_id"], "A-1-1")
    content = {
        "/v1/holds": {"event_id": event["event_id"], "seats": ["A-1-2"]},
        "/v1/orders": {"hold_id": order["hold_id"], "payment_method": "card"},
    }.get(route)
    problem(api.request("POST", route.format(order["order_id"]), json=content), "idempotency-key-missing")
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "PENDING"
    assert api.seat_status(event["event_id"], "A-1-2") == ["available"]


@pytest.mark.parametrize(
    "key",
    [
        "x" * 15,
        "x" * 256,
        f'"{"x" * 15}"',
        f'"{"x" * 256}"',
        "x" * 15 + "\x7f",
        "x" * 16 + "\xe9",
        "x" * 8 + "\t" + "x" * 8,
        '"' + "x" * 16,
        f'"{"x" * 16}" "{"x" * 16}"',
    ],
)
def test_a_bad_key_is_refused(api, event, key):
    one_of(api.hold(event["event_id"], ["A-1-1"], key=key), "idempotency-key-invalid", "bad-request")
    assert api.seat_status(event["event_id"], "A-1-1") == ["available"]


def test_a_bad_key_is_refused_on_every_route_that_needs_one(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    problem(api.hold(event["event_id"], ["A-1-2"], key="short"), "idempotency-key-invalid")
    problem(api.order(hold_id=order["hold_id"], key="short"), "idempotency-key-invalid")
    problem(api.cancel(order["order_id"], key="short"), "idempotency-key-invalid")
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "PENDING"


@pytest.mark.parametrize("key", ["", '""'])
def test_an_empty_key_is_no_key(api, event, key):
    one_of(
        api.request("POST", "/v1/holds", json={"event_id": event["event_id"], "seats": ["A-1-1"]}, headers={"Idempotency-Key": key}),
        "idempotency-key-missing",
        "idempotency-key-invalid",
    )


@pytest.mark.parametrize("length", [16, 255])
def test_the_shortest_and_the_longest_key(api, event, length):
    key = (uuid.uuid4().hex * 8)[:length]
    first = api.hold(event["event_id"], ["A-1-1"], key=key)
    expect(first, 201)
    assert_replay(first, api.hold(event["event_id"], ["A-1-1"], key=key))


def test_a_quoted_key_is_the_bare_one(api, event):
    key = new_key()
    first = api.hold(event["event_id"], ["A-1-1"], key=key)
    assert_replay(first, api.hold(event["event_id"], ["A-1-1"], key=f'"{key}"'))


def test_keys_that_differ_in_case_are_two(api, event):
    key = "abcdef" + new_key()
    expect(api.hold(event["event_id"], ["A-1-1"], key=key), 201)
    expect(api.hold(event["event_id"], ["A-1-2"], key=key.upper()), 201)


def test_two_keys_in_one_request_are_refused(api, event):
    body = json.dumps({"event_id": event["event_id"], "seats": ["A-1-1"]}).encode()
    response = wire.exchange(
        api.port,
        "POST",
        "/v1/holds",
        [
            ("Authorization", f"Bearer {api.token}"),
            ("Content-Type", "application/json"),
            ("Idempotency-Key", new_key()),
            ("Idempotency-Key", new_key()),
        ],
        body,
    )
    assert problem(response, "bad-request")["instance"] == "/v1/holds"


def test_a_key_belongs_to_its_caller(api, event):
    key = new_key()
    first = expect(api.hold(event["event_id"], ["A-1-1"], key=key), 201)
    second = expect(api.as_user("bob").hold(event["event_id"], ["A-1-2"], key=key), 201)
    assert first["hold_id"] != second["hold_id"] and second["user_id"] == "bob"


def test_a_key_of_someone_else_tells_nothing(api, event):
    key = new_key()
    expect(api.hold(event["event_id"], ["A-1-1"], key=key), 201)
    problem(api.as_user("bob").hold(event["event_id"], ["A-1-1"], key=key), "seats-taken")


# Another request with the same key


@pytest.mark.parametrize("seats", [["A-1-2"], ["A-1-1", "A-1-2"]])
def test_another_body_is_a_mismatch(api, event, seats):
    key = new_key()
    expect(api.hold(event["event_id"], ["A-1-1"], key=key), 201)
    problem(api.hold(event["event_id"], seats, key=key), "idempotency-mismatch")
    assert api.seat_status(event["event_id"], "A-1-2") == ["available"]


def test_another_event_is_a_mismatch(api, event):
    key = new_key()
    expect(api.hold(event["event_id"], ["A-1-1"], key=key), 201)
    for _ in range(4):
        problem(api.hold(api.create_event()["event_id"], ["A-1-1"], key=key), "idempotency-mismatch")


def test_another_route_is_a_mismatch(api, event):
    key = new_key()
    hold = expect(api.hold(event["event_id"], ["A-1-1"], key=key), 201)
    problem(api.order(hold_id=hold["hold_id"], key=key), "idempotency-mismatch")
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "ACTIVE"


def test_another_order_is_a_mismatch(api, event):
    first, second, key = api.ordered(event["event_id"], "A-1-1"), api.ordered(event["event_id"], "A-1-2"), new_key()
    expect(api.cancel(first["order_id"], key=key), 200)
    problem(api.cancel(second["order_id"], key=key), "idempotency-mismatch")
    assert expect(api.get_order(second["order_id"]), 200)["status"] == "PENDING"


# Refusals are not kept


def test_a_key_refused_by_a_conflict_can_be_used_again(api, event):
    key = new_key()
    other = api.as_user("bob").held(event["event_id"], "A-1-1")
    problem(api.hold(event["event_id"], ["A-1-1"], key=key), "seats-taken")
    expect(api.as_user("bob").release(other["hold_id"]), 204)
    response = api.hold(event["event_id"], ["A-1-1"], key=key)
    expect(response, 201)
    assert "Idempotency-Replayed" not in response.headers


def test_a_refused_key_can_be_used_with_another_body(api, event):
    key = new_key()
    api.as_user("bob").held(event["event_id"], "A-1-1")
    refused = api.hold(event["event_id"], ["A-1-1"], key=key)
    problem(refused, "seats-taken")
    assert "Idempotency-Replayed" not in refused.headers
    expect(api.hold(event["event_id"], ["A-1-2"], key=key), 201)


@pytest.mark.parametrize(
    "refused", [{"seats": []}, {"seats": ["Z-1-1"]}, {"event_id": str(uuid.uuid4())}, {"user_id": "bob"}, {"colour": "red"}]
)
def test_a_key_refused_for_its_body_can_be_used_again(api, event, refused):
    key = new_key()
    good = {"event_id": event["event_id"], "seats": ["A-1-1"]}
    assert api.request("POST", "/v1/holds", json={**good, **refused}, key=key).status in (400, 403, 404, 422)
    expect(api.request("POST", "/v1/holds", json=good, key=key), 201)


def test_a_key_refused_with_the_order_can_be_used_again(api, event):
    hold, key = api.held(event["event_id"], "A-1-1"), new_key()
    problem(api.order(hold_id=str(uuid.uuid4()), key=key), "hold-unknown")
    expect(api.order(hold_id=hold["hold_id"], key=key), 202)


def test_a_replay_is_not_told_that_its_own_seats_are_taken(api, event):
    """The repeat would be refused on its merits; the key knows better."""
    key = new_key()
    first = api.hold(event["event_id"], ["A-1-1", "A-1-2"], key=key)
    assert_replay(first, api.hold(event["event_id"], ["A-1-1", "A-1-2"], key=key))


# At the same time


def answers_of_one_key(count: int, request) -> list:
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: request(), range(count)))


def test_the_same_key_at_the_same_time_has_one_effect(api, event):
    for round_number in range(1, 11):
        key, seat = new_key(), f"A-1-{round_number}"
        answers = answers_of_one_key(8, lambda: api.hold(event["event_id"], [seat], key=key))
        made = [answer for answer in answers if answer.status == 201]
        for busy in (answer for answer in answers if answer.status != 201):
            problem(busy, "idempotency-busy")
            assert int(busy.headers["Retry-After"]) >= 1
        assert made, "somebody must have been first"
        assert len({answer.body for answer in made}) == 1
        assert sum("Idempotency-Replayed" not in answer.headers for answer in made) == 1
        final = api.hold(event["event_id"], [seat], key=key)
        assert final.status == 201 and final.body == made[0].body


def test_the_same_key_with_two_bodies_at_the_same_time_has_one_effect(api, event):
    for round_number in range(1, 11):
        key = new_key()
        seats = iter([f"A-{row}-{round_number}" for row in (1, 2, 1, 2)])
        answers = answers_of_one_key(4, lambda: api.hold(event["event_id"], [next(seats)], key=key))
        made = [answer for answer in answers if answer.status == 201]
        assert len({answer.body for answer in made}) == 1, [str(answer) for answer in answers]
        for refused in (answer for answer in answers if answer.status != 201):
            one_of(refused, "idempotency-busy", "idempotency-mismatch")
        statuses = api.seat_status(event["event_id"], f"A-1-{round_number}", f"A-2-{round_number}")
        assert sorted(statuses) == ["available", "held"]


def test_the_same_order_at_the_same_time_is_made_once(api, event):
    for number in range(1, 11):
        hold, key = api.held(event["event_id"], f"A-1-{number}"), new_key()
        answers = answers_of_one_key(6, lambda: api.order(hold_id=hold["hold_id"], key=key))
        made = [answer for answer in answers if answer.status == 202]
        assert made and len({answer.body for answer in made}) == 1
        for busy in (answer for answer in answers if answer.status != 202):
            problem(busy, "idempotency-busy")

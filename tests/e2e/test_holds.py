"""Holds: seats taken for a few minutes, all of them or none."""

import datetime
import uuid

import pytest

from harness.problems import expect, pointers, problem


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def test_a_hold_says_what_was_taken_and_until_when(api, event):
    response = api.hold(event["event_id"], ["A-1-1", "A-1-2"])
    hold = expect(response, 201)
    assert hold["event_id"] == event["event_id"]
    assert hold["user_id"] == "ada"
    assert hold["seats"] == ["A-1-1", "A-1-2"]
    assert hold["status"] == "ACTIVE"
    assert moment(hold["expires_at"]) - moment(hold["created_at"]) == datetime.timedelta(minutes=5)
    assert response.headers["Location"] == f"/v1/holds/{hold['hold_id']}"
    assert uuid.UUID(hold["hold_id"]).version == 7


def test_a_hold_reads_back_as_it_was_answered(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    assert expect(api.get_hold(hold["hold_id"]), 200) == hold


def test_seats_are_answered_in_the_order_they_were_asked_for(api, event):
    seats = ["A-3-9", "A-1-2", "A-2-11", "A-1-1"]
    hold = expect(api.hold(event["event_id"], seats), 201)
    assert hold["seats"] == seats
    assert expect(api.get_hold(hold["hold_id"]), 200)["seats"] == seats


def test_held_seats_show_as_held(api, event):
    api.held(event["event_id"], "A-1-1")
    assert api.seat_status(event["event_id"], "A-1-1", "A-1-2") == ["held", "available"]


def test_ids_of_one_event_are_in_the_order_of_the_holds(api, event):
    ids = [api.held(event["event_id"], f"A-1-{number}")["hold_id"] for number in range(1, 11)]
    assert ids == sorted(ids)


def test_a_taken_seat_is_refused_by_name(api, event):
    api.held(event["event_id"], "A-1-2")
    body = problem(api.as_user("bob").hold(event["event_id"], ["A-1-1", "A-1-2", "A-1-3"]), "seats-taken")
    assert body["seats"] == ["A-1-2"]


def test_every_taken_seat_is_named(api, event):
    api.held(event["event_id"], "A-1-1", "A-1-3")
    body = problem(api.as_user("bob").hold(event["event_id"], ["A-1-1", "A-1-2", "A-1-3"]), "seats-taken")
    assert sorted(body["seats"]) == ["A-1-1", "A-1-3"]


def test_a_refused_hold_takes_nothing(api, event):
    api.held(event["event_id"], "A-1-2")
    problem(api.as_user("bob").hold(event["event_id"], ["A-1-1", "A-1-2"]), "seats-taken")
    assert api.seat_status(event["event_id"], "A-1-1") == ["available"]


def test_ones_own_seat_is_taken_too(api, event):
    api.held(event["event_id"], "A-1-1")
    assert problem(api.hold(event["event_id"], ["A-1-1"]), "seats-taken")["seats"] == ["A-1-1"]


def test_a_user_may_have_several_holds(api, event):
    first, second = api.held(event["event_id"], "A-1-1"), api.held(event["event_id"], "A-1-2")
    assert first["hold_id"] != second["hold_id"]


def test_a_released_hold_frees_its_seats_at_once(api, event):
    hold = api.held(event["event_id"], "A-1-1", "A-1-2")
    expect(api.release(hold["hold_id"]), 204)
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "RELEASED"
    api.as_user("bob").held(event["event_id"], "A-1-1", "A-1-2")


def test_releasing_twice_answers_the_same(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    expect(api.release(hold["hold_id"]), 204)
    other = api.as_user("bob").held(event["event_id"], "A-1-1")
    expect(api.release(hold["hold_id"]), 204)
    assert expect(api.as_user("bob").get_hold(other["hold_id"]), 200)["status"] == "ACTIVE"
    assert api.history("holds", hold["hold_id"]) == ["hold.created", "hold.released"]


def test_a_hold_that_became_an_order_cannot_be_released(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    problem(api.release(order["hold_id"]), "hold-converted")
    assert expect(api.get_hold(order["hold_id"]), 200)["status"] == "CONVERTED"
    assert api.seat_status(event["event_id"], "A-1-1") == ["reserved"]


def test_the_largest_hold_has_ten_seats(api, event):
    seats = [f"A-1-{number}" for number in range(1, 12)]
    assert pointers(api.hold(event["event_id"], seats)) == ["/seats"]
    assert len(expect(api.hold(event["event_id"], seats[:10]), 201)["seats"]) == 10


def test_the_largest_hold_is_configured(start_server):
    api = start_server(SEATS_PER_HOLD_MAX="2").api()
    event_id = api.create_event()["event_id"]
    assert pointers(api.hold(event_id, ["A-1-1", "A-1-2", "A-1-3"])) == ["/seats"]
    api.held(event_id, "A-1-1", "A-1-2")


def test_an_unknown_event_is_not_found(api):
    problem(api.hold(str(uuid.uuid4()), ["A-1-1"]), "event-unknown")


def test_an_unknown_seat_is_named_by_pointer(api, event):
    assert pointers(api.hold(event["event_id"], ["A-1-1", "Z-9-9"]), "seat-unknown") == ["/seats/1"]
    assert api.seat_status(event["event_id"], "A-1-1") == ["available"]


def test_a_seat_of_another_event_is_unknown(api, event):
    other = api.create_event(seats=[{"seat": "Lounge", "price": 100}])
    assert pointers(api.hold(event["event_id"], ["Lounge"]), "seat-unknown") == ["/seats/0"]
    api.held(other["event_id"], "Lounge")


@pytest.mark.parametrize("near_miss", ["a-1-1", "A-1-01", "A-1-1 ", " A-1-1", "A-1", "A-0-1", "A-1-0", "A-1-21", "A-6-1"])
def test_labels_match_exactly(api, event, near_miss):
    response = api.hold(event["event_id"], [near_miss])
    assert response.status in (400, 422), response
    assert pointers(response, "seat-unknown" if response.status == 422 else "validation-failed") == ["/seats/0"]


def test_an_unknown_hold_is_not_found(api):
    unknown = str(uuid.uuid4())
    problem(api.get_hold(unknown), "hold-unknown")
    problem(api.release(unknown), "hold-unknown")
    problem(api.get(f"/v1/holds/{unknown}/history"), "hold-unknown")


@pytest.mark.parametrize("word", ["1", "not-a-uuid", "019aae7c81007b208c115d0f64a3b2e4", "%7B019aae7c-8100-7b20-8c11-5d0f64a3b2e4%7D"])
def test_a_path_without_a_valid_id_is_not_found(api, word):
    assert api.get_hold(word).status in (400, 404)


def test_an_id_may_be_written_in_upper_case(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    assert expect(api.get_hold(hold["hold_id"].upper()), 200) == hold


def test_holds_of_an_unknown_route_are_refused(api):
    assert api.get("/v1/holds").status == 405

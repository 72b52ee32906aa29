"""The catalog: events, their seats, and when they are on sale."""

import datetime
import json
import uuid

import pytest

from harness.api import FAR_AWAY
from harness.problems import expect, one_of, pointers, problem
from harness.server import eventually, sleep_until
from harness.waiting import promptly


@pytest.fixture
def admin(server):
    return server.api("admin", "tro:admin")


@pytest.fixture
def organiser(start_server):
    """A server of this test's own, for `tro event` to be run beside it."""
    return start_server()


def from_now(**delta) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")[:-4] + "Z"


def body(**change) -> dict:
    content = {
        "name": "Faust",
        "venue": "Town Hall",
        "starts_at": FAR_AWAY,
        "currency": "EUR",
        "sections": [{"name": "A", "price": 100, "rows": 2, "seats_per_row": 3}],
        **change,
    }
    return {name: value for name, value in content.items() if value is not ...}


# Creating


def test_an_event_answers_with_its_id_and_is_on_sale(admin, api):
    response = admin.post_event(body(description="A tragedy"))
    event = expect(response, 201)
    assert response.headers["Location"] == f"/v1/events/{event['event_id']}"
    assert (event["name"], event["venue"], event["description"]) == ("Faust", "Town Hall", "A tragedy")
    assert (event["currency"], event["status"], event["seat_count"]) == ("EUR", "on_sale", 6)
    assert datetime.datetime.fromisoformat(event["starts_at"]) == datetime.datetime.fromisoformat(FAR_AWAY)
    assert uuid.UUID(event["event_id"]).version == 7
    assert expect(api.get(f"/v1/events/{event['event_id']}"), 200) == event
    api.held(event["event_id"], "A-1-1")


def test_sections_label_their_seats(admin):
    event = expect(
        admin.post_event(
            body(
                sections=[
                    {"name": "A", "price": 100, "rows": 2, "seats_per_row": 3},
                    {"name": "Balcony", "price": 50, "rows": 1, "seats_per_row": 2},
                ]
            )
        ),
        201,
    )
    assert admin.seats(event["event_id"]) == {
        label: {"seat": label, "section": label.split("-")[0], "row": label.split("-")[1], "price": price, "status": "available"}
        for label, price in [
            ("A-1-1", 100),
            ("A-1-2", 100),
            ("A-1-3", 100),
            ("A-2-1", 100),
            ("A-2-2", 100),
            ("A-2-3", 100),
            ("Balcony-1-1", 50),
            ("Balcony-1-2", 50),
        ]
    }
    assert event["seat_count"] == 8


def test_seats_may_be_listed_one_by_one(admin):
    event = expect(
        admin.post_event(
            body(sections=..., seats=[{"seat": "T1", "price": 300, "section": "Table", "row": "1"}, {"seat": "Löwe 3", "price": 0}])
        ),
        201,
    )
    seats = admin.seats(event["event_id"])
    assert seats["T1"] == {"seat": "T1", "section": "Table", "row": "1", "price": 300, "status": "available"}
    assert (seats["Löwe 3"]["price"], seats["Löwe 3"]["status"]) == (0, "available")
    assert expect(admin.hold(event["event_id"], ["Löwe 3"]), 201)["seats"] == ["Löwe 3"]


def test_an_offset_is_answered_in_utc(admin):
    event = expect(admin.post_event(body(starts_at="2027-06-01T21:30:00+02:00")), 201)
    assert datetime.datetime.fromisoformat(event["starts_at"]) == datetime.datetime(2027, 6, 1, 19, 30, tzinfo=datetime.UTC)


def test_a_large_event_can_be_created_and_sold(admin):
    """Longer than any ordinary body may be: an event has 8 MiB."""
    seats = [{"seat": f"S{number:05}", "price": number, "section": "Standing", "row": str(number // 100)} for number in range(20000)]
    event = expect(admin.post_event(body(sections=..., seats=seats)), 201)
    assert event["seat_count"] == 20000
    assert expect(admin.hold(event["event_id"], ["S19999", "S00000"]), 201)["status"] == "ACTIVE"
    assert len(admin.seats(event["event_id"])) == 20000


@pytest.mark.parametrize(
    "change, pointer",
    [
        ({"name": ...}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": 7}, "/name"),
        ({"name": "x" * 100000}, "/name"),
        ({"venue": ...}, "/venue"),
        ({"description": 7}, "/description"),
        ({"starts_at": ...}, "/starts_at"),
        ({"starts_at": "tomorrow"}, "/starts_at"),
        ({"starts_at": "2027-02-30T10:00:00Z"}, "/starts_at"),
        ({"starts_at": "2027-06-01T19:30:00"}, "/starts_at"),
        ({"starts_at": 1811878200}, "/starts_at"),
        ({"on_sale_from": "soon"}, "/on_sale_from"),
        ({"on_sale_until": "later"}, "/on_sale_until"),
        ({"currency": ...}, "/currency"),
        ({"currency": "eur"}, "/currency"),
        ({"currency": "EURO"}, "/currency"),
        ({"currency": "€"}, "/currency"),
        ({"currency": 978}, "/currency"),
        ({"sections": []}, "/sections"),
        ({"sections": {}}, "/sections"),
        ({"sections": ["A"]}, "/sections/0"),
        ({"colour": "red"}, "/colour"),
        ({"a/b~c": 1}, "/a~1b~0c"),
        ({"event_id": str(uuid.uuid4())}, "/event_id"),
        ({"status": "paused"}, "/status"),
    ],
)
def test_a_bad_event_names_the_field_at_fault(admin, change, pointer):
    assert pointers(admin.post_event(body(**change))) == [pointer]


@pytest.mark.parametrize(
    "change, pointer",
    [
        ({"name": ...}, "/sections/0/name"),
        ({"name": ""}, "/sections/0/name"),
        ({"price": ...}, "/sections/0/price"),
        ({"price": -1}, "/sections/0/price"),
        ({"price": 1.5}, "/sections/0/price"),
        ({"price": "100"}, "/sections/0/price"),
        ({"price": True}, "/sections/0/price"),
        ({"price": 10**15 * 10**15}, "/sections/0/price"),
        ({"price": 2**63}, "/sections/0/price"),
        ({"rows": 0}, "/sections/0/rows"),
        ({"rows": -1}, "/sections/0/rows"),
        ({"rows": 2**31}, "/sections/0/rows"),
        ({"seats_per_row": 0}, "/sections/0/seats_per_row"),
        ({"seats_per_row": 2**63}, "/sections/0/seats_per_row"),
        ({"colour": "red"}, "/sections/0/colour"),
    ],
)
def test_a_bad_section_names_the_field_at_fault(admin, change, pointer):
    section = {"name": "A", "price": 100, "rows": 2, "seats_per_row": 3, **change}
    response = admin.post_event(body(sections=[{name: value for name, value in section.items() if value is not ...}]))
    # An integer that JSON readers cannot hold may be refused before its meaning is looked at.
    if isinstance(change.get("price"), int) and change["price"] >= 2**63 or change.get("seats_per_row") == 2**63:
        one_of(response, "validation-failed", "invalid-json")
    else:
        assert pointers(response) == [pointer]


@pytest.mark.parametrize(
    "seats, pointer",
    [
        ([], "/seats"),
        ([{"seat": "A"}], "/seats/0/price"),
        ([{"price": 1}], "/seats/0/seat"),
        ([{"seat": "", "price": 1}], "/seats/0/seat"),
        ([{"seat": "A", "price": 1}, {"seat": "B", "price": -1}], "/seats/1/price"),
        ([{"seat": "A", "price": 1, "colour": 1}], "/seats/0/colour"),
        ([{"seat": "x" * 10000, "price": 1}], "/seats/0/seat"),
        (["A"], "/seats/0"),
    ],
)
def test_a_bad_seat_names_the_field_at_fault(admin, seats, pointer):
    assert pointers(admin.post_event(body(sections=..., seats=seats))) == [pointer]


def test_a_seat_is_listed_once(admin):
    response = admin.post_event(body(sections=..., seats=[{"seat": "A", "price": 1}, {"seat": "B", "price": 1}, {"seat": "A", "price": 1}]))
    assert pointers(response)[0].startswith("/seats/2")


def test_a_section_is_listed_once(admin):
    section = {"name": "A", "price": 100, "rows": 2, "seats_per_row": 3}
    assert pointers(admin.post_event(body(sections=[section, section])))[0].startswith("/sections/1")


def test_an_event_needs_sections_or_seats_and_not_both(admin):
    assert pointers(admin.post_event(body(sections=...)))
    assert pointers(admin.post_event(body(seats=[{"seat": "T1", "price": 1}])))


def test_sales_cannot_end_before_they_begin(admin):
    assert pointers(admin.post_event(body(on_sale_from=from_now(days=2), on_sale_until=from_now(days=1))))


def test_a_tiny_body_cannot_ask_for_a_huge_map(admin):
    """Ten thousand million seats in a hundred bytes."""
    assert pointers(admin.post_event(body(sections=[{"name": "A", "price": 1, "rows": 100000, "seats_per_row": 100000}])))


@pytest.mark.parametrize("scope", [None, "", "tro:service", "tro:administrator", "xtro:admin", "TRO:ADMIN", "tro:admin,tro:service"])
def test_creating_needs_the_admin_scope(server, scope):
    problem(server.api("eve", scope).post_event(body()), "forbidden")


def test_the_admin_scope_may_stand_among_others(server):
    expect(server.api("boss", "openid tro:admin tro:service").post_event(body()), 201)


def test_creating_needs_a_token(server):
    problem(server.api(None).post_event(body()), "unauthenticated")


# When it is on sale


def test_before_the_sale_window_nothing_is_held(admin, api):
    event = expect(admin.post_event(body(on_sale_from=from_now(hours=1))), 201)
    problem(api.hold(event["event_id"], ["A-1-1"]), "not-on-sale")


def test_after_the_sale_window_nothing_is_held(admin, api):
    event = expect(admin.post_event(body(on_sale_until=from_now(seconds=1))), 201)
    held = api.hold(event["event_id"], ["A-1-1"])
    sleep_until(event["on_sale_until"])
    problem(api.hold(event["event_id"], ["A-1-2"]), "not-on-sale")
    if held.status == 201:
        expect(api.order(hold_id=held.json()["hold_id"]), 202)


def test_the_sale_window_opens_by_itself(admin, api):
    event = expect(admin.post_event(body(on_sale_from=from_now(seconds=1), on_sale_until=from_now(hours=1))), 201)
    problem(api.hold(event["event_id"], ["A-1-1"]), "not-on-sale")
    sleep_until(event["on_sale_from"])
    api.held(event["event_id"], "A-1-1")


def test_paused_sales_refuse_holds_within_three_seconds_and_resume(organiser):
    api = organiser.api()
    event_id = api.create_event(rows=50)["event_id"]
    seats = iter(api.seats(event_id))
    order = api.ordered(event_id, next(seats))

    assert organiser.tro("event", "pause", event_id).returncode == 0
    refused = promptly(lambda: (response := api.hold(event_id, [next(seats)])).status == 409 and response, within=3)
    problem(refused, "sales-paused")
    assert promptly(lambda: expect(api.get(f"/v1/events/{event_id}"), 200)["status"] == "paused", within=3)
    assert expect(api.pay(order["order_id"]), 200)["status"] == "CONFIRMED", "what was ordered can be paid"

    assert organiser.tro("event", "resume", event_id).returncode == 0
    promptly(lambda: api.hold(event_id, [next(seats)]).status == 201, within=3)
    assert promptly(lambda: expect(api.get(f"/v1/events/{event_id}"), 200)["status"] == "on_sale", within=3)


def test_a_cancelled_event_takes_no_orders_and_refunds_payments(organiser):
    api = organiser.api()
    event_id = api.create_event(rows=50)["event_id"]
    other = api.create_event()["event_id"]
    order, hold = api.ordered(event_id, "A-1-1"), api.held(event_id, "A-1-2")
    seats = iter(list(api.seats(event_id))[10:])

    assert organiser.tro("event", "cancel", event_id).returncode == 0
    refused = promptly(lambda: (response := api.hold(event_id, [next(seats)])).status == 409 and response, within=3)
    problem(refused, "event-cancelled")
    problem(api.order(hold_id=hold["hold_id"]), "hold-released")
    assert expect(api.pay(order["order_id"]), 200)["refund_required"] is True
    assert api.history("orders", order["order_id"])[-1] == "order.refund_required"
    assert promptly(lambda: expect(api.get(f"/v1/events/{event_id}"), 200)["status"] == "cancelled", within=3)
    assert organiser.tro("event", "resume", event_id).returncode == 1, "a cancelled event stays cancelled"
    api.held(other, "A-1-1")


def test_pausing_survives_a_restart(organiser):
    api = organiser.api()
    event_id = api.create_event()["event_id"]
    assert organiser.tro("event", "pause", event_id).returncode == 0
    organiser.restart()
    problem(api.hold(event_id, ["A-1-1"]), "sales-paused")


# Reading


def test_reading_needs_no_token(server, event):
    stranger = server.api(None)
    assert expect(stranger.get(f"/v1/events/{event['event_id']}"), 200) == event
    expect(stranger.get("/v1/events"), 200)
    expect(stranger.get(f"/v1/events/{event['event_id']}/seats"), 200)


def test_an_unknown_event_is_not_found(api):
    unknown = str(uuid.uuid4())
    problem(api.get(f"/v1/events/{unknown}"), "event-unknown")
    problem(api.get(f"/v1/events/{unknown}/seats"), "event-unknown")


def test_a_list_comes_in_pages(organiser):
    api = organiser.api()
    assert expect(api.get("/v1/events"), 200) == {"data": [], "next_cursor": None}
    created = {api.create_event(name=f"Event {number}")["event_id"] for number in range(7)}
    first = expect(api.get("/v1/events?limit=3"), 200)
    assert len(first["data"]) == 3 and isinstance(first["next_cursor"], str)
    listed = [event["event_id"] for event in api.pages("/v1/events?limit=3")]
    assert len(listed) == 7 and set(listed) == created
    exact = expect(api.get("/v1/events?limit=7"), 200)
    assert len(exact["data"]) == 7 and exact["next_cursor"] is None, "there is no empty last page"


def test_a_page_is_stable_while_events_are_added(organiser):
    api = organiser.api()
    before = {api.create_event()["event_id"] for _ in range(4)}
    first = expect(api.get("/v1/events?limit=2"), 200)
    api.create_event()
    listed, cursor = [event["event_id"] for event in first["data"]], first["next_cursor"]
    while cursor is not None:
        page = expect(api.get(f"/v1/events?limit=2&cursor={cursor}"), 200)
        listed += [event["event_id"] for event in page["data"]]
        cursor = page["next_cursor"]
    assert len(listed) == len(set(listed)) and before <= set(listed)


def test_a_seat_map_comes_in_pages_in_order(api):
    event = api.create_event(rows=3, seats_per_row=12)
    labels = [seat["seat"] for seat in api.pages(f"/v1/events/{event['event_id']}/seats?limit=5")]
    assert len(labels) == 36 and len(set(labels)) == 36
    assert labels == [seat["seat"] for seat in api.pages(f"/v1/events/{event['event_id']}/seats?limit=36")]


def test_a_cursor_is_a_place_that_filters_do_not_move(api, event):
    """A shop that asks for ?from= the present moment has another filter on each page."""
    path = f"/v1/events/{event['event_id']}/seats?limit=2"
    api.held(event["event_id"], "A-1-3")
    cursor = expect(api.get(path), 200)["next_cursor"]
    eventually(lambda: [seat["seat"] for seat in expect(api.get(f"{path}&status=available&cursor={cursor}"), 200)["data"]] == ["A-1-4", "A-1-5"], within=5)


@pytest.mark.parametrize("cursor", ["x", "!!!", "%00", "AAAA", "a" * 2000, "", "MTIz"])
@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/{}/seats"])
def test_a_bad_cursor_is_refused(api, event, path, cursor):
    one_of(api.get(f"{path.format(event['event_id'])}?cursor={cursor}"), "invalid-cursor", "bad-request")


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "", "1001", "99999999999999999999", "1e3", "+5", "%205"])
@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/{}/seats"])
def test_a_bad_limit_is_refused(api, event, path, limit):
    problem(api.get(f"{path.format(event['event_id'])}?limit={limit}"), "bad-request")


def test_seats_are_filtered_by_status(api, event):
    event_id = event["event_id"]
    api.held(event_id, "A-1-1")
    api.ordered(event_id, "A-1-2")
    api.confirmed(event_id, "A-1-3")
    for status, expected in [("held", ["A-1-1"]), ("reserved", ["A-1-2"]), ("sold", ["A-1-3"])]:
        page = expect(api.get(f"/v1/events/{event_id}/seats?status={status}"), 200)
        assert [seat["seat"] for seat in page["data"]] == expected
        assert page["next_cursor"] is None
    available = api.pages(f"/v1/events/{event_id}/seats?status=available&limit=9")
    assert len(available) == 97
    assert {seat["status"] for seat in available} == {"available"}


def test_a_rare_status_in_a_large_event_is_found_page_by_page(api):
    """A request looks at a bounded number of seats, so a page may be empty and yet not the last."""
    sections = [{"name": "A", "price": 100, "rows": 300, "seats_per_row": 100}]
    event_id = api.create_event(sections=sections)["event_id"]
    api.held(event_id, "A-300-100")
    first = expect(api.get(f"/v1/events/{event_id}/seats?status=held"), 200)
    assert first["data"] == [] and first["next_cursor"] is not None
    assert [seat["seat"] for seat in api.pages(f"/v1/events/{event_id}/seats?status=held")] == ["A-300-100"]


@pytest.mark.parametrize("status", ["free", "", "AVAILABLE", "available,held"])
def test_an_unknown_seat_status_is_refused(api, event, status):
    problem(api.get(f"/v1/events/{event['event_id']}/seats?status={status}"), "bad-request")


# Entity tags


def tagged(api, target: str, etag: str):
    return api.get(target, headers={"If-None-Match": etag})


@pytest.mark.parametrize("path", ["", "/seats"])
def test_an_unchanged_page_is_not_sent_again(api, event, path):
    target = f"/v1/events/{event['event_id']}{path}"
    etag = api.get(target).headers["ETag"]
    assert etag.removeprefix("W/").startswith('"') and etag.endswith('"')
    for condition in (etag, f'"other", {etag}', "*", "W/" + etag.removeprefix("W/")):
        again = tagged(api, target, condition)
        assert again.status == 304, f"{condition}: {again}"
        assert again.headers["ETag"] == etag
    for condition in ('"other"', "nonsense", '"'):
        assert tagged(api, target, condition).status == 200


def test_the_event_list_has_a_tag_that_changes(organiser):
    api = organiser.api()
    api.create_event()
    etag = api.get("/v1/events").headers["ETag"]
    assert tagged(api, "/v1/events", etag).status == 304
    api.create_event()
    assert eventually(lambda: tagged(api, "/v1/events", etag).status == 200, within=3)


def test_the_tag_of_a_seat_map_changes_with_every_change_of_a_seat(api, event):
    target = f"/v1/events/{event['event_id']}/seats"
    tags = [api.get(target).headers["ETag"]]

    def changed():
        assert tagged(api, target, tags[-1]).status == 200
        tags.append(api.get(target).headers["ETag"])

    hold = api.held(event["event_id"], "A-1-1")
    changed()
    order = expect(api.order(hold_id=hold["hold_id"]), 202)
    changed()
    expect(api.pay(order["order_id"]), 200)
    changed()
    released = api.held(event["event_id"], "A-1-2")
    changed()
    expect(api.release(released["hold_id"]), 204)
    changed()


def test_pages_and_filters_have_tags_of_their_own(api, event):
    base = f"/v1/events/{event['event_id']}/seats"
    targets = [base, f"{base}?limit=5", f"{base}?status=held", f"{base}?limit=5&status=available"]
    etags = [api.get(target).headers["ETag"] for target in targets]
    for target, etag in zip(targets, etags, strict=True):
        for other in set(etags) - {etag}:
            response = tagged(api, target, other)
            assert response.status == 200 and response.headers["ETag"] == etag


def test_the_tag_of_a_seat_map_changes_when_a_hold_lapses(start_server):
    api = start_server(HOLD_TTL="1s").api()
    event_id = api.create_event()["event_id"]
    hold = api.held(event_id, "A-1-1")
    etag = api.get(f"/v1/events/{event_id}/seats").headers["ETag"]
    sleep_until(hold["expires_at"])
    response = tagged(api, f"/v1/events/{event_id}/seats", etag)
    assert response.status == 200
    assert json.loads(response.body)["data"][0]["status"] == "available"


def test_events_survive_a_restart(organiser):
    api = organiser.api()
    event = api.create_event(description="ünïcödé ✓ 𝄞", on_sale_until=from_now(days=3))
    api.held(event["event_id"], "A-1-1")
    seats = api.seats(event["event_id"])
    organiser.restart()
    assert expect(api.get(f"/v1/events/{event['event_id']}"), 200) == event
    assert api.seats(event["event_id"]) == seats

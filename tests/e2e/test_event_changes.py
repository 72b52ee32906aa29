"""Putting an event on sale once, pausing it, resuming and cancelling it, over HTTP."""

import datetime
import uuid

import pytest

from harness.api import new_key
from harness.problems import expect, pointers, problem
from harness.server import eventually


@pytest.fixture
def admin(server):
    return server.api("admin", "tro:admin")


def from_now(**delta) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(**delta)).isoformat().replace("+00:00", "Z")


def body(**change) -> dict:
    sections = [{"name": "A", "price": 100, "rows": 2, "seats_per_row": 3}]
    content = {"name": "Faust", "venue": "Town Hall", "starts_at": from_now(days=30), "currency": "EUR", "sections": sections}
    return content | change


# Idempotency-Key


@pytest.mark.parametrize("layout", ["sections", "seats"])
def test_an_event_with_a_key_is_made_once(admin, layout):
    content, key = body(description=f"of {uuid.uuid4()}"), new_key()
    if layout == "seats":
        del content["sections"]
        content["seats"] = [{"seat": "T1", "price": 1, "section": "Table"}, {"seat": "T2", "price": 2}]
    first = admin.post_event(content, key=key)
    event = expect(first, 201)
    assert "Idempotency-Replayed" not in first.headers
    for _ in range(2):
        again = admin.post_event(content, key=key)
        assert (again.status, again.body) == (201, first.body)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.headers["Location"] == f"/v1/events/{event['event_id']}"
    assert [found["event_id"] for found in admin.pages("/v1/events") if found["description"] == content["description"]] == [
        event["event_id"]
    ]


def test_a_repeat_answers_what_the_first_answer_was(admin):
    content, key = body(), new_key()
    first = admin.post_event(content, key=key)
    expect(admin.request("POST", f"/v1/events/{first.json()['event_id']}/cancel"), 200)
    assert admin.post_event(content, key=key).body == first.body


def test_the_key_of_an_event_outlives_the_server(start_server):
    server = start_server()
    content, key = body(), new_key()
    first = server.api("admin", "tro:admin").post_event(content, key=key)
    server.restart()
    again = server.api("admin", "tro:admin").post_event(content, key=key)
    assert (again.status, again.body) == (201, first.body)


def test_the_key_of_an_event_is_of_one_body(admin):
    content, key = body(), new_key()
    expect(admin.post_event(content, key=key), 201)
    problem(admin.post_event(content | {"name": "Faust II"}, key=key), "idempotency-mismatch")
    expect(admin.as_user("root", "tro:admin").post_event(content | {"name": "Faust II"}, key=key), 201)


def test_without_a_key_each_request_makes_an_event(admin):
    content = body()
    assert expect(admin.post_event(content), 201)["event_id"] != expect(admin.post_event(content), 201)["event_id"]


def test_a_bad_key_of_an_event_is_refused(admin):
    problem(admin.post_event(body(), key="short"), "idempotency-key-invalid")


def test_releasing_takes_a_key(api, event):
    hold, key = api.held(event["event_id"], "A-1-1"), new_key()
    target = f"/v1/holds/{hold['hold_id']}"
    expect(api.request("DELETE", target, key=key), 204)
    again = api.request("DELETE", target, key=key)
    assert again.status == 204 and again.headers["Idempotency-Replayed"] == "true"
    expect(api.request("DELETE", target, key=new_key()), 204)
    expect(api.request("DELETE", target), 204)
    assert api.history("holds", hold["hold_id"]) == ["hold.created", "hold.released"]


def test_the_key_of_a_release_is_of_one_hold(api, event):
    first, second, key = api.held(event["event_id"], "A-1-1"), api.held(event["event_id"], "A-1-2"), new_key()
    expect(api.request("DELETE", f"/v1/holds/{first['hold_id']}", key=key), 204)
    problem(api.request("DELETE", f"/v1/holds/{second['hold_id']}", key=key), "idempotency-mismatch")
    problem(api.request("DELETE", f"/v1/holds/{second['hold_id']}", key="short"), "idempotency-key-invalid")
    assert expect(api.get_hold(second["hold_id"]), 200)["status"] == "ACTIVE"


# Times


def test_an_event_that_has_begun_is_refused_unless_backdated(admin):
    past = from_now(minutes=-1)
    assert pointers(admin.post_event(body(starts_at=past))) == ["/starts_at"]
    assert pointers(admin.post_event(body(starts_at=past, backdated=False))) == ["/starts_at"]
    event = expect(admin.post_event(body(starts_at=past, backdated=True)), 201)
    assert datetime.datetime.fromisoformat(event["starts_at"]) < datetime.datetime.now(datetime.UTC)
    assert "backdated" not in event
    assert pointers(admin.post_event(body(backdated="yes"))) == ["/backdated"]


def test_sales_do_not_end_after_the_event_starts(admin):
    starts_at = from_now(days=3)
    expect(admin.post_event(body(starts_at=starts_at, on_sale_until=starts_at)), 201)
    assert pointers(admin.post_event(body(starts_at=starts_at, on_sale_until=from_now(days=4)))) == ["/on_sale_until"]


# Pause, resume, cancel


def change(admin, event_id: str, verb: str):
    return admin.request("POST", f"/v1/events/{event_id}/{verb}")


def test_pausing_and_resuming_answer_the_event(admin, api, event):
    event_id = event["event_id"]
    paused = expect(change(admin, event_id, "pause"), 200)
    assert paused == event | {"status": "paused"}
    assert expect(api.get(f"/v1/events/{event_id}"), 200) == paused
    assert problem(api.hold(event_id, ["A-1-1"]), "sales-paused")["detail"] == "Sales of this event are paused."
    assert expect(change(admin, event_id, "pause"), 200) == paused
    assert expect(change(admin, event_id, "resume"), 200) == event
    assert expect(change(admin, event_id, "resume"), 200) == event
    api.held(event_id, "A-1-1")


def test_a_cancelled_event_stays_cancelled(admin, api, event):
    event_id = event["event_id"]
    cancelled = expect(change(admin, event_id, "cancel"), 200)
    assert cancelled == event | {"status": "cancelled"}
    assert expect(change(admin, event_id, "cancel"), 200) == cancelled
    for verb in ("pause", "resume"):
        assert problem(change(admin, event_id, verb), "event-cancelled")["detail"] == "This event is cancelled."
    problem(api.hold(event_id, ["A-1-1"]), "event-cancelled")


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_changing_an_event_needs_the_scope(server, api, event, verb):
    for other in (api, api.as_user("shop", "tro:service"), api.as_user("auditor", "tro:read")):
        response = change(other, event["event_id"], verb)
        problem(response, "forbidden")
        assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]
    problem(change(api.as_user(None), event["event_id"], verb), "unauthenticated")
    assert expect(api.get(f"/v1/events/{event['event_id']}"), 200)["status"] == "on_sale"


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_an_unknown_event_cannot_be_changed(admin, verb):
    missing = str(uuid.uuid4())
    assert missing in problem(change(admin, missing, verb), "event-unknown")["detail"]
    problem(change(admin, "nonsense", verb), "event-unknown")


def test_the_command_line_and_the_api_see_each_other(start_server):
    server = start_server()
    api, admin = server.api(), server.api("admin", "tro:admin")
    event_id = api.create_event()["event_id"]
    expect(change(admin, event_id, "pause"), 200)
    assert " paused " in server.tro("event", "list").stdout
    assert server.tro("event", "resume", event_id).returncode == 0
    eventually(lambda: expect(api.get(f"/v1/events/{event_id}"), 200)["status"] == "on_sale", within=3)
    api.held(event_id, "A-1-1")

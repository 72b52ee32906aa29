"""The seat map as a crowd reads it: from memory, compressed, changes only; and the available seats of each section."""

import gzip
import json
import time
import uuid

import pytest

from harness import prometheus
from harness.api import Api
from harness.problems import expect, problem
from harness.server import eventually

SHARED = "public, max-age=1, stale-while-revalidate=5"


def seat_map(api: Api, event_id: str, query: str = "") -> dict:
    return expect(api.get(f"/v1/events/{event_id}/seats{query}"), 200)


def since(api: Api, event_id: str, version: str, query: str = "") -> dict:
    return seat_map(api, event_id, f"?since={version}{query}")


def statuses(page: dict) -> dict[str, str]:
    return {seat["seat"]: seat["status"] for seat in page["data"]}


def sections(api: Api, event_id: str) -> dict:
    page = expect(api.get(f"/v1/events/{event_id}/availability"), 200)
    assert page["version"]
    return {entry["section"]: (entry["total"], entry["available"], entry["price_from"]) for entry in page["data"]}


@pytest.fixture
def large(start_server):
    """A server whose memory for maps is too small for any event of 20,000 seats."""
    server = start_server(SEAT_MAP_MEMORY="1MiB")
    api = server.api()
    rows = [{"name": "A", "price": 100, "rows": 100, "seats_per_row": 100}, {"name": "B", "price": 50, "rows": 100, "seats_per_row": 100}]
    return server, api, api.create_event(sections=rows)["event_id"]


# Freshness


def test_a_change_is_seen_at_once_by_who_made_it(api, event):
    """What this server has answered is in its maps."""
    event_id = event["event_id"]
    assert statuses(seat_map(api, event_id))["A-1-1"] == "available"
    hold = api.held(event_id, "A-1-1")
    assert statuses(seat_map(api, event_id))["A-1-1"] == "held"
    order = expect(api.order(hold_id=hold["hold_id"]), 202)
    assert statuses(seat_map(api, event_id))["A-1-1"] == "reserved"
    expect(api.pay(order["order_id"]), 200)
    assert statuses(seat_map(api, event_id))["A-1-1"] == "sold"
    held = api.held(event_id, "A-1-2")
    api.release(held["hold_id"])
    assert statuses(seat_map(api, event_id))["A-1-2"] == "available"


def test_a_seat_is_available_from_the_deadline_on(start_server):
    """Whether or not anybody has marked the hold; the map's own clock sees to it."""
    api = start_server(HOLD_TTL="400ms").api()
    event_id = api.create_event()["event_id"]
    seat_map(api, event_id)
    began = time.monotonic()
    api.held(event_id, "A-1-1")
    assert statuses(seat_map(api, event_id))["A-1-1"] == "held"
    eventually(lambda: statuses(seat_map(api, event_id))["A-1-1"] == "available", within=1)
    assert time.monotonic() - began >= 0.4


def test_the_answer_may_be_kept_for_a_second(api, event):
    for target in (f"/v1/events/{event['event_id']}/seats", f"/v1/events/{event['event_id']}/availability"):
        response = api.get(target)
        assert response.headers["Cache-Control"] == SHARED
        assert "accept-encoding" in response.headers.tokens("Vary")
        again = api.get(target, headers={"If-None-Match": response.headers["ETag"]})
        assert again.status == 304 and again.body == b""
        assert again.headers["Cache-Control"] == SHARED and again.headers["ETag"] == response.headers["ETag"]
        api.held(event["event_id"], "A-1-1" if target.endswith("seats") else "A-1-2")
        assert api.get(target, headers={"If-None-Match": response.headers["ETag"]}).status == 200


def test_the_tag_is_of_the_seats_alone(api, event):
    """What happens elsewhere makes no page new."""
    target = f"/v1/events/{event['event_id']}/seats?limit=5"
    tag = api.get(target).headers["ETag"]
    other = api.create_event()["event_id"]
    api.held(other, "A-1-1")
    api.held(event["event_id"], "A-2-1")
    time.sleep(1.2)
    assert api.get(target, headers={"If-None-Match": tag}).status == 304


# Compression


@pytest.mark.parametrize("accepted, is_compressed", [
    ("gzip", True), ("deflate, gzip;q=0.5", True), ("*", True), ("GZIP", True), ("gzip;q=0", False), ("*;q=0", False),
    ("gzip;q=0, *", False), ("br", False), ("", False), ("gzip ; q=0.000", False), (None, False),
])
@pytest.mark.parametrize("path", ["seats", "seats?limit=3&status=available", "availability"])
def test_gzip_for_whoever_accepts_it(api, event, path, accepted, is_compressed):
    target = f"/v1/events/{event['event_id']}/{path}"
    plain = api.get(target)
    raw = Raw(api).get(target, {"Accept-Encoding": accepted} if accepted is not None else {})
    assert ("Content-Encoding" in raw.headers) == is_compressed
    assert raw.headers["ETag"] == plain.headers["ETag"]
    assert int(raw.headers["Content-Length"]) == len(raw.body)
    body = gzip.decompress(raw.body) if is_compressed else raw.body
    assert json.loads(body)["data"] == plain.json()["data"]


class Raw:
    """A client whose answers are not held to the document, which speaks of the content before it is compressed."""

    def __init__(self, api: Api):
        self.api = api

    def get(self, target: str, headers: dict):
        from harness import wire

        return wire.exchange(self.api.port, "GET", target, list(headers.items()))


# What changed


def test_since_lists_only_what_changed(api, event):
    event_id = event["event_id"]
    version = seat_map(api, event_id)["version"]
    assert since(api, event_id, version)["data"] == []
    api.held(event_id, "A-1-3", "A-2-7")
    changes = since(api, event_id, version)
    assert statuses(changes) == {"A-1-3": "held", "A-2-7": "held"}
    assert changes["next_cursor"] is None
    eventually(lambda: since(api, event_id, since(api, event_id, changes["version"])["version"])["data"] == [], within=2)
    hold = api.held(event_id, "A-3-1")
    api.release(hold["hold_id"])
    assert statuses(since(api, event_id, version))["A-3-1"] == "available"


def test_since_follows_a_map_to_the_end(api, event):
    """A client that only ever asks for changes has the same map as one that reads all of it."""
    event_id = event["event_id"]
    first = seat_map(api, event_id, "?limit=1000")
    known, version = statuses(first), first["version"]
    holds = []
    for number in range(1, 15):
        holds.append(api.held(event_id, f"A-{number % 5 + 1}-{number}"))
        if number % 3 == 0:
            api.release(holds.pop(0)["hold_id"])
        if number % 4 == 0:
            order = expect(api.order(hold_id=holds.pop(0)["hold_id"]), 202)
            expect(api.pay(order["order_id"]), 200)
        changes = since(api, event_id, version)
        known.update(statuses(changes))
        version = changes["version"]
        assert known == statuses(seat_map(api, event_id, "?limit=1000"))


def test_changes_come_in_pages(api, event):
    event_id = event["event_id"]
    version = seat_map(api, event_id)["version"]
    labels = {f"A-1-{number}" for number in range(1, 11)}
    api.held(event_id, *sorted(labels))
    found, cursor, pages = set(), "", 0
    while cursor is not None:
        page = since(api, event_id, version, f"&limit=4{cursor and '&cursor=' + cursor}")
        found |= set(statuses(page))
        cursor, pages = page["next_cursor"], pages + 1
    assert found == labels and pages == 3


@pytest.mark.parametrize("version", ["0", "1", "unknown", "99999999999999999999999", "-1", "1.5", "%20", "9007199254740993999"])
def test_a_version_that_is_not_known_is_gone(api, event, version):
    seat_map(api, event["event_id"])
    problem(api.get(f"/v1/events/{event['event_id']}/seats?since={version}"), "version-gone")


def test_a_version_that_a_restored_store_lacks_is_gone(start_server, tmp_path):
    """A client that has it shows seats as they never were in this store."""
    server = start_server()
    api = server.api()
    event_id = api.create_event()["event_id"]
    api.held(event_id, "A-1-1")
    assert server.tro("backup", str(tmp_path / "copy.db")).returncode == 0
    api.held(event_id, "A-1-2")
    eventually(lambda: seat_map(api, event_id)["data"][1]["status"] == "held", within=5)
    version = seat_map(api, event_id)["version"]
    server.stop()
    assert server.tro("restore", str(tmp_path / "copy.db"), "--force").returncode == 0
    server.start()
    api = server.api()
    assert [seat["status"] for seat in seat_map(api, event_id)["data"][:2]] == ["held", "available"]
    problem(api.get(f"/v1/events/{event_id}/seats?since={version}"), "version-gone")
    assert since(api, event_id, seat_map(api, event_id)["version"])["data"] == []


@pytest.mark.parametrize("query, parameter", [("since=", "since"), ("since=1&since=2", "since"), ("since=5&status=held", "since"),
                                              (f"since={'1' * 65}", "since"), ("sinse=1", "sinse")])
def test_a_bad_since_is_refused(api, event, query, parameter):
    refused = problem(api.get(f"/v1/events/{event['event_id']}/seats?{query}"), "bad-request")
    assert [error["parameter"] for error in refused["errors"]] == [parameter]


def test_since_of_an_unknown_event_is_not_found(api):
    problem(api.get(f"/v1/events/{uuid.uuid4()}/seats?since=5"), "event-unknown")
    problem(api.get(f"/v1/events/{uuid.uuid4()}/availability"), "event-unknown")
    problem(api.get("/v1/events/nonsense/availability"), "event-unknown")


def test_a_version_is_gone_after_a_restart(start_server):
    server = start_server()
    api = server.api()
    event_id = api.create_event()["event_id"]
    version = seat_map(api, event_id)["version"]
    api.held(event_id, "A-1-1")
    server.stop()
    server.start()
    problem(server.api().get(f"/v1/events/{event_id}/seats?since={version}"), "version-gone")


# Availability


def test_availability_of_each_section(api):
    event_id = api.create_event(seats=[
        {"seat": "best", "price": 900, "section": "Front"}, {"seat": "good", "price": 500, "section": "Front"},
        {"seat": "back 1", "price": 100, "section": 'Back "left"'}, {"seat": "loose", "price": 0},
    ])["event_id"]
    assert sections(api, event_id) == {"Front": (2, 2, 500), 'Back "left"': (1, 1, 100), None: (1, 1, 0)}
    hold = api.held(event_id, "good")
    assert sections(api, event_id)["Front"] == (2, 1, 900)
    api.confirmed(event_id, "best")
    assert sections(api, event_id)["Front"] == (2, 0, None)
    api.release(hold["hold_id"])
    assert sections(api, event_id)["Front"] == (2, 1, 500)


def test_availability_agrees_with_the_map(api, event):
    event_id = event["event_id"]
    api.held(event_id, "A-1-1", "A-1-2")
    api.ordered(event_id, "A-2-1")
    api.confirmed(event_id, "A-3-1")
    assert sections(api, event_id) == {"A": (100, 96, event.get("price", 2500))}


def test_availability_knows_no_parameter(api, event):
    refused = problem(api.get(f"/v1/events/{event['event_id']}/availability?limit=5"), "bad-request")
    assert [error["parameter"] for error in refused["errors"]] == ["limit"]


# The bound


def answers(server) -> dict:
    samples = prometheus.parse(server.api(None).get("/metrics").body.decode())["tro_seat_map_answers_total"].samples
    return {dict(labels)["from"]: value for (_, labels), value in samples.items()}


def test_an_event_that_is_too_large_comes_from_the_store(large):
    server, api, event_id = large
    assert len(api.seats(event_id)) == 20000
    api.held(event_id, "B-100-100")
    api.confirmed(event_id, "B-1-1")
    page = seat_map(api, event_id, "?status=held")
    assert statuses(page) == {"B-100-100": "held"} and page["version"]
    assert sections(api, event_id) == {"A": (10000, 10000, 100), "B": (10000, 9998, 50)}
    response = Raw(api).get(f"/v1/events/{event_id}/seats", {"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip" and response.headers["Cache-Control"] == SHARED
    assert json.loads(gzip.decompress(response.body))["data"] == seat_map(api, event_id)["data"]
    problem(api.get(f"/v1/events/{event_id}/seats?since={page['version']}"), "version-gone")
    assert answers(server)["store"] > 40


def test_the_map_that_was_used_the_longest_ago_leaves(start_server):
    server = start_server(SEAT_MAP_MEMORY="1MiB")
    api = server.api()
    event_ids = [api.create_event(rows=10, seats_per_row=200)["event_id"] for _ in range(6)]
    versions = {}
    for event_id in event_ids:
        versions[event_id] = seat_map(api, event_id, "?limit=1")["version"]
    metrics = prometheus.parse(server.api(None).get("/metrics").body.decode())
    api.held(event_ids[-1], "A-1-1")  # so that the versions are old
    time.sleep(0.2)
    [held] = metrics["tro_seat_map_bytes"].samples.values()
    assert held <= 1024 * 1024
    assert statuses(since(api, event_ids[-1], versions[event_ids[-1]])) == {"A-1-1": "held"}
    problem(api.get(f"/v1/events/{event_ids[0]}/seats?since={versions[event_ids[0]]}"), "version-gone")

"""Seat maps of several APIs on one database: each shows the others' sales and accepts their versions."""

import threading
import time

from harness.machine import is_in_time
from harness.problems import expect
from harness.server import eventually

FRESH = 0.25


def seat_map(api, event_id: str, query: str = "?limit=1000") -> dict:
    return expect(api.get(f"/v1/events/{event_id}/seats{query}"), 200)


def status(api, event_id: str, seat: str) -> str:
    return next(entry["status"] for entry in seat_map(api, event_id)["data"] if entry["seat"] == seat)


def test_a_hold_by_one_is_seen_at_the_other(services):
    first, second = services.api().api("ada"), services.api().api("bob")
    event_id = first.create_event()["event_id"]
    for api in (first, second):
        assert status(api, event_id, "A-1-1") == "available"
    waits = []
    for number in range(1, 11):
        first.held(event_id, f"A-1-{number}")
        since = time.monotonic()
        eventually(lambda: status(second, event_id, f"A-1-{number}") == "held", within=10, every=0)  # noqa: B023
        waits.append(time.monotonic() - since)
    assert is_in_time(sorted(waits)[len(waits) // 2], FRESH), waits


def test_a_version_of_one_is_good_at_the_other(services):
    first, second = services.api().api("ada"), services.api().api("bob")
    event_id = first.create_event()["event_id"]
    known = {}
    for api in (first, second):
        page = seat_map(api, event_id)
        known = {seat["seat"]: seat["status"] for seat in page["data"]}
    apis, version = [first, second], page["version"]
    time.sleep(FRESH)
    for number in range(1, 13):
        apis[number % 2].held(event_id, f"A-2-{number}")
        time.sleep(FRESH)
        other = apis[(number + 1) % 2]
        eventually(lambda: status(other, event_id, f"A-2-{number}") == "held", within=10)  # noqa: B023
        changes = seat_map(other, event_id, f"?since={version}")
        known.update((seat["seat"], seat["status"]) for seat in changes["data"])
        assert known[f"A-2-{number}"] == "held" and len(changes["data"]) <= 4, changes
        version = changes["version"]


def test_nothing_is_missed_while_both_sell(services):
    """Two processes write as fast as they can; a reader of changes alone ends with the store's map."""
    first, second = services.api(RATE_LIMIT_USER="off", RATE_LIMIT_IP="off"), services.api(RATE_LIMIT_USER="off", RATE_LIMIT_IP="off")
    event_id = first.api("ada").create_event(rows=20, seats_per_row=20)["event_id"]
    page = seat_map(second.api("eve"), event_id)
    known, version = {seat["seat"]: seat["status"] for seat in page["data"]}, page["version"]
    until = time.monotonic() + 3

    def sell(server, user: str, row: int) -> None:
        api, number = server.api(user), 0
        while time.monotonic() < until:
            seat = f"A-{row}-{number % 20 + 1}"
            hold = expect(api.hold(event_id, [seat]), 201)
            if number % 3 != 2:
                assert api.release(hold["hold_id"]).status == 204
            else:
                row += 4
                number = -1
                if row > 20:
                    return
            number += 1

    threads = [threading.Thread(target=sell, args=(server, f"user-{row}", row)) for row, server in enumerate([first, second] * 2, 1)]
    for thread in threads:
        thread.start()
    reader = second.api("eve")
    while any(thread.is_alive() for thread in threads):
        changes = seat_map(reader, event_id, f"?since={version}&limit=1000")
        known.update((seat["seat"], seat["status"]) for seat in changes["data"])
        version = changes["version"]
    for thread in threads:
        thread.join()
    stored = {seat["seat"]: seat["status"] for seat in seat_map(services.api().api("new"), event_id)["data"]}  # its map is loaded now

    def knows_all() -> bool:
        changes = seat_map(reader, event_id, f"?since={version}&limit=1000")
        known.update((seat["seat"], seat["status"]) for seat in changes["data"])
        return known == stored

    eventually(knows_all, within=10, every=FRESH)


def test_a_replay_makes_maps_anew(services):
    api = services.api().api("ada")
    event_id = api.create_event()["event_id"]
    api.held(event_id, "A-1-1")
    version = seat_map(api, event_id)["version"]
    assert services.tro("replay").returncode == 0
    eventually(lambda: api.get(f"/v1/events/{event_id}/seats?since={version}").status == 410, within=2)
    assert status(api, event_id, "A-1-1") == "held"


def test_maps_are_shown_for_two_seconds_without_the_database(services, server):
    api = services.api().api("ada")
    event_id = api.create_event()["event_id"]
    version = seat_map(api, event_id)["version"]
    began = time.monotonic()
    server.stop()
    try:
        answer = api.get(f"/v1/events/{event_id}/seats")
        assert answer.status == 200 or time.monotonic() - began > 2
        eventually(lambda: api.get(f"/v1/events/{event_id}/seats").status == 503, within=6)
        assert api.get(f"/v1/events/{event_id}/seats?since={version}").status == 503
    finally:
        server.start()
    eventually(lambda: api.get(f"/v1/events/{event_id}/seats").status == 200, within=10)
    eventually(lambda: api.get(f"/v1/events/{event_id}/seats?since={version}").status == 200, within=3)

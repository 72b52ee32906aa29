"""Clocks that jump: time is told by libfaketime to the server alone, while it runs."""

import glob
import time
import uuid

import pytest

from harness import credentials, paths
from harness.api import Api
from harness.problems import expect, problem
from harness.server import Server, eventually

LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
HOUR = 3600

pytestmark = [
    pytest.mark.skipif(not LIBRARIES, reason="libfaketime is not installed"),
    pytest.mark.skipif(paths.TRO.exists() and paths.is_sanitized(), reason="libfaketime cannot start beneath a sanitizer"),
]


class Clock:
    """The server's wall clock, as an offset to the real one. Its monotonic clock is left alone, as a stepped clock leaves it."""

    def __init__(self, file, server: Server):
        self.file, self.server, self.offset = file, server, 0
        self.set(0)
        server.options.update(LD_PRELOAD=LIBRARIES[0], FAKETIME_TIMESTAMP_FILE=str(file), FAKETIME_NO_CACHE="1", DONT_FAKE_MONOTONIC="1")

    def set(self, offset: int) -> None:
        self.offset = offset
        temporary = self.file.with_suffix(".new")
        temporary.write_text(f"{offset:+d}\n")
        temporary.replace(self.file)

    def pay(self, api: Api, order_id: str):
        """A payment, signed at the server's time."""
        return api.pay(order_id, at=int(time.time()) + self.offset)


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def clock(tmp_path, server):
    clock = Clock(tmp_path / "clock", server)
    server.start()
    yield clock
    if server.process is not None:
        server.stop()
    server.verify()


@pytest.fixture
def api(server, clock):
    return server.api(exp=4102444800)


def id_times(api: Api, kind: str, stream_id: str) -> list[str]:
    return [entry["id"] for entry in api.pages(f"/v1/{kind}/{stream_id}/history")]


def test_a_jump_forward_ends_what_was_due(clock, api):
    event_id = api.create_event()["event_id"]
    hold, order = api.held(event_id, "A-1-1"), api.ordered(event_id, "A-1-2")
    clock.set(HOUR)
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "EXPIRED"
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "EXPIRED"
    api.as_user("bob", exp=4102444800).held(event_id, "A-1-1")
    eventually(lambda: api.history("orders", order["order_id"])[-1] == "order.expired", within=5)


def test_a_seat_taken_after_a_jump_is_not_given_back_by_the_jump_back(clock, api):
    event_id = api.create_event()["event_id"]
    bob = api.as_user("bob", exp=4102444800)
    hold = api.held(event_id, "A-1-1", "A-1-2")
    clock.set(HOUR)
    taken = bob.held(event_id, "A-1-1")
    clock.set(0)
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "EXPIRED"
    problem(api.order(hold_id=hold["hold_id"]), "hold-expired")
    order = expect(bob.order(hold_id=taken["hold_id"]), 202)
    assert expect(clock.pay(bob, order["order_id"]), 200)["status"] == "CONFIRMED"
    assert api.seat_status(event_id, "A-1-1", "A-1-2") == ["sold", "available"]


def test_ids_stay_in_order_when_the_clock_goes_back(clock, api):
    event_id = api.create_event()["event_id"]
    holds = []
    for number, offset in enumerate((0, HOUR, 0, -HOUR, 2 * HOUR, -2 * HOUR, 0), start=1):
        clock.set(offset)
        holds.append(api.held(event_id, f"A-1-{number}")["hold_id"])
    assert holds == sorted(holds)


def test_events_of_a_stream_stay_in_order_when_the_clock_goes_back(clock, api, server):
    event_id = api.create_event()["event_id"]
    clock.set(HOUR)
    order = api.ordered(event_id, "A-1-1")
    clock.set(-HOUR)
    assert expect(clock.pay(api, order["order_id"]), 200)["status"] == "CONFIRMED"
    clock.set(-2 * HOUR)
    assert expect(clock.pay(api, order["order_id"]), 200)["refund_required"] is True
    assert api.history("orders", order["order_id"]) == ["order.created", "order.confirmed", "order.refund_required"]
    ids = id_times(api, "orders", order["order_id"])
    assert ids == sorted(ids)


def test_a_restart_in_the_past_keeps_the_order(clock, api, server):
    """A server whose clock is behind makes ids after those it finds."""
    event_id = api.create_event()["event_id"]
    clock.set(HOUR)
    order = api.ordered(event_id, "A-1-1")
    server.stop()
    clock.set(0)
    server.start()
    assert expect(clock.pay(api, order["order_id"]), 200)["status"] == "CONFIRMED"
    ids = id_times(api, "orders", order["order_id"])
    assert ids == sorted(ids)


def test_a_replay_is_the_same_at_any_time(clock, api):
    event_id, key = api.create_event()["event_id"], str(uuid.uuid4())
    first = api.hold(event_id, ["A-1-1"], key=key)
    for offset in (HOUR, -HOUR, 0):
        clock.set(offset)
        again = api.hold(event_id, ["A-1-1"], key=key)
        assert (again.status, again.body) == (201, first.body)


def test_the_clock_jumps_about_while_seats_are_sold(clock, api):
    event_id = api.create_event(rows=4, seats_per_row=25)["event_id"]
    users = [api.as_user(f"user-{number}", exp=4102444800) for number in range(4)]
    sold = []
    for step in range(120):
        clock.set([0, HOUR, -HOUR, 10 * HOUR, 0][step % 5] + step)
        user, seats = users[step % 4], [f"A-{1 + step % 4}-{1 + step * 7 % 25}"]
        held = user.hold(event_id, seats)
        if held.status == 409:
            continue
        order = user.order(hold_id=expect(held, 201)["hold_id"])
        if step % 3 and order.status == 202 and expect(clock.pay(user, order.json()["order_id"]), 200)["status"] == "CONFIRMED":
            sold += seats
    assert sold and len(sold) == len(set(sold)), "a seat was sold twice"
    clock.set(0)
    statuses = api.seats(event_id)
    assert {label for label, seat in statuses.items() if seat["status"] == "sold"} == set(sold)


def test_tokens_and_signatures_go_by_the_wall_clock(clock, api):
    event_id = api.create_event()["event_id"]
    order = api.ordered(event_id, "A-1-1")
    clock.set(HOUR)
    problem(api.pay(order["order_id"]), "signature-invalid")
    soon = api.as_user("ada")
    soon.token = credentials.token("ada", exp=int(time.time()) + HOUR // 2)
    problem(soon.get_order(order["order_id"]), "unauthenticated")

"""Servers whose clocks are wrong: all go by the store's. libfaketime tells each process its time."""

import concurrent.futures
import glob
import time
from datetime import datetime

import pytest
from harness import paths
from harness.api import Api
from harness.problems import expect, problem
from harness.server import Server, eventually

LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
HOUR = 3600
NEAR = 60.0  # seconds: nearer than any of the clocks

pytestmark = [
    pytest.mark.skipif(not LIBRARIES, reason="libfaketime is not installed"),
    pytest.mark.skipif(paths.TRO.exists() and paths.is_sanitized(), reason="libfaketime cannot start beneath a sanitizer"),
]


def wrong_by(seconds: int) -> dict[str, str]:
    return {"LD_PRELOAD": LIBRARIES[0], "FAKETIME": f"{seconds:+d}", "DONT_FAKE_MONOTONIC": "1"}


def assert_wrong_by(server: Server, seconds: int) -> None:
    assert abs(server.metric("tro_clock_skew_seconds") - seconds) < NEAR


def until(deadline: str) -> float:
    return datetime.fromisoformat(deadline).timestamp() - time.time()


@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_a_hold_lives_as_long_wherever_it_is_looked_at(services, seconds):
    right, server = services.api(HOLD_TTL="5m").api(), services.api(HOLD_TTL="5m", **wrong_by(seconds))
    assert_wrong_by(server, seconds)
    wrong = server.api()
    event_id = right.create_event()["event_id"]
    theirs, ours = right.held(event_id, "A-1-1"), wrong.held(event_id, "A-1-2")
    assert abs(until(theirs["expires_at"]) - 300) < NEAR and abs(until(ours["expires_at"]) - 300) < NEAR
    problem(wrong.hold(event_id, ["A-1-1"]), "seats-taken")
    problem(right.hold(event_id, ["A-1-2"]), "seats-taken")
    assert wrong.seat_status(event_id, "A-1-1", "A-1-2") == ["held", "held"]


def first_hold(port: int, event_id: str, seat: str):
    """What a server that is just starting answers first but with "not yet". Nobody waits until it is ready."""
    api, deadline = Api(port, "bob", None), time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            response = api.hold(event_id, [seat])
        except OSError:
            continue
        if response.status != 503:
            return response
        assert int(response.headers["Retry-After"]) >= 1
    raise AssertionError("it never served")


@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_a_server_that_starts_with_a_wrong_clock_takes_no_held_seat(services, seconds):
    right = services.api(HOLD_TTL="5m").api()
    event_id = right.create_event()["event_id"]
    seats = [f"A-1-{number}" for number in range(1, 9)]
    right.held(event_id, *seats)
    for start in range(3):
        server = services.add("tro-api", HOLD_TTL="5m", **wrong_by(seconds)).spawn()
        with concurrent.futures.ThreadPoolExecutor(len(seats)) as pool:
            for response in pool.map(lambda seat: first_hold(server.port, event_id, seat), seats):
                problem(response, "seats-taken")
        ours = server.api().held(event_id, f"A-1-{9 + start}")
        assert abs(until(ours["expires_at"]) - 300) < NEAR
        server.stop()


def test_an_operator_whose_clock_is_wrong_works_by_that_of_the_store(services):
    api = services.api().api()
    done = services.tro("event", "create", "--demo", **wrong_by(HOUR))
    assert done.returncode == 0, done.stderr
    created_at = expect(api.get(f"/v1/events/{done.stdout.strip()}"), 200)["created_at"]
    assert abs(until(created_at)) < NEAR


def test_a_server_that_does_not_know_the_time_is_not_ready_and_says_why(server, services):
    event_id = services.api().api().create_event()["event_id"]
    with server.hung():
        starting = services.add("tro-api", **wrong_by(HOUR)).spawn()
        eventually(lambda: listens(starting), within=5)
        ready = starting.ready()
        assert ready["status"] == "unavailable" and "time is not known" in ready["store"]["detail"]
        refused = starting.api().hold(event_id, ["A-1-1"])
        assert problem(refused, "store-unavailable") and int(refused.headers["Retry-After"]) >= 1
    eventually(lambda: starting.is_ready(), within=3)


def listens(server: Server) -> bool:
    try:
        return server.api().get("/v1/healthz").status == 200
    except OSError:
        return False


def test_a_lapsed_hold_is_free_to_a_server_that_is_behind(services):
    right, behind = services.api(HOLD_TTL="1s").api(), services.api(**wrong_by(-HOUR)).api()
    event_id = right.create_event()["event_id"]
    right.held(event_id, "A-1-1")
    eventually(lambda: behind.hold(event_id, ["A-1-1"]).status == 201, within=3)


def test_a_worker_whose_clock_is_ahead_ends_nothing_early(services):
    api = services.api(HOLD_TTL="4s").api()
    event_id = api.create_event()["event_id"]
    hold = api.held(event_id, "A-1-1")
    assert_wrong_by(services.worker(**wrong_by(HOUR)), HOUR)
    time.sleep(2)
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "ACTIVE" or until(hold["expires_at"]) <= 0
    eventually(lambda: api.history("holds", hold["hold_id"]) == ["hold.created", "hold.expired"], within=4)


def test_a_worker_whose_clock_is_behind_ends_everything_in_time(services):
    services.worker(**wrong_by(-HOUR))
    api = services.api(HOLD_TTL="1s").api()
    hold = api.held(api.create_event()["event_id"], "A-1-1")
    eventually(lambda: api.history("holds", hold["hold_id"]) == ["hold.created", "hold.expired"], within=3)

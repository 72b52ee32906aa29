"""The store does not answer: requests that need it are refused at once, with Retry-After, and served again by themselves later."""

import contextlib
import sqlite3
import time

import pytest

from harness.problems import expect, one_of
from harness.machine import is_in_time
from harness.server import SLACK, Server, eventually


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path, LOG_LEVEL="warn").start()
    yield server
    server.kill()


@contextlib.contextmanager
def nobody_else_writes(server: Server):
    """Another process has begun a write to the embedded store and does not end it."""
    [file] = [path for path in server.data_dir.iterdir() if path.suffix == ".db"]
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def refused(response) -> bool:
    if response.status < 500:
        return False
    one_of(response, "store-unavailable", "overloaded")
    assert int(response.headers["Retry-After"]) >= 1
    return True


def test_writes_are_refused_reads_served_and_all_is_well_again(server):
    api = server.api()
    event_id = api.create_event()["event_id"]
    hold = api.held(event_id, "A-1-1")
    with nobody_else_writes(server):
        started = time.monotonic()
        assert refused(api.hold(event_id, ["A-1-2"]))
        assert is_in_time(time.monotonic() - started, 10 * SLACK)
        assert refused(api.order(hold_id=hold["hold_id"]))
        assert expect(api.get_hold(hold["hold_id"]), 200) == hold
        expect(api.get(f"/v1/events/{event_id}"), 200)
        expect(api.get("/v1/healthz"), 200)
    eventually(lambda: not refused(api.hold(event_id, ["A-1-2"])), within=10)
    assert expect(api.order(hold_id=hold["hold_id"]), 202)["status"] == "PENDING"
    eventually(lambda: api.get("/v1/readyz").status == 200, within=10)
    server.stop()
    server.verify()


def test_readiness_follows_the_store(server):
    api = server.api()
    event_id = api.create_event()["event_id"]
    with nobody_else_writes(server):
        assert refused(api.hold(event_id, ["A-1-1"]))

        def is_unready() -> bool:
            response = api.get("/v1/readyz")
            return response.status == 503 and int(response.headers["Retry-After"]) >= 1

        eventually(is_unready, within=10)
        body = api.get("/v1/readyz?verbose").json()
        assert body["status"] == "unavailable"
        assert "down" in {dependency["state"] for dependency in body["dependencies"] if dependency["name"] == "store"}
    eventually(lambda: api.hold(event_id, ["A-1-1"]).status == 201, within=10)
    eventually(lambda: api.get("/v1/readyz").status == 200, within=10)
    server.stop()
    server.verify()


def test_a_refused_request_repeated_with_its_key_is_done_once(server):
    api = server.api()
    event_id = api.create_event()["event_id"]
    key = "done-when-it-can-be"
    with nobody_else_writes(server):
        assert refused(api.hold(event_id, ["A-1-1"], key=key))
    made = eventually(lambda: (response := api.hold(event_id, ["A-1-1"], key=key)).status == 201 and response, within=10)
    again = api.hold(event_id, ["A-1-1"], key=key)
    assert (again.status, again.body) == (201, made.body)
    assert api.history("holds", made.json()["hold_id"]) == ["hold.created"]
    server.stop()
    server.verify()


def test_a_stop_while_the_store_is_down_is_clean(server):
    """Deadlines pass and nothing can be written: the end must not wait for it."""
    api = server.api()
    event_id = api.create_event()["event_id"]
    with nobody_else_writes(server):
        assert refused(api.hold(event_id, ["A-1-1"]))
        server.stop()
    server.verify()

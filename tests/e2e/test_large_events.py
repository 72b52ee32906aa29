"""Events whose seats are written in chunks before they are put on sale: nobody sees half of one, however the server ends meanwhile."""

import concurrent.futures
import json
import sqlite3
import threading

import pytest
from harness.api import new_key
from harness.problems import expect
from harness.server import eventually, spawn

SEATS = 100_000
NAME = "The Whole Town"


def body(seats: int = SEATS, **change) -> dict:
    sections = [{"name": "A", "price": 1000, "rows": seats // 1000, "seats_per_row": 1000}]
    return {"name": NAME, "venue": "Field", "starts_at": "2099-06-01T20:00:00Z", "currency": "EUR", "sections": sections} | change


class Store:
    """Reads the tables, for facts that no answer shows."""

    def __init__(self, server):
        self.server = server

    def rows(self, sql: str) -> list:
        if self.server.database is not None:
            return self.server.database.query(sql)
        with sqlite3.connect(self.server.data_dir / "tro.db", timeout=30) as connection:
            rows = connection.execute(sql).fetchall()
        connection.close()
        return rows

    def number(self, sql: str) -> int:
        return int(self.rows(sql)[0][0])

    def is_being_written(self) -> bool:
        return self.number("SELECT count(*) FROM seatings WHERE written > 0") == 1

    def leave(self) -> None:
        """Makes an abandoned seating look old."""
        if self.server.database is not None:
            self.server.database.query("UPDATE seatings SET touched_at = 0")
            return
        with sqlite3.connect(self.server.data_dir / "tro.db", timeout=30) as connection:
            connection.execute("UPDATE seatings SET touched_at = 0")
        connection.close()


def organiser(server):
    return server.api().as_user("admin", "tro:admin")


def names(server) -> list[str]:
    return [event["name"] for event in server.api().pages("/v1/events?limit=100")]


def check_whole(server, event_id: str, seats: int = SEATS) -> None:
    availability = expect(server.api().get(f"/v1/events/{event_id}/availability"), 200)["data"]
    assert [(section["section"], section["total"], section["available"]) for section in availability] == [("A", seats, seats)]
    first, last = "A-1-1", f"A-{seats // 1000}-1000"
    assert expect(server.api().hold(event_id, [first, last]), 201)["seats"] == [first, last]


def test_a_large_event_is_on_sale_at_once_and_keeps_nobody_waiting(start_server):
    server = start_server()
    store, api = Store(server), server.api()
    other = api.create_event(rows=10, seats_per_row=100)["event_id"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        making = pool.submit(organiser(server).post_event, body())
        eventually(lambda: store.is_being_written() or making.done(), within=30)
        served = 0
        while store.is_being_written() and served < 20:
            assert NAME not in names(server)
            event_id = store.rows("SELECT event_id FROM seatings")
            expect(api.hold(other, [f"A-{served // 100 + 1}-{served % 100 + 1}"]), 201)
            served += bool(event_id)
        server.verify()
        event = expect(making.result(), 201)
    assert served > 0, "the event was made before anybody else was served"
    assert server.metric("tro_seating_seats_total") == SEATS
    assert SEATS / 4000 <= server.metric("tro_seating_chunks_total") <= SEATS / 50
    assert server.metric("tro_seating_chunk_longest_seconds") > 0
    assert NAME in names(server)
    check_whole(server, event["event_id"])
    assert store.number("SELECT count(*) FROM seatings") == 0
    server.verify()


def test_a_killed_server_leaves_nothing_on_sale_and_nothing_in_the_way(start_server):
    server = start_server()
    store, key = Store(server), new_key()
    api = organiser(server)

    def ask():
        try:
            return api.post_event(body(), key=key)
        except Exception:  # noqa: BLE001: killed
            return None

    thread = threading.Thread(target=ask)
    thread.start()
    eventually(store.is_being_written, within=30)
    server.kill()
    thread.join()
    assert store.number("SELECT count(*) FROM seats") > 0
    server.verify()
    store.leave()
    server.start()
    assert NAME not in names(server)
    event = expect(organiser(server).post_event(body(), key=key), 201)
    again = organiser(server).post_event(body(), key=key)
    assert expect(again, 201) == event and again.headers["Idempotency-Replayed"] == "true"
    check_whole(server, event["event_id"])
    eventually(lambda: store.number("SELECT count(*) FROM seatings") == 0, within=60)
    assert store.number("SELECT count(*) FROM seats") == SEATS
    assert names(server) == [NAME]
    server.verify()


@pytest.mark.parametrize("change", [{}, {"event_id": "01934a5e-7b4c-7abc-8def-0123456789ab"}], ids=["by name", "by id"])
def test_two_imports_of_a_large_event_at_once_make_one(start_server, tmp_path, change):
    server = start_server()
    (tmp_path / "events.jsonl").write_text(json.dumps(body(20_000, **change)) + "\n")
    options = {name: value for name, value in server.options.items() if name in ("DATA_DIR", "CRDB_DSN")}
    imports = [spawn(tmp_path, f"import{i}", "event", "import", str(tmp_path / "events.jsonl"), **options) for i in range(2)]
    assert [process.wait(90) for process in imports] == [0, 0], [(tmp_path / f"import{i}.err").read_text() for i in range(2)]
    told = sorted((tmp_path / f"import{i}.out").read_text().split()[:2] for i in range(2))
    assert told[0][0] == told[1][0] and sorted(line[1] for line in told) == ["imported", "there"], told
    eventually(lambda: names(server) == [NAME], within=30)
    check_whole(server, told[0][0], 20_000)
    server.verify()

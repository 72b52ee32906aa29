"""`tro catalog rebuild`: whatever became of the catalog, it is made again from the events, and `tro verify` knows the difference."""

import sqlite3

import pytest
from harness import database
from harness.problems import expect

pytestmark = pytest.mark.skipif(database.DSN is not None, reason="the embedded store only")


@pytest.fixture
def damaged(start_server):
    """A server whose catalog lacks one event, lies about another, and has one that was never made; and its three events."""
    server = start_server()
    api = server.api()
    events = [api.create_event(name=name)["event_id"] for name in ("The Magic Flute", "Fidelio", "Opera Ball")]
    with sqlite3.connect(server.data_dir / "tro.db", isolation_level=None) as connection:
        assert connection.execute("DELETE FROM catalog WHERE name = 'The Magic Flute'").rowcount == 1
        connection.execute("INSERT INTO catalog SELECT zeroblob(16), 'Nothing', venue, description, starts_at, status, currency, on_sale_from,"
                           " on_sale_until, seat_count, created_at, version FROM catalog WHERE name = 'Opera Ball'")
        assert connection.execute("UPDATE catalog SET name = 'A lie' WHERE name = 'Fidelio'").rowcount == 1
    connection.close()
    return server, events


def test_verify_finds_each_and_rebuild_mends_them(damaged):
    server, events = damaged
    found = server.tro("verify")
    assert found.returncode == 1 and found.stdout.count("its entry in the catalog is not what the events say") == 3, found.stdout
    done = server.tro("catalog", "rebuild")
    assert done.returncode == 0 and done.stdout == "3 events, 2 entries made again, 1 of no event dropped\n", done
    assert "3 events looked at, 2 made again" in done.stderr
    assert server.tro("verify").returncode == 0
    names = [line.split("Z  ")[1] for line in server.tro("event", "list").stdout.splitlines()]
    assert names == ["The Magic Flute", "Fidelio", "Opera Ball"]
    assert expect(server.api(None).get(f"/v1/events/{events[1]}"), 200)["name"] == "Fidelio"


def test_rebuilding_what_is_right_changes_nothing(start_server):
    server = start_server()
    server.api().create_event()
    assert server.tro("catalog", "rebuild").stdout == "1 events, 0 entries made again, 0 of no event dropped\n"

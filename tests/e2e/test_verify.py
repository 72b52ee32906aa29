"""`tro verify` on the embedded store: it finds faults, names their streams, and writes nothing, even into a file that is no store."""

import contextlib
import os
import shutil
import sqlite3
import subprocess

import pytest
from harness import database, paths
from harness.problems import expect, problem
from harness.server import environment, eventually, run_tro

pytestmark = pytest.mark.skipif(database.DSN is not None, reason="the embedded store only")


@pytest.fixture
def backup(start_server, tmp_path):
    """The folder of a copy of a stopped server's store."""
    server = start_server()
    api = server.api()
    event_id = api.create_event()["event_id"]
    api.confirmed(event_id, "A-1-1")
    api.held(event_id, "A-1-2")
    server.stop()
    folder = tmp_path / "backup"
    folder.mkdir()
    shutil.copy(server.data_dir / "tro.db", folder / "tro.db")
    return folder


def change(folder, sql: str) -> None:
    with sqlite3.connect(folder / "tro.db", isolation_level=None) as connection:
        assert connection.execute(sql).rowcount > 0
    connection.close()


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def verify(folder):
    """What it says, once it is sure that it changed nothing."""
    before = contents(folder)
    done = run_tro("verify", DATA_DIR=str(folder))
    assert contents(folder) == before, "verify has written"
    return done


def test_a_backup_is_verified_and_stays_as_it_is(backup):
    done = verify(backup)
    assert done.returncode == 0 and " 0 differences" in done.stdout, done


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.skipif(paths.is_sanitized(), reason="sanitized programs are not traced")
def test_a_signal_leaves_no_temporary_store(backup, tmp_path):
    """SIGTERM at the first write, the second, the fourth …, until one run comes to its end."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for count in (2**power for power in range(20)):
        trace = ["strace", "-f", "-o", "/dev/null", f"--inject=pwrite64:signal=TERM:when={count}"]
        options = environment({"DATA_DIR": str(backup), "TMPDIR": str(temporary)})
        done = subprocess.run([*trace, paths.TRO, "verify"], env=options, capture_output=True, text=True, timeout=60)
        assert list(temporary.iterdir()) == [], (count, done)
        if done.returncode == 0:
            break
    assert done.returncode == 0 and count > 4, (count, done)


def test_a_backup_that_nobody_may_write_is_verified(backup):
    os.chmod(backup / "tro.db", 0o400)
    os.chmod(backup, 0o500)
    assert verify(backup).returncode == 0


def test_a_backup_of_an_older_program_is_not_migrated(backup):
    change(backup, "DELETE FROM migrations WHERE number > 12")  # newer steps may be such as it can do without
    done = verify(backup)
    assert done.returncode == 1 and "older than this program" in done.stderr and "tro migrate" in done.stderr, done


def test_a_backup_of_a_newer_program_is_named(backup):
    change(backup, "INSERT INTO migrations VALUES (900, '900_future.sql', 0, 0)")
    assert verify(backup).returncode == 0  # its steps may have added things only
    change(backup, "UPDATE meta SET value = 900 WHERE name = 'schema_floor'")
    done = verify(backup)
    assert done.returncode == 1 and "900_future.sql" in done.stderr and "newer" in done.stderr, done


def test_a_folder_without_a_store_stays_empty(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    done = verify(folder)
    assert done.returncode == 1 and "tro.db" in done.stderr, done


def test_a_replay_that_was_not_ended_is_told(backup):
    change(backup, "UPDATE meta SET value = 1 WHERE name = 'replaying'")
    done = verify(backup)
    assert done.returncode == 1 and "run 'tro replay' again" in done.stdout and " 0 differences" in done.stdout, done


def right_row(folder) -> None:
    """Makes the outbox one row, of the first hold."""
    with sqlite3.connect(folder / "tro.db", isolation_level=None) as connection:
        position, event_id, stream = connection.execute("SELECT position, id, stream_id FROM events WHERE type = 5 ORDER BY position").fetchone()
        connection.execute("DELETE FROM outbox")
        connection.execute("INSERT INTO outbox (position, partition, id, events) VALUES (1, ?, ?, ?)", (stream[15] % 16, event_id, position.to_bytes(8, "little")))
    connection.close()


@pytest.mark.parametrize(
    "sql, words",
    [
        ("UPDATE outbox SET events = x'ffffff0000000000'", "it names an event that is not stored"),
        ("UPDATE outbox SET events = x''", "it names no event"),
        ("UPDATE outbox SET partition = (partition + 1) % 16", "it names an event of another partition"),
        ("UPDATE outbox SET id = zeroblob(16)", "its id is not that of its first event"),
    ],
)
def test_an_outbox_row_that_cannot_be_right_is_named(backup, sql, words):
    right_row(backup)
    assert verify(backup).returncode == 0
    change(backup, sql)
    done = verify(backup)
    assert done.returncode == 1 and words in done.stdout and "outbox row" in done.stdout and " 1 differences" in done.stdout, done


@pytest.mark.waits(10)
def test_an_outbox_row_of_an_event_that_is_not_published_is_named(start_server, tmp_path):
    """Only `event.settled` is kept and not published: it comes ten seconds after an event was cancelled."""
    server = start_server()
    event_id = server.api().create_event()["event_id"]
    expect(server.api("admin", "tro:admin").request("POST", f"/v1/events/{event_id}/cancel"), 200)
    path = server.data_dir / "tro.db"

    def settled():
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return connection.execute("SELECT position, id, stream_id FROM events WHERE type = 17").fetchone()

    position, event, stream = eventually(settled, within=20, every=0.5)
    server.stop()
    backup = tmp_path / "backup"
    backup.mkdir()
    shutil.copy(path, backup)
    with contextlib.closing(sqlite3.connect(backup / "tro.db", isolation_level=None)) as connection:
        connection.execute("DELETE FROM outbox")
        connection.execute("INSERT INTO outbox (position, partition, id, events) VALUES (1, ?, ?, ?)", (stream[15] % 16, event, position.to_bytes(8, "little")))
    done = verify(backup)
    assert done.returncode == 1 and "it names an event that is not published" in done.stdout, done


def test_rows_that_cannot_be_read_are_named_and_all_others_compared(backup):
    """Whatever a row has in a column, its key says which one it is."""
    change(backup, "UPDATE seats SET status = 9 WHERE seat = 'A-1-5'")
    change(backup, "UPDATE holds SET seats = char(10) || 'A-1-2'")
    change(backup, "UPDATE payments SET status = 0")
    change(backup, "UPDATE orders SET total = total + 1")
    done = verify(backup)
    lines = done.stdout.splitlines()
    assert done.returncode == 1 and done.stderr == "", done
    assert [line for line in lines if line.startswith("seat A-1-5 of event") and ": cannot be read (stream " in line], lines
    assert len([line for line in lines if line.startswith("hold ") and ": cannot be read (stream " in line]) == 2, lines
    assert [line for line in lines if line.startswith("payment ") and ": cannot be read" in line], lines
    assert [line for line in lines if line.startswith("order ") and "total is not what the events say" in line], lines
    assert " events replayed" in lines[-1] and " 5 differences" in lines[-1], lines


def test_a_row_that_cannot_be_shown_ends_no_server(start_server):
    server = start_server()
    event_id = server.api().create_event()["event_id"]
    order_id = server.api().ordered(event_id, "A-1-1")["order_id"]
    server.stop()
    change(server.data_dir, "UPDATE orders SET payment_method = 77")
    change(server.data_dir, "UPDATE catalog SET status = 9")
    server.start()
    problem(server.api().get_order(order_id), "internal")
    problem(server.api().get(f"/v1/events/{event_id}"), "catalog-unavailable")
    done = server.tro("verify")
    assert done.returncode == 1 and f"order {order_id}: cannot be read" in done.stdout, done
    change(server.data_dir, "UPDATE orders SET payment_method = 1")
    change(server.data_dir, "UPDATE catalog SET status = 1")
    assert expect(server.api().get_order(order_id), 200)["payment_method"] == "card"


@pytest.mark.parametrize("shift", [1_000, 1_000_000])
def test_seats_that_are_not_where_the_map_looks_are_told(backup, shift):
    """Their order alone says nothing: a map is read a range of places at a time."""
    change(backup, f"UPDATE seats SET position = position + {shift}")
    done = verify(backup)
    assert done.returncode == 1 and "seat A-1-1 of event" in done.stdout and "place in the seat map" in done.stdout, done

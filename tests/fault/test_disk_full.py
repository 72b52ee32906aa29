"""A full disk: writes are refused with 503, reads go on, and when there is room the server works again by itself."""

import os
import subprocess
import time

import pytest

from harness.problems import expect, one_of
from harness.server import Server, eventually

SIZE_MIB = 32
SEATS = {"rows": 100, "seats_per_row": 100}


def mount(folder) -> str | None:
    """Mounts a small tmpfs; returns why it could not."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", folder], capture_output=True, text=True)
    return None if done.returncode == 0 else done.stderr.strip() or f"mount exits with {done.returncode}"


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if (reason := mount(folder)) is not None:
        pytest.skip(f"a tmpfs cannot be mounted here: {reason}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def server(tmp_path, disk):
    server = Server(tmp_path, DATA_DIR=str(disk / "data"), LOG_LEVEL="warn").start()
    yield server
    server.kill()


def fill(disk) -> None:
    """Takes all the room there is, to the last page."""
    with open(disk / "ballast", "ab") as ballast:
        try:
            while True:
                os.write(ballast.fileno(), bytes(4096))
        except OSError:
            pass


def write_until_refused(api, event_id: str, seats) -> tuple[list[dict], object]:
    """Holds seat after seat until one is refused for want of room: the store may have some left of its own."""
    held, deadline = [], time.monotonic() + 60
    while time.monotonic() < deadline:
        response = api.hold(event_id, [next(seats)])
        if response.status != 201:
            return held, response
        held.append(response.json())
    raise AssertionError("the disk is full, and holds are still taken")


@pytest.mark.timeout(300)
def test_a_full_disk_refuses_writes_and_serves_reads(server, disk):
    api = server.api()
    event_id = api.create_event(**SEATS)["event_id"]
    seats = iter(api.seats(event_id))
    first = [api.held(event_id, next(seats)) for _ in range(20)]
    order = expect(api.order(hold_id=first[0]["hold_id"]), 202)
    first[0]["status"] = "CONVERTED"

    fill(disk)
    held, refused = write_until_refused(api, event_id, seats)
    for _ in range(10):
        one_of(refused, "store-unavailable", "overloaded")
        assert int(refused.headers["Retry-After"]) >= 1
        fill(disk)
        refused = api.hold(event_id, [next(seats)])
    for attempt in (
        api.pay(order["order_id"]),
        api.order(hold_id=first[1]["hold_id"]),
        api.release(first[2]["hold_id"]),
        api.cancel(order["order_id"]),
    ):
        one_of(attempt, "store-unavailable", "overloaded")

    assert server.process.poll() is None
    for hold in first + held:
        assert expect(api.get_hold(hold["hold_id"]), 200) == hold
    assert expect(api.get_order(order["order_id"]), 200) == order
    expect(api.get(f"/v1/events/{event_id}"), 200)
    assert len(api.seats(event_id)) == 10000
    expect(api.get("/v1/healthz"), 200)

    (disk / "ballast").unlink()
    eventually(lambda: api.hold(event_id, [next(seats)]).status == 201, within=10)
    assert expect(api.pay(order["order_id"]), 200)["status"] == "CONFIRMED"
    for hold in first + held:
        assert expect(api.get_hold(hold["hold_id"]), 200) == hold
    server.stop()
    server.verify()


@pytest.mark.timeout(300)
def test_a_refused_write_can_be_repeated_with_its_key(server, disk):
    api = server.api()
    event_id = api.create_event(**SEATS)["event_id"]
    seats = iter(api.seats(event_id))
    fill(disk)
    write_until_refused(api, event_id, seats)
    seat, key = next(seats), "written-when-there-is-room"
    refused = api.hold(event_id, [seat], key=key)
    one_of(refused, "store-unavailable", "overloaded")
    (disk / "ballast").unlink()
    made = eventually(lambda: (response := api.hold(event_id, [seat], key=key)).status == 201 and response, within=10)
    again = api.hold(event_id, [seat], key=key)
    assert (again.status, again.body) == (201, made.body)
    server.stop()
    server.verify()


@pytest.mark.timeout(300)
def test_a_kill_on_a_full_disk_loses_nothing(server, disk):
    api = server.api()
    event_id = api.create_event(**SEATS)["event_id"]
    seats = iter(api.seats(event_id))
    fill(disk)
    held, _ = write_until_refused(api, event_id, seats)
    server.kill()
    (disk / "ballast").unlink()
    server.start()
    for hold in held:
        assert expect(api.get_hold(hold["hold_id"]), 200) == hold
    api.held(event_id, next(seats))
    server.stop()
    server.verify()


def test_a_disk_that_is_full_at_the_start_is_said_in_one_line(tmp_path, disk):
    fill(disk)
    server = Server(tmp_path, DATA_DIR=str(disk / "data"))
    done = server.tro("serve", timeout=30.0)
    assert done.returncode == 1, done
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.timeout(120)
@pytest.mark.parametrize("room", [0, 1 << 20])
def test_a_check_without_room_says_where_it_lacks(disk, tmp_path, room):
    server = Server(tmp_path / "server").start()
    try:
        server.api().create_event(**SEATS)
        fill(disk)
        os.truncate(disk / "ballast", (disk / "ballast").stat().st_size - room)
        for command in (["verify"], ["backup", str(tmp_path / "backup.db")]):
            done = server.tro(*command, TMPDIR=str(disk))
            assert done.returncode == 1 and str(disk) in done.stderr and "did not pass its check" not in done.stderr, done
        assert "could not be checked" in done.stderr and not list(tmp_path.glob("backup.db*"))
    finally:
        server.kill()

"""`tro event import` on a shared database, beside running services."""

import concurrent.futures
import json
import signal
import time
import uuid

from harness.bad_events import ACCEPTED, body
from harness.machine import is_in_time
from harness.problems import expect
from harness.server import eventually, spawn


def write(tmp_path, *events: dict, name: str = "events.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def summary(done) -> str:
    return done.stderr.strip().splitlines()[-1]


def names(database) -> list[str]:
    return sorted(name for [name] in database.query("SELECT data::json->>'name' FROM events WHERE sequence = 1 AND data LIKE '%\"venue\"%'"))


def test_imports_at_once_and_a_killed_one_make_every_event_once(tmp_path, services, database):
    server = services.api()
    api = server.api("admin", "tro:admin")
    created = api.create_event(name="Event 7", venue="Town Hall", starts_at=body()["starts_at"])
    events = [body(name=f"Event {number}", **({"event_id": str(uuid.uuid4())} if number % 2 == 0 else {})) for number in range(600)]
    path, backwards = write(tmp_path, *events), write(tmp_path, *reversed(events), name="backwards.jsonl")

    process = spawn(tmp_path, "killed", "event", "import", str(path), **{"DATA_DIR": str(tmp_path), **services.options, "CRDB_DSN": database.uri})
    eventually(lambda: (tmp_path / "killed.out").stat().st_size > 0 or process.poll() is not None, within=60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda file: services.tro("event", "import", file), [path, backwards]))
    assert [result.returncode for result in done] == [0, 0], [result.stderr for result in done]
    ids = [dict(line.split("  ", 1)[::-1] for line in result.stdout.replace("  imported", "").replace("  there   ", "").splitlines()) for result in done]
    assert ids[0] == ids[1] and ids[0]["Event 7"] == created["event_id"], "both tell the same ids, and the event that was there"
    found = eventually(lambda: len(page := api.pages("/v1/events?limit=500")) >= 600 and page, within=10)
    listed = [event["name"] for event in found]
    assert sorted(listed) == sorted(event["name"] for event in events)
    assert names(database) == sorted(listed)
    api.held(ids[0]["Event 8"], "A-1-1")


def test_odd_events_are_data(tmp_path, services):
    path = write(tmp_path, *ACCEPTED.values())
    done = services.tro("event", "import", path)
    assert done.returncode == 0, done.stderr
    api = services.api().api(None)
    for line, content in zip(done.stdout.splitlines(), ACCEPTED.values(), strict=True):
        event = expect(api.get(f"/v1/events/{line.split('  ')[0]}"), 200)
        assert (event["name"], event["venue"]) == (content["name"], content["venue"])


def test_a_hundred_thousand_seats_are_in_within_ten_seconds(tmp_path, services):
    """The best of three: the machine has other things to do."""
    seats = tmp_path / "seats.csv"
    seats.write_text("seat,section,row,price\n" + "".join(f"A-{number // 100}-{number % 100},A,{number // 100},1500\n" for number in range(100_000)))
    taken = []
    for attempt in range(3):
        begun = time.monotonic()
        done = services.tro("event", "import", write(tmp_path, body(sections=..., name=f"Arena {attempt}")), "--seats", seats)
        taken.append(time.monotonic() - begun)
        assert done.returncode == 0 and summary(done).startswith("1 event with 100000 seats imported"), done.stderr
        if is_in_time(taken[-1], 10):
            return
    raise AssertionError(taken)


def test_without_the_catalog_only_events_with_an_id_are_imported(tmp_path, services):
    """MongoDB is not there: nobody listens."""
    options = {"MONGO_URI": "mongodb://tro:never-in-a-log@127.0.0.1:9/tro"}
    done = services.tro("event", "import", write(tmp_path, body(event_id=str(uuid.uuid4()))), **options)
    assert done.returncode == 0 and summary(done).startswith("1 event "), done.stderr
    assert "will be in the catalog when that can be reached" in done.stderr
    refused = services.tro("event", "import", write(tmp_path, body(name="Another")), **options)
    assert refused.returncode == 1 and refused.stdout == "" and "never-in-a-log" not in done.stderr + refused.stderr
    assert len(refused.stderr.splitlines()) == 1 and "cannot be found out" in refused.stderr, refused.stderr

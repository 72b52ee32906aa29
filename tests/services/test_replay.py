"""`tro replay` beside services under load: one that is killed, and one that is not. Nobody may notice more than 503 for a while."""

import json
import subprocess
import time

import pytest
from harness.problems import problem
from harness.server import SLACK, eventually, spawn
from harness.services import Services
from services.test_proof import PENDING, check_sold_once

SECONDS = int(30 * SLACK)  # of load: long enough for what happens in it
MARK = "SELECT value FROM meta WHERE name = 'replaying'"
EVENTS = "SELECT count(*) FROM events"


def start_load(folder, services: Services, apis) -> subprocess.Popen:
    urls = ",".join(f"http://127.0.0.1:{api.port}" for api in apis)
    words = ["--url", urls, "--connections", 32, "--duration", f"{SECONDS}s", "--warm-up", "0s", "--events", 30, "--seats", 20000]
    words += ["--patience", "120s", "--journal", folder / "journal"]
    return spawn(folder, "bench", "bench", "flow", "--json", "--quiet", *words, **services.options)


def kill_in_the_middle(folder, services: Services) -> None:
    """A replay that has begun, and has not ended when it is killed: the first of some that is met in the middle."""
    for _ in range(20):
        replay = spawn(folder, "replay", "replay", **{"DATA_DIR": str(folder / "data"), **services.options})
        eventually(lambda: replay.poll() is not None or services.database.query(MARK) == [["1"]], within=10 * SLACK, every=0.001)  # noqa: B023
        replay.kill()
        replay.wait(60)
        if services.database.query(MARK) == [["1"]]:
            return
    raise AssertionError("each had ended before it was killed")


def check_interrupted(services: Services, apis) -> None:
    """Nobody writes, and everybody says why; readers see the old state."""
    eventually(lambda: all(api.api().get("/v1/readyz").status == 503 for api in apis), within=5 * SLACK)
    before = services.database.query(EVENTS)
    for server in apis:
        event_id = services.database.query("SELECT event_id FROM sales LIMIT 1")[0][0]
        refused = server.api().hold(event_id, ["A-1-1"])
        problem(refused, "store-unavailable")
        assert refused.status == 503 and int(refused.headers["Retry-After"]) > 0
        assert "a replay runs, or was begun and not ended" in server.operators().get("/v1/readyz?verbose").body.decode()
        assert server.api().get(f"/v1/events/{event_id}/seats").status == 200
        eventually(lambda: "a replay runs, or was begun and not ended" in server.stderr, within=5)  # noqa: B023
    listed = services.tro("event", "list")
    assert listed.returncode == 0 and event_id in listed.stdout, listed
    done = services.tro("verify", timeout=300)
    assert done.returncode == 1 and "tro replay" in done.stdout and " 0 differences" in done.stdout, done.stdout + done.stderr
    assert services.database.query(EVENTS) == before, "events were appended while a replay was not ended"


def check_statuses(report: dict) -> int:
    """How often 503 was said; no other failure was."""
    statuses = [(int(status), count) for step in report["steps"].values() for status, count in step["statuses"].items()]
    assert not [status for status, _ in statuses if status >= 500 and status != 503], report
    return sum(count for status, count in statuses if status == 503)


@pytest.mark.timeout(600)
def test_replay_in_the_middle_of_a_saturated_run(tmp_path, services):
    apis = [services.api(), services.api()]
    services.worker()
    services.publisher()
    database = services.database
    bench = start_load(tmp_path, services, apis)
    try:
        eventually(lambda: int(database.query(EVENTS)[0][0]) > 3000, within=60 * SLACK)
        kill_in_the_middle(tmp_path, services)
        check_interrupted(services, apis)

        began = time.monotonic()
        for number in range(2):
            done = services.tro("replay", timeout=120)
            assert done.returncode == 0, done.stdout + done.stderr
            eventually(lambda: all(api.api().get("/v1/readyz").status == 200 for api in apis), within=10 * SLACK)
            if number == 0:
                count = int(database.query(EVENTS)[0][0])
                eventually(lambda: int(database.query(EVENTS)[0][0]) > count + 500 or bench.poll() is not None, within=60 * SLACK)  # noqa: B023
        print(f"two replays in {time.monotonic() - began:.1f} s: {done.stdout.strip()}")

        assert bench.wait(180 * SLACK) == 0, (tmp_path / "bench.out").read_text() + (tmp_path / "bench.err").read_text()
        report = json.loads((tmp_path / "bench.out").read_text())
        assert report["passed"] and report["check"]["violations"] == 0, report
        print(f"{check_statuses(report)} answers of 503, {report['requests_per_second']} answers a second")
    finally:
        if bench.poll() is None:
            bench.kill()
            bench.wait()
    eventually(lambda: database.query("SELECT count(*) FROM outbox") == [["0"]], within=30, every=0.2)
    print(f"{check_sold_once(database)} seats sold, {database.query(PENDING)[0][0]} still open")

"""The table "When something is down" of docs/architecture.md, row by row: real servers behind a proxy that brings every trouble of a network, one process
that stands on all of them, and what the row promises. After each trouble everything recovers by itself, and nothing is left behind."""

import contextlib
import pathlib
import re
import statistics
import time

import pytest
from harness import wire
from harness.database import Database
from harness.faulty_proxy import TROUBLES, FaultyProxy
from harness.machine import is_in_time
from harness.problems import expect, one_of, problem
from harness.server import SLACK, Server, eventually
from harness.waiting import PATIENCE
from peers import mongodb, postgres, rabbitmq, redis

TESTS = pathlib.Path(__file__).parent.parent
TABLE = TESTS.parent / "docs" / "architecture.md"
RECOVERY_MAX = 10.0
STORE_ANSWER_MAX = 5.5  # 5 s, and what a busy machine adds
PAGE_ANSWER_MAX = 0.3
SECONDS_OF_TROUBLE = 1.0
CONNECTIONS_MORE = 8  # that the pools of all four may open as they are used, in all troubles together: one that each trouble leaves behind is more

# Rows of the table that are tested here, with the dependency that is in trouble …
HERE = {
    "the store does not answer, or its disk is full": "store",
    "the store hangs": "store",
    "the catalog": "catalog",
    "the bus": "bus",
    "Redis": "admission",
}
# … and those that have their tests elsewhere.
ELSEWHERE = {
    "the store does not answer, or its disk is full": ["fault/test_disk_full.py::test_a_full_disk_refuses_writes_and_serves_reads"],
    "the changes of seats cannot be read": [
        "services/test_seat_maps.py::test_maps_are_shown_for_two_seconds_without_the_database",
        "unit/app/test_seat_maps.c::a_map_is_stale_after_two_seconds_without_the_feed",
    ],
    "the store hangs": ["services/test_hung_store.py::test_commands_are_answered_in_time_and_then_at_once"],
    "a replay runs, or was killed": [
        "services/test_replay.py::test_replay_in_the_middle_of_a_saturated_run",
        "fault/test_postgres_faults.py::test_a_replay_that_was_not_ended",
    ],
    "a lane is full": ["unit/app/test_service.c::full_queue_is_refused_at_once"],
    "nobody reads stderr": ["unit/obs/test_log.c::nobody_waits_for_a_stuck_pipe", "unit/obs/test_log.c::the_log_tells_later_how_many_lines_were_dropped"],
    "the process, by `kill -9`": ["fault/test_crash.py::test_nothing_promised_is_lost"],
    "the receiver of traces, down, hung, slow or wrong": ["e2e/test_traces.py::test_spans_that_are_refused_are_dropped_and_counted_and_not_repeated"],
    "power": ["unit/adapters/sqlite/test_lost_sync.c::a_commit_that_was_found_not_to_have_happened_stays_away"],
}


def rows_of_the_table():
    text = TABLE.read_text().partition("## When something is down")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    return [row for row in rows if row != "what" and not re.fullmatch(r"-+", row)]


def test_every_row_of_the_table_has_its_tests():
    rows = rows_of_the_table()
    assert len(rows) > 5 and set(rows) == HERE.keys() | ELSEWHERE.keys()
    for place in sum(ELSEWHERE.values(), []):
        file, _, name = place.partition("::")
        assert name in (TESTS / file).read_text(), place


class Stack:
    """`tro serve` on a PostgreSQL, a RabbitMQ, a Redis and a MongoDB, each behind its proxy."""

    def __init__(self, folder, database, servers, proxies):
        self.servers, self.proxies, self.database = servers, proxies, database
        self.server = Server(
            folder,
            operators=True,
            CRDB_DSN=database.uri_at(proxies["store"].port),
            RABBIT_URL=servers["bus"].url.replace(f":{servers['bus'].port}", f":{proxies['bus'].port}"),
            REDIS_ADDR=f"127.0.0.1:{proxies['admission'].port}",
            MONGO_URI=f"mongodb://127.0.0.1:{proxies['catalog'].port}/{database.name}",
            LOG_LEVEL="info",
        )


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with postgres.server() as store, rabbitmq.server() as bus, redis.server() as admission, mongodb.server() as catalog:
        servers = {"store": store, "bus": bus, "admission": admission, "catalog": catalog}
        ports = {name: int(dict(word.split("=", 1) for word in server.dsn.split())["port"]) if name == "store" else server.port
                 for name, server in servers.items()}
        with FaultyProxy(ports["store"]) as one, FaultyProxy(ports["bus"]) as two, FaultyProxy(ports["admission"]) as three, \
             FaultyProxy(ports["catalog"]) as four:
            proxies = {"store": one, "bus": two, "admission": three, "catalog": four}
            stack = Stack(tmp_path_factory.mktemp("stack"), Database(store.dsn), servers, proxies)
            done = stack.server.tro("migrate")
            assert done.returncode == 0, done
            stack.server.start()
            try:
                yield stack
                await_recovery(stack)
                stack.server.stop()
                done = stack.server.tro("verify", timeout=120.0)
                assert done.returncode == 0, done
            finally:
                stack.server.kill()


def timed(call):
    began = time.monotonic()
    answer = call()
    return answer, time.monotonic() - began


class Shop:
    """What people do, one after the other, with how long each took."""

    def __init__(self, stack):
        self.server, self.api = stack.server, stack.server.api()
        self.event_id = self.api.create_event(rows=100, seats_per_row=100)["event_id"]
        self.seats = iter([f"A-{row}-{number}" for row in range(1, 101) for number in range(1, 101)])
        self.hold_id = self.hold()[0].json()["hold_id"]
        self.look()

    def hold(self):
        return timed(lambda: self.api.hold(self.event_id, [next(self.seats)]))

    def look(self):
        """The page that everybody looks at."""
        return timed(lambda: self.api.get(f"/v1/events/{self.event_id}"))

    def holds(self, count):
        """So many in a row, none refused; the median of how long they took."""
        times = []
        for _ in range(count):
            answer, took = self.hold()
            expect(answer, 201)
            times.append(took)
        return statistics.median(times)


@pytest.fixture(scope="module")
def shop(stack):
    eventually(lambda: stack.server.ready()["status"] == "ready", within=RECOVERY_MAX)
    shop = Shop(stack)
    shop.holds(20)
    stack.usual = resources(stack.server)
    return shop


def up(server, name):
    return server.metric("tro_dependency_up", dependency=name)


def await_recovery(stack):
    """It is ready, everything that waited has gone out, and no breaker is open."""
    began = time.monotonic()
    while True:
        ready, metrics = stack.server.ready(), stack.server.metrics()
        waiting, is_open = metrics["tro_outbox_entries"].total(), metrics["tro_dependency_state"].total(state="open")
        if ready["status"] == "ready" and waiting == 0 and is_open == 0:
            return
        assert is_in_time(time.monotonic() - began, RECOVERY_MAX * SLACK), (ready, waiting, is_open)
        time.sleep(0.1)


def resources(server):
    proc = pathlib.Path(f"/proc/{server.process.pid}")
    descriptors = len(list((proc / "fd").iterdir()))
    threads = len(list((proc / "task").iterdir()))
    return descriptors, threads, int(re.search(r"VmRSS:\s+(\d+) kB", (proc / "status").read_text())[1])


def await_resources(stack):
    """It has no more descriptors and threads than its pools may have."""
    began = time.monotonic()
    while True:
        descriptors, threads, _ = resources(stack.server)
        if descriptors <= stack.usual[0] + CONNECTIONS_MORE and threads <= stack.usual[1]:
            return
        assert time.monotonic() - began < PATIENCE, (descriptors, threads, stack.usual)
        time.sleep(0.1)


def operations(stack):
    """What works whatever is in trouble, at once."""
    times = []
    for path in ("/v1/healthz", "/metrics", "/v1/readyz?verbose"):
        answer, took = timed(lambda path=path: wire.exchange(stack.server.admin_port, "GET", path))
        assert answer.status in (200, 503 if path.startswith("/v1/readyz") else 200), answer
        times.append(took)
    return times


def watch_store(stack, shop, trouble):
    """Health, readiness and metrics at once; writes and reads are served, or refused in time."""
    shop.look()
    for request in (lambda: shop.hold(), lambda: timed(lambda: shop.api.get_hold(shop.hold_id))):
        answer, took = request()
        if answer.status >= 500:
            one_of(answer, "store-unavailable", "overloaded")
            assert int(answer.headers["Retry-After"]) >= 1
        assert is_in_time(took, STORE_ANSWER_MAX * SLACK), (answer, took)
    if trouble in ("stall", "half-open", "cut"):
        eventually(lambda: stack.server.ready()["store"]["state"] == "down", within=8)
        refused = [shop.hold() for _ in range(5)]
        assert all(answer.status == 503 for answer, _ in refused), refused
        assert is_in_time(min(took for _, took in refused), 0.1 * SLACK)  # at once, now that it is known


def watch_catalog(stack, shop, trouble, usual):
    """Sales go on as fast; pages that were made are shown, as this one was a moment ago; others are refused soon."""
    made = [shop.api.create_event()["event_id"] for _ in range(3)]
    refused = []
    for event_id in made:
        answer, took = timed(lambda event_id=event_id: shop.api.get(f"/v1/events/{event_id}"))
        if answer.status != 200:  # what comes a byte at a time may come in time
            problem(answer, "catalog-unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
            refused.append(took)
    if refused:
        assert is_in_time(min(refused), PAGE_ANSWER_MAX * SLACK), refused
    assert expect(shop.look()[0], 200)["event_id"] == shop.event_id
    assert is_in_time(min(shop.holds(10) for _ in range(3)), usual * 2 + 0.01 * SLACK)


def watch_bus(stack, shop, trouble, usual):
    """Sales go on as fast, and no client is told; waiting events are counted."""
    assert is_in_time(min(shop.holds(10) for _ in range(3)), usual * 2 + 0.01 * SLACK)
    assert expect(shop.look()[0], 200)
    if trouble != "latency" and trouble != "drip":
        eventually(lambda: stack.server.ready()["bus"]["state"] == "degraded", within=8)
        eventually(lambda: stack.server.metric("tro_outbox_entries") > 0, within=8)


def watch_admission(stack, shop, trouble, usual):
    """No request is refused or late, from the first on; each process judges alone."""
    times = []
    ended = time.monotonic() + SECONDS_OF_TROUBLE
    while time.monotonic() < ended:
        answer, took = shop.hold()
        expect(answer, 201)
        times.append(took)
    assert is_in_time(statistics.median(times), usual * 2 + 0.01 * SLACK)
    if trouble != "drip":
        eventually(lambda: stack.server.ready()["admission"]["state"] == "degraded", within=5)


WATCHES = {"store": watch_store, "catalog": watch_catalog, "bus": watch_bus, "admission": watch_admission}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("name", ["admission", "catalog", "bus", "store"])
def test_every_row_of_the_table_is_true(stack, shop, name, trouble):
    usual = shop.holds(10)
    expect(shop.look()[0], 200)
    before = resources(stack.server)
    log_before = len(stack.server.log())
    with stack.proxies[name].in_trouble(trouble):
        if name == "store":
            watch_store(stack, shop, trouble)
        else:
            WATCHES[name](stack, shop, trouble, usual)
        at_once = [operations(stack) for _ in range(3)]
        assert is_in_time(min(max(times) for times in at_once), 0.1 * SLACK), at_once
    began = time.monotonic()
    await_recovery(stack)
    recovered = time.monotonic() - began
    expect(shop.hold()[0], 201)
    event_id = shop.api.create_event()["event_id"]
    # A page that no cache has may be refused once more: the catalog has 300 ms for it, and a busy machine's catalog needs longer.
    eventually(lambda: shop.api.get(f"/v1/events/{event_id}").status == 200, within=RECOVERY_MAX)
    await_resources(stack)
    after = resources(stack.server)
    assert after[2] - before[2] < 16384, f"{after[2] - before[2]} KiB more"
    words = [entry for entry in stack.server.log()[log_before:] if entry.get("dependency") == name]
    assert all("reason" in entry for entry in words if entry["message"] == "dependency is down")
    print(f"{name}, {trouble}: a hold {usual * 1e3:.1f} ms before; recovered after {recovered:.2f} s; descriptors {before[0]} -> {after[0]}, threads "
          f"{before[1]} -> {after[1]}, RSS {before[2]} -> {after[2]} KiB; log: {[entry['message'] for entry in words]}")


START_WITHOUT = [("admission",), ("catalog",), ("bus",), ("admission", "catalog", "bus"), ("store",), ("store", "admission", "catalog", "bus")]


def reaches(server):
    with contextlib.suppress(OSError, wire.Closed):
        return wire.exchange(server.admin_port, "GET", "/v1/healthz").status == 200
    return False


def says_what_is_down(ready, down):
    """Each of them with the reason. Without the store nothing is known of the catalog yet, and nothing is published."""
    is_without_store = "store" in down
    expected = {"store": "down"} if is_without_store else {name: "degraded" for name in down}
    return (ready["status"] == ("unavailable" if is_without_store else "degraded")
            and all(ready[name]["state"] == state and ready[name].get("detail") for name, state in expected.items()))


@pytest.mark.parametrize("trouble", ["cut", "stall"])
@pytest.mark.parametrize("down", START_WITHOUT, ids="+".join)
def test_it_starts_without(stack, shop, tmp_path, down, trouble):
    """It serves without the missing system, names it, and uses it when it comes."""
    server = Server(tmp_path / "late", operators=True, **{name: value for name, value in stack.server.options.items()
                                                       if name not in ("DATA_DIR", "LISTEN_ADDR", "ADMIN_ADDR")})
    event_id = shop.event_id
    with contextlib.ExitStack() as troubles:
        for name in down:
            troubles.enter_context(stack.proxies[name].in_trouble(trouble))
        server.spawn()
        try:
            eventually(lambda: reaches(server), within=10)
            eventually(lambda: says_what_is_down(server.ready(), down), within=10)
            api = server.api()
            if "store" in down:
                problem(api.hold(event_id, [next(shop.seats)]), "store-unavailable")
                # Between two of its probes: while one is under way the state is half-open.
                eventually(lambda: server.metric("tro_dependency_state", dependency="store", state="open") == 1, within=RECOVERY_MAX)
            else:
                hold = expect(api.hold(event_id, [next(shop.seats)]), 201)
                expect(api.get_hold(hold["hold_id"]), 200)
                expect(api.get(f"/v1/events/{event_id}/availability"), 200)
            if "catalog" in down and "store" not in down:
                problem(api.get(f"/v1/events/{event_id}"), "catalog-unavailable")
            troubles.close()
            eventually(lambda: server.ready()["status"] == "ready", within=RECOVERY_MAX)
            expect(api.hold(event_id, [next(shop.seats)]), 201)
            eventually(lambda: api.get(f"/v1/events/{event_id}").status == 200, within=RECOVERY_MAX)
            server.stop()
        finally:
            server.kill()
    await_recovery(stack)

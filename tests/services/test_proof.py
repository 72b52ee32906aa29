"""The proof: two of each service sell tickets while everything that can fail does, and afterwards all that was promised is true.

The load is `tro bench onsale` on both APIs: a request without an answer is repeated at the other one. It checks every answer itself.
`tro consume` is the consumer. SERVICES_SECONDS is how long the load goes on, SERVICES_SEED repeats a run's choices."""

import collections
import json
import os
import random
import signal
import subprocess
import time

import pytest
from harness.database import Database
from harness.server import SLACK, Server, eventually, spawn
from harness.services import Services
from peers import postgres

SECONDS = int(os.environ.get("SERVICES_SECONDS", "40"))
SEED = int(os.environ.get("SERVICES_SEED", time.time_ns() % 1_000_000))
RATE = int(400 / SLACK)  # buyers a second
TTL = "5s"
LEASE_OUTLASTED = 8.0  # seconds
FAULT_EVERY = 60  # of the commits of the first API, one meets a cut connection before, during or after
PENDING = "SELECT (SELECT count(*) FROM holds WHERE status = 1) + (SELECT count(*) FROM orders WHERE status = 1)"


@pytest.fixture
def durable():
    """A PostgreSQL that syncs."""
    with postgres.server(is_durable=True) as running:
        yield running


@pytest.fixture
def proxy(durable, tmp_path):
    """The port of a door to the database that cuts connections around COMMIT."""
    process = spawn(tmp_path, "proxy", "127.0.0.1", durable.port, 0, FAULT_EVERY, "any", program="tro-pg-proxy")
    ready = eventually(lambda: (tmp_path / "proxy.out").read_text(), within=5)
    yield int(ready.split("port=")[1])
    process.terminate()
    assert process.wait(10) == 0
    faults = int((tmp_path / "proxy.out").read_text().split("FAULTS ")[1])
    print(f"{faults} commits met a cut connection")
    assert faults > 0


class Troubles:
    """Everything that can be done to the processes, one method each, and undone when it returns."""

    def __init__(self, apis, workers, publishers, database, postgres, broker, source):
        self.apis, self.workers, self.publishers = apis, workers, publishers
        self.database, self.postgres, self.broker, self.source = database, postgres, broker, source

    def _kill(self, servers: list[Server]) -> None:
        server = self.source.choice(servers)
        server.kill()
        time.sleep(self.source.uniform(0, 0.5))
        server.start()

    def kill_an_api(self) -> None:
        self._kill(self.apis)

    def kill_a_worker(self) -> None:
        self._kill(self.workers)

    def kill_a_publisher(self) -> None:
        self._kill(self.publishers)

    def kill_one_of_each(self) -> None:
        killed = [self.source.choice(servers) for servers in (self.apis, self.workers, self.publishers)]
        for server in killed:
            server.kill()
        for server in killed:
            server.start()

    def restart_the_database(self) -> None:
        self.postgres.restart()

    def crash_the_database(self) -> None:
        self.postgres.crash()
        time.sleep(self.source.uniform(0, 1))
        self.postgres.start()

    def cut_all_connections(self) -> None:
        for _ in range(5):
            self.database.query(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"
            )
            time.sleep(self.source.uniform(0, 0.3))

    def kill_the_broker(self) -> None:
        self.broker.kill()
        self._kill(self.apis)
        self.broker.start()

    def stop_the_broker(self) -> None:
        self.broker.restart()

    def close_the_connections_of_the_broker(self) -> None:
        self.broker.close_connections()

    def block_the_broker(self) -> None:
        self.broker.raise_alarm()
        time.sleep(1)
        self.broker.clear_alarm()

    def hang_a_publisher(self) -> None:
        server = self.source.choice(self.publishers)
        server.pause()
        time.sleep(LEASE_OUTLASTED)
        server.resume()

    def hang_an_api(self) -> None:
        server = self.source.choice(self.apis)
        server.pause()
        time.sleep(self.source.uniform(0, 1))
        server.resume()


TROUBLES = [name for name in vars(Troubles) if not name.startswith("_")]


def store_of(database: Database) -> dict[str, tuple[str, int]]:
    rows = database.query("SELECT id, stream_id, sequence FROM events WHERE stream_id NOT IN (SELECT event_id FROM sales)")
    return {event_id: (stream, int(sequence)) for event_id, stream, sequence in rows}


def consumed(folder) -> list[dict]:
    """What `tro consume` has printed by now, but for a line that is not whole yet."""
    text = (folder / "consume.out").read_text()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def check_events(stored: dict[str, tuple[str, int]], lines: list[dict]) -> int:
    """Every event of the store at least once, none that it lacks, and in order in each stream. How often one came again."""
    first: dict[str, list[int]] = collections.defaultdict(list)
    seen = set()
    for line in lines:
        event_id = line["message_id"]
        assert stored.get(event_id) == (line["stream"], line["sequence"]), f"the store has no such event: {line}"
        assert line["event"]["id"] == event_id
        if event_id not in seen:
            seen.add(event_id)
            first[line["stream"]].append(line["sequence"])
    assert seen == stored.keys(), f"{len(stored.keys() - seen)} events were never consumed, such as {sorted(stored.keys() - seen)[:5]}"
    for stream, sequences in first.items():
        assert sequences == list(range(1, len(sequences) + 1)), f"stream {stream} came in the order {sequences}"
    return len(lines) - len(seen)


def check_sold_once(database: Database) -> int:
    """No seat is in two confirmed orders. How many were sold."""
    sold = collections.Counter()
    for event_id, items in database.query("SELECT event_id, replace(items, chr(10), ',') FROM orders WHERE status = 2"):
        sold.update((event_id, item.partition(" ")[2]) for item in items.split(",") if item)
    assert sold and set(sold.values()) == {1}, f"sold twice: {[seat for seat, count in sold.items() if count > 1][:5]}"
    return len(sold)


def start_load(folder, services: Services, apis: list[Server]) -> subprocess.Popen:
    """Buyers at a steady rate, in bench.out in the end what became of them."""
    words = ["--url", ",".join(f"http://127.0.0.1:{api.port}" for api in apis), "--connections", 32, "--seed", SEED]
    words += ["--rate", RATE, "--duration", f"{SECONDS}s", "--warm-up", "0s", "--events", max(20, SECONDS // 3), "--seats", 2000]
    words += ["--timeout", f"{int(3 * SLACK)}s", "--patience", "120s", "--journal", folder / "journal"]
    return spawn(folder, "bench", "bench", "onsale", "--json", "--quiet", *words, **services.options)


@pytest.mark.timeout(3 * SECONDS + 600)
def test_nothing_promised_is_lost_and_nothing_sold_twice(tmp_path, durable, proxy, broker):
    print(f"SERVICES_SEED={SEED}")
    source = random.Random(SEED)
    database = Database(durable.dsn)
    services = Services(tmp_path, database, broker.url, HOLD_TTL=TTL, ORDER_TTL=TTL, LOG_LEVEL="error")
    services.migrate()
    queue = f"proof-{SEED}"
    consumer = spawn(tmp_path, "consume", "consume", "--queue", queue, "--json", "--complete", **services.options)
    eventually(lambda: "waiting for events" in (tmp_path / "consume.err").read_text(), within=10)
    bench = None
    try:
        apis = [services.api(CRDB_DSN=database.uri_at(proxy)), services.api(COMMITS_IN_FLIGHT="3")]
        workers, publishers = [services.worker(), services.worker()], [services.publisher(), services.publisher()]
        bench = start_load(tmp_path, services, apis)
        troubles = Troubles(apis, workers, publishers, database, durable, broker, source)
        met = make_trouble(troubles, source, bench)
        assert bench.wait(300 + SECONDS) == 0, (tmp_path / "bench.out").read_text() + (tmp_path / "bench.err").read_text()
        check_bench(json.loads((tmp_path / "bench.out").read_text()))

        eventually(lambda: database.query(PENDING) == [["0"]], within=20, every=0.2)
        eventually(lambda: database.query("SELECT count(*) FROM outbox") == [["0"]], within=30, every=0.2)
        stored = store_of(database)
        eventually(lambda: {line["message_id"] for line in consumed(tmp_path)} >= stored.keys(), within=30, every=0.5)
        services.stop()
        services.verify()
        consumer.send_signal(signal.SIGTERM)
        assert consumer.wait(30) == 0, (tmp_path / "consume.err").read_text()
        repeats = check_events(stored, consumed(tmp_path))
        seats = check_sold_once(database)
        print(f"{len(stored)} events, {repeats} of them again; {seats} seats sold; troubles: {dict(met)}")
    finally:
        for process in (consumer, bench):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        services.kill()


def make_trouble(troubles: Troubles, source: random.Random, bench: subprocess.Popen) -> collections.Counter:
    """Everything once, in any order; then again, as long as the load goes on."""
    deadline = time.monotonic() + SECONDS - 5
    met = collections.Counter()
    while not met or time.monotonic() < deadline:
        for name in source.sample(TROUBLES, len(TROUBLES)):
            is_enough = len(met) == len(TROUBLES) and time.monotonic() > deadline
            if is_enough or bench.poll() not in (None, 0):
                return met
            time.sleep(source.uniform(0, 1.0))
            print(f"{time.strftime('%H:%M:%S')} {name}", flush=True)
            getattr(troubles, name)()
            met[name] += 1
    return met


def check_bench(report: dict) -> None:
    """Every acknowledged answer was true, and there was something to it."""
    assert report["passed"], report
    assert report["check"]["violations"] == 0 and report["check"]["holds_acknowledged"] > 10 * SECONDS / SLACK, report
    assert report["repeats"] > 20 / SLACK and report["reconnects"] > 20 / SLACK, f"the load did not notice: {report}"
    print({name: report[name] for name in ("requests_per_second", "repeats", "reconnects", "timeouts", "missed")}, report["check"])

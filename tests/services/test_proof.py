"""The proof: four APIs, two workers and two publishers sell tickets while everything that can fail does, and afterwards all that was promised is true.

The load is `tro bench onsale` on all APIs: a request without an answer is repeated at another one. It checks every answer itself.
Witnesses ask each API what people ask and note every answer of 5xx; `tro consume` is the consumer. What fails is in two lists, one for each of two hands
that work at the same time: to add a trouble, add a method to Troubles and its name to a list. SERVICES_SECONDS is how long the load goes on,
SERVICES_RATE how many buyers come in a second, SERVICES_SEED repeats a run's choices."""

import collections
import contextlib
import glob
import json
import os
import random
import signal
import subprocess
import threading
import time

import pytest
from harness import wire
from harness.database import Database
from harness.organiser import Organiser, check_accounts
from harness.server import SLACK, Server, eventually, spawn
from harness.services import Services
from peers import postgres

SECONDS = int(os.environ.get("SERVICES_SECONDS", "60"))
SEED = int(os.environ.get("SERVICES_SEED", time.time_ns() % 1_000_000))
RATE = int(os.environ.get("SERVICES_RATE", 400 / SLACK))  # buyers a second
TTL = "5s"
LEASE_OUTLASTED = 8.0  # seconds
HUNG = 10.0  # seconds that the database, or the broker, does not answer
RECOVERY = 5.0 * SLACK  # seconds after a trouble in which it may still be refused for it
HOUR = 3600
LIBRARIES = [] if SLACK > 1 else glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")  # which cannot start beneath a sanitizer
FAULT_EVERY = 60  # of the commits of the first API, one meets a cut connection before, during or after
SETTLED = 17  # the type of event.settled, which alone is not published
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
    assert process.wait(60) == 0
    faults = int((tmp_path / "proxy.out").read_text().split("FAULTS ")[1])
    print(f"{faults} commits met a cut connection")
    assert faults > 0


class Troubles:
    """Everything that can be done to the processes, one method each, and undone when it returns. Those of STORE_TROUBLES and those of
    BUS_TROUBLES are met at the same time, and touch different processes."""

    def __init__(self, services, apis, workers, publishers, database, postgres, broker, source):
        self.services, self.apis, self.workers, self.publishers = services, apis, workers, publishers
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
        killed = [self.source.choice(servers) for servers in (self.apis, self.workers)]
        for server in killed:
            server.kill()
        for server in killed:
            server.start()

    def replay(self) -> None:
        """The projections are made anew: once by a replay that is killed, and then by one that ends."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.services.tro("replay", timeout=self.source.uniform(0.05, 0.5))
        done = self.services.tro("replay", timeout=120)
        assert done.returncode == 0, f"tro replay: {done.stdout}{done.stderr}"

    def hang_the_database(self) -> None:
        with self.postgres.hung():
            time.sleep(HUNG)

    def pause_the_broker(self) -> None:
        self.broker.pause()
        time.sleep(HUNG)
        self.broker.resume()

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
        self._kill(self.publishers)
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


# While one of these goes on the store, or an API, is really away, and 503 is an answer.
STORE_TROUBLES = [
    Troubles.kill_an_api,
    Troubles.kill_a_worker,
    Troubles.kill_one_of_each,
    Troubles.hang_an_api,
    Troubles.restart_the_database,
    Troubles.crash_the_database,
    Troubles.hang_the_database,
    Troubles.cut_all_connections,
    Troubles.replay,
]
# These nobody who buys may notice.
BUS_TROUBLES = [
    Troubles.kill_a_publisher,
    Troubles.hang_a_publisher,
    Troubles.kill_the_broker,
    Troubles.stop_the_broker,
    Troubles.pause_the_broker,
    Troubles.block_the_broker,
    Troubles.close_the_connections_of_the_broker,
]
# What has to be true of the database in the end, one function each: it gets the Database and fails, or prints what it has found.
BALANCES = [check_accounts]


class Hand(threading.Thread):
    """Meets everything of its list once, in any order; then again, as long as the load goes on. It stays until it is dismissed: the kernel ends
    what a thread has started with the thread."""

    def __init__(self, troubles: Troubles, methods: list, source: random.Random, bench: subprocess.Popen):
        super().__init__()
        self.troubles, self.methods, self.source, self.bench = troubles, methods, source, bench
        self.met: list[tuple[str, float, float]] = []  # what, from when to when
        self.failure: BaseException | None = None
        self.is_done, self.may_go = threading.Event(), threading.Event()

    def run(self) -> None:
        try:
            self.work(time.monotonic() + SECONDS - 5)
        except BaseException as failure:  # the test fails of it, not this thread alone
            self.failure = failure
        self.is_done.set()
        self.may_go.wait()

    def work(self, deadline: float) -> None:
        while not self.met or time.monotonic() < deadline:
            for method in self.source.sample(self.methods, len(self.methods)):
                is_enough = len(self.met) >= len(self.methods) and time.monotonic() > deadline
                if is_enough or self.bench.poll() not in (None, 0):
                    return
                time.sleep(self.source.uniform(0, 1.0))
                self.meet(method)

    def meet(self, method) -> None:
        began = time.monotonic()
        print(f"{time.strftime('%H:%M:%S')} {method.__name__}", flush=True)
        method(self.troubles)
        self.met.append((method.__name__, began, time.monotonic()))

    def counts(self) -> dict[str, int]:
        return dict(collections.Counter(name for name, _, _ in self.met))

    def was_at_work(self, began: float, ended: float) -> bool:
        return any(begin <= ended and began <= end + RECOVERY for _, begin, end in self.met)


class Witness(threading.Thread):
    """A visitor of one API who reads events and seats, takes a seat now and then, and notes violations."""

    def __init__(self, server: Server, event_id: str):
        super().__init__()
        self.server, self.api, self.event_id = server, server.api(f"witness-{server.port}"), event_id
        self.is_over = threading.Event()
        self.answers = collections.Counter()
        self.refusals: list[tuple[float, float, int, str | None, str]] = []  # asked, answered, status, Retry-After, what it says
        self.failure: BaseException | None = None

    def run(self) -> None:
        number = 0
        try:
            while not self.is_over.wait(0.05):
                number += 1
                with contextlib.suppress(OSError, wire.Closed):
                    self.ask(number)
        except BaseException as failure:
            self.failure = failure

    def ask(self, number: int) -> None:
        targets = ["/v1/events", f"/v1/events/{self.event_id}", f"/v1/events/{self.event_id}/seats?limit=5"]
        began = time.monotonic()
        if number % 5 == 0:
            answer = self.api.hold(self.event_id, [f"A-{1 + number // 5 % 5}-{1 + number // 25 % 20}"])
        else:
            answer = self.api.get(targets[number % len(targets)])
        self.answers[answer.status] += 1
        if answer.status >= 500:
            self.refusals.append((began, time.monotonic(), answer.status, answer.headers.get("Retry-After"), answer.body.decode()))


def check_refusals(witnesses: list[Witness], store_hand: Hand) -> None:
    """Nobody got anything of 5xx but 503, with Retry-After, and that only while something that buyers need was really away."""
    total = sum((witness.answers for witness in witnesses), collections.Counter())
    refusals = [(witness.server.folder.name, *refusal) for witness in witnesses for refusal in witness.refusals]
    print(f"witnesses: {dict(total)}")
    assert [witness.failure for witness in witnesses if witness.failure is not None] == []
    assert min(total[200], total[201]) > 0, total
    wrong = [refusal for refusal in refusals if refusal[3] != 503 or int(refusal[4] or 0) < 1]
    assert wrong == [], wrong[:5]
    groundless = [refusal for refusal in refusals if not store_hand.was_at_work(refusal[1], refusal[2])]
    assert groundless == [], f"{len(groundless)} of {len(refusals)} refusals without a reason, such as {groundless[:5]}; {store_hand.met}"


def check_logs(services: Services) -> None:
    """No process has logged a request that it answered with 500."""
    for process in services.processes:
        wrong = [entry for entry in process.log() if entry.get("status") == 500]
        assert wrong == [], f"{process.folder.name}: {wrong[:3]}"


def store_of(database: Database) -> dict[str, tuple[str, int]]:
    rows = database.query(f"SELECT id, stream_id, sequence FROM events WHERE type <> {SETTLED}")
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
    """Buyers at a steady rate; bench.out has their results in the end."""
    words = ["--url", ",".join(f"http://127.0.0.1:{api.port}" for api in apis), "--connections", 32, "--seed", SEED]
    words += ["--rate", RATE, "--duration", f"{SECONDS}s", "--warm-up", "0s", "--events", max(20, SECONDS // 3), "--seats", 2000]
    words += ["--timeout", f"{int(3 * SLACK)}s", "--patience", "120s", "--journal", folder / "journal"]
    return spawn(folder, "bench", "bench", "onsale", "--json", "--quiet", *words, **services.options)


def has_begun(folder, bench: subprocess.Popen) -> bool:
    """Whether something was acknowledged; before that it needs all of the APIs."""
    journal = folder / "journal"
    return bench.poll() is not None or (journal.exists() and journal.stat().st_size > 0)


def wrong_by(seconds: int) -> dict[str, str]:
    """Of a process whose clock is wrong. Its tokens would be wrong, too, so no buyer talks to it."""
    return {"LD_PRELOAD": LIBRARIES[0], "FAKETIME": f"{seconds:+d}", "DONT_FAKE_MONOTONIC": "1"} if LIBRARIES else {}


def start_all(services: Services, proxy: int) -> tuple[list[Server], list[Server], list[Server]]:
    """Of the APIs one loses connections in COMMIT, and one commits several batches at once. A worker and a publisher have a wrong clock."""
    database = services.database
    apis = [services.api(CRDB_DSN=database.uri_at(proxy)), services.api(COMMITS_IN_FLIGHT="3"), services.api(), services.api()]
    workers = [services.worker(), services.worker(**wrong_by(HOUR))]
    publishers = [services.publisher(), services.publisher(**wrong_by(-HOUR))]
    return apis, workers, publishers


@contextlib.contextmanager
def witnesses_of(apis: list[Server]):
    event_id = apis[0].api().create_event()["event_id"]
    witnesses = [Witness(api, event_id) for api in apis]
    for witness in witnesses:
        witness.start()
    try:
        yield witnesses
    finally:
        dismiss(witnesses)


def dismiss(witnesses: list[Witness]) -> None:
    for witness in witnesses:
        witness.is_over.set()
    for witness in witnesses:
        witness.join()


@contextlib.contextmanager
def hands_of(troubles: Troubles, source: random.Random, bench: subprocess.Popen):
    """One for each list, once they have met what they are to meet."""
    hands = [Hand(troubles, methods, random.Random(source.random()), bench) for methods in (STORE_TROUBLES, BUS_TROUBLES)]
    for hand in hands:
        hand.start()
    try:
        for hand in hands:
            hand.is_done.wait()
        for hand in hands:
            if hand.failure is not None:
                raise hand.failure
        yield hands
    finally:
        for hand in hands:
            hand.may_go.set()
        for hand in hands:
            hand.join()


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
        apis, workers, publishers = start_all(services, proxy)
        troubles = Troubles(services, apis, workers, publishers, database, durable, broker, source)
        with witnesses_of(apis) as witnesses:
            bench = start_load(tmp_path, services, apis)
            eventually(lambda: has_begun(tmp_path, bench), within=20)
            organiser = Organiser(apis, SECONDS / 2)
            organiser.start()
            with hands_of(troubles, source, bench) as hands:
                assert bench.wait(300 + SECONDS) == 0, (tmp_path / "bench.out").read_text() + (tmp_path / "bench.err").read_text()
                check_bench(json.loads((tmp_path / "bench.out").read_text()))
                dismiss(witnesses)
                organiser.join()
                check_refusals(witnesses, hands[0])
                stored = settle(database, tmp_path, organiser.event_id)
                services.stop()
                services.verify()
                consumer.send_signal(signal.SIGTERM)
                assert consumer.wait(60) == 0, (tmp_path / "consume.err").read_text()
                check_the_end(services, stored, consumed(tmp_path))
                organiser.check(database, is_whole=SECONDS >= 60)  # in a short run the database may hang for all of it
                print(f"troubles: {[hand.counts() for hand in hands]}")
    finally:
        for process in (consumer, bench):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        services.kill()


def settle(database: Database, folder, cancelled: str) -> dict[str, tuple[str, int]]:
    """Waits until all holds and orders have ended and all events are published and consumed. Answers the store's contents then."""
    eventually(lambda: database.query(PENDING) == [["0"]], within=20, every=0.2)
    settled = f"SELECT count(*) FROM events WHERE type = {SETTLED} AND stream_id = '{cancelled}'"
    eventually(lambda: database.query(settled) == [["1"]], within=30, every=0.5)
    eventually(lambda: database.query("SELECT count(*) FROM outbox") == [["0"]], within=30, every=0.2)
    stored = store_of(database)
    eventually(lambda: {line["message_id"] for line in consumed(folder)} >= stored.keys(), within=30, every=0.5)
    return stored


def check_the_end(services: Services, stored: dict[str, tuple[str, int]], lines: list[dict]) -> None:
    repeats = check_events(stored, lines)
    seats = check_sold_once(services.database)
    check_logs(services)
    for balance in BALANCES:
        balance(services.database)
    print(f"{len(stored)} events, {repeats} of them again; {seats} seats sold")


def check_bench(report: dict) -> None:
    """Every acknowledged answer was true, and there was something to it."""
    assert report["passed"], report
    assert report["check"]["violations"] == 0 and report["check"]["holds_acknowledged"] > 10 * SECONDS / SLACK, report
    assert report["repeats"] > 20 / SLACK and report["reconnects"] > 20 / SLACK, f"the load did not notice: {report}"
    print({name: report[name] for name in ("requests_per_second", "repeats", "reconnects", "timeouts", "missed")}, report["check"])

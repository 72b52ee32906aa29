"""Each service as a process: its addresses, its routes, its waiting for other systems, and its end."""

import concurrent.futures
import contextlib
import socket
import struct
import threading
import time

import pytest
from harness import wire
from harness.api import Api
from harness.load import Load, settle
from harness.machine import is_in_time
from harness.problems import expect, one_of
from harness.server import SLACK, STOP_TIMEOUT, Server, eventually, run_tro
from harness.services import API, PUBLISHER, WORKER, Services


@pytest.mark.parametrize("program, address", [(API, "127.0.0.1:8080"), (WORKER, "127.0.0.1:8081"), (PUBLISHER, "127.0.0.1:8082")])
def test_each_has_an_address_of_its_own(program, address):
    printed = run_tro("--help", program=program).stdout
    assert any("--listen-addr" in line and address in line for line in printed.splitlines()), printed


def test_a_publisher_needs_a_broker(services):
    done = services.tro(program=PUBLISHER, RABBIT_URL=None)
    assert (done.returncode, done.stdout) == (1, "") and "RABBIT_URL" in done.stderr


@pytest.mark.parametrize("program", [WORKER, PUBLISHER])
def test_services_without_clients_serve_health_readiness_and_metrics_only(services, program):
    process = services.add(program).start()
    assert wire.exchange(process.port, "GET", "/v1/healthz").json() == {"status": "ok"}
    eventually(lambda: process.ready()["status"] == "ready", within=5)
    assert process.ready()["store"]["state"] == "up"
    assert {"tro_build_info", "tro_outbox_entries", "tro_expired_total"} <= process.metrics().keys()
    caller = Api(process.port)
    for method, target in [("POST", "/v1/holds"), ("GET", "/v1/events"), ("POST", "/v1/payments/callback"), ("GET", "/v1/openapi.yaml")]:
        assert wire.exchange(process.port, method, target, [("Authorization", f"Bearer {caller.token}")]).status == 404, target


def test_an_api_without_a_worker_blocks_nobody(services):
    """What has lapsed is free, whether or not anybody marks it."""
    server = services.api(HOLD_TTL="300ms")
    api = server.api("ada")
    event_id = api.create_event()["event_id"]
    hold = api.held(event_id, "A-1-1")
    time.sleep(0.35)
    assert api.history("holds", hold["hold_id"]) == ["hold.created"]
    server.api("bob").held(event_id, "A-1-1")
    assert api.history("holds", hold["hold_id"]) == ["hold.created", "hold.expired"]


# Starting before what it needs


def is_told(process: Server, *words: str) -> bool:
    """Whether a line of the log has these words."""
    return any(all(word in line for word in words) for line in process.stderr.splitlines())


def await_reason(process: Server, name: str, *words: str) -> None:
    """It lives, is not ready, and says why: to clients and in its log."""
    eventually(lambda: is_listening(process), within=5)
    deadline = time.monotonic() + 60
    while not all(word in (reason := process.ready().get(name, {}).get("detail", "")) for word in words):
        assert time.monotonic() < deadline, f"{process.program} says of the {name} '{reason}', without {words}\n{process.stderr[-2000:]}"
        time.sleep(0.02)
    eventually(lambda: is_told(process, name, *words), within=5)


def is_listening(process: Server) -> bool:
    try:
        return wire.exchange(process.port, "GET", "/v1/healthz").status == 200
    except (OSError, wire.Closed):
        return False


def test_all_wait_for_the_database(services, server):
    """Started first, they name the missing system and tell clients to come again; then they serve, without a restart."""
    server.stop()
    try:
        processes = [services.add(program, LOG_LEVEL="info").spawn() for program in (API, WORKER, PUBLISHER)]
        for process in processes:
            await_reason(process, "store", "cannot connect")
            assert wire.exchange(process.port, "GET", "/v1/readyz").status == 503
        refusal = processes[0].api().hold("019aae7d-6b60-7c42-9a55-7e3390c1d7e4", ["A-1-1"])
        one_of(refusal, "store-unavailable", "overloaded")
        assert int(refusal.headers["Retry-After"]) >= 1
    finally:
        server.start()
    for process in processes:
        eventually(process.is_ready, within=10)
        eventually(lambda: is_told(process, "dependency is back", "store"), within=5)  # noqa: B023
    api = processes[0].api()
    api.confirmed(api.create_event()["event_id"], "A-1-1")
    eventually(lambda: processes[2].metric("tro_published_events_total") == 4, within=5)


def test_all_wait_for_the_schema(tmp_path, database, broker):
    services = Services(tmp_path, database, broker.url)
    try:
        processes = [services.add(program).spawn() for program in (API, WORKER, PUBLISHER)]
        for process in processes:
            await_reason(process, "store", "tro migrate")
            assert wire.exchange(process.port, "GET", "/v1/readyz").status == 503
        services.migrate()
        for process in processes:
            eventually(process.is_ready, within=10)
        processes[0].api().create_event()
        services.stop()
        services.verify()
    finally:
        services.kill()


def test_a_publisher_waits_for_the_broker(services, broker):
    broker.stop()
    try:
        server, publisher = services.api(), services.add(PUBLISHER).spawn()
        await_reason(publisher, "bus", "reached")
        api = server.api()
        api.confirmed(api.create_event()["event_id"], "A-1-1")
        eventually(lambda: publisher.metric("tro_outbox_entries") > 0, within=5)
    finally:
        broker.start()
    eventually(lambda: publisher.metric("tro_published_events_total") == 4, within=15)
    eventually(lambda: publisher.ready()["bus"]["state"] == "up", within=5)


# Ending


def test_sigterm_under_load_loses_nothing(services, listener):
    """Everything ends at once, within ten seconds; every request sent is answered, and everything answered is stored and published."""
    server = services.api(HOLD_TTL="24h", ORDER_TTL="24h")
    services.worker(), services.publisher()
    for number in range(2):
        event_id = server.api().create_event(rows=10, seats_per_row=30)["event_id"]
        load = Load(server.port, event_id, list(server.api().seats(event_id)), seed=number)
        time.sleep(0.5)
        load.await_answers(25)
        terminated_at = time.monotonic()
        services.stop()
        assert is_in_time(time.monotonic() - terminated_at, STOP_TIMEOUT * SLACK)
        journals = load.journals()
        for journal in journals:
            for entry in journal:
                if entry.answer is None:
                    assert entry.sent_at is None or entry.sent_at >= terminated_at, f"sent before SIGTERM and never answered: {entry}"
                elif entry.answer.status == 503:  # the server was leaving: it is asked again
                    entry.answer = None
        assert sum(entry.answer is not None for journal in journals for entry in journal) > 20, "there was no load to speak of"
        for process in services.processes:
            process.start()
        ledger = settle(server.port, journals)
        ledger.check(server.port)
        ledger.check_seats(server.port, event_id)
    expected = {row[0] for row in services.database.query("SELECT id FROM events")}
    eventually(lambda: listener.ids() >= expected, within=5)
    assert listener.ids() == expected
    assert all(sequences == list(range(1, len(sequences) + 1)) for sequences in listener.streams().values())


# Secrets


def test_passwords_are_never_shown(services):
    secret = "Kx7-never-to-be-seen"
    dsn = services.database.uri.replace("//tro@", f"//tro:{secret}@")
    wrong_broker = services.options["RABBIT_URL"].replace("//tro:", f"//nobody:{secret}")
    server = services.api(CRDB_DSN=dsn, LOG_LEVEL="debug")
    publisher = services.publisher(CRDB_DSN=dsn, RABBIT_URL=wrong_broker, LOG_LEVEL="debug")
    away = services.add(WORKER, CRDB_DSN=dsn.replace(services.database.name, "nowhere"), LOG_LEVEL="debug").spawn()
    await_reason(publisher, "bus", "refuse")
    await_reason(away, "store", "nowhere")
    server.api().create_event()
    config = services.tro("config", CRDB_DSN=dsn, RABBIT_URL=wrong_broker)
    assert services.database.name in config.stdout, "the rest of the address is to be seen"
    shown = [config.stdout, config.stderr]
    for process in (server, publisher, away):
        process.log()
        shown += [process.stderr, process.stdout]
        shown += [wire.exchange(process.admin_port, "GET", target).body.decode() for target in ("/metrics", "/v1/readyz?verbose")]
    for command in ("migrate", "verify", "event list"):
        for address in (
            dsn,
            away.options["CRDB_DSN"],
            f"postgresql://tro:{secret}@127.0.0.1:1/x",
            f"postgresql://tro:{secret}@127.0.0.1:nonsense/x",
        ):
            done = services.tro(*command.split(), CRDB_DSN=address)
            shown += [done.stdout, done.stderr]
    for text in shown:
        assert secret not in text, text


# What others say


def serve_notices(listener: socket.socket) -> None:
    """A PostgreSQL that lets everybody in, says something in passing, and shuts down."""
    notice = b"SWARNING\0VWARNING\0C57P02\0Mterminating connection due to immediate shutdown command\0\0"
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            while (request := connection.recv(8)) and struct.unpack("!II", request)[1] in (80877103, 80877104):  # is there TLS, or GSSAPI?
                connection.sendall(b"N")
            connection.sendall(b"R" + struct.pack("!II", 8, 0) + b"N" + struct.pack("!I", len(notice) + 4) + notice)


def test_notices_of_the_database_are_not_printed(services):
    """libpq would print it as it comes, and a log line that is not JSON breaks readers of the log."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_notices, args=(listener,), daemon=True)
        thread.start()
        server = services.add(API, CRDB_DSN=f"postgresql://tro@127.0.0.1:{listener.getsockname()[1]}/tro").spawn()
        await_reason(server, "store", "cannot connect")
        server.stop()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    assert server.log() and "immediate shutdown" not in server.stderr


# Large events


def test_counting_the_seats_of_a_large_event_keeps_no_other_query_waiting(services):
    """An event whose map is not in memory is counted in the store. Here that waits for a lock on the seats; holds are read all the same."""
    server = services.api(SEAT_MAP_MEMORY="1MiB")
    api = server.api()
    sections = [{"name": name, "price": price, "rows": 100, "seats_per_row": 100} for name, price in (("A", 100), ("B", 50))]
    event_id = api.create_event(sections=sections)["event_id"]
    hold = api.held(event_id, "B-1-1", "B-1-2")
    availability = f"/v1/events/{event_id}/availability"
    counted = [{"section": "A", "total": 10000, "available": 10000, "price_from": 100}, {"section": "B", "total": 10000, "available": 9998, "price_from": 50}]
    assert expect(api.get(availability), 200)["data"] == counted
    for _ in range(6):  # every session knows its statements, which the lock would not let it learn
        expect(api.get(f"/v1/holds/{hold['hold_id']}"), 200)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        with services.database.locked("seats", "ACCESS EXCLUSIVE"):
            asked = [pool.submit(server.api().get, availability) for _ in range(3)]
            services.database.await_waiting("seats")
            for _ in range(6):
                assert expect(api.get(f"/v1/holds/{hold['hold_id']}"), 200) == hold
            assert not any(answer.done() for answer in asked)
        assert [expect(answer.result(), 200)["data"] for answer in asked] == [counted] * 3

"""A database that restarts: from the moment that it accepts connections no request is refused because of the time before."""

import concurrent.futures
import contextlib
import threading
import time

import pytest
from harness import wire
from harness.database import Database
from harness.problems import expect
from harness.server import Server, eventually
from harness.services import Services
from peers import postgres

READERS = 8  # at once: more than the API has sessions
ROUNDS = 4


@pytest.fixture
def machine():
    """One that this test may restart."""
    with postgres.server() as running:
        yield running


@contextlib.contextmanager
def everybody_asks(server: Server, paths: list[str], headers: list):
    """Readers who do not care about the answers: their tries are what makes an API wait before it tries again."""
    is_over = threading.Event()

    def ask(path: str) -> None:
        while not is_over.is_set():
            with contextlib.suppress(OSError, wire.Closed):
                wire.exchange(server.port, "GET", path, headers=headers)
            time.sleep(0.01)

    threads = [threading.Thread(target=ask, args=(path,)) for path in paths for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def answers(server: Server, paths: list[str], headers: list) -> list[tuple[str, int]]:
    """Of all paths at once, READERS times."""
    with concurrent.futures.ThreadPoolExecutor(READERS) as pool:
        asked = [(path, pool.submit(wire.exchange, server.port, "GET", path, headers=headers)) for _ in range(READERS) for path in paths]
        return [(path, answer.result().status) for path, answer in asked]


@pytest.mark.parametrize("seconds", [0.0, 3.0])
@pytest.mark.parametrize("is_busy", [False, True])
def test_the_first_reads_after_a_restart_are_served(tmp_path, machine, broker, seconds, is_busy):
    database = Database(machine.dsn)
    services = Services(tmp_path, database, broker.url, HOLD_TTL="24h", ORDER_TTL="24h")
    services.migrate()
    try:
        server, _worker, publisher = services.api(), services.worker(), services.publisher()
        api = server.api()
        event_id = api.create_event()["event_id"]
        hold, order = api.held(event_id, "A-1-1"), api.confirmed(event_id, "A-1-2")
        paths = [f"/v1/holds/{hold['hold_id']}", f"/v1/orders/{order['order_id']}", f"/v1/orders/{order['order_id']}/history",
                 f"/v1/events/{event_id}", f"/v1/events/{event_id}/seats", "/v1/events"]
        headers = [("Authorization", f"Bearer {api.token}")]
        assert {status for _, status in answers(server, paths, headers)} == {200}
        for _ in range(ROUNDS):
            with everybody_asks(server, paths, headers) if is_busy else contextlib.nullcontext():
                machine.stop()
                time.sleep(seconds)
                machine.start()
                refused = [answer for answer in answers(server, paths, headers) if answer[1] != 200]
            assert refused == []
        expect(eventually(lambda: once_more(api, event_id), within=5), 201)
        eventually(lambda: database.query("SELECT count(*) FROM outbox") == [["0"]], within=15)
        eventually(lambda: publisher.ready()["status"] == "ready", within=5)
        services.stop()
        services.verify()
    finally:
        services.kill()


def once_more(api, event_id: str):
    answer = api.hold(event_id=event_id, seats=["A-1-3"])
    return answer if answer.status != 503 else None


def test_sessions_that_were_lost_while_idle_are_no_outage(tmp_path, machine, broker):
    """The store commits all the time: buyers and probes of readiness must see that, also when the monitor's session was lost."""
    database = Database(machine.dsn)
    services = Services(tmp_path, database, broker.url, HOLD_TTL="24h")
    services.migrate()
    try:
        server = services.api()
        api, refused = server.api(), []
        event_id = api.create_event(rows=50)["event_id"]
        seats = (f"A-{row}-{number}" for row in range(1, 51) for number in range(1, 21))
        for _ in range(2 * ROUNDS):
            database.query("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL")
            until = time.monotonic() + 1.5  # longer than the monitor's interval
            while time.monotonic() < until:
                refused += [answer for answer in (api.hold(event_id, [next(seats)]), api.get("/v1/readyz")) if answer.status == 503]
                time.sleep(0.02)
        assert refused == []
        services.stop()
        services.verify()
    finally:
        services.kill()

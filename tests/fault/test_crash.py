"""kill -9 at random moments under load: every answer stays true, and an unanswered request has one true answer."""

import os
import random
import time

import pytest

from harness.load import Ledger, Load, settle
from harness.problems import expect
from harness.server import Server, eventually

CYCLES = int(os.environ.get("TRO_CRASH_CYCLES", "30"))
SEED = int(os.environ.get("TRO_CRASH_SEED", time.time_ns() % 1_000_000))
VERIFY_EVERY = 10
SEATS = {"rows": 10, "seats_per_row": 30}


def restart(server: Server, source: random.Random) -> None:
    """Starts the server anew; now and then it is killed once more while it recovers."""
    while source.random() < 0.2:
        server.spawn()
        time.sleep(source.uniform(0, 0.05))
        server.kill()
    server.start()


@pytest.fixture
def server(tmp_path):
    """Killed and started by the test; its store must verify clean."""
    server = Server(tmp_path, HOLD_TTL="24h", ORDER_TTL="24h", LOG_LEVEL="warn")
    yield server
    server.kill()


@pytest.mark.timeout(120 + 20 * CYCLES)
def test_nothing_promised_is_lost(server):
    print(f"TRO_CRASH_SEED={SEED}")
    source = random.Random(SEED)
    server.start()
    memory = Ledger()  # some of what earlier cycles promised
    answered = lost = 0
    for cycle in range(CYCLES):
        event = server.api().create_event(**SEATS)
        load = Load(server.port, event["event_id"], list(server.api().seats(event["event_id"])), seed=SEED + cycle)
        time.sleep(source.uniform(0.02, 0.5))
        load.await_answers(source.choice((0, 4)))
        server.kill()
        journals = load.journals()
        restart(server, source)
        assert expect(server.api().get(f"/v1/events/{event['event_id']}"), 200) == event
        ledger = settle(server.port, journals)
        ledger.check(server.port)
        ledger.check_seats(server.port, event["event_id"])
        for things, kept in ((ledger.holds, memory.holds), (ledger.orders, memory.orders)):
            kept.update(source.sample(sorted(things.items()), min(len(things), 3)))
        answered += sum(entry.answer is not None for journal in journals for entry in journal)
        lost += sum(entry.answer is None for journal in journals for entry in journal)
        if cycle % VERIFY_EVERY == VERIFY_EVERY - 1:
            server.verify()
    memory.check(server.port)
    server.stop()
    server.verify()
    print(f"{CYCLES} kills, {answered} requests answered before them, {lost} asked again after")
    assert answered > CYCLES, "there was no load to speak of"


@pytest.mark.timeout(120 + 20 * CYCLES)
def test_deadlines_are_kept_across_kills(server):
    """Holds lapse while the server is killed again and again; in the end all are expired and every seat is free."""
    source = random.Random(SEED + 1)
    server.options.update(HOLD_TTL="1s", ORDER_TTL="1s")
    server.start()
    for cycle in range(max(1, CYCLES // 10)):
        event_id = server.api().create_event(**SEATS)["event_id"]
        load = Load(server.port, event_id, list(server.api().seats(event_id)), seed=SEED + 5000 + cycle)
        time.sleep(source.uniform(0.1, 0.5))
        server.kill()
        journals = load.journals()
        time.sleep(source.uniform(0, 1.0))
        restart(server, source)
        entries = [entry for journal in journals for entry in journal if entry.answer is not None]
        held = [entry.answer.json() for entry in entries if entry.request.kind == "hold" and entry.answer.status == 201]

        def are_over(held=held, event_id=event_id) -> bool:
            states = {expect(server.api(hold["user_id"]).get_hold(hold["hold_id"]), 200)["status"] for hold in held}
            free_or_sold = {seat["status"] for seat in server.api().seats(event_id).values()}
            return states <= {"EXPIRED", "RELEASED", "CONVERTED"} and free_or_sold <= {"available", "sold"}

        eventually(are_over, within=5)
    server.stop()
    server.verify()

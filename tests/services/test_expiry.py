"""Deadlines, kept by several workers: within a second, and once."""

import collections
import time

import pytest
from harness.machine import is_in_time
from harness.server import SLACK, eventually
from harness.waiting import promptly

LATE_MAX = 1.0  # seconds behind the deadline


def ends(services) -> list[tuple[int, int]]:
    """Of each hold: how many events end it, and how late the first of them was, in milliseconds."""
    rows = services.database.query(
        "SELECT count(e.id), coalesce(min(e.occurred_at) - h.expires_at, 0) FROM holds h"
        " LEFT JOIN events e ON e.stream_id = h.hold_id AND e.sequence > 1 GROUP BY h.hold_id, h.expires_at"
    )
    return [(int(count), int(late_ms)) for count, late_ms in rows]


def await_ends(services, count: int, within: float) -> list[int]:
    """Every hold is ended, exactly once: how late, in milliseconds."""
    eventually(lambda: len(found := ends(services)) == count and all(times > 0 for times, _ in found), within, every=0.2)
    found = ends(services)
    assert {times for times, _ in found} == {1}, "a hold was ended more than once"
    return [late_ms for _, late_ms in found]


def test_an_idle_worker_wakes_for_each_deadline(services):
    """Deadlines that another process makes, one now and then; nobody polls for them faster than they come."""
    services.worker(), services.worker()
    server = services.api(HOLD_TTL="1500ms")
    api = server.api()
    event_id = api.create_event()["event_id"]
    began = time.monotonic()
    for number in range(1, 13):
        api.held(event_id, f"A-1-{number}")
        time.sleep(0.31)
    late_ms = await_ends(services, 12, within=5)
    print(f"behind the deadline: median {sorted(late_ms)[6]} ms, longest {max(late_ms)} ms")
    assert min(late_ms) >= 0 and is_in_time(max(late_ms) / 1000, LATE_MAX * SLACK, watched=time.monotonic() - began)


def test_a_shorter_deadline_is_not_slept_through(services):
    """A worker that waits for a far one notices a near one that comes later."""
    services.worker()
    api, hasty = services.api(HOLD_TTL="1h").api(), services.api(HOLD_TTL="200ms").api()
    event_id = api.create_event()["event_id"]
    api.held(event_id, "A-1-1")
    time.sleep(0.5)
    hold = hasty.held(event_id, "A-1-2")
    promptly(lambda: hasty.history("holds", hold["hold_id"]) == ["hold.created", "hold.expired"], within=1.2)


@pytest.mark.timeout(300)
def test_many_deadlines_at_full_speed(services, listener):
    """They come as fast as holds can be made, to two workers, and none is done twice."""
    count = int(6000 / SLACK)
    workers, server = [services.worker(), services.worker()], services.api(HOLD_TTL="2s")
    services.publisher()
    url, began = f"http://127.0.0.1:{server.port}", time.monotonic()
    done = services.tro(
        "bench", "holds", "--url", url, "--requests", str(count), "--events", "8", "--check", "none", "--quiet", timeout=120.0
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    late_ms = await_ends(services, count, within=30)
    expired = [worker.metric("tro_expired_total") for worker in workers]
    print(
        f"{count} holds, ended {expired} by each; behind the deadline: median {sorted(late_ms)[count // 2]} ms, longest {max(late_ms)} ms"
    )
    assert sum(expired) == count, "what a worker counts is what it has ended"
    assert is_in_time(max(late_ms) / 1000, LATE_MAX * SLACK, watched=time.monotonic() - began)
    events = 8  # were created, and are told of once each
    eventually(lambda: len(listener.ids()) == 2 * count + events, within=20)
    assert collections.Counter(map(tuple, listener.streams().values())) == {(1, 2): count, (1,): events}


@pytest.mark.timeout(300)
def test_a_backlog_is_worked_off_at_once(services):
    """No worker ran when they fell due."""
    count = int(4000 / SLACK)
    server = services.api(HOLD_TTL="300ms")
    url = f"http://127.0.0.1:{server.port}"
    done = services.tro("bench", "holds", "--url", url, "--requests", str(count), "--check", "none", "--quiet", timeout=120.0)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    time.sleep(0.5)
    assert {times for times, _ in ends(services)} == {0}
    workers = [services.worker(), services.worker()]
    started = time.monotonic()
    await_ends(services, count, within=10)
    taken = time.monotonic() - started
    print(f"{count} holds in {taken:.1f} s")
    assert is_in_time(taken, 4 * SLACK)
    assert sum(worker.metric("tro_expired_total") for worker in workers) == count


def test_a_killed_worker_is_missed_by_nobody(services):
    first, _second = services.worker(), services.worker()
    server = services.api(HOLD_TTL="2s", ORDER_TTL="1s")
    api = server.api()
    event_id = api.create_event()["event_id"]
    orders = [api.ordered(event_id, f"A-1-{number}") for number in range(1, 6)]
    holds = [api.held(event_id, f"A-1-{number}") for number in range(6, 11)]
    first.kill()
    for hold in holds:
        eventually(lambda: api.history("holds", hold["hold_id"]) == ["hold.created", "hold.expired"], within=2.5)  # noqa: B023
    for order in orders:
        eventually(lambda: api.history("orders", order["order_id"]) == ["order.created", "order.expired"], within=2.5)  # noqa: B023

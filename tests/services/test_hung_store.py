"""A database that hangs: its kernel takes all bytes, and nothing answers. Every client is told so in time, none waits behind another, it
works again by itself, and every process ends when it is told to."""

import concurrent.futures
import signal
import time

from harness.machine import is_in_time
from harness.problems import expect, one_of
from harness.server import SLACK, STOP_TIMEOUT, Server, eventually
from harness.waiting import promptly

ANSWER_MAX = 5.5 * SLACK  # 5 s, and what a busy machine adds
VERDICT_MAX = 6.0  # from the hang until it is found out of the store, and then of the catalog
AT_ONCE = 0.25 * SLACK
RECOVERY_MAX = 2.0


def timed(request):
    began = time.monotonic()
    response = request()
    return response, time.monotonic() - began


def refused(response) -> bool:
    if response.status < 500:
        return False
    one_of(response, "store-unavailable", "catalog-unavailable", "overloaded")
    assert int(response.headers["Retry-After"]) >= 1
    return True


def one_after_the_other(requests, every: float):
    """What each was answered, and how long it took; they are sent `every` seconds apart, and none waits for another."""
    with concurrent.futures.ThreadPoolExecutor(len(requests)) as pool:
        futures = []
        for request in requests:
            futures.append(pool.submit(timed, request))
            time.sleep(every)
        return [future.result() for future in futures]


def assert_all_are_told_in_time(answers):
    print("answered after", [f"{took:.3f}" for _, took in answers])
    for response, took in answers:
        assert refused(response), response
        assert is_in_time(took, ANSWER_MAX, watched=60)


def assert_told_at_once(request):
    def is_told() -> bool:
        response, took = timed(request)
        assert refused(response) and is_in_time(took, ANSWER_MAX)
        return is_in_time(took, AT_ONCE)

    promptly(is_told, within=VERDICT_MAX)
    for _ in range(5):
        response, took = timed(request)
        assert refused(response) and is_in_time(took, AT_ONCE), (response, took)


def test_commands_are_answered_in_time_and_then_at_once(server, services):
    process = services.api(COMMITS_IN_FLIGHT="1")
    api = process.api()
    event_id = api.create_event(rows=4, seats_per_row=20)["event_id"]
    api.held(event_id, "A-1-1")  # what the view has need not be loaded
    with server.hung():
        assert_all_are_told_in_time(one_after_the_other([lambda n=n: api.hold(event_id, [f"A-1-{n}"]) for n in range(1, 9)], 0.5))
        assert_told_at_once(lambda: api.hold(event_id, ["A-2-1"]))
        assert process.ready()["store"]["state"] == "down"
    _, took = timed(lambda: promptly(lambda: not refused(api.hold(event_id, ["A-3-1"])), within=RECOVERY_MAX))
    print(f"served again after {took:.3f} s")
    eventually(lambda: process.ready()["status"] != "unavailable", within=5)


def test_several_batches_in_flight_that_hang_hold_up_nobody(server, services):
    api = services.api(COMMITS_IN_FLIGHT="4").api()
    events = [api.create_event()["event_id"] for _ in range(6)]
    with server.hung():
        assert_all_are_told_in_time(one_after_the_other([lambda e=e: api.hold(e, ["A-1-1"]) for e in events], 0.3))
        assert_told_at_once(lambda: api.hold(events[0], ["A-1-2"]))
    promptly(lambda: not refused(api.hold(events[0], ["A-1-3"])), within=RECOVERY_MAX)


def test_a_commit_that_hangs_is_answered_in_time(server, services):
    """What it waits for is the answer to COMMIT; whether that happened is not known when the client is answered, and its key finds out."""
    api = services.api().api()
    hold_id = api.held(api.create_event()["event_id"], "A-1-1")["hold_id"]  # all that an order of it reads is in the view
    with server.hung():
        assert_all_are_told_in_time(one_after_the_other([lambda: api.order(hold_id=hold_id, key="hung-in-a-commit")], 0))
    order = promptly(lambda: (r := api.order(hold_id=hold_id, key="hung-in-a-commit")).status == 202 and r, within=RECOVERY_MAX)
    assert api.history("orders", order.json()["order_id"]) == ["order.created"]


def test_queries_are_answered_in_time_and_then_at_once(server, services):
    api = services.api().api()
    event_id = api.create_event()["event_id"]
    hold_id = api.held(event_id, "A-1-1")["hold_id"]
    with server.hung():
        assert_all_are_told_in_time(one_after_the_other([lambda: api.get_hold(hold_id) for _ in range(8)], 0.5))
        assert_told_at_once(lambda: api.get_hold(hold_id))
    promptly(lambda: api.get_hold(hold_id).status == 200, within=RECOVERY_MAX)
    services.database.query("UPDATE meta SET value = 1 WHERE name = 'replaying'")  # a store that hung before and answers now is read meanwhile
    eventually(lambda: api.get("/v1/readyz").status == 503, within=5)
    for _ in range(5):
        expect(api.get_hold(hold_id), 200)
    services.database.query("UPDATE meta SET value = 0 WHERE name = 'replaying'")


def test_event_pages_are_answered_in_time_and_then_at_once(server, services):
    api = services.api().api()
    events = [api.create_event()["event_id"] for _ in range(9)]
    with server.hung():
        assert_all_are_told_in_time(one_after_the_other([lambda e=e: api.get(f"/v1/events/{e}") for e in events[:8]], 0.5))
        assert_told_at_once(lambda: api.get(f"/v1/events/{events[8]}"))
    promptly(lambda: api.get(f"/v1/events/{events[8]}").status == 200, within=RECOVERY_MAX)


def ends_in_time(process: Server) -> None:
    began = time.monotonic()
    process.stop()
    took = time.monotonic() - began
    print(f"{process.program} ended after {took:.3f} s")
    assert is_in_time(took, STOP_TIMEOUT * SLACK)


def test_every_process_ends_in_time_while_the_store_hangs(server, services):
    processes = [services.api(), services.worker(), services.publisher()]
    api = processes[0].api()
    event_id = api.create_event()["event_id"]
    with server.hung(), concurrent.futures.ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(timed, lambda n=n: api.hold(event_id, [f"A-1-{n}"])) for n in range(1, 9)]
        eventually(lambda: processes[0].metric("tro_http_connections") >= len(waiting), within=10)
        time.sleep(0.5)
        for process in processes[1:]:
            process.terminate()
        ends_in_time(processes[0])
        for process in processes[1:]:
            process.wait_for_clean_exit()
        for response, took in (future.result() for future in waiting):
            assert refused(response) and is_in_time(took, ANSWER_MAX, watched=60), (response, took)


def test_a_publisher_ends_in_time_while_store_and_broker_hang(server, services, broker):
    publisher = services.publisher()
    api = services.api().api()
    event_id = api.create_event()["event_id"]
    broker.process.send_signal(signal.SIGSTOP)
    try:
        for number in range(1, 9):
            api.held(event_id, f"A-1-{number}")
        with server.hung():
            time.sleep(0.5)
            ends_in_time(publisher)
    finally:
        broker.process.send_signal(signal.SIGCONT)


def test_a_process_that_starts_while_the_store_hangs_serves_when_it_is_back(server, services):
    event_id = services.api().api().create_event()["event_id"]
    with server.hung():
        process = services.add("tro-api").spawn()
        api = process.api()
        eventually(lambda: reaches(api), within=5)
        assert_told_at_once(lambda: api.hold(event_id, ["A-1-1"]))
        assert process.ready()["store"]["state"] == "down"
    promptly(lambda: api.hold(event_id, ["A-1-1"]).status == 201, within=RECOVERY_MAX)
    expect(api.get(f"/v1/events/{event_id}"), 200)


def reaches(api) -> bool:
    try:
        return api.get("/v1/healthz").status == 200
    except OSError:
        return False

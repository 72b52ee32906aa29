"""Metrics as a scraper sees them: by method and route, bounded whatever clients send, well formed for Prometheus' own tool, and quick."""

import pathlib
import random
import re
import shutil
import string
import subprocess
import time

import pytest

from harness import credentials, wire
from harness.api import new_key
from harness.machine import is_in_time
from harness.problems import expect, problem
from harness.server import SLACK, Server, eventually
from harness.wire import Connection

RANDOM_REQUESTS = 10000


def exposition(server: Server) -> str:
    return wire.exchange(server.admin_port, "GET", "/metrics").body.decode()


def series(server: Server) -> set[str]:
    return {line.rpartition(" ")[0] for line in exposition(server).splitlines() if not line.startswith("#")}


@pytest.fixture
def server(start_server) -> Server:
    return start_server(HOLD_TTL="300ms")


def test_a_program_tells_its_version_and_commit(server):
    version, commit = re.fullmatch(r"tro (\S+) \(commit (\S+)\)\n", server.tro("version").stdout).groups()
    assert f'tro_build_info{{version="{version}",commit="{commit}"}}' in series(server)


def test_requests_are_told_apart_by_method(server):
    api = server.api()
    event_id = api.create_event()["event_id"]
    for _ in range(3):
        api.get("/v1/events")
    api.request("HEAD", "/v1/events")
    api.get(f"/v1/events/{event_id}")

    def counted(**labels) -> float:
        return server.metric("tro_http_requests_total", route="/v1/events", **labels)

    assert counted(method="GET", status="200") == 3
    assert counted(method="HEAD", status="200") == 1
    assert counted(method="POST", status="201") == 1
    durations = server.metrics()["tro_http_request_duration_seconds"]
    for method, count in (("GET", 3), ("POST", 1)):
        key = ("tro_http_request_duration_seconds_count", frozenset({("method", method), ("route", "/v1/events")}))
        assert durations.samples[key] == count
    bounds = {float(dict(labels)["le"].replace("Inf", "inf")) for _, labels in durations.samples if "le" in dict(labels)}
    assert {0.001, 30.0} <= bounds


def test_holds_and_orders_are_told_apart_by_outcome_and_reason(server):
    api = server.api()
    event_id = api.create_event()["event_id"]
    expect(api.hold(event_id, ["A-1-1"], key="a-key-that-repeats"), 201)
    expect(api.hold(event_id, ["A-1-1"], key="a-key-that-repeats"), 201)
    problem(api.hold(event_id, ["A-1-1"]), "seats-taken")
    order = api.ordered(event_id, "A-1-2")
    problem(api.order(hold_id=order["hold_id"]), "hold-converted")
    assert server.metric("tro_holds_total", outcome="ok", reason="none") == 2
    assert server.metric("tro_holds_total", outcome="replayed", reason="none") == 1
    assert server.metric("tro_holds_total", outcome="refused", reason="seats-taken") == 1
    assert server.metric("tro_orders_total", outcome="ok", reason="none") == 1
    assert server.metric("tro_orders_total", outcome="refused", reason="hold-converted") == 1
    assert server.metrics()["tro_holds_total"].total(outcome="failed") == 0


def test_expiries_tell_how_late(server):
    server.api().held(server.api().create_event()["event_id"], "A-1-1")

    def lateness(kind: str) -> float:
        return server.metrics()["tro_expiry_lateness_seconds"].samples[(f"tro_expiry_lateness_seconds_{kind}", frozenset())]

    eventually(lambda: lateness("count") == 1, within=5)
    assert is_in_time(lateness("sum"), 2 * SLACK, watched=10)
    assert server.metric("tro_expired_total") == 1


def test_the_process_is_measured(server):
    process = pathlib.Path(f"/proc/{server.process.pid}")
    assert abs(server.metric("process_open_fds") - len(list((process / "fd").iterdir()))) <= 1  # the scrape's own connection
    assert server.metric("process_threads") == len(list((process / "task").iterdir()))
    before = server.metric("process_cpu_seconds_total")
    for _ in range(200):
        server.api(None).get("/v1/openapi.yaml")
    assert 0 < before < server.metric("process_cpu_seconds_total") < 60
    assert server.metric("process_max_fds") >= server.metric("process_open_fds")
    assert server.metric("process_resident_memory_bytes") > 1 << 20


def test_money_and_seats_are_counted(server):
    """Revenue and refunds by currency; seats by state of the events that people look at."""
    api = server.api()
    event_id = api.create_event(rows=1, seats_per_row=9, price=2500)["event_id"]
    api.seats(event_id)
    paid = api.confirmed(event_id, "A-1-1", "A-1-2")
    api.ordered(event_id, "A-1-3")
    expect(api.pay(paid["order_id"], "SUCCEEDED", "tx-once-more"), 200)
    other = api.create_event(currency="JPY")["event_id"]
    api.confirmed(other, "A-1-1")
    assert server.metric("tro_revenue_minor_units_total", currency="EUR") == 5000
    assert server.metric("tro_revenue_minor_units_total", currency="JPY") == 2500
    assert server.metric("tro_seats_sold_total") == 3
    assert server.metric("tro_domain_events_total", type="order.confirmed") == 2
    assert server.metric("tro_refunds_required_minor_units_total", currency="EUR", reason="duplicate_payment") == 5000

    def seats(state: str) -> float:
        return server.metric("tro_event_seats", event=event_id, state=state)

    eventually(lambda: (seats("available"), seats("reserved"), seats("sold")) == (6, 1, 2), within=10)
    assert server.metric("tro_event_seat_changes_total", event=event_id) >= 3
    eventually(lambda: server.metric("tro_refunds_due") == 1, within=20)
    assert server.metric("tro_refunds_due_age_seconds") > 0
    refund = server.api("till", scope="tro:service").get("/v1/refunds").json()["data"][0]
    expect(server.api("till", scope="tro:service").request("POST", f"/v1/refunds/{refund['refund_id']}/done"), 200)
    assert server.metric("tro_refunds_done_minor_units_total", currency="EUR") == 5000
    eventually(lambda: server.metric("tro_refunds_due") == 0, within=20)
    eventually(lambda: server.metric("tro_oversell_checks_total") >= 1, within=20)
    assert server.metric("tro_oversold_events") == 0


def test_lanes_workers_and_loops_tell_how_busy_they_are(server):
    api = server.api()
    event_id = api.create_event()["event_id"]
    api.get_hold(api.held(event_id, "A-1-1")["hold_id"])
    api.get(f"/v1/events/{event_id}")
    for lane in ("commit", "read", "catalog"):
        assert server.metric("tro_queue_depth", lane=lane) == 0
        assert server.metric("tro_queue_capacity", lane=lane) == 8192 * server.metric("tro_lane_threads", lane=lane)
        assert server.metric("tro_lane_threads", lane=lane) >= 1
        eventually(lambda: server.metric("tro_lane_busy_seconds_total", lane=lane) > 0, within=5)  # noqa: B023
    for worker in ("expirer", "publisher", "maps", "watch"):
        eventually(lambda: server.metric("tro_worker_busy_seconds_total", worker=worker) > 0, within=5)  # noqa: B023
    assert server.metric("tro_http_loop_busy_seconds_total") > 0
    assert server.metric("tro_http_connections_max") > server.metric("tro_http_connections") >= 1
    assert 0 < server.metric("tro_data_dir_free_bytes") <= server.metric("tro_data_dir_size_bytes")


OPENMETRICS = "application/openmetrics-text"


@pytest.mark.parametrize(
    "accept, is_open",
    [
        (f"{OPENMETRICS};version=1.0.0,{OPENMETRICS};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", True),
        (OPENMETRICS, True),
        (f"{OPENMETRICS};q=0.5,text/plain;q=0.9", False),
        (f"{OPENMETRICS};q=0", False),
        ("text/plain", False),
        ("*/*", False),
        (None, False),
    ],
)
def test_the_format_is_what_the_scraper_asks_for(server, accept, is_open):
    answer = wire.exchange(server.admin_port, "GET", "/metrics", [("Accept", accept)] if accept else [])
    assert answer.media_type == (OPENMETRICS if is_open else "text/plain")
    assert answer.body.decode().endswith("\n# EOF\n") == is_open


def test_a_bucket_names_a_trace(server):
    """An exemplar leads from a slow bucket to the request: its trace id is in the log, too."""
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    api = server.api()
    event_id = api.create_event(rows=10, seats_per_row=100)["event_id"]
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    seats = iter(api.seats(event_id))

    def named() -> list[str]:
        """A bucket keeps the trace that it has for a second."""
        body = {"event_id": event_id, "seats": [next(seats)]}
        expect(api.request("POST", "/v1/holds", json=body, key=new_key(), headers=headers), 201)
        lines = wire.exchange(server.admin_port, "GET", "/metrics", [("Accept", OPENMETRICS)]).body.decode().splitlines()
        return [line for line in lines if f'# {{trace_id="{trace_id}"}} ' in line]

    for start in ('tro_http_request_duration_seconds_bucket{method="POST",route="/v1/holds",le="', 'tro_stage_duration_seconds_bucket{stage="commit",le="'):
        line = eventually(lambda: next((line for line in named() if line.startswith(start)), None), within=15, every=0.1)  # noqa: B023
        assert float(line.split("} ")[1].split(" ")[0]) >= 1
    assert "trace_id" not in exposition(server)


def random_text(alphabet: str, longest: int) -> str:
    return "".join(random.choices(alphabet, k=random.randint(1, longest)))


def random_request() -> bytes:
    method = random.choice(["GET", "POST", "DELETE", random_text(string.ascii_uppercase, 12)])
    word = random_text(string.ascii_letters + string.digits + "-_~", 30)
    path = random.choice([f"/{word}", f"/v1/{word}", f"/v1/holds/{word}", f"/v1/events/{word}/seats", f"/v1/orders/{word}/{word}"])
    token = credentials.token(random_text(string.ascii_letters + "äß", 20))
    fields = [("Authorization", f"Bearer {token}"), ("Idempotency-Key", word * 20), ("Content-Type", "application/json")]
    return wire.request_bytes(method, path, fields, b"{}")


@pytest.mark.timeout(180)
def test_invented_paths_and_methods_make_no_series(server):
    """Ten thousand paths, methods and users: after the first of them there is no series more."""

    def send(count: int) -> None:
        connection = Connection(server.port)
        for _ in range(count):
            connection.send(random_request())
            answer = connection.receive()
            assert answer.status < 500, answer
            if "close" in answer.headers.tokens("Connection"):
                connection.close()
                connection = Connection(server.port)
        connection.close()

    random.seed(15)
    exposition(server)  # which makes a series of its own
    send(2000)
    before = series(server)
    send(RANDOM_REQUESTS)
    assert series(server) - before == set()
    assert len(before) < 2000


def check_with_promtool(text: str) -> None:
    assert shutil.which("promtool"), "Debian's package prometheus has it: scripts/install-deps.sh test"
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done


def test_prometheus_finds_nothing_to_complain_of(server):
    api = server.api()
    api.confirmed(api.create_event()["event_id"], "A-1-1")
    check_with_promtool(exposition(server))


def test_a_scrape_is_quick(server):
    """Also while requests are answered; each route and method has a histogram by then."""
    api = server.api()
    for method in ("GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT"):
        for path in ("holds", "holds/x", "holds/x/history", "orders", "orders/x", "orders/x/history", "events", "events/x", "events/x/seats"):
            wire.exchange(server.port, method, f"/v1/{path}")
    api.confirmed(api.create_event()["event_id"], "A-1-1")
    count, took = len(series(server)), []
    with Connection(server.admin_port) as connection:
        for _ in range(100):
            began = time.perf_counter()
            connection.send(wire.request_bytes("GET", "/metrics"))
            connection.receive()
            took.append(time.perf_counter() - began)
    took.sort()
    print(f"{count} series: median {took[50] * 1000:.2f} ms, p99 {took[98] * 1000:.2f} ms")
    assert count > 500
    assert is_in_time(took[25], count * 5e-6 * SLACK), took

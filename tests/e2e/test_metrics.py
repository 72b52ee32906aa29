"""Metrics as a scraper sees them: by method and route, bounded whatever clients send, well formed for Prometheus' own tool, and quick."""

import pathlib
import random
import shutil
import string
import subprocess
import time

import pytest

from harness import credentials, wire
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


def test_what_expires_tells_how_late(server):
    server.api().held(server.api().create_event()["event_id"], "A-1-1")

    def lateness(kind: str) -> float:
        return server.metrics()["tro_expiry_lateness_seconds"].samples[(f"tro_expiry_lateness_seconds_{kind}", frozenset())]

    eventually(lambda: lateness("count") == 1, within=5)
    assert lateness("sum") < 2 * SLACK
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
def test_what_clients_make_up_makes_no_series(server):
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
    assert took[25] * 1000 / count < 5.0 / 1000 * SLACK, took

"""What operators and probes ask: on LISTEN_ADDR without reasons, or with ADMIN_ADDR on an address, a thread and descriptors of their own."""

import contextlib
import pathlib
import resource
import time

import pytest

from harness import wire
from harness.problems import expect, problem
from harness.server import SLACK, Server, eventually
from harness.wire import Connection

NOWHERE = "postgresql://somebody@127.0.0.1:1/x"
PROBES = ("/v1/healthz", "/v1/readyz", "/v1/readyz?verbose", "/v1/startupz", "/metrics")


@pytest.fixture
def server(start_server) -> Server:
    return start_server(operators=True)


def test_operators_have_an_address_of_their_own(server):
    operators = server.operators()
    assert operators.port != server.port
    assert expect(operators.get("/v1/healthz"), 200) == {"status": "ok"}
    assert expect(operators.get("/v1/readyz"), 200) == {"status": "ready"}
    assert expect(operators.get("/v1/startupz"), 200) == {"status": "started"}
    assert expect(operators.get("/v1/readyz?verbose"), 200)["dependencies"]
    assert operators.get("/metrics").status == 200


def test_the_public_address_tells_strangers_nothing(server):
    public = server.api(None)
    problem(public.get("/metrics"), "not-found")
    assert expect(public.get("/v1/readyz?verbose"), 200) == {"status": "ready"}
    assert expect(public.get("/v1/healthz"), 200) == {"status": "ok"}
    assert expect(public.get("/v1/startupz"), 200) == {"status": "started"}
    assert "/metrics" not in public.get("/docs").body.decode()


def test_operators_sell_nothing(server):
    operators = server.operators()
    for method, target in (("GET", "/v1/events"), ("POST", "/v1/holds"), ("GET", "/v1/openapi.yaml"), ("GET", "/docs")):
        assert wire.exchange(operators.port, method, target).status == 404, target


def test_requests_of_both_addresses_are_measured(server):
    server.api(None).get("/v1/events")
    server.operators().get("/v1/healthz")
    assert server.metric("tro_http_requests_total", route="/v1/events") == 1
    assert server.metric("tro_http_requests_total", route="/v1/healthz") == 1


def test_operators_have_a_thread_of_their_own(server):
    threads = {path.read_text().strip() for path in pathlib.Path(f"/proc/{server.process.pid}/task").glob("*/comm")}
    assert "admin-0" in threads, threads


def test_an_address_that_is_taken_stops_the_start(tmp_path):
    server = Server(tmp_path)
    server.options["ADMIN_ADDR"] = server.options["LISTEN_ADDR"]
    server.spawn()
    assert server.process.wait(20) == 1
    assert "ADMIN_ADDR 127.0.0.1:" in server.stderr and "cannot be listened on" in server.stderr


def shut_out(server: Server, stack: contextlib.ExitStack) -> None:
    """Clients take every descriptor that the process may have."""
    limit = len(list(pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir())) + 20
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
    for _ in range(60):
        stack.enter_context(contextlib.closing(Connection(server.port)))
    eventually(lambda: len(list(pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir())) == limit, within=5)
    with pytest.raises(TimeoutError):
        wire.exchange(server.port, "GET", "/v1/healthz", timeout=0.5)


def test_probes_live_when_descriptors_run_out(server):
    with contextlib.ExitStack() as stack:
        shut_out(server, stack)
        for _ in range(40):  # more often than there are descriptors kept back
            for target in PROBES:
                began = time.monotonic()
                assert wire.exchange(server.admin_port, "GET", target, timeout=5.0).status == 200, target
                assert time.monotonic() - began < 0.5 * SLACK
        scraper = stack.enter_context(contextlib.closing(Connection(server.admin_port)))
        for _ in range(3):  # one that stays connected
            scraper.send(wire.request_bytes("GET", "/metrics"))
            assert scraper.receive().status == 200
            assert wire.exchange(server.admin_port, "GET", "/v1/healthz", timeout=5.0).status == 200
    eventually(lambda: wire.exchange(server.port, "GET", "/v1/healthz").status == 200, within=5)


def start_without_a_store(tmp_path, **options) -> Server:
    """A service whose database is not there."""
    server = Server(tmp_path / "lonely", program="tro-api", CRDB_DSN=NOWHERE, **options).spawn()

    def lives() -> bool:
        with contextlib.suppress(OSError, wire.Closed):
            return wire.exchange(server.port, "GET", "/v1/healthz").status == 200
        return False

    eventually(lives, within=10)
    return server


def test_without_an_address_of_their_own_operators_get_no_reasons(tmp_path):
    """What everybody may ask names what is down, and no host, role or word of a library."""
    server = start_without_a_store(tmp_path)
    try:
        [store] = [found for found in server.api(None).get("/v1/readyz?verbose").json()["dependencies"] if found["name"] == "store"]
        assert store.keys() == {"name", "state", "latency_ms"} and store["state"] == "down"
        assert server.metrics()
    finally:
        server.kill()


def test_operators_are_told_why(tmp_path):
    server = start_without_a_store(tmp_path, operators=True)
    try:
        eventually(lambda: "127.0.0.1" in server.ready()["store"].get("detail", ""), within=10)
    finally:
        server.kill()


def test_the_start_is_over_when_it_can_serve(tmp_path):
    server = start_without_a_store(tmp_path, operators=True)
    try:
        for port in (server.port, server.admin_port):
            answer = wire.exchange(port, "GET", "/v1/startupz")
            assert (answer.status, answer.json()) == (503, {"status": "starting"})
            assert int(answer.headers["Retry-After"]) >= 1
            assert wire.exchange(port, "GET", "/v1/healthz").status == 200
    finally:
        server.kill()


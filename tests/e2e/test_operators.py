"""What operators and probes ask: on LISTEN_ADDR without reasons, or with ADMIN_ADDR on an address, a thread and descriptors of their own."""

import concurrent.futures
import contextlib
import http.server
import json
import pathlib
import resource
import sqlite3
import threading
import time

import pytest

from harness import threads, wire
from harness.machine import is_in_time
from harness.problems import expect, problem
from harness.server import SLACK, Server, eventually, free_port, run_tro
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
    for verbose in ("verbose", "verbose=1", "verbose=anything"):
        assert expect(public.get(f"/v1/readyz?{verbose}"), 200) == {"status": "ready"}
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
    assert "ADMIN_ADDR: cannot listen on 127.0.0.1:" in server.stderr and "Address already in use" in server.stderr


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
                assert is_in_time(time.monotonic() - began, 0.5 * SLACK)
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
    """The public answer names the system that is down, and no host, role or text of a library."""
    server = start_without_a_store(tmp_path)
    try:
        [store] = [found for found in server.api(None).get("/v1/readyz?verbose").json()["dependencies"] if found["name"] == "store"]
        assert store.keys() == {"name", "state"} and store["state"] == "down"
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



def alive(server: Server) -> int:
    return wire.exchange(server.admin_port, "GET", "/v1/healthz", timeout=5.0).status


@pytest.mark.parametrize("thread", ["commit", "read"])
def test_a_thread_that_hangs_is_found_out(server, thread):
    """Restarting helps, so that liveness says it: but only when work waits for the thread, and not before ten seconds."""
    api = server.api()
    event_id = api.create_event()["event_id"]
    hold_id = api.held(event_id, "A-1-1")["hold_id"]
    requests = [lambda: api.hold(event_id, ["A-1-2"])] if thread == "commit" else [lambda: api.get_hold(hold_id)] * 2
    with threads.halted(server.process.pid, thread):
        time.sleep(1)
        assert alive(server) == 200, "nothing waits for it"
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            began = time.monotonic()
            answers = [pool.submit(request) for request in requests]
            eventually(lambda: alive(server) == 503, within=14, every=0.05)
            assert time.monotonic() - began > 9.5
            problem(answers[0].result(), "overloaded")
        stuck = wire.exchange(server.admin_port, "GET", "/v1/healthz")
        assert stuck.json() == {"status": "stuck", "lane": thread} and int(stuck.headers["Retry-After"]) >= 1
        problem_lines = eventually(lambda: [line for line in server.log() if line["message"] == "a lane hangs"], within=3)
        assert [line["lane"] for line in problem_lines] == [thread]
    eventually(lambda: alive(server) == 200, within=3)
    expect(api.hold(event_id, ["A-1-3"]), 201)


def test_a_store_that_hangs_is_never_a_reason_to_restart(start_server):
    """The thread of the commit lane waits for the lock of the file all the time."""
    server = start_server(operators=True)
    if server.database is not None:
        pytest.skip("tests/services/test_hung_store.py hangs a PostgreSQL")
    api = server.api()
    event_id = api.create_event()["event_id"]
    with contextlib.closing(sqlite3.connect(server.data_dir / "tro.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        until = time.monotonic() + 13
        while time.monotonic() < until:
            assert api.hold(event_id, ["A-1-1"]).status == 503
            assert alive(server) == 200
            time.sleep(0.2)
        writer.execute("ROLLBACK")
    eventually(lambda: api.hold(event_id, ["A-1-1"]).status == 201, within=5)


def test_top_tells_what_a_server_does(server):
    api = server.api()
    event_id = api.create_event()["event_id"]
    api.held(event_id, "A-1-1")
    api.get(f"/v1/events/{event_id}/seats")  # then its map is in memory

    def looked():
        done = run_tro("top", f"http://127.0.0.1:{server.admin_port}", "--once", "--json")
        assert done.returncode == 0, done
        (service,) = json.loads(done.stdout)["services"]
        return service if service["events"] else None

    service = eventually(looked, within=20)
    assert service["up"] and service["requests_per_second"] >= 0 and set(service["latency_ms"]) == {"p50", "p90", "p99"}
    assert {queue["lane"] for queue in service["queues"]} == {"commit", "read", "catalog"}
    assert {need["name"]: need["up"] for need in service["dependencies"]}["store"] is True
    seats = next(event for event in service["events"] if event["event_id"] == event_id)
    assert seats == {"event_id": event_id, "available": 99, "held": 1, "reserved": 0, "sold": 0}
    told = run_tro("top", f"http://127.0.0.1:{server.admin_port}", "--once")
    assert told.returncode == 0 and event_id in told.stdout and "queues" in told.stdout


def test_top_says_which_server_does_not_answer(server):
    free = free_port()
    done = run_tro("top", f"http://127.0.0.1:{server.admin_port}", f"http://127.0.0.1:{free}", "--once", "--json")
    assert done.returncode == 1 and f"127.0.0.1:{free}" in done.stderr
    assert [service["up"] for service in json.loads(done.stdout)["services"]] == [True, False]


@contextlib.contextmanager
def impostor(body: bytes, times: int = 1):
    """Answers every GET with 200 and the body, so many times over."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(times):
                    self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", bytes(range(256)), b"go_goroutines 7\nup 1\n"], ids=["page", "bytes", "other"])
def test_top_does_not_take_another_program_for_a_server(body):
    with impostor(body) as url:
        done = run_tro("top", url, "--once", "--json")
    assert done.returncode == 1 and "is not TRO" in done.stderr, done
    assert [service["up"] for service in json.loads(done.stdout)["services"]] == [False]


def test_top_gives_the_terminal_no_orders():
    body = b'tro_build_info{version="1"} 1\ntro_queue_depth{lane="\x1b[2J\x9b"} 1\ntro_event_seats{event="\x1b]0;title\x07",state="available"} 1\n'
    for words in ([], ["--json"]):
        with impostor(body) as url:
            done = run_tro("top", url, "--once", *words)
        assert done.returncode == 0 and "title" in done.stdout, done
        assert not set(done.stdout) & {chr(code) for code in (*range(10), *range(11, 32), *range(127, 160))}
        assert "\\u00" not in done.stdout


def test_top_reads_no_answer_without_end():
    with impostor(b"x 1\n" * 16384, times=1 << 20) as url:
        done = run_tro("top", url, "--once", "--json")
    assert done.returncode == 1 and "larger than" in done.stderr, done


def test_top_says_how_many_servers_it_watches():
    done = run_tro("top", *[f"http://127.0.0.1:{port}" for port in range(1, 18)], "--once")
    assert done.returncode == 2 and "at most 16" in done.stderr, done

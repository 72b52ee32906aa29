"""Operators' addresses of the three services, and the end of each service's start."""

import subprocess

from harness import wire
from harness.server import Server, eventually
from harness.services import API, PUBLISHER, WORKER


def status(server: Server, target: str) -> int:
    return wire.exchange(server.admin_port, "GET", target, timeout=5.0).status


def test_every_service_has_an_address_for_operators(services):
    for server in (services.api(), services.worker(), services.publisher()):
        assert server.ready()["store"]["state"] == "up"
        assert server.metrics()
        assert [status(server, f"/v1/{probe}") for probe in ("healthz", "readyz", "startupz")] == [200] * 3
        assert wire.exchange(server.port, "GET", "/metrics").status == 404
        assert wire.exchange(server.port, "GET", "/v1/readyz?verbose").json() == {"status": "ready"}
        assert wire.exchange(server.port, "GET", "/v1/startupz").json() == {"status": "started"}


def test_every_service_serves_operators_at_its_one_address(services):
    for program in (API, WORKER, PUBLISHER):
        server = services.add(program, ADMIN_ADDR=None)
        server.admin_port = server.port
        server.start()
        assert server.ready()["store"].keys() == {"name", "state"}
        assert server.metrics()
        assert status(server, "/v1/startupz") == 200


def test_a_start_is_over_once_and_for_all(server, services):
    """It begins while the store hangs; a store that hangs later is readiness's matter."""
    with server.hung():
        process = services.add(API).spawn()

        def answers() -> bool:
            try:
                return status(process, "/v1/startupz") == 503
            except OSError:
                return False

        eventually(answers, within=5)
        assert status(process, "/v1/healthz") == 200
    eventually(lambda: status(process, "/v1/startupz") == 200, within=5)
    with server.hung():
        eventually(lambda: status(process, "/v1/readyz") == 503, within=10)
        assert status(process, "/v1/startupz") == status(process, "/v1/healthz") == 200
    eventually(lambda: status(process, "/v1/readyz") == 200, within=5)


def test_prometheus_finds_nothing_to_complain_of_in_any_service(services):
    for server in (services.api(), services.worker(), services.publisher()):
        text = wire.exchange(server.admin_port, "GET", "/metrics").body.decode()
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done

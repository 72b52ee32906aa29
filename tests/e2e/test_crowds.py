"""Crowds of clients that are slow, idle, greedy or hostile: others are served meanwhile, and memory keeps within bounds."""

import contextlib
import multiprocessing
import resource
import socket
import time

import pytest

from harness.machine import is_in_time
from harness.raw import HEALTH, hold_head
from harness.server import SLACK
from harness.wire import Connection, request_bytes

MIB = 1 << 20
FORK = multiprocessing.get_context("fork")
P99_MAX = 0.25  # of a machine whose processors others use too; an idle one has 1 to 5 ms


def resident(server) -> int:
    with open(f"/proc/{server.process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def connect_from(address: str, port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(address, 0))


def crowd(port: int, count: int, data: bytes) -> list[socket.socket]:
    """So many connections, 1,500 of each address; each has sent this."""
    connections = []
    for number in range(count):
        connection = connect_from(f"127.0.1.{1 + number // 1500}", port)
        connection.sendall(data)
        connections.append(connection)
    return connections


def dribble(connections: list[socket.socket], data: bytes, seconds: float) -> None:
    """A few bytes on each connection a second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.send(data)
        time.sleep(1)


def slowloris(port, api):
    dribble(crowd(port, 1500, b"GET /v1/healthz HTTP/1.1\r\nHost: a\r\n"), b"X: y\r\n", 60)


def slow_bodies(port, api):
    head = hold_head(api, b"Content-Length: 60000")
    dribble(crowd(port, 500, head), b"x", 60)


def slow_readers(port, api):
    connections = crowd(port, 100, request_bytes("GET", "/v1/openapi.yaml") * 50)
    time.sleep(60)
    assert connections


def idle(port, api):
    connections = crowd(port, min(20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 1000), b"")
    time.sleep(60)
    assert connections


def opens_thousands(port, api):
    while True:
        with contextlib.suppress(OSError), connect_from("127.0.1.1", port) as connection:
            connection.send(b"GET ")
        time.sleep(0.001)


def pipelines(port, api):
    while True:
        with contextlib.suppress(OSError), connect_from("127.0.1.1", port) as connection:
            connection.sendall(HEALTH * 2000)
            received = 0
            while received < 2000 * 300 and (data := connection.recv(1 << 20)):
                received += len(data)
        time.sleep(0.2)


def floods_names(port, api):
    body = b"{" + b",".join(b'"%x":0' % number for number in range(6000)) + b"}"
    while True:
        with contextlib.suppress(OSError), connect_from("127.0.1.1", port) as connection:
            connection.sendall(hold_head(api, b"Content-Length: %d" % len(body)) + body)
            connection.recv(65536)
        time.sleep(0.05)


def floods_headers(port, api):
    head = b"GET /v1/healthz HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X%d: %s\r\n" % (number, b"y" * 160) for number in range(200))
    while True:
        with contextlib.suppress(OSError), connect_from("127.0.1.1", port) as connection:
            connection.sendall(head)
            connection.recv(65536)
        time.sleep(0.01)


def small_chunks(port, api):
    body = b"1\r\nx\r\n" * 60000 + b"0\r\n\r\n"
    while True:
        with contextlib.suppress(OSError), connect_from("127.0.1.1", port) as connection:
            connection.sendall(hold_head(api, b"Transfer-Encoding: chunked") + body)
            connection.recv(65536)
        time.sleep(0.1)


def p99(port: int, seconds: float) -> float:
    """Of requests for health, on connections that are kept and on new ones."""
    times = []
    end = time.monotonic() + seconds
    with Connection(port) as kept:
        while time.monotonic() < end:
            started = time.monotonic()
            kept.send(HEALTH)
            assert kept.receive().status == 200
            times.append(time.monotonic() - started)
            started = time.monotonic()
            with Connection(port) as fresh:
                fresh.send(HEALTH)
                assert fresh.receive().status == 200
            times.append(time.monotonic() - started)
            time.sleep(0.005)
    return sorted(times)[len(times) * 99 // 100]


ATTACKS = {
    slowloris: 40,
    slow_bodies: 20,
    slow_readers: 20,
    idle: 40,
    opens_thousands: 8,
    pipelines: 8,
    floods_names: 24,
    floods_headers: 8,
    small_chunks: 16,
}


QUARANTINE = 64 * MIB  # what the address sanitizer has set free keeps its memory for a while


def run(attack, *arguments) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    attack(*arguments)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_others_are_served_meanwhile(start_server, attack):
    server = start_server(LOG_LEVEL="warn")
    api = server.api("ada")
    normal = p99(server.port, 1.0)
    before = resident(server)
    attacker = FORK.Process(target=run, args=(attack, server.port, api), daemon=True)
    attacker.start()
    try:
        time.sleep(2.0)
        during = p99(server.port, 3.0)
        assert attacker.is_alive(), "the attack has ended"
        grown = resident(server) - before
    finally:
        attacker.kill()
        attacker.join()
    print(f"{attack.__name__}: p99 {normal * 1000:.1f} -> {during * 1000:.1f} ms, memory {before / MIB:.1f} -> {(before + grown) / MIB:.1f} MiB")
    assert is_in_time(during, max(2 * normal, P99_MAX) * SLACK, watched=3)
    assert grown < ATTACKS[attack] * MIB * SLACK + (QUARANTINE if SLACK > 1 else 0)


def test_one_client_has_no_more_than_its_share(start_server):
    server = start_server(CONNECTIONS_PER_ADDRESS="50")
    connections = [connect_from("127.0.1.1", server.port) for _ in range(200)]
    assert is_in_time(p99(server.port, 0.5), P99_MAX * SLACK, watched=0.5)
    assert server.metric("tro_http_connections_refused_total") == 150
    for connection in connections:
        connection.close()


def test_files_can_be_opened_when_clients_have_all_connections(start_server):
    """Of 256 descriptors the clients get 192, and the idle ones make room."""
    server = start_server(wrapper=["prlimit", "--nofile=256:256"])
    connections = [connect_from("127.0.1.1", server.port) for _ in range(400)]
    time.sleep(1.5)
    api = server.api("admin", "tro:admin")
    event = api.create_event()
    assert server.api("ada").hold(event["event_id"], ["A-1-1"]).status == 201
    assert server.metric("tro_http_connections_evicted_total") > 0
    assert server.metric("tro_http_connections") <= 192
    assert any("CONNECTIONS_MAX" in entry["message"] for entry in server.log())
    for connection in connections:
        connection.close()

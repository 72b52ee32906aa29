"""Clients that ask for more than their share: they are refused early, memory keeps within its budget, and others are served."""

import os
import time

import pytest

from harness.problems import expect, problem
from harness.raw import HEALTH, head, hold_body, hold_head
from harness.server import SLACK, eventually
from harness.wire import Closed, Connection

MIB = 1 << 20
EVENT_BODY = 8 * MIB


def resident(server) -> int:
    """Bytes of memory that the server has."""
    with open(f"/proc/{server.process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def event_head(length: int, *lines: bytes) -> bytes:
    return head(b"POST /v1/events HTTP/1.1", b"Host: a", b"Content-Type: application/json", b"Content-Length: %d" % length, *lines)


def pour(connections: list[Connection], length: int) -> None:
    """Sends each connection as much of a body as it takes, until none takes more for a while."""
    left = {connection: length for connection in connections}
    for connection in connections:
        connection.socket.setblocking(False)
    idle_since = time.monotonic()
    while left and time.monotonic() < idle_since + 0.5:
        for connection in list(left):
            try:
                sent = connection.socket.send(b"[" * min(left[connection], 262144))
            except BlockingIOError:
                continue
            except OSError:
                del left[connection]
                continue
            idle_since = time.monotonic()
            left[connection] -= sent
            if left[connection] <= 0:
                del left[connection]


# Bodies


@pytest.mark.parametrize("token", [None, "nonsense"])
def test_bodies_without_a_good_token_take_no_memory(start_server, token):
    """60 connections with 8 MiB each: they took 480 MiB once."""
    server = start_server()
    fields = [] if token is None else [f"Authorization: Bearer {token}".encode()]
    expect(server.api(None).get("/v1/events"), 200)
    before = resident(server)
    connections = [Connection(server.port) for _ in range(60)]
    for connection in connections:
        connection.send(event_head(EVENT_BODY - 1, *fields))
    pour(connections, EVENT_BODY - 2)
    assert resident(server) - before < 8 * MIB * SLACK
    for connection in connections:
        connection.close()


REFUSED_BY_THE_HEAD = {
    "no token": ([], "unauthenticated"),
    "wrong token": ([b"Authorization: Bearer x.y.z"], "unauthenticated"),
    "no scope": (["ada"], "forbidden"),
    "wrong type": (["admin", b"Content-Type: text/plain"], "unsupported-media-type"),
}


@pytest.mark.parametrize("fields, kind", REFUSED_BY_THE_HEAD.values(), ids=REFUSED_BY_THE_HEAD)
def test_a_refusal_that_the_head_suffices_for_comes_before_the_body(server, connect, fields, kind):
    tokens = {"ada": server.api("ada").token, "admin": server.api("admin", "tro:admin").token}
    lines = [f"Authorization: Bearer {tokens[field]}".encode() if field in tokens else field for field in fields]
    if not any(line.startswith(b"Content-Type") for line in lines):
        lines.append(b"Content-Type: application/json")
    connection = connect()
    connection.send(head(b"POST /v1/events HTTP/1.1", b"Host: a", b"Content-Length: 1000000", *lines))
    problem(connection.receive(), kind)
    assert connection.is_closed_by_peer()


@pytest.mark.parametrize(
    "line, fields, kind",
    [
        (b"POST /v1/nothing HTTP/1.1", [], "not-found"),
        (b"PATCH /v1/holds HTTP/1.1", [], "method-not-allowed"),
        (b"POST /v1/holds HTTP/1.1", ["token"], "idempotency-key-missing"),
        (b"POST /v1/holds HTTP/1.1", ["token", b"Idempotency-Key: short"], "idempotency-key-invalid"),
        (b"POST /v1/payments/callback HTTP/1.1", [], "signature-invalid"),
        (b"POST /v1/holds HTTP/1.1", [], "unauthenticated"),
    ],
)
def test_a_refused_body_is_not_waited_for_and_does_not_cost_the_connection(api, connect, line, fields, kind):
    """The answer comes before the body; the body is read away, and nothing of it is taken for a request."""
    lines = [f"Authorization: Bearer {api.token}".encode() if field == "token" else field for field in fields]
    connection = connect()
    body = HEALTH * 100
    connection.send(head(line, b"Host: a", b"Content-Type: application/json", b"Content-Length: %d" % len(body), *lines))
    problem(connection.receive(), kind)
    connection.send(body[:1000])
    time.sleep(0.05)
    connection.send(body[1000:] + head(b"GET /v1/nowhere HTTP/1.1", b"Host: a"))
    problem(connection.receive(), "not-found")
    connection.send(HEALTH)
    assert connection.receive().status == 200


def test_a_refused_body_in_chunks_ends_the_connection(connect):
    connection = connect()
    connection.send(head(b"POST /v1/holds HTTP/1.1", b"Host: a", b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n")
    problem(connection.receive(), "unauthenticated")
    assert connection.is_closed_by_peer()


def test_a_client_over_the_limit_of_its_address_sends_no_body(start_server):
    api = start_server(RATE_LIMIT_IP="3/1m").api()
    body = hold_body({"event_id": "01a205c0-8355-7000-9102-43536a100334"})
    for status in (404, 404, 404, 429):
        with Connection(api.port) as connection:
            connection.send(hold_head(api, b"Content-Length: %d" % len(body)) + body)
            assert connection.receive().status == status
    answered = 0
    for _ in range(20):  # each loop finds out for itself
        with Connection(api.port, timeout=1.5) as connection:
            connection.send(hold_head(api, b"Content-Length: 60000"))
            try:
                answer = connection.receive()
            except TimeoutError:
                connection.send(body + b" " * (60000 - len(body)))
                answer = connection.receive()
            else:
                answered += 1
            problem(answer, "quota-exceeded")
            assert 1 <= int(answer.headers["Retry-After"]) <= 61
    assert answered >= 16


def test_bodies_have_one_budget(start_server):
    # The address sanitizer keeps what was freed, 256 MiB of it by default, which is no memory of bodies.
    sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"
    server = start_server(BODY_MEMORY_MAX="16MiB", ASAN_OPTIONS=sanitizer)
    api = server.api("admin", "tro:admin")
    event = api.create_event()
    before = resident(server)
    fields = (f"Authorization: Bearer {api.token}".encode(),)
    connections = [Connection(server.port) for _ in range(60)]
    for connection in connections:
        connection.send(event_head(EVENT_BODY, *fields))
    pour(connections, EVENT_BODY - 1)
    assert resident(server) - before < 24 * MIB * SLACK
    refused = 0
    for connection in connections:
        connection.socket.settimeout(0.2)
        try:
            answer = connection.receive()
        except (Closed, TimeoutError):
            continue
        problem(answer, "overloaded")
        assert int(answer.headers["Retry-After"]) >= 1
        refused += 1
    assert refused > 40
    expect(server.api().hold(event["event_id"], ["A-1-1"]), 201)  # what comes along with its head needs none of it
    for connection in connections:
        connection.close()
    eventually(lambda: api.create_event(rows=40, seats_per_row=40), within=5)


def test_a_body_that_is_over_gives_its_memory_back(start_server):
    server = start_server(BODY_MEMORY_MAX="1MiB")
    api = server.api("admin", "tro:admin")
    with Connection(server.port) as connection:
        for _ in range(40):
            body = b'{"name":"' + b"x" * 600000 + b'"}'
            connection.send(event_head(len(body), f"Authorization: Bearer {api.token}".encode()) + body)
            assert connection.receive().status == 400

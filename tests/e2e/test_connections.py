"""Connections: kept, pipelined, slow, broken and abandoned."""

import os
import socket
import time

import pytest

from harness import wire
from harness.machine import is_in_time
from harness.problems import expect, problem
from harness.raw import CRLF, HEALTH, chunked, head, hold_body, hold_head, whole_hold
from harness.wire import Closed, Connection, request_bytes


def test_a_connection_serves_many_requests(connect, api, event):
    connection = connect()
    for number in range(1, 16):
        connection.send(whole_hold(api, event, f"A-1-{number}"))
        assert connection.receive().status == 201


def test_a_refusal_keeps_the_connection(connect, api):
    connection = connect()
    for body in (b"{", b"[]", b"nonsense"):
        connection.send(hold_head(api, b"Content-Length: %d" % len(body)) + body)
        assert connection.receive().status == 400
    connection.send(HEALTH)
    assert connection.receive().status == 200


def test_close_is_honoured(connect):
    connection = connect()
    connection.send(head(b"GET /v1/healthz HTTP/1.1", b"Host: a", b"Connection: close"))
    response = connection.receive()
    assert response.status == 200 and "close" in response.headers.tokens("Connection")
    assert connection.is_closed_by_peer()


def test_an_old_client_is_served_and_closed(connect):
    connection = connect()
    connection.send(head(b"GET /v1/healthz HTTP/1.0"))
    assert connection.receive().status == 200
    assert connection.is_closed_by_peer()


def test_pipelined_requests_are_answered_in_order(connect, api, event):
    connection = connect()
    seats = [f"A-2-{number}" for number in range(1, 13)]
    data = b""
    for seat in seats:
        data += whole_hold(api, event, seat) + HEALTH
    connection.send(data)
    for seat in seats:
        assert expect(connection.receive(), 201)["seats"] == [seat]
        assert connection.receive().status == 200


def test_a_pipeline_may_end_its_side(connect):
    connection = connect()
    connection.send(HEALTH * 5)
    connection.socket.shutdown(socket.SHUT_WR)
    for _ in range(5):
        assert connection.receive().status == 200
    assert connection.is_closed_by_peer()


def test_empty_lines_before_a_request_are_skipped(connect):
    connection = connect()
    connection.send(CRLF + HEALTH)
    assert connection.receive().status == 200


def test_a_body_may_come_in_chunks(connect, api, event):
    connection = connect()
    body = hold_body(event)
    connection.send(hold_head(api, b"Transfer-Encoding: chunked") + chunked(body[:1], body[1:20], body[20:]) + HEALTH)
    assert expect(connection.receive(), 201)["seats"] == ["A-1-1"]
    assert connection.receive().status == 200


def test_chunks_may_have_extensions_and_trailers(connect, api, event):
    connection = connect()
    body = hold_body(event)
    connection.send(
        hold_head(api, b"Transfer-Encoding: Chunked") + b"%X;name=value\r\n" % len(body) + body + b"\r\n0\r\nX-Trailer: y\r\n\r\n" + HEALTH
    )
    assert connection.receive().status in (201, 400)


def test_chunks_over_the_limit_are_refused(connect, api):
    connection = connect()
    try:
        connection.send(hold_head(api, b"Transfer-Encoding: chunked") + chunked(*[b"x" * 8192] * 20))
    except Closed:
        pass
    problem(connection.receive(), "body-too-large")


def test_a_body_is_refused_by_its_length_before_it_comes(connect, api):
    connection = connect()
    connection.send(hold_head(api, b"Content-Length: 100000000"))
    problem(connection.receive(), "body-too-large")
    assert connection.is_closed_by_peer()


def test_a_client_that_sends_on_still_reads_its_refusal(connect, api):
    """The refusal must not be lost to a reset because the rest of the body is still on its way."""
    connection = connect()
    connection.send(hold_head(api, b"Content-Length: 300000"))
    try:
        for _ in range(30):
            connection.send(b"x" * 10000)
            time.sleep(0.002)
    except Closed:
        pass
    problem(connection.receive(), "body-too-large")


def test_a_client_may_wait_to_be_asked_for_the_body(connect, api, event):
    connection = connect()
    body = hold_body(event)
    connection.send(hold_head(api, b"Content-Length: %d" % len(body), b"Expect: 100-continue"))
    status, _, _ = connection.receive_head()
    assert status == 100
    connection.send(body)
    assert connection.receive().status == 201


def test_a_client_that_does_not_wait_is_served_too(connect, api, event):
    connection = connect()
    body = hold_body(event)
    connection.send(hold_head(api, b"Content-Length: %d" % len(body), b"Expect: 100-continue") + body)
    assert connection.receive().status == 201


def test_a_body_that_is_too_large_is_not_asked_for(connect, api):
    connection = connect()
    connection.send(hold_head(api, b"Content-Length: 100000000", b"Expect: 100-continue"))
    status, headers, _ = connection.receive_head()
    assert status == 413, headers.fields


def test_another_expectation_is_refused(connect, api, event):
    connection = connect()
    body = hold_body(event)
    connection.send(hold_head(api, b"Content-Length: %d" % len(body), b"Expect: 200-ok") + body)
    assert connection.receive().status in (201, 400, 417)


# Slow and broken clients


def test_a_slow_client_is_served(connect, api, event):
    connection = connect()
    data = whole_hold(api, event)
    for start in range(0, len(data), 16):
        connection.send(data[start : start + 16])
        time.sleep(0.01)
    assert connection.receive().status == 201


def test_the_time_a_request_takes_to_arrive_is_the_clients_own(connect, api, event):
    """What a request may wait for is counted from when it is complete: 5 s are over before this one is."""
    body = hold_body(event)
    connection = connect()
    connection.send(hold_head(api, b"Content-Length: %d" % len(body)) + body[:-1])
    time.sleep(5.5)
    connection.send(body[-1:])
    expect(connection.receive(), 201)


def test_a_byte_at_a_time_is_served(connect):
    connection = connect()
    for byte in HEALTH:
        connection.send(bytes([byte]))
    assert connection.receive().status == 200


@pytest.fixture
def hasty(start_server):
    """A server that waits for a second, where by default it waits for 10 or 75. The tests of the defaults are those of `tro config`."""
    return start_server(HEAD_TIMEOUT="1s", BODY_TIMEOUT="1s", IDLE_TIMEOUT="1s")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET /v1/hea", id="head"),
        pytest.param(b"POST /v1/holds HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", id="body"),
    ],
)
def test_a_client_that_stops_is_cut_off(hasty, data):
    with Connection(hasty.port, timeout=30) as connection:
        begun = time.monotonic()
        connection.send(data)
        try:
            assert connection.receive().status in (401, 408)
        except Closed as closed:
            assert closed.partial == b""
        assert data.startswith(b"POST") or time.monotonic() - begun > 0.9
        assert connection.is_closed_by_peer(within=20)


def test_a_dribbling_client_does_not_outlive_its_timeout(hasty):
    """A byte now and then must not keep a connection for ever."""
    with Connection(hasty.port) as connection:
        connection.send(b"GET /v1/healthz HTTP/1.1\r\nHost: a\r\n")
        end = time.monotonic() + 30
        try:
            while time.monotonic() < end:
                connection.send(b"X: y\r\n")
                time.sleep(0.1)
        except Closed:
            return
    raise AssertionError("still open after 30 s")


def test_slow_clients_do_not_slow_others(server):
    idle = [Connection(server.port) for _ in range(300)]
    try:
        for connection in idle:
            connection.send(b"GET /v1/healthz HTTP/1.1\r\n")
        started = time.monotonic()
        for _ in range(20):
            assert wire.exchange(server.port, "GET", "/v1/healthz").status == 200
        assert is_in_time(time.monotonic() - started, 5)
    finally:
        for connection in idle:
            connection.close()


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_request_has_no_effect(connect, api, event, cut):
    connection = connect()
    data = whole_hold(api, event)
    connection.send(data[: int(len(data) * cut)])
    connection.socket.shutdown(socket.SHUT_WR)
    try:
        assert connection.receive().status in (400, 408)
    except Closed as closed:
        assert closed.partial == b""
    assert api.seat_status(event["event_id"], "A-1-1") == ["available"]


def test_clients_that_leave_before_their_answer_harm_nobody(server, api, event):
    for number in range(1, 41):
        connection = Connection(server.port)
        connection.send(whole_hold(api, event, f"A-{1 + number % 5}-{1 + number // 5}"))
        if number % 2:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    assert wire.exchange(server.port, "GET", "/v1/healthz").status == 200


def test_a_client_that_never_reads_harms_nobody(server, api):
    """Answers pile up on their way to a client that does not take them; the others are served."""
    event = api.create_event(rows=50, seats_per_row=100)
    request = request_bytes("GET", f"/v1/events/{event['event_id']}/seats?limit=500")
    connection = Connection(server.port, timeout=2)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    try:
        for _ in range(400):
            connection.send(request)
    except (TimeoutError, Closed):
        pass
    started = time.monotonic()
    for _ in range(10):
        assert api.get("/v1/healthz").status == 200
    assert is_in_time(time.monotonic() - started, 5)
    connection.close()


def test_many_connections_come_and_go(server):
    for _ in range(20):
        connections = [Connection(server.port) for _ in range(100)]
        for connection in connections:
            connection.send(HEALTH)
        for connection in connections:
            assert connection.receive().status == 200
            connection.close()
    descriptors = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    assert descriptors < 200, f"{descriptors} descriptors are open after all clients left"

"""The end of a request: a request that could be read in two ways is refused, has no effect, and closes the connection, whose later bytes are not answered."""

import random
import socket

import pytest

from harness import wire
from harness.raw import CRLF, HEALTH, chunked, head, hold_body, hold_head, whole_hold
from harness.wire import Closed, Connection


def assert_refused_and_closed(connect, api, event, data: bytes, statuses=(400,)) -> None:
    """`data` is followed by a good request, which a peer that reads the length otherwise would answer."""
    connection = connect()
    connection.send(data + HEALTH)
    response = connection.receive()
    assert response.status in statuses, response
    problem_type = response.json()["type"]
    assert problem_type.startswith("https://tro.example/problems/"), response
    assert connection.is_closed_by_peer()
    assert api.seat_status(event["event_id"], "A-1-1") == ["available"]


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Length: %d", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked", b"Content-Length: %d"),
        (b"Content-Length: %d", b"Content-Length: 1"),
        (b"Content-Length: 1", b"Content-Length: %d"),
        (b"Content-Length: %d", b"Content-Length: %d"),
        (b"Content-Length: %d, %d",),
        (b"Content-Length: %d, 1",),
        (b"Content-Length : %d",),
        (b"Content-Length\t: %d",),
        (b"Content-Length: +%d",),
        (b"Content-Length: -%d",),
        (b"Content-Length: 0x%x",),
        (b"Content-Length: %d a",),
        (b"Content-Length: ",),
        (b"Content-Length: 18446744073709551616",),
        (b"Content-Length: 18446744073709551633",),
        (b"Content-Length: 99999999999999999999999999",),
        (b"Content-Length: %d", b"Content-Length:"),
        (b"Content-Length: %d", b" 1"),
        (b"Content-Length: %d", b"X-Folded: a", b" b"),
        (b"Content-Length: %d", b"X-Folded: a", b"\tb"),
        (b" Content-Length: %d",),
        (b"Content-Length: %d", b"X\x00Y: z"),
        (b"Content-Length: %d", b"X: a\x00b"),
        (b"Content-Length: %d", b"X Y: z"),
        (b"Content-Length: %d", b"X(Y): z"),
        (b"Content-Length: %d", b": empty"),
        (b"Content-Length: %d", b"no colon"),
        (b"Content-Length: %d", b"X: a\rb"),
    ],
    ids=repr,
)
def test_an_ambiguous_length_is_refused(connect, api, event, lines):
    body = hold_body(event)
    filled = [line % ((len(body),) * line.count(b"%")) for line in lines]
    assert_refused_and_closed(connect, api, event, hold_head(api, *filled) + body)


@pytest.mark.parametrize(
    "coding",
    [
        b"gzip, chunked",
        b"chunked, chunked",
        b"xchunked",
        b"chunkedx",
        b"chunked, identity",
        b"identity",
        b"gzip",
        b"\x0bchunked",
        b"chunked;q=1",
        b"",
        b",chunked",
    ],
)
def test_another_transfer_coding_is_refused(connect, api, event, coding):
    assert_refused_and_closed(
        connect, api, event, hold_head(api, b"Transfer-Encoding: " + coding) + chunked(hold_body(event)), statuses=(400, 501)
    )


def test_two_transfer_codings_are_refused(connect, api, event):
    lines = (b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity")
    assert_refused_and_closed(connect, api, event, hold_head(api, *lines) + chunked(hold_body(event)), statuses=(400, 501))


def test_chunks_to_an_old_client_are_refused(connect, api, event):
    data = hold_head(api, b"Transfer-Encoding: chunked", version=b"HTTP/1.0") + chunked(hold_body(event))
    assert_refused_and_closed(connect, api, event, data, statuses=(400, 501, 505))


@pytest.mark.parametrize(
    "size", [b"", b"x", b"-1", b"+1", b"0x1", b" 1", b"1 2", b"ffffffffffffffffff", b"1" * 100, b"7fffffffffffffff", b"\x00"]
)
def test_a_bad_chunk_size_is_refused(connect, api, event, size):
    data = hold_head(api, b"Transfer-Encoding: chunked") + size + CRLF + hold_body(event) + b"\r\n0\r\n\r\n"
    assert_refused_and_closed(connect, api, event, data, statuses=(400, 413))


def test_a_chunk_longer_than_it_says_is_refused(connect, api, event):
    body = hold_body(event)
    data = hold_head(api, b"Transfer-Encoding: chunked") + b"%x\r\n" % (len(body) - 1) + body + b"\r\n0\r\n\r\n"
    assert_refused_and_closed(connect, api, event, data)


def test_bare_line_feeds_do_not_hide_a_length(connect, api, event):
    """Whether a lone line feed ends a line or not, the two lengths must be seen."""
    body = hold_body(event)
    data = hold_head(api, b"X: y\nTransfer-Encoding: chunked", b"Content-Length: %d" % len(body)) + body
    assert_refused_and_closed(connect, api, event, data)


@pytest.mark.parametrize("hosts", [(), (b"Host: a", b"Host: a"), (b"Host: a", b"Host: b"), (b"Host : a",)], ids=repr)
def test_one_host_is_needed(connect, api, event, hosts):
    body = hold_body(event)
    assert_refused_and_closed(connect, api, event, hold_head(api, *hosts, b"Content-Length: %d" % len(body), host=False) + body)


@pytest.mark.parametrize(
    "line",
    [
        b"GET /v1/healthz",
        b"GET  /v1/healthz HTTP/1.1",
        b"GET /v1/healthz  HTTP/1.1",
        b"GET /v1/healthz HTTP/1.1 ",
        b"GET /v1/healthz HTTP/1.1 x",
        b"GET\t/v1/healthz HTTP/1.1",
        b"GET /v1/healthz HTTP/1",
        b"GET /v1/healthz http/1.1",
        b"GET /v1/healthz HTTP/3.7",
        b"GET /v1/healthz HTTP/2.0",
        b"GET /v1/healthz XTTP/1.1",
        b"GET v1/healthz HTTP/1.1",
        b"G\x00T /v1/healthz HTTP/1.1",
        b"GET /v1/health\x00z HTTP/1.1",
        b"GET /v1/health z HTTP/1.1",
        b"G(T /v1/healthz HTTP/1.1",
        b" GET /v1/healthz HTTP/1.1",
        b"/v1/healthz",
        b"GET",
        b"PRI * HTTP/2.0",
    ],
)
def test_a_bad_request_line_is_refused(connect, line):
    connection = connect()
    connection.send(head(line, b"Host: a") + HEALTH)
    response = connection.receive()
    assert response.status in (400, 501, 505), response
    assert connection.is_closed_by_peer()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
        b"\x00" * 100,
        b"\xff" * 1000,
        b"\r\n" * 2000,
        b"\n" * 5000,
        b"\x80\x00\x01\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"GET / HTTP/1.1\r\n" + b"\x00" * 500,
        b"{}" * 5000,
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_garbage_is_refused(connect, data):
    connection = connect(timeout=60)
    try:
        connection.send(data + CRLF * 2)
        assert connection.receive().status in (400, 408, 431, 501, 505)
    except Closed as closed:
        assert closed.partial == b""
    assert connection.is_closed_by_peer(within=60)


def test_random_garbage_is_survived(server):
    source = random.Random(7)
    for _ in range(300):
        data = bytes(source.choices(b"GETPOST /v1holds:\r\n\x00\xff{}chunked0123456789-,;\t HTTP.", k=source.randrange(1, 400)))
        with Connection(server.port) as connection:
            try:
                connection.send(data)
            except Closed:
                pass
    assert wire.exchange(server.port, "GET", "/v1/healthz").status == 200


def test_mutated_requests_are_survived(server, api, event):
    """One good request with a few bytes changed at a time: any answer, no crash, and no effect beyond its meaning."""
    source = random.Random(11)
    good = whole_hold(api, event)
    for _ in range(300):
        data = bytearray(good)
        for _ in range(source.randrange(1, 4)):
            data[source.randrange(len(data))] = source.randrange(256)
        with Connection(server.port) as connection:
            try:
                connection.send(bytes(data))
                connection.socket.shutdown(socket.SHUT_WR)
                connection.receive()
            except (Closed, OSError):
                pass
    assert wire.exchange(server.port, "GET", "/v1/healthz").status == 200

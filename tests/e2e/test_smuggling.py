"""Requests whose end two parsers might see in different places, of the kinds that HTTP Garden and the published collections of request smuggling
name. Each holds another request where one of the two would find it. That is never served, unless a proxy in front has seen it as a request of its
own and passed it on as such; and whoever uses a connection of the proxy next gets their own answer."""

import socket
import uuid

import pytest

from harness.api import new_key
from harness.proxies import Proxy
from harness.raw import CRLF
from harness.server import Server, eventually
from harness.wire import Closed, Connection, request_bytes

FRONTS = ("straight", "haproxy", "nginx")


def cases() -> dict[str, tuple[list[bytes], bytes]]:
    """Header lines and body. `{}` in a line is the length of the body, `{x}` the same in hexadecimal; HIDDEN in a body is the hidden request."""
    hidden = b"HIDDEN"
    ended = b"0\r\n\r\n" + hidden
    table: dict[str, tuple[list[bytes], bytes]] = {}

    def add(name: str, lines: list[bytes], body: bytes = hidden) -> None:
        assert name not in table
        table[name] = (lines, body)

    # Two lengths
    both = [b"Content-Length: {}", b"Transfer-Encoding: chunked"]
    add("length, then chunked", both, ended)
    add("chunked, then length", both[::-1], ended)
    add("chunked and length 0", [b"Content-Length: 0", b"Transfer-Encoding: chunked"], ended)
    add("chunked and length of the end", [b"Content-Length: 5", b"Transfer-Encoding: chunked"], ended)
    add("chunked and a bad length", [b"Content-Length: x", b"Transfer-Encoding: chunked"], ended)
    add("chunked, hidden in a longer chunk", [b"Content-Length: 4", b"Transfer-Encoding: chunked"], b"ff\r\n" + hidden)
    for first, second in ((b"{}", b"0"), (b"0", b"{}"), (b"{}", b"1"), (b"{}", b"{}"), (b"{}", b""), (b"", b"{}")):
        add(f"lengths {first.decode()!r} and {second.decode()!r}", [b"Content-Length: " + first, b"Content-Length: " + second])
    for value in (b"{}, {}", b"{}, 0", b"0, {}", b"{},", b",{}", b"{};0", b"{} 0", b"0 {}", b"{}\t0"):
        add(f"length {value.decode()!r}", [b"Content-Length: " + value])

    # Numbers that are none, or are read as others
    for value in (b"+{}", b"-{}", b"-1", b"+0", b"0x{x}", b"0x0", b"{x}h", b"{}.0", b"{}e0", b"1e1", b"0{}_", b"'{}'", b'"{}"', b"0b1", b"\\u0030", b"%30"):
        add(f"length {value.decode()!r}", [b"Content-Length: " + value])
    for value in (2**31, 2**32, 2**32 + 6, 2**63, 2**64 - 1, 2**64, 2**64 + 6, 10**40):
        add(f"length of {value}", [b"Content-Length: %d" % value])
    add("length in other digits", ["Content-Length: \u0661".encode()])
    add("length with a blank in the number", [b"Content-Length: 1 0"])
    add("length with a vertical tab", [b"Content-Length: \x0b{}"])
    add("length with a form feed", [b"Content-Length: {}\x0c"])
    add("length with a NUL", [b"Content-Length: {}\x00"])
    add("length with a no-break space", [b"Content-Length: \xa0{}"])

    # Names that are none, or are read as others
    for name in (b"Content-Length ", b"Content-Length\t", b" Content-Length", b"\tContent-Length", b"Content-Length\x00", b"\x00Content-Length",
                 b"Content-Length\x0b", b"Content\x20Length", b"Content-Length\r", b"Content-Length\xa0", b"Content-\x00Length", b"Content-Length:"):
        add(f"name {name!r} of a length", [name + b": {}"])
    for name in (b"Transfer-Encoding ", b"Transfer-Encoding\t", b" Transfer-Encoding", b"\tTransfer-Encoding", b"Transfer-Encoding\x00",
                 b"Transfer-Encoding\x0b", b"Transfer Encoding", b"Transfer\xadEncoding", b"Transfer-Encoding\r", b"\xffTransfer-Encoding"):
        add(f"name {name!r} of a coding", [name + b": chunked", b"Content-Length: {}"], ended)

    # Codings that are none, or are read as chunked
    for value in (b"xchunked", b"chunkedx", b"x chunked", b"chunked x", b"chunk", b"identity", b"identity, chunked", b"chunked, identity",
                  b"chunked, chunked", b"gzip, chunked", b"chunked, gzip", b"\x0bchunked", b"\x0cchunked", b"chunked\x0b", b"\x00chunked",
                  b"chunked\x00", b"chunked;", b"chunked;q=1", b'"chunked"', b"'chunked'", b"", b",", b",chunked", b"chunked,", b"[chunked]",
                  b"chunked\xa0", "chun\u212aed".encode(), b"c h u n k e d", b"nothing"):
        add(f"coding {value!r} and a length", [b"Transfer-Encoding: " + value, b"Content-Length: {}"], ended)
    add("two codings, the last nothing", [b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"], ended)
    add("two codings, the first nothing", [b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked", b"Content-Length: {}"], ended)
    add("chunked, and dropped by Connection", [b"Connection: Transfer-Encoding", *both], ended)
    add("length, and dropped by Connection", [b"Connection: Content-Length", b"Content-Length: {}"])

    # Lines
    add("folded length", [b"Content-Length:", b" {}"])
    add("folded length, tab", [b"Content-Length:", b"\t{}"])
    add("folded coding", [b"Transfer-Encoding:", b" chunked", b"Content-Length: {}"], ended)
    add("folded coding behind x", [b"Transfer-Encoding: x", b" chunked", b"Content-Length: {}"], ended)
    add("folded field with a length", [b"X: y", b" Content-Length: 0", b"Content-Length: {}"])
    add("folded first field", [b" X: y", b"Content-Length: {}"])
    add("coding behind a line feed", [b"X: y\nTransfer-Encoding: chunked", b"Content-Length: {}"], ended)
    add("coding behind a carriage return", [b"X: y\rTransfer-Encoding: chunked", b"Content-Length: {}"], ended)
    add("length behind a carriage return", [b"X: y\rContent-Length: 0", b"Content-Length: {}"])
    add("length behind a NUL", [b"X: y\x00Content-Length: 0", b"Content-Length: {}"])
    add("length behind two carriage returns", [b"X: y\r\rContent-Length: 0", b"Content-Length: {}"])
    add("a field without a colon", [b"X", b"Content-Length: {}"])
    add("a field without a name", [b": y", b"Content-Length: {}"])
    add("a line of blanks", [b"   ", b"Content-Length: {}"])
    add("end of the head by line feeds", [b"X: y\n\n" + hidden, b"Content-Length: {}"])
    add("end of the head by carriage returns", [b"X: y\r\r" + hidden, b"Content-Length: {}"])
    add("two hosts", [b"Host: b", b"Content-Length: {}"])
    add("a control character in a value", [b"X: \x01", b"Content-Length: {}"])
    add("a delete character in a value", [b"X: \x7f", b"Content-Length: {}"])

    # Chunks: a size that somebody reads as 0, or as more
    coding = [b"Transfer-Encoding: chunked"]
    for size in (b"-0", b"+0", b"0x0", b"0_", b" 0", b"\t0", b"0\x000", b"", b";", b";x", b"x", b"-1", b"0x5", b"+5", b"5 5", b"5\x0b", b"g",
                 b"00000000000000000000000000000000_", b"10000000000000000", b"100000000000000005", b"ffffffffffffffff", b"fffffffffffffffff",
                 b"7fffffffffffffff", b"8000000000000000", b"FFFFFFFF0", b"0.0", b"0,0", b"'0'"):
        add(f"chunk size {size!r}", coding, size + CRLF + CRLF + hidden)
    add("chunk size ended by a line feed", coding, b"0\n\r\n" + hidden)
    add("chunk size ended by a carriage return", coding, b"0\r\r\n" + hidden)
    add("last chunk ended by line feeds", coding, b"0\n\n" + hidden)
    add("trailer ended by a line feed", coding, b"0\r\nX: y\n\r\n" + hidden)
    add("end of the trailer by a line feed", coding, b"0\r\n\n" + hidden)
    add("end of the trailer by a carriage return", coding, b"0\r\n\r\r" + hidden)
    add("extension with a line feed", coding, b"0;a\nb\r\n\r\n" + hidden)
    add("extension with a carriage return", coding, b"0;a\rb\r\n\r\n" + hidden)
    add("extension with a NUL", coding, b"0;a\x00\r\n\r\n" + hidden)
    add("blank before an extension", coding, b"0 ;a\r\n\r\n" + hidden)
    add("data longer than its chunk", coding, b"3\r\nabcd\r\n0\r\n\r\n" + hidden)
    add("data ended by a line feed", coding, b"3\r\nabc\n0\r\n\r\n" + hidden)
    add("data ended by two others", coding, b"3\r\nabcXX0\r\n\r\n" + hidden)
    add("data that is not ended", coding, b"3\r\nabc0\r\n\r\n" + hidden)
    return table


CASES = cases()


def test_there_are_enough_cases():
    assert len(CASES) >= 150


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One server with both proxies, and a token."""
    folder = tmp_path_factory.mktemp("smuggling")
    server = Server(folder / "server").start()
    proxies = {kind: Proxy(kind, folder / kind, server.port) for kind in FRONTS[1:]}
    ports = {"straight": server.port} | {kind: proxy.port for kind, proxy in proxies.items()}
    yield server, ports, proxies, server.api("ada").token
    for proxy in proxies.values():
        proxy.stop()
    server.stop()
    assert "hidden-straight" not in server.stderr


def request_of(case: tuple[list[bytes], bytes], path: str, token: str) -> bytes:
    lines, body = case
    hidden = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    body = body.replace(b"HIDDEN", hidden)
    length = b"%d" % len(body)
    filled = [line.replace(b"HIDDEN", hidden).replace(b"{}", length).replace(b"{x}", b"%x" % len(body)) for line in lines]
    fields = [
        b"POST /v1/holds HTTP/1.1",
        b"Host: a",
        b"Authorization: Bearer " + token.encode(),
        b"Content-Type: application/json",
        b"Idempotency-Key: " + new_key().encode(),
    ]
    return CRLF.join([*fields, *filled]) + CRLF * 2 + body


def assert_next_is_served(port: int, server) -> None:
    """Whoever comes next gets the answer to their own request, twice on one connection."""
    with Connection(port) as connection:
        for _ in range(2):
            own = str(uuid.uuid4())
            connection.send(request_bytes("GET", "/v1/healthz", [("X-Request-Id", own)]))
            answer = connection.receive()
            assert answer.status == 200, answer
            assert answer.headers["X-Request-Id"] == own
    eventually(lambda: own in server.stderr[-4000:], within=5)


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("name", CASES)
def test_no_request_hides_in_another(shared, name, front):
    server, ports, proxies, token = shared
    path = f"/v1/hidden-{front}-{list(CASES).index(name)}"
    with Connection(ports[front], timeout=1.0) as connection:
        try:
            connection.send(request_of(CASES[name], path, token))
            connection.socket.shutdown(socket.SHUT_WR)
            status, _, _ = connection.receive_head()
            assert 400 <= status < 600, status
            connection.receive_rest()
        except (Closed, TimeoutError, OSError):
            pass
    assert_next_is_served(ports[front], server)
    if f'"{path}"' in server.stderr:  # HAProxy and nginx take line feeds in chunks for line ends, and pass on what follows as a request of its own
        assert front != "straight"
        eventually(lambda: f"GET {path} HTTP" in proxies[front].log.read_text(errors="replace"), within=5)

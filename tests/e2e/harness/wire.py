"""A small HTTP/1.1 client that hides nothing: it sends the bytes it is told to, and reads answers strictly."""

import dataclasses
import json
import socket
import time

TIMEOUT = 15.0


class Closed(Exception):
    """The peer closed or reset the connection. `partial` holds the bytes of the answer that had come by then."""

    def __init__(self, partial: bytes = b""):
        super().__init__(f"connection closed after {len(partial)} bytes of an answer: {partial[:200]!r}")
        self.partial = partial


class Headers:
    """Header fields in the order they came; look-ups ignore case."""

    def __init__(self, fields: list[tuple[str, str]]):
        self.fields = fields

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name: str, default=None):
        """The value of a field that may be sent once."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} was sent {len(values)} times: {values}"
        return values[0] if values else default

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        assert value is not None, f"no {name} among {self.fields}"
        return value

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def tokens(self, name: str) -> list[str]:
        """The members of a comma-separated field, lower-cased."""
        return [token.strip().lower() for value in self.all(name) for token in value.split(",") if token.strip()]


@dataclasses.dataclass
class Response:
    status: int
    headers: Headers
    body: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def json(self):
        return json.loads(self.body)

    def __str__(self) -> str:
        return f"{self.status} {self.headers.fields} {self.body[:2000]!r}"


class Connection:
    """One TCP connection to a server."""

    def __init__(self, port: int, host: str = "127.0.0.1", timeout: float = TIMEOUT):
        self.timeout = timeout
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except (ConnectionError, BrokenPipeError) as error:
            raise Closed() from error

    def _more(self, partial: bytes = b"") -> None:
        try:
            data = self.socket.recv(262144)
        except ConnectionError as error:
            raise Closed(partial + self.received) from error
        if not data:
            raise Closed(partial + self.received)
        self.received += data

    def _take(self, length: int, partial: bytes) -> bytes:
        while len(self.received) < length:
            self._more(partial)
        taken, self.received = self.received[:length], self.received[length:]
        return taken

    def _line(self, partial: bytes) -> bytes:
        while b"\r\n" not in self.received:
            self._more(partial)
        line, _, self.received = self.received.partition(b"\r\n")
        return line

    def receive_head(self) -> tuple[int, Headers, bytes]:
        """Status, fields and the raw head of the next answer, interim ones (1xx) included."""
        while b"\r\n\r\n" not in self.received:
            self._more()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        version, _, rest = status_line.partition(" ")
        code, _, _reason = rest.partition(" ")
        assert version in ("HTTP/1.1", "HTTP/1.0") and len(code) == 3 and code.isdigit(), f"bad status line: {status_line!r}"
        fields = []
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon and name and name == name.strip(), f"bad header line: {line!r}"
            fields.append((name, value.strip()))
        return int(code), Headers(fields), head + b"\r\n\r\n"

    def receive(self, method: str = "GET") -> Response:
        """The next final answer, whole. `method` is the request's: answers to HEAD have no body."""
        while True:
            status, headers, head = self.receive_head()
            if status >= 200:
                break
        if method == "HEAD" or status in (204, 304):
            return Response(status, headers, b"")
        if "chunked" in headers.tokens("Transfer-Encoding"):
            assert "Content-Length" not in headers, f"both lengths: {headers.fields}"
            body = b""
            while (size := int(self._line(head + body).partition(b";")[0], 16)) > 0:
                body += self._take(size, head + body)
                assert self._line(head + body) == b""
            while self._line(head + body):
                pass
            return Response(status, headers, body)
        if "Content-Length" in headers:
            return Response(status, headers, self._take(int(headers["Content-Length"]), head))
        return Response(status, headers, self.receive_rest())

    def receive_rest(self) -> bytes:
        """Everything until the peer closes."""
        while True:
            try:
                self._more()
            except Closed as closed:
                self.received = b""
                return closed.partial

    def is_closed_by_peer(self, within: float = TIMEOUT) -> bool:
        """True once the peer has closed or reset; nothing else may arrive before."""
        deadline = time.monotonic() + within
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return False
            except ConnectionError:
                return True
            finally:
                self.socket.settimeout(self.timeout)
            if not data:
                return True
            raise AssertionError(f"bytes where the end was expected: {data[:300]!r}")
        return False


def request_bytes(
    method: str, target: str, headers: list[tuple[str, str]] = (), body: bytes | None = None, host: str = "tro.test"
) -> bytes:
    """A well-formed HTTP/1.1 request. Content-Length is added for a body."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def exchange(
    port: int, method: str, target: str, headers: list[tuple[str, str]] = (), body: bytes | None = None, timeout: float = TIMEOUT
) -> Response:
    """One request on a connection of its own."""
    with Connection(port, timeout=timeout) as connection:
        connection.send(request_bytes(method, target, headers, body))
        return connection.receive(method)

"""TLS on LISTEN_ADDR: which versions and protocols, certificates that are replaced, and handshakes that are slow, broken or none."""

import json
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest
from harness import credentials
from harness.machine import is_in_time
from harness.receiver import Receiver
from harness.server import SLACK, Server, eventually, run_tro
from harness.spans import spans_of

GET = b"GET /v1/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def make_certificate(folder: pathlib.Path, name: str) -> None:
    """NAME.pem and NAME.key: signed by itself, for localhost."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"],
        check=True, capture_output=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("first", "second"):
        make_certificate(folder, name)
    return folder


class Encrypted(Server):
    """The harness asks without TLS: this server is ready when it says so, at the address of operators."""

    def __init__(self, folder: pathlib.Path, certificates: pathlib.Path, **options):
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate, self.key = folder / "cert.pem", folder / "cert.key"
        self.install(certificates, "first")
        super().__init__(folder, operators=True, TLS_CERT_FILE=str(self.certificate), TLS_KEY_FILE=str(self.key), **options)

    def install(self, certificates: pathlib.Path, name: str) -> None:
        shutil.copy(certificates / f"{name}.pem", self.certificate)
        shutil.copy(certificates / f"{name}.key", self.key)

    def is_ready(self) -> bool:
        try:
            return self.operators().get("/v1/readyz").status == 200
        except OSError:
            return False


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory, certificates):
    server = Encrypted(tmp_path_factory.mktemp("encrypted"), certificates, HEAD_TIMEOUT="1s", TRUSTED_PROXIES="127.0.0.1").start()
    yield server
    server.stop()
    server.verify()
    server.discard()


def client_of(certificates: pathlib.Path, name: str = "first") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificates / f"{name}.pem"))
    context.set_alpn_protocols(["http/1.1"])
    return context


def connect(server: Server, context: ssl.SSLContext, before: bytes = b"") -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    plain.sendall(before)
    return context.wrap_socket(plain, server_hostname="localhost")


def exchange(connection: socket.socket, request: bytes = GET) -> tuple[bytes, bytes]:
    """Head and body of one answer."""
    connection.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        assert piece, f"closed after {data!r}"
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head, body


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_requests_are_answered(encrypted, certificates, version):
    context = client_of(certificates)
    context.minimum_version = context.maximum_version = version
    with connect(encrypted, context) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"
        for _ in range(3):
            head, body = exchange(connection)
            assert head.startswith(b"HTTP/1.1 200 ") and json.loads(body)
            assert b"Strict-Transport-Security: max-age=31536000" in head


def test_traces_say_how_the_client_asked(tmp_path, certificates):
    """https here, unless a proxy that is trusted says that its client asked it by http."""
    receiver = Receiver()
    server = Encrypted(tmp_path / "traced", certificates, TRUSTED_PROXIES="127.0.0.1", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{receiver.port}")
    server.start()
    with connect(server, client_of(certificates)) as connection:
        for field in (b"", b"X-Forwarded-Proto: http\r\n"):
            head, _ = exchange(connection, GET.replace(b"/v1/healthz", b"/v1/events").replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n"))
            assert head.startswith(b"HTTP/1.1 200 ")
    server.stop()
    receiver.close()
    found = [span for _, _, body in receiver.requests for span in spans_of(body) if span.name == "GET /v1/events"]
    assert [span.attributes["url.scheme"] for span in found] == ["https", "http"]
    server.discard()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(encrypted, certificates, version):
    context = client_of(certificates)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = context.maximum_version = version
    with pytest.raises(ssl.SSLError):
        connect(encrypted, context)


def test_weak_ciphers_are_refused(encrypted, certificates):
    context = client_of(certificates)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA:AES256-GCM-SHA384:ECDHE+SHA")
    with pytest.raises(ssl.SSLError):
        connect(encrypted, context)


def test_another_protocol_is_refused(encrypted, certificates):
    context = client_of(certificates)
    context.set_alpn_protocols(["h2", "imap"])
    with pytest.raises(ssl.SSLError, match="(?i)protocol"):
        connect(encrypted, context)
    context = client_of(certificates)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connect(encrypted, context) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"


def test_bodies_of_any_size_go_both_ways(encrypted, certificates):
    """More than a record in each direction, pipelined requests, and a body that comes byte by byte."""
    token = credentials.token("admin", "tro:admin")
    fields = f"Host: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    content = json.dumps({"name": "x", "venue": "y", "starts_at": "2030-01-01T00:00:00Z", "currency": "EUR",
                          "seats": [{"seat": f"A-1-{n}", "price": 100} for n in range(1, 3001)]}).encode()  # fmt: skip
    create = f"POST /v1/events HTTP/1.1\r\n{fields}Content-Length: {len(content)}\r\n\r\n".encode()
    with connect(encrypted, client_of(certificates)) as connection:
        head, body = exchange(connection, create + content)
        assert head.startswith(b"HTTP/1.1 201 ")
        event_id = json.loads(body)["event_id"]
        head, body = exchange(connection, f"GET /v1/events/{event_id}/seats?limit=500 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert len(json.loads(body)["data"]) == 500 and len(body) > 2 * 16384
        connection.sendall(GET * 20)
        answers = b""
        while answers.count(b"HTTP/1.1 200 ") < 20:
            answers += connection.recv(65536)
    with connect(encrypted, client_of(certificates)) as connection:
        hold = json.dumps({"event_id": event_id, "seats": ["A-1-1"]}).encode()
        head = f"POST /v1/holds HTTP/1.1\r\n{fields}Idempotency-Key: {'k' * 16}\r\nContent-Length: {len(hold)}\r\n\r\n".encode()
        for byte in head + hold[:-1]:
            connection.sendall(bytes([byte]))
        assert exchange(connection, hold[-1:])[0].startswith(b"HTTP/1.1 201 ")


def test_a_certificate_is_replaced_and_no_connection_lost(tmp_path, certificates):
    server = Encrypted(tmp_path, certificates).start()
    try:
        kept = connect(server, client_of(certificates))
        exchange(kept)
        server.install(certificates, "second")
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: any(line["message"] == "the certificate was read again" for line in server.log()), within=10)
        exchange(connect(server, client_of(certificates, "second")))
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(server, client_of(certificates, "first"))
        exchange(kept)
        server.certificate.write_text("no certificate")
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: any("cannot be read again" in line["message"] and str(server.certificate) in line["reason"] for line in server.log()), within=10)
        exchange(connect(server, client_of(certificates, "second")))
        exchange(kept)
    finally:
        server.stop()
        server.discard()


def test_a_hangup_means_nothing_without_tls(tmp_path):
    server = Server(tmp_path).start()
    try:
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: any(line["message"] == "there is no certificate to read again" for line in server.log()), within=10)
        assert server.api().get("/v1/healthz").status == 200
    finally:
        server.stop()
        server.discard()


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_a_slow_handshake_ends_at_the_head_timeout(encrypted, certificates, sent):
    with socket.create_connection(("127.0.0.1", encrypted.port), timeout=20) as slow:
        slow.sendall(sent)
        with connect(encrypted, client_of(certificates)) as connection:
            exchange(connection)
        rest_of(slow)


def rest_of(connection: socket.socket) -> bytes:
    """What comes until the server closes."""
    data = b""
    try:
        while piece := connection.recv(1000):
            data += piece
    except ConnectionResetError:
        pass
    return data


def test_a_client_without_tls_gets_no_answer(encrypted):
    with socket.create_connection(("127.0.0.1", encrypted.port), timeout=20) as connection:
        connection.sendall(GET)
        assert b"HTTP/" not in rest_of(connection)


def test_a_proxy_says_for_whom_before_the_handshake(encrypted, certificates):
    addresses = socket.inet_aton("192.0.2.77") + socket.inet_aton("127.0.0.1") + b"\x12\x34\x00\x50"
    header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + addresses
    with connect(encrypted, client_of(certificates), header) as connection:
        exchange(connection)
    eventually(lambda: any(line.get("client") == "192.0.2.77" for line in encrypted.log()), within=10)


def test_a_client_that_goes_is_no_failure(encrypted, certificates):
    for step in range(3):
        connection = connect(encrypted, client_of(certificates))
        if step > 0:
            connection.sendall(GET[: 20 * step])
        connection.close()
    with connect(encrypted, client_of(certificates)) as connection:
        exchange(connection)
        plain = connection.unwrap()  # close_notify from both sides
        plain.close()


def test_curl_and_the_commands_speak_it(encrypted, certificates):
    done = subprocess.run(["curl", "-sS", "--cacert", certificates / "first.pem", f"https://localhost:{encrypted.port}/v1/healthz"], capture_output=True, text=True)
    assert done.returncode == 0 and json.loads(done.stdout), done.stderr
    assert encrypted.tro("health").stdout == "ready\n"
    other = encrypted.tro("health", TLS_CERT_FILE=str(certificates / "second.pem"))
    assert other.returncode == 1 and "certificate" in other.stderr


def test_a_file_that_is_no_certificate_stops_the_start(tmp_path, certificates):
    good = {"TLS_CERT_FILE": str(certificates / "first.pem"), "TLS_KEY_FILE": str(certificates / "first.key")}
    cases = [
        ({**good, "TLS_KEY_FILE": None}, "TLS_CERT_FILE and TLS_KEY_FILE belong together"),
        ({**good, "TLS_CERT_FILE": "/nowhere.pem"}, "TLS_CERT_FILE /nowhere.pem cannot be used"),
        ({**good, "TLS_CERT_FILE": good["TLS_KEY_FILE"]}, "TLS_CERT_FILE"),
        ({**good, "TLS_KEY_FILE": str(certificates / "second.key")}, "TLS_KEY_FILE"),
    ]
    for options, complaint in cases:
        done = run_tro("serve", DATA_DIR=str(tmp_path / "data"), LISTEN_ADDR="127.0.0.1:0", **options)
        assert done.returncode == 1 and complaint in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_a_stop_answers_what_is_under_way(tmp_path, certificates):
    server = Encrypted(tmp_path, certificates).start()
    idle = connect(server, client_of(certificates))
    exchange(idle)
    shaking = socket.create_connection(("127.0.0.1", server.port))
    started = time.monotonic()
    server.stop()
    assert is_in_time(time.monotonic() - started, 9 * SLACK)
    for connection in (idle, shaking):
        connection.close()
    server.discard()

"""Where a server listens: several addresses, names, unix sockets, sockets of the supervisor; and for whom a proxy says that it speaks."""

import ctypes
import errno
import os
import pathlib
import shutil
import socket
import stat
import struct
import subprocess
import tempfile

import pytest
from harness import wire
from harness.server import Server, environment, eventually, free_port, run_tro

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
REQUEST = b"GET /v1/healthz HTTP/1.1\r\nHost: tro\r\nConnection: close\r\n\r\n"


def ask(connection: socket.socket, request: bytes = REQUEST) -> bytes:
    """What comes back until the server closes."""
    with connection:
        connection.settimeout(20)
        connection.sendall(request)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:  # closed before it had read everything
            pass
        return answer


def ask_unix(path: pathlib.Path) -> bytes:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    return ask(connection)


@pytest.fixture
def short_folder():
    """The path of a unix socket has 107 bytes at most."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tro-"))
    yield folder
    shutil.rmtree(folder)


def test_several_addresses_are_served(short_folder):
    path, ports = short_folder / "api.sock", [free_port(), free_port()]
    server = Server(short_folder / "server", LISTEN_ADDR=f"127.0.0.1:{ports[0]}, unix:{path} ,localhost:{ports[1]}")
    server.port = ports[0]
    server.start()
    try:
        assert ask_unix(path).startswith(b"HTTP/1.1 200 ")
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        for port in ports:
            assert ask(socket.create_connection(("127.0.0.1", port))).startswith(b"HTTP/1.1 200 ")
        assert server.tro("health").stdout == "ready\n"
        assert run_tro("health", LISTEN_ADDR=f"unix:{path}").stdout == "ready\n"
    finally:
        server.stop()
        server.discard()


def test_a_socket_that_a_dead_server_has_left_is_replaced(short_folder):
    path = short_folder / "api.sock"
    server = Server(short_folder / "server")
    server.options["LISTEN_ADDR"] = f"unix:{path},127.0.0.1:{server.port}"
    server.start()
    other = run_tro("serve", LISTEN_ADDR=f"unix:{path}", DATA_DIR=str(short_folder / "other"))
    assert other.returncode == 1 and f"cannot listen on unix:{path}: Address already in use" in other.stderr
    server.kill()
    server.start()
    assert ask_unix(path).startswith(b"HTTP/1.1 200 ")
    server.stop()
    server.discard()


def test_a_file_that_is_no_socket_stays(short_folder):
    path = short_folder / "precious"
    path.write_text("mine")
    done = run_tro("serve", LISTEN_ADDR=f"unix:{path}", DATA_DIR=str(short_folder / "data"))
    assert done.returncode == 1 and "Address already in use" in done.stderr and path.read_text() == "mine"


def test_the_supervisor_keeps_the_socket_while_the_server_is_started_anew(tmp_path):
    """Whoever comes between two servers waits in the queue of the socket, and is answered by the second."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = Server(tmp_path, wrapper=["bash", "-c", f'exec 3<&{listener.fileno()}; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" "$@"'])
    server.options["LISTEN_ADDR"] = "127.0.0.1:1"
    server.port = server.admin_port = port

    def spawn():
        with open(tmp_path / "stdout", "ab") as stdout, open(tmp_path / "stderr", "ab") as stderr:
            server.process = subprocess.Popen(server.command, env=environment(server.options), stdout=stdout, stderr=stderr, pass_fds=[listener.fileno()], cwd=tmp_path)
        return server

    server.spawn = spawn
    server.start()
    assert wire.exchange(port, "GET", "/v1/healthz").status == 200
    server.stop()
    between = socket.create_connection(("127.0.0.1", port))
    server.start()
    assert ask(between).startswith(b"HTTP/1.1 200 ")
    server.stop()
    server.discard()


def forbid_ipv6():
    """As on a host without IPv6: no socket of it is to be had (seccomp; x86-64 and arm64 have this layout of a call's data)."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = 41 if os.uname().machine == "x86_64" else 198
    words = [(0x20, 0, 0, 0), (0x15, 0, 3, number), (0x20, 0, 0, 16), (0x15, 0, 1, socket.AF_INET6), (0x06, 0, 0, 0x00050000 | errno.EAFNOSUPPORT), (0x06, 0, 0, 0x7FFF0000)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *word) for word in words))
    fprog = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(words), ctypes.addressof(program)))
    libc.prctl(38, 1, 0, 0, 0)
    assert libc.prctl(22, 2, ctypes.byref(fprog), 0, 0) == 0


def test_every_address_is_ipv4_on_a_host_without_ipv6(tmp_path):
    port = free_port()
    options = {"LISTEN_ADDR": f"[::]:{port}", "DATA_DIR": str(tmp_path / "data")}
    with open(tmp_path / "err", "wb") as stderr:
        child = subprocess.Popen([Server(tmp_path).command[0], "serve"], env=environment(options), stdout=subprocess.DEVNULL, stderr=stderr, preexec_fn=forbid_ipv6)
    try:
        eventually(lambda: child.poll() is not None or reaches(port), within=20)
        assert child.poll() is None, (tmp_path / "err").read_text()
        assert ask(socket.create_connection(("127.0.0.1", port))).startswith(b"HTTP/1.1 200 ")
    finally:
        child.terminate()
        assert child.wait(20) == 0


def reaches(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return True
    except OSError:
        return False


# The PROXY protocol, version 2.


def proxy_header(source: str, extensions: bytes = b"") -> bytes:
    addresses = socket.inet_aton(source) + socket.inet_aton("127.0.0.1") + struct.pack("!HH", 4711, 80) + extensions
    return SIGNATURE + b"\x21\x11" + struct.pack("!H", len(addresses)) + addresses


@pytest.fixture(scope="module")
def behind_proxy(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("proxied"), TRUSTED_PROXIES="127.0.0.1", HEAD_TIMEOUT="1s").start()
    yield server
    server.stop()
    server.discard()


def clients(server: Server, count: int) -> list[str]:
    def lines():
        found = [line["client"] for line in server.log() if line["message"] == "request" and line["path"] == "/v1/events"]
        return found if len(found) >= count else None

    return eventually(lines, within=10)


EVENTS = REQUEST.replace(b"/v1/healthz", b"/v1/events")


def test_a_proxy_says_for_whom_it_has_come(behind_proxy):
    before = len([line for line in behind_proxy.log() if line.get("path") == "/v1/events"])
    pieces = [
        (proxy_header("192.0.2.1") + EVENTS, "192.0.2.1"),
        (proxy_header("192.0.2.2", b"\x04\x00\x02hi") + EVENTS, "192.0.2.2"),
        (SIGNATURE + b"\x20\x00\x00\x00" + EVENTS, "127.0.0.1"),
        (EVENTS, "127.0.0.1"),
        (proxy_header("192.0.2.3") + EVENTS.replace(b"Host", b"X-Forwarded-For: 6.6.6.6\r\nHost"), "192.0.2.3"),
    ]
    for number, (sent, expected) in enumerate(pieces, before + 1):
        assert ask(socket.create_connection(("127.0.0.1", behind_proxy.port)), sent).startswith(b"HTTP/1.1 200")
        assert clients(behind_proxy, number)[-1] == expected


def test_a_header_may_come_in_pieces(behind_proxy):
    header = proxy_header("192.0.2.9")
    before = len([line for line in behind_proxy.log() if line.get("path") == "/v1/events"])
    connection = socket.create_connection(("127.0.0.1", behind_proxy.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(len(header)):
        connection.sendall(header[at : at + 1])
    assert ask(connection, EVENTS).startswith(b"HTTP/1.1 200")
    assert clients(behind_proxy, before + 1)[-1] == "192.0.2.9"


@pytest.mark.parametrize("sent", [SIGNATURE + b"\x21\x11\x00\x02ab", SIGNATURE + b"\x41\x11\x00\x00"])
def test_a_broken_header_ends_the_connection(behind_proxy, sent):
    connection = socket.create_connection(("127.0.0.1", behind_proxy.port))
    assert ask(connection, sent) == b""


@pytest.mark.parametrize("length", [3, 15, 20])
def test_a_header_that_the_proxy_cuts_off_ends_the_connection(behind_proxy, length):
    with socket.create_connection(("127.0.0.1", behind_proxy.port)) as connection:
        connection.settimeout(20)
        connection.sendall(proxy_header("192.0.2.1")[:length])
        connection.shutdown(socket.SHUT_WR)
        try:
            assert connection.recv(100) == b""
        except ConnectionResetError:
            pass


def test_a_header_that_is_not_finished_is_told_so(behind_proxy):
    assert ask(socket.create_connection(("127.0.0.1", behind_proxy.port)), SIGNATURE[:7]).startswith(b"HTTP/1.1 408 ")
    assert ask(socket.create_connection(("127.0.0.1", behind_proxy.port)), b"\r\n" + REQUEST).startswith(b"HTTP/1.1 200 ")


def test_a_stranger_speaks_for_nobody(server):
    connection = socket.create_connection(("127.0.0.1", server.port))
    assert ask(connection, proxy_header("192.0.2.1") + REQUEST).startswith(b"HTTP/1.1 400 ")

"""What a service says to the systemd that started it."""

import socket

from harness.server import Server


def listen(address: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(address)
    listener.settimeout(10)
    return listener


def test_it_says_when_it_is_ready_and_when_it_stops(tmp_path):
    with listen(str(tmp_path / "notify")) as supervisor:
        server = Server(tmp_path / "server", NOTIFY_SOCKET=str(tmp_path / "notify")).start()
        assert supervisor.recv(100) == b"READY=1"
        server.stop()
        assert supervisor.recv(100) == b"STOPPING=1"


def test_the_socket_may_be_an_abstract_one(tmp_path):
    with listen(f"\0tro-test-{tmp_path}") as supervisor:
        server = Server(tmp_path / "server", NOTIFY_SOCKET=f"@tro-test-{tmp_path}").start()
        assert supervisor.recv(100) == b"READY=1"
        server.stop()


def test_a_watchdog_hears_of_it_twice_in_its_time(tmp_path):
    with listen(str(tmp_path / "notify")) as supervisor:
        server = Server(tmp_path / "server", NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="400000").start()
        assert [supervisor.recv(100) for _ in range(5)] == [b"READY=1", *[b"WATCHDOG=1"] * 4]
        server.stop()


def test_nobody_has_to_listen(tmp_path):
    server = Server(tmp_path / "server", NOTIFY_SOCKET=str(tmp_path / "nobody"), WATCHDOG_USEC="not a number").start()
    server.stop()

"""A start that cannot succeed: one clear line, exit code 1, and nothing of what is there harmed."""

import socket
import subprocess
import time

import pytest

from harness import credentials
from harness.problems import expect
from harness.server import PATIENCE, Server, free_port, run_tro


@pytest.fixture
def options(tmp_path):
    return {
        "DATA_DIR": str(tmp_path / "data"),
        "LISTEN_ADDR": f"127.0.0.1:{free_port()}",
        "JWT_SECRET": credentials.JWT_SECRET,
        "PAYMENT_SECRET": credentials.PAYMENT_SECRET,
    }


def refusal(*arguments: str, **options: str) -> str:
    """The one line that says why."""
    done = run_tro(*arguments, timeout=30.0, **options)
    assert done.returncode == 1, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, f"not one line: {done.stderr}"
    return lines[0]


def test_a_data_folder_under_a_file(options, tmp_path):
    (tmp_path / "file").write_text("")
    assert "file" in refusal("serve", **{**options, "DATA_DIR": str(tmp_path / "file" / "data")})


def test_a_data_folder_that_is_a_file(options, tmp_path):
    (tmp_path / "file").write_text("precious")
    assert str(tmp_path / "file") in refusal("serve", **{**options, "DATA_DIR": str(tmp_path / "file")})
    assert (tmp_path / "file").read_text() == "precious"


@pytest.fixture
def read_only(tmp_path):
    folder = tmp_path / "read-only"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("child", ["", "/data"])
def test_a_data_folder_that_cannot_be_written(options, read_only, child):
    """A file system that is read-only stops root too."""
    assert str(read_only) in refusal("serve", **{**options, "DATA_DIR": f"{read_only}{child}"})


def stores(server: Server) -> list:
    """The database files, without their logs."""
    return [path for path in server.data_dir.rglob("*") if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3"]


def sold(server: Server) -> tuple[str, dict]:
    server.start()
    api = server.api()
    event_id = api.create_event()["event_id"]
    order = api.confirmed(event_id, "A-1-1")
    server.stop()
    return event_id, order


@pytest.mark.parametrize("damage", ["header", "everything", "empty header"])
def test_a_corrupt_store(tmp_path, damage):
    server = Server(tmp_path)
    sold(server)
    found = stores(server)
    assert found
    for path in found:
        content = bytearray(path.read_bytes())
        if damage == "header":
            content[:100] = b"\xa5" * 100
        elif damage == "everything":
            content[:] = b"\xa5" * len(content)
        else:
            content[:16] = bytes(16)
        path.write_bytes(content)
    before = {path: path.read_bytes() for path in found}
    line = refusal("serve", **server.options)
    assert str(server.data_dir) in line, f"which file is not said: {line}"
    assert {path: path.read_bytes() for path in found} == before, "evidence was destroyed"
    refusal("verify", **server.options)


def test_damage_in_the_middle_is_found_by_verify(tmp_path):
    server = Server(tmp_path)
    sold(server)
    for path in stores(server):
        content = bytearray(path.read_bytes())
        half = len(content) // 2 // 4096 * 4096
        content[4096 : half + 4096] = b"\xa5" * half
        path.write_bytes(content)
    done = server.tro("verify", timeout=60.0)
    assert done.returncode == 1, f"{done.returncode}\n{done.stdout}\n{done.stderr}"


def test_a_second_server_on_the_same_data(start_server):
    first = start_server()
    api = first.api()
    event_id = api.create_event()["event_id"]
    line = refusal("serve", **{**first.options, "LISTEN_ADDR": f"127.0.0.1:{free_port()}"})
    assert str(first.data_dir) in line
    api.held(event_id, "A-1-1")


def test_a_second_server_that_is_refused_has_put_nothing_on_sale(start_server):
    first = start_server()
    line = refusal("serve", "--demo", **{**first.options, "LISTEN_ADDR": f"127.0.0.1:{free_port()}"})
    assert str(first.data_dir) in line
    assert first.tro("event", "list").stdout == ""


def test_the_data_is_free_again_after_a_kill(start_server):
    first = start_server()
    first.api().create_event()
    first.kill()
    first.start()


def test_a_port_in_use(options):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert address in refusal("serve", **{**options, "LISTEN_ADDR": address})


def test_a_port_in_use_by_another_server(start_server, options):
    first = start_server()
    assert first.options["LISTEN_ADDR"] in refusal("serve", **{**options, "LISTEN_ADDR": first.options["LISTEN_ADDR"]})
    expect(first.api().get("/v1/healthz"), 200)


def test_an_address_that_is_not_ours(options):
    assert "192.0.2.1:8080" in refusal("serve", **{**options, "LISTEN_ADDR": "192.0.2.1:8080"})


def test_the_first_request_is_answered_whole(tmp_path):
    """Nothing is wired after the first connection is accepted: a scrape that comes with it sees the connection that it came on."""
    for number in range(10):
        server = Server(tmp_path / str(number)).spawn()
        try:
            assert first_scrape(server)["tro_http_connections"].total() >= 1
        finally:
            server.kill()


def first_scrape(server: Server):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return server.metrics()
        except OSError:
            assert server.process.poll() is None and time.monotonic() < deadline, server.stderr

"""Redis and MongoDB that cannot be used: the server starts and sells, readiness names which one and why, the log says it once, and no secret is told."""

import json
import socket

import pytest

from harness.bad_events import body
from harness.server import eventually

SECRET = "kX93-never-in-a-log"


@pytest.fixture
def nobody():
    """A port on which nobody listens, and nobody will."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


CASES = {
    "redis, nobody listens": ("admission", "REDIS_ADDR", f"redis://tro:{SECRET}@127.0.0.1:{{nobody}}/0", "cannot connect: Connection refused"),
    "redis, an unknown host": ("admission", "REDIS_ADDR", f"redis://tro:{SECRET}@host.invalid:6379/0", "host.invalid:6379: cannot resolve the name"),
    "redis, somebody else": ("admission", "REDIS_ADDR", f"redis://tro:{SECRET}@127.0.0.1:{{other}}/0", "127.0.0.1:{other}: "),
    "mongodb, nobody listens": ("catalog", "MONGO_URI", f"mongodb://tro:{SECRET}@127.0.0.1:{{nobody}}/tro", "127.0.0.1:{nobody}"),
    "mongodb, an unknown host": ("catalog", "MONGO_URI", f"mongodb://tro:{SECRET}@host.invalid/tro", "host.invalid"),
    "mongodb, somebody else": ("catalog", "MONGO_URI", f"mongodb://tro:{SECRET}@127.0.0.1:{{other}}/tro", "MongoDB: "),
    "mongodb, no TLS there": ("catalog", "MONGO_URI", f"mongodb://tro:{SECRET}@127.0.0.1:{{other}}/tro?tls=true", "TLS handshake failed"),
}


@pytest.mark.parametrize("case", CASES)
def test_an_address_that_cannot_be_used_is_named_without_its_secret(start_server, server, nobody, case):
    name, setting, value, words = CASES[case]
    ports = {"nobody": nobody, "other": server.port}
    broken = start_server(operators=True, **{setting: value.format(**ports)})
    words = words.format(**ports)
    found = eventually(lambda: words in (found := broken.ready()[name]).get("detail", "") and found, within=20)
    assert found["state"] == "degraded" and "\n" not in found["detail"], found
    api = broken.api()
    api.held(api.create_event()["event_id"], "A-1-1")
    told = eventually(lambda: [entry for entry in broken.log() if entry["message"] == "dependency is down"], within=20)
    assert {entry["dependency"] for entry in told} == {name} and any(words in entry["reason"] for entry in told), told
    assert SECRET not in json.dumps(broken.ready()) + broken.stderr + broken.stdout
    if name == "catalog":  # `tro verify` looks for the events beside the store
        broken.stop()
        del broken.options[setting]
        assert broken.tro("catalog", "rebuild").returncode == 0


@pytest.mark.parametrize("command", [["event", "list"], ["catalog", "rebuild"], ["event", "import", "events.jsonl"]], ids=" ".join)
def test_operators_are_told_in_one_line(start_server, nobody, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "events.jsonl").write_text(json.dumps(body()))
    store = start_server()
    store.stop()
    done = store.tro(*command, MONGO_URI=f"mongodb://tro:{SECRET}@127.0.0.1:{nobody}/tro")
    [told] = [line for line in done.stderr.splitlines() if line.startswith("tro: ")]
    assert done.returncode == 1 and "Catalog unavailable: MongoDB: Failed to connect to target host" in told, done.stderr
    assert SECRET not in done.stdout + done.stderr

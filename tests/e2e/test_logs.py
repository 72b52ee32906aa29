"""What the log says of requests and of users, how often, and how much is changed while it runs."""

import os
import pty
import re
import signal
import subprocess
import time

from harness import credentials
from harness.api import new_key
from harness.problems import expect, problem
from harness.server import Server, environment, eventually


def requests(server: Server, **fields) -> list[dict]:
    lines = [line for line in server.log() if line["message"] == "request"]
    return [line for line in lines if fields.items() <= line.items()]


def users(server: Server, count: int) -> list[str]:
    eventually(lambda: len(requests(server, route="/v1/holds")) >= count, within=3)
    return [line["user"] for line in requests(server, route="/v1/holds")]


def test_users_are_told_apart_and_not_named(start_server):
    servers = [start_server(), start_server()]
    told = []
    for server in servers:
        api = server.api("ada.lovelace@example.org")
        event_id = api.create_event()["event_id"]
        api.held(event_id, "A-1-1")
        api.held(event_id, "A-1-2")
        api.as_user("bob").held(event_id, "A-1-3")
        told.append(users(server, 3))
        assert "lovelace" not in server.stderr
    ada, again, bob = told[0]
    assert ada == again != bob and re.fullmatch(r"~[0-9a-f]{16}", ada)
    assert told[1] == told[0], "the same user reads the same in every process that shares the secret"
    other = start_server(PAYMENT_SECRET="another-secret-of-at-least-32-bytes!!")
    other.api("ada.lovelace@example.org").held(other.api().create_event()["event_id"], "A-1-1")
    assert users(other, 1)[0] not in (ada, bob)


def test_users_are_named_when_that_is_wanted(start_server):
    server = start_server(LOG_PERSONAL_DATA="true")
    server.api("ada").held(server.api().create_event()["event_id"], "A-1-1")
    assert users(server, 1) == ["ada"]


def test_nobody_is_nobody(start_server):
    server = start_server()
    server.api(None).get("/v1/events")
    eventually(lambda: requests(server, route="/v1/events", user=""), within=3)


def test_a_line_has_its_outcome(start_server):
    server = start_server()
    api = server.api()
    event_id = api.create_event()["event_id"]
    expect(api.hold(event_id, ["A-1-1"]), 201)
    problem(api.hold(event_id, ["A-1-1"]), "seats-taken")
    eventually(lambda: requests(server, route="/v1/holds", status=201, outcome="ok"), within=3)
    eventually(lambda: requests(server, route="/v1/holds", status=409, outcome="refused"), within=3)


def test_a_line_says_where_the_time_went_and_why_it_was_refused(start_server):
    server = start_server()
    api = server.api()
    event_id = api.create_event()["event_id"]
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    taken = api.held(event_id, "A-1-1")
    body = {"event_id": event_id, "seats": ["A-1-1"]}
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    problem(api.request("POST", "/v1/holds", json=body, key=new_key(), headers=headers), "seats-taken")
    expect(api.get_hold(taken["hold_id"]), 200)
    api.get(f"/v1/events/{event_id}")
    eventually(lambda: requests(server, route="/v1/events/{id}"), within=10)
    refused = requests(server, route="/v1/holds", trace_id=trace_id)[0]
    assert (refused["status"], refused["outcome"], refused["reason"]) == (409, "refused", "seats-taken")
    assert refused["error"] == "Some of the seats are taken"
    made = requests(server, route="/v1/holds", status=201)[0]
    assert made["reason"] == "none" and "detail" not in made
    for line, stages in [
        (refused, {"admission_ms", "commit_ms"}),
        (made, {"admission_ms", "commit_ms"}),
        (requests(server, route="/v1/holds/{id}")[0], {"admission_ms", "read_ms"}),
        (requests(server, route="/v1/events/{id}")[0], {"admission_ms", "catalog_ms"}),
    ]:
        told = {name: value for name, value in line.items() if name.endswith("_ms") and name != "duration_ms"}
        assert told.keys() == stages, line
        assert 0 <= sum(told.values()) <= line["duration_ms"] + 0.005, line


def test_a_refused_callback_says_why(start_server):
    """The provider is told as much; the operator finds it in the log, with the address that it came from."""
    server = start_server()
    provider, now, body = server.api(None), int(time.time()), b'{"order_id":"019aae7c-8100-7b20-8c11-5d0f64a3b2e4","status":"SUCCEEDED","transaction_id":"t"}'
    good = credentials.callback_mac(body, now)
    for signature, why in [
        (None, "missing"),
        ("nonsense", "must have"),
        (credentials.callback_signature(body, now - 400), "older than 300 seconds"),
        (credentials.callback_signature(body, now + 400), "ahead of the server's clock"),
        (f"t={now},v1={'0' * 64}", "under a secret of this server"),
        (f"t={now},v2={good}", "must have"),
    ]:
        count = len(requests(server, route="/v1/payments/callback"))
        problem(provider.callback(body, signature), "signature-invalid")
        line = eventually(lambda: requests(server, route="/v1/payments/callback")[count:], within=10)[0]
        assert line["status"] == 401 and line["reason"] == "signature-invalid" and why in line["detail"], line
        assert line["client"] == "127.0.0.1" and good not in str(line), line


def test_people_read_text(tmp_path):
    """LOG_FORMAT=text: the same facts in a line, in colour only at a terminal."""
    server = Server(tmp_path / "server", LOG_FORMAT="text").start()
    try:
        server.api().create_event()
        line = eventually(lambda: next((line for line in server.stderr.splitlines() if "route=/v1/events" in line), None), within=10)
    finally:
        server.discard()
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info  request  request_id=\S+ method=POST path=/v1/events ", line), line
    assert "\x1b" not in server.stderr
    terminal, other = pty.openpty()
    process = subprocess.Popen(
        server.command,
        env=environment({**server.options, "CRDB_DSN": None, "LISTEN_ADDR": "127.0.0.1:0"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=other,
        cwd=server.folder,
    )
    try:
        os.close(other)
        assert "\x1b[32minfo \x1b[0m serving" in os.read(terminal, 4096).decode()
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def test_a_disk_that_is_full_loses_lines_and_nothing_else(start_server):
    server = start_server(wrapper=["sh", "-c", 'exec "$@" 2>/dev/full', "sh"])
    api = server.api()
    event_id = api.create_event()["event_id"]
    for number in range(1, 10):
        api.held(event_id, f"A-1-{number}")
    eventually(lambda: server.metric("tro_log_lines_dropped_total") >= 10, within=10)


def test_a_message_that_comes_again_and_again_is_counted(start_server):
    """A payment provider that contradicts itself a hundred times writes few lines; requests have a line each."""
    server = start_server()
    api = server.api()
    order = api.confirmed(api.create_event()["event_id"], "A-1-1")
    for _ in range(100):
        problem(api.pay(order["order_id"], "FAILED", "tx-late"), "order-not-payable")
    server.restart()
    log = server.log()
    message = "a payment report contradicts an earlier one"
    written = sum(line["message"] == message for line in log)
    left_out = sum(line["left_out"] for line in log if line["message"] == "log lines were left out" and line["of"] == message)
    assert written + left_out == 100 and written < 60, (written, left_out)
    assert len(requests(server, route="/v1/payments/callback")) == 101


def test_a_signal_turns_debug_on_and_off(start_server):
    server = start_server(LOG_LEVEL="warn")
    api = server.api(None)

    def is_logged() -> bool:
        before = len(requests(server))
        api.get("/v1/events")
        server.api(None).get("/v1/nothing")
        time.sleep(0.1)  # lines are written a few milliseconds later
        return len(requests(server)) > before

    assert not is_logged()
    server.process.send_signal(signal.SIGUSR1)
    eventually(is_logged, within=3)
    server.process.send_signal(signal.SIGUSR1)
    eventually(lambda: not is_logged(), within=3)
    levels = [line["log_level"] for line in server.log() if line["message"] == "the log's level was changed"]
    assert levels == ["debug", "warn"]

"""The audit has operators' actions and refused requests: actor, action, time, address and result, and nothing secret."""

import csv
import io
import json

import pytest

from harness import credentials
from harness.api import new_key
from harness.problems import expect, problem
from harness.server import SLACK, Server, eventually


def records(server: Server, *flags: str) -> list[dict]:
    done = server.tro("audit", "list", "--csv", *flags)
    assert done.returncode == 0, done
    return list(csv.DictReader(io.StringIO(done.stdout)))


def wanted(server: Server, **fields: str) -> list[dict]:
    return [record for record in records(server) if all(record[name] == value for name, value in fields.items())]


@pytest.fixture
def server(start_server) -> Server:
    return start_server()


def test_changes_of_operators_over_http_are_recorded_with_the_change(server):
    admin = server.api("boss", "tro:admin")
    event = server.api().create_event(rows=1, seats_per_row=2)
    expect(admin.request("POST", f"/v1/events/{event['event_id']}/pause"), 200)
    expect(admin.request("POST", f"/v1/events/{event['event_id']}/resume"), 200)
    server.kill()  # nothing is waited for: the record came with the change
    done = [(record["actor"], record["action"], record["target"], record["address"], record["result"]) for record in records(server)]
    event_id = event["event_id"]
    assert done == [
        ("admin", "event.created", event_id, "127.0.0.1", "done"),
        ("boss", "event.paused", event_id, "127.0.0.1", "done"),
        ("boss", "event.resumed", event_id, "127.0.0.1", "done"),
    ]
    server.start()


def test_requests_of_users_are_not_recorded(server):
    event = server.api().create_event(rows=1, seats_per_row=2)
    server.api("ada").confirmed(event["event_id"], "A-1-1")
    assert [record["action"] for record in records(server)] == ["event.created"]


def test_changes_of_operators_to_users_are_recorded(server):
    event = server.api().create_event(rows=1, seats_per_row=2)
    order = server.api("ada").ordered(event["event_id"], "A-1-1")
    expect(server.api("boss", "tro:admin").cancel(order["order_id"]), 200)
    assert [record["target"] for record in wanted(server, actor="boss", action="order.cancelled")] == [order["order_id"]]


def test_refused_requests_of_operators_are_recorded(server):
    problem(server.api("boss", "tro:admin").request("POST", f"/v1/events/{new_key()}/pause"), "event-unknown")
    found = eventually(lambda: wanted(server, kind="action", actor="boss"), within=10)
    assert found[0]["action"] == "POST /v1/events/{id}/pause" and found[0]["result"].startswith("404 "), found


def test_refused_authentications_are_recorded(server):
    stranger, ada = server.api(None), server.api("ada")
    content = {"name": "x"}
    assert stranger.post_event(content).status == 401
    assert ada.post_event(content).status == 403
    assert stranger.request("GET", f"/v1/holds/{new_key()}", headers={"Authorization": "Bearer forged.token.here"}).status == 401
    callback = json.dumps({"order_id": new_key(), "status": "SUCCEEDED", "transaction_id": "t-1"}).encode()
    assert server.api(None).callback(callback, "t=1,v1=00").status == 401
    found = eventually(lambda: len(wanted(server, kind="refused")) == 4 and wanted(server, kind="refused"), within=10)
    assert sorted((record["actor"], record["action"], record["result"].split()[0]) for record in found) == [
        ("", "GET /v1/holds/{id}", "401"),
        ("", "POST /v1/events", "401"),
        ("", "POST /v1/payments/callback", "401"),
        ("ada", "POST /v1/events", "403"),
    ]
    assert {record["address"] for record in found} == {"127.0.0.1"}
    text = server.tro("audit", "list").stdout
    assert "forged" not in text and ada.token not in text and "Bearer" not in text and credentials.JWT_SECRET not in text


def test_a_flood_of_refusals_is_bounded_and_counted(server):
    stranger = server.api(None)
    for _ in range(300):
        assert stranger.post_event({"name": "x"}).status == 401
    total = eventually(lambda: sum(int(record["repeats"]) for record in wanted(server, kind="refused")) == 300, within=10)
    assert total
    assert len(wanted(server, kind="refused")) < 200 * SLACK, "the same thing within a second is one record"


def test_the_command_line_is_recorded(server, tmp_path):
    event = server.api().create_event(rows=1, seats_per_row=2)
    assert server.tro("event", "pause", event["event_id"]).returncode == 0
    assert server.tro("catalog", "rebuild").returncode == 0
    if server.database is None:
        assert server.tro("backup", str(tmp_path / "copy.db")).returncode == 0
        server.stop()
        assert server.tro("restore", str(tmp_path / "copy.db"), "--force").returncode == 0
        assert server.tro("replay").returncode == 0
        server.start()
        done = [record["action"] for record in wanted(server, actor="operator")]
        assert done == ["event.paused", "catalog rebuild", "restore", "replay"], "the backup was made before it was recorded"
    assert all(record["address"].startswith("uid ") for record in wanted(server, actor="operator"))


def test_the_list_is_filtered(server):
    server.api().create_event(rows=1, seats_per_row=2)
    assert server.tro("catalog", "rebuild").returncode == 0
    first, second = records(server)
    assert records(server, "--user", "operator") == [second]
    assert records(server, "--to", first["time"])[0] == first
    assert records(server, "--from", second["time"])[-1] == second
    assert records(server, "--from", "2100-01-01T00:00:00Z") == []
    assert server.tro("audit", "list", "--from", "yesterday").returncode == 2

"""GET /v1/events/{id}/stream: the seats that change, as they do, and from where a client left off."""

import contextlib
import json
import socket
import time

import pytest
from harness.machine import is_in_time
from harness.problems import expect, problem
from harness.server import SLACK, STOP_TIMEOUT, eventually

UNKNOWN = "00000000-0000-7000-8000-000000000000"


class Stream:
    """A client of Server-Sent Events: `next` waits for an event, and knows its id and its data."""

    def __init__(self, port: int, target: str, **headers: str):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        lines = [f"GET {target} HTTP/1.1", "Host: localhost", "Accept: text/event-stream", *[f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while (line := self.file.readline().strip()) != b"":
            name, _, value = line.decode().partition(": ")
            self.headers[name.lower()] = value
        self.last_id = None
        self.comments = 0

    def next(self):
        """The data of the next event; None: the stream has ended."""
        fields = {}
        while True:
            line = self.file.readline()
            if line == b"":
                return None
            text = line.decode().rstrip("\n")
            if text.startswith(":"):
                self.comments += 1
            elif text:
                name, _, value = text.partition(": ")
                fields[name] = value
            elif "data" in fields:
                assert fields["event"] == "seats"
                self.last_id = fields.get("id", self.last_id)
                return json.loads(fields["data"])
            else:
                fields = {}

    def until(self, wanted: dict[str, str]) -> dict[str, str]:
        """What it says of the seats until they all are as wanted."""
        seen = {}
        while not wanted.items() <= seen.items():
            event = self.next()
            assert event is not None, f"the stream ended with {seen}"
            seen.update({seat["seat"]: seat["status"] for seat in event["data"]})
        return seen

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def open_stream(server):
    with contextlib.ExitStack() as streams:

        def begin(event_id: str, query: str = "", **headers: str) -> Stream:
            stream = Stream(server.port, f"/v1/events/{event_id}/stream{query}", **headers)
            streams.callback(stream.close)
            return stream

        yield begin


def test_a_stream_tells_what_changes_in_its_order(server, open_stream):
    api = server.api()
    event_id = api.create_event()["event_id"]
    stream = open_stream(event_id)
    assert stream.status == 200 and stream.headers["content-type"] == "text/event-stream" and stream.headers["cache-control"] == "no-store"
    assert "content-length" not in stream.headers
    first = stream.next()
    assert first["data"] == [] and first["next_cursor"] is None and stream.last_id == first["version"]
    hold = api.held(event_id, "A-1-1", "A-1-2")
    assert stream.until({"A-1-1": "held", "A-1-2": "held"}).keys() == {"A-1-1", "A-1-2"}
    expect(api.release(hold["hold_id"]), 204)
    stream.until({"A-1-1": "available", "A-1-2": "available"})
    api.confirmed(event_id, "A-1-3")
    stream.until({"A-1-3": "sold"})
    assert int(stream.last_id) > int(first["version"])


def test_it_is_told_soon(server, open_stream):
    api = server.api()
    event_id = api.create_event()["event_id"]
    stream = open_stream(event_id)
    stream.next()
    taken = []
    for number in range(1, 9):
        began = time.monotonic()
        api.held(event_id, f"A-1-{number}")
        stream.until({f"A-1-{number}": "held"})
        taken.append(time.monotonic() - began)
    assert is_in_time(min(taken), 0.25), taken


def test_a_client_goes_on_where_it_left_off(server, open_stream):
    api = server.api()
    event_id = api.create_event()["event_id"]
    stream = open_stream(event_id)
    stream.next()
    api.held(event_id, "A-1-1")
    stream.until({"A-1-1": "held"})
    stream.close()
    api.held(event_id, "A-2-1")
    api.held(event_id, "A-2-2")
    open_stream(event_id, Last_Event_ID=stream.last_id).until({"A-2-1": "held", "A-2-2": "held"})
    open_stream(event_id, f"?since={stream.last_id}").until({"A-2-1": "held", "A-2-2": "held"})
    later = open_stream(event_id, "?since=1", Last_Event_ID=stream.last_id)  # the header counts more
    assert later.status == 200


def test_more_changes_than_one_event_has_come_in_several(server, open_stream):
    api = server.api()
    event_id = api.create_event(rows=60, seats_per_row=20)["event_id"]
    version = api.get(f"/v1/events/{event_id}/seats").json()["version"]
    expect(api.get(f"/v1/events/{event_id}/seats?since={version}"), 200)
    wanted = {}
    for row in range(1, 56):
        for half in (1, 11):
            seats = [f"A-{row}-{number}" for number in range(half, half + 10)]
            api.held(event_id, *seats)
            wanted.update(dict.fromkeys(seats, "held"))
    stream = open_stream(event_id, f"?since={version}")
    first = stream.next()
    assert len(first["data"]) == 1000 and first["next_cursor"] is not None and stream.last_id is None
    seen = {seat["seat"]: seat["status"] for seat in first["data"]}
    seen.update(stream.until({seat: "held" for seat in wanted if seat not in seen}))
    assert seen == wanted and stream.last_id is not None


def test_a_hold_that_lapses_is_told(start_server):
    server = start_server(HOLD_TTL="2s")
    api = server.api()
    event_id = api.create_event()["event_id"]
    stream = Stream(server.port, f"/v1/events/{event_id}/stream")
    stream.next()
    api.held(event_id, "A-1-1")
    stream.until({"A-1-1": "held"})
    stream.until({"A-1-1": "available"})
    stream.close()


@pytest.mark.parametrize("version", ["1", "x", "99999999999999999999999"])
def test_a_version_that_is_not_known_is_gone(server, open_stream, version):
    api = server.api()
    api.create_event()
    event_id = api.create_event()["event_id"]
    problem(api.get(f"/v1/events/{event_id}/stream?since={version}"), "version-gone")
    assert open_stream(event_id, Last_Event_ID=version).status == 410


def test_a_stream_of_an_unknown_event_is_refused(server):
    api = server.api()
    event_id = api.create_event()["event_id"]
    problem(api.get(f"/v1/events/{UNKNOWN}/stream"), "event-unknown")
    problem(api.get("/v1/events/x/stream"), "event-unknown")
    assert api.get(f"/v1/events/{event_id}/stream?limit=1").status == 400
    assert api.get(f"/v1/events/{event_id}/stream?since=").status == 400
    assert api.request("POST", f"/v1/events/{event_id}/stream").status == 405


def test_head_ends_at_once(server):
    event_id = server.api().create_event()["event_id"]
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(f"HEAD /v1/events/{event_id}/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n") and answer.count(b"\r\n\r\n") == 1


def test_clients_that_leave_are_forgotten_and_others_go_on(server, open_stream):
    api = server.api()
    event_id = api.create_event()["event_id"]
    leaving = [open_stream(event_id) for _ in range(50)]
    staying = open_stream(event_id)
    before = server.metric("tro_http_connections")
    assert before >= 51
    for stream in leaving:
        stream.close()
    eventually(lambda: server.metric("tro_http_connections") <= before - 50, within=10)
    api.held(event_id, "A-1-1")
    staying.until({"A-1-1": "held"})


def test_half_of_the_connections_may_be_streams(start_server):
    server = start_server(CONNECTIONS_MAX="40")
    event_id = server.api().create_event()["event_id"]
    streams = [Stream(server.port, f"/v1/events/{event_id}/stream") for _ in range(20)]
    assert {stream.status for stream in streams} == {200}
    refused = Stream(server.port, f"/v1/events/{event_id}/stream")
    assert refused.status == 503 and int(refused.headers["retry-after"]) >= 1
    refused.close()
    assert server.api().get(f"/v1/events/{event_id}").status == 200
    streams.pop().close()
    eventually(lambda: Stream(server.port, f"/v1/events/{event_id}/stream").status == 200, within=10, every=0.2)
    for stream in streams:
        stream.close()


def test_a_stop_ends_streams_cleanly(start_server):
    server = start_server()
    event_id = server.api().create_event()["event_id"]
    streams = [Stream(server.port, f"/v1/events/{event_id}/stream") for _ in range(5)]
    for stream in streams:
        stream.next()
    began = time.monotonic()
    server.stop()
    assert is_in_time(time.monotonic() - began, STOP_TIMEOUT * SLACK)
    for stream in streams:
        assert stream.next() is None
        stream.close()

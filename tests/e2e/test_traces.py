"""Traces as a receiver sees them; a faulty receiver changes nothing for requests."""

import concurrent.futures
import contextlib
import json
import socket
import threading
import time

import pytest

from harness import wire
from harness.api import new_key
from harness.machine import is_in_time
from harness.problems import expect
from harness.receiver import Receiver
from harness.server import SLACK, Server, eventually, free_port
from harness.spans import spans_of
from harness.wire import Connection

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"
SPANS_MAX = 16384  # that wait


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


def spans(server: Server, outcome: str) -> float:
    return server.metrics()["tro_trace_spans_total"].total(outcome=outcome)


def browse(server: Server, **fields: str) -> wire.Response:
    response = wire.exchange(server.port, "GET", "/v1/events", list(fields.items()))
    assert response.status == 200
    return response


def traced(start_server, receiver: Receiver, **options) -> Server:
    return start_server(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{receiver.port}", **options)


def test_spans_arrive_with_the_parent_the_state_and_what_was_asked_for(start_server, receiver):
    server = traced(start_server, receiver, OTEL_EXPORTER_OTLP_HEADERS="authorization=Basic%20eA==,x-team=tickets",
                    OTEL_EXPORTER_OTLP_COMPRESSION="gzip", OTEL_SERVICE_NAME="box office", OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test%2C1")  # fmt: skip
    browse(server, traceparent=f"00-{TRACE_ID}-{SPAN_ID}-01", tracestate="congo=t61rcWkgMzE")
    eventually(lambda: bytes.fromhex(TRACE_ID) in receiver.bodies and b"GET /v1/events" in receiver.bodies, within=10)
    assert bytes.fromhex(SPAN_ID) in receiver.bodies, "the parent is lost"
    for text in (b"congo=t61rcWkgMzE", b"box office", b"test,1", b"service.version", b"http.response.status_code", b"SELECT catalog"):
        assert text in receiver.bodies, text
    path, fields, _ = receiver.requests[0]
    assert path == "/v1/traces"
    assert (fields["authorization"], fields["x-team"]) == ("Basic eA==", "tickets")
    assert (fields["content-type"], fields["content-encoding"]) == ("application/x-protobuf", "gzip")


def test_every_span_of_a_request_carries_its_tracestate(start_server, receiver):
    """Several fields are one list, which is shortened by whole members; of a malformed one nothing is handed on, and the trace goes on."""
    server = traced(start_server, receiver)
    event_id = server.api().create_event()["event_id"]
    long = f"long={'x' * 200}"
    cases = {
        ("rojo=00f067aa0ba902b7 , congo=t61rcWkgMzE",): "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
        ("a=1", "b=2,", "c=3"): "a=1,b=2,c=3",
        (f"{long},{','.join(f'k{number}={chr(97 + number) * 100}' for number in range(4))}",): ",".join(f"k{number}={chr(97 + number) * 100}" for number in range(4)),
        ("a=1,a=2",): "",
        ("Congo=1",): "",
        ("a=1", "no member"): "",
        (",".join(f"k{number}=v" for number in range(33)),): "",
        ("a=1",) * 9: "",
        (): "",
    }  # fmt: skip
    ids = {}
    for number, (fields, expected) in enumerate(cases.items()):
        trace_id = f"{number + 1:032x}"
        ids[trace_id] = expected
        headers = [("traceparent", f"00-{trace_id}-{SPAN_ID}-01"), *[("tracestate", field) for field in fields], ("Idempotency-Key", new_key())]
        body = json.dumps({"event_id": event_id, "seats": [f"A-1-{number + 1}"]}).encode()
        headers += [("Authorization", f"Bearer {server.api('ada').token}"), ("Content-Type", "application/json")]
        assert wire.exchange(server.port, "POST", "/v1/holds", headers, body).status == 201
    server.stop()
    found = [span for _, _, body in receiver.requests for span in spans_of(body)]
    for trace_id, expected in ids.items():
        of_trace = {span.name: span.trace_state for span in found if span.trace_id == trace_id}
        assert {"POST /v1/holds", "commit wait", "commit", "admission"} <= of_trace.keys()
        assert set(of_trace.values()) == {expected}, trace_id
    server.start()


def test_two_traceparents_are_none(start_server, receiver):
    server = traced(start_server, receiver)
    twice = [("traceparent", f"00-{TRACE_ID}-{SPAN_ID}-01"), ("traceparent", f"00-{TRACE_ID[::-1]}-{SPAN_ID}-01")]
    assert wire.exchange(server.port, "GET", "/v1/events", twice).status == 200
    eventually(lambda: b"GET /v1/events" in receiver.bodies, within=10)
    assert bytes.fromhex(SPAN_ID) not in receiver.bodies


def test_a_malformed_traceparent_begins_a_new_trace(start_server, receiver):
    server = traced(start_server, receiver)
    for malformed in (f"00-{TRACE_ID}-{SPAN_ID}-0", f"ff-{TRACE_ID}-{SPAN_ID}-01", f"00-{TRACE_ID.upper()}-{SPAN_ID}-01", "x", f"00-{'0' * 32}-{SPAN_ID}-01"):
        browse(server, traceparent=malformed, tracestate="congo=lost")
    eventually(lambda: receiver.bodies.count(b"GET /v1/events") >= 5, within=10)
    assert bytes.fromhex(TRACE_ID) not in receiver.bodies
    assert bytes.fromhex(SPAN_ID) not in receiver.bodies
    assert b"congo=lost" not in receiver.bodies
    ids = [line["trace_id"] for line in server.log() if line["message"] == "request" and line["route"] == "/v1/events"]
    assert len(set(ids)) == len(ids) and TRACE_ID not in ids


def test_spans_that_are_not_sampled_are_not_sent(start_server, receiver):
    off = traced(start_server, receiver, OTEL_TRACES_SAMPLER="always_off")
    none = traced(start_server, receiver, OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0")
    parent = traced(start_server, receiver)
    disabled = traced(start_server, receiver, OTEL_SDK_DISABLED="true")
    for server, flags in ((off, "01"), (none, "01"), (parent, "00"), (disabled, "01")):
        browse(server, traceparent=f"00-{TRACE_ID}-{SPAN_ID}-{flags}")
        server.stop()
        server.start()  # the stop has sent what there was
    assert bytes.fromhex(TRACE_ID) not in receiver.bodies


@pytest.mark.parametrize("mode", [500, 401, "garbage", "close", "cut", "drip", "hang"])
def test_spans_that_are_refused_are_dropped_and_counted_and_not_repeated(start_server, receiver, mode):
    """A hung or slow receiver has 300 ms."""
    receiver.mode = mode
    server = traced(start_server, receiver, OTEL_EXPORTER_OTLP_TIMEOUT="300")
    browse(server, traceparent=f"00-{TRACE_ID}-{SPAN_ID}-01")
    eventually(lambda: spans(server, "dropped_not_sent") >= 3, within=15)
    assert spans(server, "exported") == 0
    eventually(lambda: "spans cannot be sent" in server.stderr, within=5)
    assert receiver.bodies.count(bytes.fromhex(SPAN_ID)) == 1, "it was sent again"
    receiver.mode = 200
    browse(server)
    eventually(lambda: spans(server, "exported") >= 3, within=15)
    eventually(lambda: "spans are sent again" in server.stderr, within=5)


def take_request(connection: socket.socket) -> None:
    """Reads HTTP/2 frames up to the first of type DATA: a request that breaks off before it was sent is rightly tried again, for 15 seconds."""
    connection.settimeout(10)
    with contextlib.suppress(OSError), connection.makefile("rb") as received:
        received.read(len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
        while len(head := received.read(9)) == 9 and head[3] != 0:
            received.read(int.from_bytes(head[:3], "big"))


class Listener:
    """Takes connections; answers with nonsense, with the end of the connection, or not at all."""

    def __init__(self, mode: str):
        self.mode, self.socket, self.taken = mode, socket.create_server(("127.0.0.1", 0)), []
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.taken.append(connection)
                if self.mode != "hang":
                    take_request(connection)
                if self.mode == "garbage":
                    connection.sendall(bytes(range(256)) * 16)
                if self.mode != "hang":
                    connection.close()

    def close(self) -> None:
        self.socket.close()
        for connection in self.taken:
            connection.close()


@pytest.mark.parametrize("mode", ["garbage", "close", "hang"])
def test_spans_that_grpc_cannot_bring_are_dropped_and_counted(start_server, mode):
    listener = Listener(mode)
    try:
        endpoint = f"http://127.0.0.1:{listener.port}"
        server = start_server(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="grpc", OTEL_EXPORTER_OTLP_TIMEOUT="300")
        browse(server)
        eventually(lambda: spans(server, "dropped_not_sent") >= 3, within=15)
        assert spans(server, "exported") == 0 and "spans cannot be sent" in server.stderr
        browse(server)
    finally:
        listener.close()


@pytest.mark.parametrize("mode", [429, 502, 503, 504])
def test_spans_that_the_receiver_asks_for_again_are_sent_again(start_server, receiver, mode):
    receiver.mode, receiver.fields = mode, {"Retry-After": "1"}
    server = traced(start_server, receiver)
    browse(server, traceparent=f"00-{TRACE_ID}-{SPAN_ID}-01")
    eventually(lambda: bytes.fromhex(SPAN_ID) in receiver.bodies, within=15)
    receiver.mode = 200
    eventually(lambda: spans(server, "exported") >= 3, within=25)
    sent = receiver.bodies.count(bytes.fromhex(SPAN_ID))
    assert sent >= 2
    browse(server)
    eventually(lambda: spans(server, "exported") > 3, within=15)
    assert receiver.bodies.count(bytes.fromhex(SPAN_ID)) == sent, "it was sent again, although it had been taken"
    assert spans(server, "dropped_not_sent") == 0


def test_nothing_waits_for_a_receiver_that_hangs(start_server, receiver):
    """More spans than may wait: the surplus is dropped, the memory is bounded, and every request is answered as quickly as ever."""
    receiver.mode = "hang"
    server = traced(start_server, receiver, OTEL_EXPORTER_OTLP_TIMEOUT="60000", LOG_LEVEL="warn")
    browse(server)
    eventually(lambda: receiver.requests, within=15)

    def many(count: int) -> None:
        with Connection(server.port) as connection:
            for _ in range(count):
                connection.send(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
                assert connection.receive().status == 200

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(many, 4500), pool.submit(many, 4500)]:
            done.result()
    assert spans(server, "dropped_queue_full") > 0
    assert server.metric("tro_trace_spans_waiting") == SPANS_MAX
    memory = server.metric("process_resident_memory_bytes")
    many(500)
    assert server.metric("process_resident_memory_bytes") < memory + 4 * 2**20 * SLACK
    expect(server.api().hold(server.api().create_event()["event_id"], ["A-1-1"]), 201)

    def stop() -> float:
        began = time.monotonic()
        server.stop()
        return time.monotonic() - began

    took = [stop()]
    for _ in range(2):
        server.start()
        browse(server)
        took.append(stop())
    server.start()
    assert is_in_time(min(took), 2 * SLACK, watched=60), "the stop waits for the receiver"


def test_a_receiver_that_is_not_there_is_tried_again(start_server):
    port = free_port()
    server = start_server(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
    browse(server)
    eventually(lambda: "spans cannot be sent" in server.stderr, within=15)
    assert server.metric("tro_trace_spans_waiting") >= 3
    browse(server)


@pytest.mark.parametrize(
    "options, word",
    [
        ({"OTEL_EXPORTER_OTLP_HEADERS": "secret-word"}, "OTEL_EXPORTER_OTLP_HEADERS"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "a=b,c"}, "OTEL_RESOURCE_ATTRIBUTES"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:b:c"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_TRACES_SAMPLER": "perhaps"}, "OTEL_TRACES_SAMPLER"),
    ],
)
def test_impossible_settings_are_refused_at_the_start(tmp_path, options, word):
    server = Server(tmp_path / "refused", **{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", **options})
    with contextlib.suppress(Exception):
        server.spawn()
        assert server.process.wait(30) == 1
    server.process = None
    assert word in server.stderr and "secret-word" not in server.stderr

"""Traces as a receiver sees them, and what becomes of requests when there is something wrong with it: nothing."""

import concurrent.futures
import contextlib
import time

import pytest

from harness import wire
from harness.problems import expect
from harness.receiver import Receiver
from harness.server import SLACK, Server, eventually, free_port
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


def test_what_is_not_sampled_is_not_sent(start_server, receiver):
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
def test_what_fails_is_dropped_and_counted_and_not_repeated(start_server, receiver, mode):
    """A hung or slow receiver has 300 ms."""
    receiver.mode = mode
    server = traced(start_server, receiver, OTEL_EXPORTER_OTLP_TIMEOUT="300")
    browse(server, traceparent=f"00-{TRACE_ID}-{SPAN_ID}-01")
    eventually(lambda: spans(server, "dropped_not_sent") >= 3, within=15)
    assert spans(server, "exported") == 0
    assert "spans cannot be sent" in server.stderr
    assert receiver.bodies.count(bytes.fromhex(SPAN_ID)) == 1, "it was sent again"
    receiver.mode = 200
    browse(server)
    eventually(lambda: spans(server, "exported") >= 3, within=15)
    eventually(lambda: "spans are sent again" in server.stderr, within=5)


@pytest.mark.parametrize("mode", [429, 502, 503, 504])
def test_what_the_receiver_asks_for_again_is_sent_again(start_server, receiver, mode):
    receiver.mode, receiver.fields = mode, {"Retry-After": "1"}
    server = traced(start_server, receiver)
    browse(server, traceparent=f"00-{TRACE_ID}-{SPAN_ID}-01")
    eventually(lambda: receiver.bodies.count(bytes.fromhex(SPAN_ID)) == 1, within=15)
    receiver.mode = 200
    eventually(lambda: spans(server, "exported") >= 3, within=15)
    assert receiver.bodies.count(bytes.fromhex(SPAN_ID)) == 2
    assert spans(server, "dropped_not_sent") == 0


def test_nothing_waits_for_a_receiver_that_hangs(start_server, receiver):
    """More spans than may wait: what is too much is dropped, the memory is bounded, and every request is answered as quickly as ever."""
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
    assert min(took) < 2 * SLACK, "the stop waits for the receiver"


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
def test_what_cannot_be_meant_is_refused_at_the_start(tmp_path, options, word):
    server = Server(tmp_path / "refused", **{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", **options})
    with contextlib.suppress(Exception):
        server.spawn()
        assert server.process.wait(30) == 1
    server.process = None
    assert word in server.stderr and "secret-word" not in server.stderr

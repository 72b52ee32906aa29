"""One purchase through the three services is one trace, from the client's request to the message at the broker."""

import secrets

import pytest
from harness.problems import expect
from harness.receiver import Receiver
from harness.server import eventually
from harness.spans import Span, spans_of

CLIENT, SERVER, PRODUCER = 3, 2, 4
LATER = {"outbox", "publish tro.events:hold.created", "publish tro.events:order.created"}  # begin when their parent has ended, perhaps hours after


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


def all_spans(receiver: Receiver) -> list[Span]:
    return [span for _, _, body in list(receiver.requests) for span in spans_of(body)]


def named(spans: list[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name == name]


def test_a_purchase_is_one_trace_across_processes(services, receiver, listener):
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.port}"}
    api = services.api(**endpoint, OTEL_SERVICE_NAME="api")
    services.worker(**endpoint, OTEL_SERVICE_NAME="worker")
    services.publisher(**endpoint, OTEL_SERVICE_NAME="publisher")
    ada = api.api("ada")
    event_id = ada.create_event()["event_id"]
    trace_id, client_span = secrets.token_hex(16), secrets.token_hex(8)
    header = {"traceparent": f"00-{trace_id}-{client_span}-01"}
    hold = expect(ada.request("POST", "/v1/holds", json={"event_id": event_id, "seats": ["A-1-1"]}, key="a-hold-that-is-traced", headers=header), 201)
    order = {"hold_id": hold["hold_id"], "payment_method": "card"}
    expect(ada.request("POST", "/v1/orders", json=order, key="an-order-that-is-traced", headers=header), 202)

    def of_trace() -> list[Span]:
        return [span for span in all_spans(receiver) if span.trace_id == trace_id]

    eventually(lambda: {span.name for span in of_trace()} >= LATER and len(named(of_trace(), "outbox")) >= 2, within=20)
    eventually(lambda: {"POST /v1/holds", "POST /v1/orders"} <= {span.name for span in of_trace()}, within=20)
    spans = {span.span_id: span for span in of_trace()}
    assert {span.service for span in spans.values()} == {"api", "publisher"}
    for span in spans.values():
        assert span.start_ns <= span.end_ns, span
        if span.parent_id == client_span:
            assert span.kind == SERVER and span.attributes["http.response.status_code"] in (201, 202)
            assert span.attributes["http.route"] in ("/v1/holds", "/v1/orders")
            continue
        parent = spans[span.parent_id]  # nothing hangs in the air
        if span.name not in LATER:
            assert parent.start_ns <= span.start_ns and span.end_ns <= parent.end_ns, (span, parent)
        else:
            assert span.start_ns + 1_000_000 >= parent.start_ns, (span, parent)  # an event is stamped in milliseconds
    sent = [span for span in spans.values() if span.name.startswith("publish ")]
    assert all(span.kind == PRODUCER and span.attributes["messaging.system"] == "rabbitmq" for span in sent)
    assert all(span.name == f"publish {span.attributes['messaging.destination.name']}" for span in sent)
    parents = {message.event["traceparent"].split("-")[2] for message in listener.messages if message.event["traceparent"].split("-")[1] == trace_id}
    assert parents == {span.span_id for span in sent}, "the message names the span that sent it"

    linked = {link for span in spans.values() for link in span.links}
    batches = [span for span in all_spans(receiver) if (span.trace_id, span.span_id) in linked]
    assert batches and all(span.trace_id != trace_id for span in batches)
    assert all({trace_id} & {link[0] for link in span.links} for span in batches), "the batch links to its commands"

"""A purchase through the three services, on real servers, as a real Jaeger shows it: one trace, whole, whichever way its spans come."""

import json
import secrets
import time
from collections.abc import Callable

import pytest
from harness import credentials
from harness.problems import expect
from harness.server import eventually, spawn
from peers import redis as redis_peer
from peers import traces as traces_peer
from peers.traces import Span

pytestmark = pytest.mark.timeout(traces_peer.BUILD_SECONDS_MAX + 120)  # the first one waits for the programs to be built
OPTIONAL = {"admission wait", "admission", "SELECT catalog"}  # judged without Redis; a page that was made before
LATER = ("outbox", "publish ", "process ")  # begin when their parent has ended, perhaps hours after
ROUNDING_US = 2  # Jaeger's times are whole microseconds
WHOLE_SECONDS_MAX = 60
STAMP_US = 1000  # and an event's is of a millisecond


@pytest.fixture(scope="module")
def traces():
    with traces_peer.server() as running:
        yield running


@pytest.fixture(scope="module")
def redis():
    with redis_peer.server() as running:
        yield running


@pytest.fixture
def consumer(services, tmp_path):
    """Starts `tro consume`, which ends when it is told to."""
    started = []

    def start(queue: str, **options):
        process = spawn(tmp_path, "consume", "consume", "--queue", queue, "--json", **{**services.options, **options})
        started.append(process)
        eventually(lambda: "waiting for events" in (tmp_path / "consume.err").read_text(), within=20)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def buy(api, event_id: str, headers: dict[str, str]) -> dict:
    """A hold, an order, its payment, and looks at the event and the order."""
    expect(api.get(f"/v1/events/{event_id}", headers=headers), 200)
    hold = expect(api.request("POST", "/v1/holds", json={"event_id": event_id, "seats": ["A-1-1", "A-1-2"]}, key=secrets.token_hex(16), headers=headers), 201)
    body = {"hold_id": hold["hold_id"], "payment_method": "card"}
    order = expect(api.request("POST", "/v1/orders", json=body, key=secrets.token_hex(16), headers=headers), 202)
    payment = json.dumps({"order_id": order["order_id"], "status": "SUCCEEDED", "transaction_id": secrets.token_hex(16)}).encode()
    expect(api.callback(payment, credentials.callback_signature(payment), **headers), 200)
    return expect(api.get(f"/v1/orders/{order['order_id']}", headers=headers), 200)


def named(spans: list[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name == name]


def tree(spans: list[Span], root: str) -> dict[str, set[str]]:
    """The names of the spans inside each name, without optional ones; spans that do not hang on the root are in one called "nothing"."""
    by_id = {span.span_id: span for span in spans}
    assert len(by_id) == len(spans), "two spans have one id"
    names: dict[str, set[str]] = {}
    for span in spans:
        if span.name != root or span.parent_id is not None:
            parent = by_id.get(span.parent_id)
            names.setdefault("nothing" if parent is None else parent.name, set()).add(span.name)
    return {name: inner - OPTIONAL for name, inner in names.items()}


def await_tree(ask: Callable[[], list[Span]], root: str, expected: dict[str, set[str]]) -> list[Span]:
    """The spans, when they make this tree: each process sends its own when it likes."""
    spans: list[Span] = []
    deadline = time.monotonic() + WHOLE_SECONDS_MAX
    while tree(spans, root) != expected and time.monotonic() < deadline:
        time.sleep(0.1)
        spans = ask()
    assert tree(spans, root) == expected
    return spans


def check_times(spans: list[Span]) -> None:
    """Each within its parent, except for later work, which does not begin before it."""
    by_id = {span.span_id: span for span in spans}
    for span in spans:
        if span.parent_id is None:
            continue
        parent = by_id[span.parent_id]
        if span.name.startswith(LATER):
            assert span.start_us + STAMP_US >= parent.start_us, (span, parent)
        else:
            assert parent.start_us <= span.start_us + ROUNDING_US and span.end_us <= parent.end_us + ROUNDING_US, (span, parent)


REQUESTS = {
    "GET /v1/events/{id}": {"catalog"},
    "POST /v1/holds": {"commit wait", "commit", "outbox", "publish tro.events:hold.created"},
    "POST /v1/orders": {"commit wait", "commit", "outbox", "publish tro.events:order.created"},
    "POST /v1/payments/callback": {"commit wait", "commit", "outbox", "publish tro.events:order.confirmed"},
    "GET /v1/orders/{id}": {"read wait", "SELECT orders"},
}
PUBLISHED = ("hold.created", "order.created", "order.confirmed")


def check_requests(spans: list[Span]) -> None:
    for name, status in zip(REQUESTS, (200, 201, 202, 200, 200), strict=True):
        [span] = named(spans, name)
        method, route = name.split()
        found = span.attributes
        assert (found["span.kind"], found["http.request.method"], found["http.route"], found["url.scheme"]) == ("server", method, route, "http")
        assert found["http.response.status_code"] == status and found["client.address"] == "127.0.0.1"
        assert found["url.path"].startswith(route.split("{")[0]) and "error" not in found


def check_queries(spans: list[Span], database) -> None:
    [span] = named(spans, "SELECT orders")
    found = span.attributes
    assert (found["span.kind"], found["db.system.name"], found["db.operation.name"]) == ("client", "postgresql", "SELECT")
    assert (found["db.collection.name"], found["db.namespace"]) == ("orders", database.name)
    assert found["server.address"] == "127.0.0.1" and found["server.port"] > 0


def check_messages(spans: list[Span], queue: str) -> None:
    for event_type in PUBLISHED:
        sent_to, read_from = f"tro.events:{event_type}", f"tro.events:{event_type}:{queue}"
        for name, kind, operation, operation_type, destination in (
            (f"publish {sent_to}", "producer", "publish", "send", sent_to),
            (f"process {read_from}", "consumer", "process", "process", read_from),
        ):
            [span] = named(spans, name)
            found = span.attributes
            assert (found["span.kind"], found["messaging.system"], found["messaging.destination.name"]) == (kind, "rabbitmq", destination)
            assert (found["messaging.operation.name"], found["messaging.operation.type"]) == (operation, operation_type)
            assert found["messaging.rabbitmq.destination.routing_key"] == event_type and found["server.port"] > 0
        [sent], [read] = named(spans, f"publish {sent_to}"), named(spans, f"process {read_from}")
        assert sent.attributes["messaging.message.id"] == read.attributes["messaging.message.id"]


def check_batches(traces, spans: list[Span], trace_id: str) -> None:
    """Each commit names its batch, a trace of its own, which names the request."""
    for commit in named(spans, "commit"):
        [(batch_trace, batch_id)] = commit.links
        assert batch_trace != trace_id
        eventually(lambda trace=batch_trace: named(traces.of_trace(trace), "commit batch"), within=WHOLE_SECONDS_MAX)  # the last of its spans
        batch = traces.of_trace(batch_trace)
        [root] = named(batch, "commit batch")
        assert (root.span_id, root.service) == (batch_id, commit.service) and root.parent_id is None
        assert (trace_id, commit.parent_id) in root.links
        assert root.attributes["tro.batch.size"] >= 1 and root.attributes["tro.batch.events"] >= 1 and root.attributes["tro.batch.rows"] >= 1
        assert tree(batch, root.name).keys() == {"commit batch"} and {"decide", "commit"} <= {span.name for span in batch}
        check_times(batch)
        [write] = named(batch, "commit")
        assert (write.attributes["db.system.name"], write.attributes["db.operation.name"]) == ("postgresql", "COMMIT")


def check_expiry(traces, services: dict[str, str], queue: str) -> None:
    """What the worker ends is a trace of its own, from its command to the message."""
    process = f"process tro.events:hold.expired:{queue}"

    publish = "publish tro.events:hold.expired"
    expected = {"hold_expire": {"commit wait", "commit", "outbox", publish}, publish: {process}}
    spans = await_tree(lambda: traces.of_service(services["worker"], "hold_expire"), "hold_expire", expected)
    assert {span.name.split()[0]: span.service for span in spans}.items() >= {
        "commit": services["worker"], "publish": services["publisher"], "process": services["consumer"]}.items()  # fmt: skip
    check_times(spans)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_purchase_is_one_whole_trace(services, traces, redis, consumer, protocol):
    endpoint = traces.grpc if protocol == "grpc" else traces.http
    options = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "REDIS_ADDR": redis.address}
    names = {program: f"{program}-{secrets.token_hex(4)}" for program in ("api", "worker", "publisher", "consumer")}
    queue = f"jaeger-{secrets.token_hex(4)}"
    api = services.api(**options, OTEL_SERVICE_NAME=names["api"])
    impatient = services.api(**options, OTEL_SERVICE_NAME=names["api"], HOLD_TTL="1s")
    services.worker(**options, OTEL_SERVICE_NAME=names["worker"])
    services.publisher(**options, OTEL_SERVICE_NAME=names["publisher"])
    consumer(queue, **options, OTEL_SERVICE_NAME=names["consumer"], OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test")
    eventually(lambda: api.ready()["admission"]["state"] == "up", within=20)
    event_id = api.api("organiser").create_event()["event_id"]
    impatient.api("bob").held(event_id, "A-1-3")  # and left to lapse

    trace_id, root_id = secrets.token_hex(16), secrets.token_hex(8)
    began_ns = time.time_ns()
    buy(api.api("ada"), event_id, {"traceparent": f"00-{trace_id}-{root_id}-01"})
    traces.tell(trace_id, root_id, "buys two tickets", began_ns, time.time_ns())
    expected = {"buys two tickets": set(REQUESTS), **REQUESTS}
    expected |= {f"publish tro.events:{event_type}": {f"process tro.events:{event_type}:{queue}"} for event_type in PUBLISHED}

    spans = await_tree(lambda: traces.of_trace(trace_id), "buys two tickets", expected)
    services_of = {"buys": "buyer", "outbox": names["publisher"], "publish": names["publisher"], "process": names["consumer"]}
    for span in spans:
        assert span.service == services_of.get(span.name.split()[0], names["api"]), span
        if span.service != "buyer":
            assert {"service.version", "service.instance.id", "host.name"} <= span.resource.keys()
    assert {span.resource["deployment.environment.name"] for span in spans if span.service == names["consumer"]} == {"test"}
    assert named(spans, "admission wait") or api.metric("tro_admission_judged_total", scope="process") > 0
    check_times(spans)
    check_requests(spans)
    check_queries(spans, services.database)
    check_messages(spans, queue)
    check_batches(traces, spans, trace_id)
    check_expiry(traces, names, queue)


def spans_of(server, outcome: str) -> float:
    return server.metrics()["tro_trace_spans_total"].total(outcome=outcome)


def hold_traced(server, event_id: str, seat: str) -> str:
    """The id of the trace."""
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    expect(server.api("ada").request("POST", "/v1/holds", json={"event_id": event_id, "seats": [seat]}, key=secrets.token_hex(16), headers=headers), 201)
    return trace_id


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_spans_that_a_collector_misses_are_sent_again_or_counted(services, traces, protocol):
    """Away: it gets the spans when it is back soon, else they are counted. Hung: they are counted. Requests are answered all the time."""
    endpoint = traces.grpc if protocol == "grpc" else traces.http
    api = services.api(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_PROTOCOL=protocol, OTEL_EXPORTER_OTLP_TIMEOUT="1000")
    event_id = api.api("organiser").create_event()["event_id"]
    for number in range(1, 4):  # a collector that takes very long to start may be too late
        dropped = spans_of(api, "dropped_not_sent")
        traces.kill_collector()
        trace_id = hold_traced(api, event_id, f"A-1-{number}")
        eventually(lambda: "spans cannot be sent" in api.stderr, within=60)
        traces.start_collector()
        eventually(lambda trace=trace_id, before=dropped: traces.of_trace(trace) or spans_of(api, "dropped_not_sent") > before, within=60)
        if traces.of_trace(trace_id):
            break
    assert traces.of_trace(trace_id)
    dropped = spans_of(api, "dropped_not_sent")
    traces.pause_collector()
    try:
        hold_traced(api, event_id, "A-2-1")
        eventually(lambda: spans_of(api, "dropped_not_sent") >= dropped + 4, within=60)
    finally:
        traces.resume_collector()
    trace_id = hold_traced(api, event_id, "A-3-1")
    eventually(lambda: traces.of_trace(trace_id), within=60)

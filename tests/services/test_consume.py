"""`tro consume`: its output, the gaps and repeats that it notices, the failures that it survives. The messages come from a client that is not TRO's."""

import contextlib
import json
import os
import signal
import subprocess
import uuid

import pika
import pytest
from harness import paths
from harness.receiver import Receiver
from harness.server import environment, eventually, run_tro
from harness.spans import spans_of

EXCHANGE = "tro.events"
WAITING = "waiting for events"


@pytest.fixture
def queue(broker):
    name = f"consume-{uuid.uuid4()}"
    yield name
    with channel(broker) as open_channel:
        open_channel.queue_delete(name)


@contextlib.contextmanager
def channel(broker):
    connection = pika.BlockingConnection(pika.URLParameters(broker.url))
    try:
        yield connection.channel()
    finally:
        connection.close()


def event(stream: str, sequence: int) -> dict:
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/tro",
        "type": "hold.created",
        "subject": stream,
        "time": "2026-01-02T03:04:05.678Z",
        "sequence": sequence,
        "datacontenttype": "application/json",
        "data": {"seats": ["A-1-1", "ä"]},
    }


def publish(broker, *events: dict, routing_key: str = "hold.created", headers: dict | None = None) -> None:
    with channel(broker) as open_channel:
        open_channel.exchange_declare(EXCHANGE, "topic", durable=True)
        for body in events:
            properties = pika.BasicProperties(
                content_type="application/cloudevents+json", message_id=body["id"], type=body["type"], delivery_mode=2, headers=headers
            )
            open_channel.basic_publish(EXCHANGE, routing_key, json.dumps(body).encode(), properties)


def waiting_messages(broker, queue: str) -> int:
    with channel(broker) as open_channel:
        return open_channel.queue_declare(queue, passive=True).method.message_count


class Consumer:
    """`tro consume`, once its queue is there."""

    def __init__(self, broker, folder, queue: str, *flags: str, stdout=None, **variables: str):
        self.output, self.errors = folder / "output", folder / "errors"
        with open(self.output, "wb") as output, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                [paths.TRO, "consume", "--queue", queue, *flags],
                env=environment({"RABBIT_URL": broker.url, **variables}),
                stdin=subprocess.DEVNULL,
                stdout=stdout or output,
                stderr=errors,
            )
        eventually(lambda: WAITING in self.errors.read_text() or self.process.poll() is not None, within=10)
        assert WAITING in self.errors.read_text(), self.errors.read_text()

    def lines(self) -> list[str]:
        return self.output.read_text().splitlines()

    def finish(self) -> tuple[int, list[str]]:
        """Its exit code, and its output after it began to wait."""
        code = self.process.wait(60)
        first, *said = self.errors.read_text().splitlines()
        assert WAITING in first
        return code, said

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, list[str]]:
        self.process.send_signal(number)
        return self.finish()


@pytest.fixture
def consume(broker, tmp_path, queue):
    started = []

    def start(*flags: str, **options) -> Consumer:
        folder = tmp_path / f"consumer-{len(started)}"
        folder.mkdir()
        started.append(Consumer(broker, folder, queue, *flags, **options))
        return started[-1]

    yield start
    for consumer in started:
        consumer.process.kill()
        consumer.process.wait()


def test_each_event_is_a_line_of_json_and_leaves_the_queue(broker, queue, consume):
    consumer = consume("--json", "--count", "3")
    events = [event(str(uuid.uuid4()), 1) for _ in range(3)]
    publish(broker, *events)
    assert consumer.finish() == (0, ["3 events, 0 repeats, 0 gaps, 0 late"])
    for line, sent in zip(consumer.lines(), events, strict=True):
        assert json.loads(line) == {
            "message_id": sent["id"],
            "type": "hold.created",
            "exchange": EXCHANGE,
            "routing_key": "hold.created",
            "content_type": "application/cloudevents+json",
            "redelivered": False,
            "stream": sent["subject"],
            "sequence": 1,
            "repeat": False,
            "gap": False,
            "late": False,
            "missing": 0,
            "event": sent,
        }
    assert waiting_messages(broker, queue) == 0


def test_people_get_a_line_as_soon_as_it_comes(broker, consume):
    consumer = consume()
    sent = event(str(uuid.uuid4()), 1)
    publish(broker, sent)
    [line] = eventually(consumer.lines, within=2)
    for part in (sent["time"], sent["subject"], "#1", "hold.created", sent["id"]):
        assert part in line
    assert consumer.stop(signal.SIGINT) == (0, ["1 events, 0 repeats, 0 gaps, 0 late"])


def test_repeats_gaps_and_late_events_are_noticed(broker, consume):
    stream, other = str(uuid.uuid4()), str(uuid.uuid4())
    sequences = [1, 2, 2, 5, 4, 6]
    sent = [event(stream, sequence) for sequence in sequences] + [event(other, 1)]
    consumer = consume("--json", "--count", str(len(sent)))
    publish(broker, *sent)
    assert consumer.finish() == (1, ["7 events, 1 repeats, 1 gaps, 1 late"])
    found = [json.loads(line) for line in consumer.lines()]
    assert [one["repeat"] for one in found] == [False, False, True, False, False, False, False]
    assert [one["gap"] for one in found] == [False, False, False, True, False, False, False]
    assert [one["late"] for one in found] == [False, False, False, False, True, False, False]
    assert found[3]["missing"] == 2

    consumer = consume("--count", str(len(sent)))
    publish(broker, *sent)
    code, said = consumer.finish()
    assert code == 1 and said == [
        f"repeat: #2 of {stream} has come before",
        f"gap: 2 missing before #5 of {stream}",
        f"late: #4 of {stream} comes after those behind it",
        "7 events, 1 repeats, 1 gaps, 1 late",
    ]


def test_a_stream_that_begins_late_has_a_gap_only_where_the_queue_is_complete(broker, consume):
    sent = event(str(uuid.uuid4()), 3)
    consumer = consume("--count", "1")
    publish(broker, sent)
    assert consumer.finish()[0] == 0
    consumer = consume("--count", "1", "--complete")
    publish(broker, sent)
    assert consumer.finish() == (1, [f"gap: 2 missing before #3 of {sent['subject']}", "1 events, 0 repeats, 1 gaps, 0 late"])


def test_only_what_it_is_bound_to_comes(broker, consume):
    consumer = consume("--bind", "order.*", "--json", "--timeout", "1s")
    wanted = event(str(uuid.uuid4()), 1)
    publish(broker, event(str(uuid.uuid4()), 1))
    publish(broker, wanted, routing_key="order.created")
    assert consumer.finish()[0] == 0
    [line] = consumer.lines()
    assert json.loads(line)["message_id"] == wanted["id"]


@pytest.mark.parametrize("body", [b"", b"\x1b[31mred\x07", b'{"subject":1}', b"[1,2]", b"\xff\xfe", b'{"subject":"x","sequence":-1}'])
def test_messages_of_others_are_shown_and_do_no_harm(broker, queue, consume, body):
    for flags in ((), ("--json",)):
        consumer = consume("--count", "1", *flags)
        with channel(broker) as open_channel:
            open_channel.basic_publish("", queue, body, pika.BasicProperties(message_id="\x1b[2J"))
        assert consumer.finish() == (0, ["1 events, 0 repeats, 0 gaps, 0 late"])
        [line] = consumer.lines()
        assert "\x1b" not in line and "\x07" not in line
    assert json.loads(line)["body"].encode(errors="replace").startswith(body[:1].replace(b"\xff", "\ufffd".encode()))
    assert "event" not in json.loads(line)


def test_it_survives_a_broker_that_goes_and_comes(broker, consume):
    consumer = consume("--json")
    first, second = event(str(uuid.uuid4()), 1), event(str(uuid.uuid4()), 1)
    publish(broker, first)
    eventually(consumer.lines, within=5)
    broker.kill()
    eventually(lambda: "trying again" in consumer.errors.read_text(), within=10)
    broker.start()
    eventually(lambda: "connected again" in consumer.errors.read_text(), within=30)
    publish(broker, second)
    eventually(lambda: len(consumer.lines()) == 2, within=5)
    code, said = consumer.stop()
    assert code == 0 and said[-1] == "2 events, 0 repeats, 0 gaps, 0 late" and broker.url not in "".join(said)


def test_events_that_could_not_be_printed_stay_in_the_queue(broker, queue, consume):
    reading, writing = os.pipe()
    consumer = consume("--json", stdout=writing)
    os.close(writing)
    os.close(reading)
    publish(broker, event(str(uuid.uuid4()), 1))
    assert consumer.process.wait(10) == 1
    assert "the output cannot be written" in consumer.errors.read_text()
    eventually(lambda: waiting_messages(broker, queue) == 1, within=5)
    again = consume("--json", "--count", "1")
    assert again.finish()[0] == 0
    assert json.loads(again.lines()[0])["redelivered"] is True


def test_fewer_events_than_asked_for_are_a_failure(consume):
    assert consume("--count", "1", "--timeout", "500ms").finish() == (1, ["0 events, 0 repeats, 0 gaps, 0 late"])


def test_a_queue_has_one_reader(broker, queue, consume):
    consume()
    done = run_tro("consume", "--queue", queue, RABBIT_URL=broker.url)
    assert (done.returncode, done.stdout) == (1, "") and "exclusive use" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_line_without_the_password_says_why_it_cannot_start(broker, queue):
    wrong = broker.url.replace("tro:", "tro:sesame-")
    for url, word in ((wrong, "ACCESS_REFUSED"), ("amqp://tro:sesame@127.0.0.1:1", "cannot be reached"), (f"{wrong}/a/b", "URL"), (None, "RABBIT_URL")):
        done = run_tro("consume", "--queue", queue, RABBIT_URL=url)
        assert (done.returncode, done.stdout) == (1, "") and word in done.stderr and "sesame" not in done.stderr
        assert len(done.stderr.splitlines()) == 1
    for flags in ([], ["--queue"], ["--queue", ""], ["--queue", "q", "--count", "0"], ["--queue", "q", "--timeout", "soon"], ["--queue", "q", "x"]):
        assert run_tro("consume", *flags, RABBIT_URL=broker.url).returncode == 2


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


def test_each_message_is_a_span_in_that_of_whoever_sent_it(broker, queue, consume, receiver):
    """Not sampled there: none; without a traceparent, or with none that can be read: a trace of its own."""
    trace_id, sender = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    headers = [{"traceparent": f"00-{trace_id}-{sender}-01", "tracestate": "congo=1"}, {"traceparent": f"00-{trace_id}-{sender}-00"}, {"traceparent": "none"}, {"other": 1}, None]
    events = [event(str(uuid.uuid4()), 1) for _ in headers]
    consumer = consume("--count", str(len(events)), OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{receiver.port}")
    for sent, header in zip(events, headers, strict=True):
        publish(broker, sent, headers=header)
    assert consumer.finish()[0] == 0
    spans = {span.attributes["messaging.message.id"]: span for _, _, body in receiver.requests for span in spans_of(body)}
    assert set(spans) == {sent["id"] for i, sent in enumerate(events) if i != 1}
    span = spans[events[0]["id"]]
    destination = f"{EXCHANGE}:hold.created:{queue}"
    assert (span.trace_id, span.parent_id, span.links, span.kind) == (trace_id, sender, [], 5)
    assert (span.name, span.service, span.trace_state) == (f"process {destination}", "tro-consume", "congo=1")
    assert span.attributes["messaging.destination.name"] == destination
    assert span.attributes["messaging.rabbitmq.destination.routing_key"] == "hold.created"
    assert (span.attributes["messaging.operation.name"], span.attributes["messaging.operation.type"]) == ("process", "process")
    assert (span.attributes["messaging.system"], span.attributes["messaging.rabbitmq.message.delivery_tag"]) == ("rabbitmq", 1)
    assert span.attributes["server.address"] in broker.url
    for sent in events[2:]:
        span = spans[sent["id"]]
        assert span.trace_id != trace_id and span.parent_id == "" and span.links == []


def test_a_receiver_that_is_away_costs_spans_and_nothing_else(broker, consume, receiver):
    receiver.mode = 500
    consumer = consume("--count", "1", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{receiver.port}")
    publish(broker, event(str(uuid.uuid4()), 1))
    code, said = consumer.finish()
    assert code == 0 and "1 events, 0 repeats, 0 gaps, 0 late" in said
    assert any(line.startswith("spans cannot be sent: ") for line in said)

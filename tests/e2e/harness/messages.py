"""What arrives at RabbitMQ, read by a client that is not TRO's."""

import collections
import contextlib
import dataclasses
import json
import logging
import threading
import time
import uuid

import pika

EXCHANGE = "tro.events"
logging.getLogger("pika").setLevel(logging.CRITICAL)  # a broker that is away is no error here


@dataclasses.dataclass
class Message:
    arrived_at: float  # time.monotonic()
    routing_key: str
    properties: pika.BasicProperties
    is_redelivered: bool
    body: bytes

    @property
    def event(self) -> dict:
        return json.loads(self.body)


class Listener:
    """A durable queue for all events, and a thread that empties it. While the broker is away it tries again; it keeps the messages taken before."""

    def __init__(self, url: str):
        self.parameters = pika.URLParameters(url)
        self.queue = f"test-{uuid.uuid4()}"
        self.messages: list[Message] = []
        self._is_over = False
        self.bind()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def bind(self) -> None:
        """From now on it gets everything."""
        with self._channel():
            pass

    @contextlib.contextmanager
    def _channel(self):
        connection = pika.BlockingConnection(self.parameters)
        try:
            channel = connection.channel()
            channel.exchange_declare(EXCHANGE, "topic", durable=True)
            channel.queue_declare(self.queue, durable=True)
            channel.queue_bind(self.queue, EXCHANGE, "#")
            yield channel
        finally:
            with contextlib.suppress(pika.exceptions.AMQPError):
                connection.close()

    def _run(self) -> None:
        while not self._is_over:
            try:
                with self._channel() as channel:
                    self._consume(channel)
            except (pika.exceptions.AMQPError, OSError):
                time.sleep(0.1)

    def _consume(self, channel) -> None:
        for method, properties, body in channel.consume(self.queue, inactivity_timeout=0.1):
            if self._is_over:
                return
            if method is not None:
                self.messages.append(Message(time.monotonic(), method.routing_key, properties, method.redelivered, body))
                channel.basic_ack(method.delivery_tag)

    def ids(self) -> set[str]:
        return {message.properties.message_id for message in list(self.messages)}

    def streams(self) -> dict[str, list[int]]:
        """The sequences of each stream in the order in which they came first."""
        streams, seen = collections.defaultdict(list), set()
        for message in list(self.messages):
            if message.properties.message_id not in seen:
                seen.add(message.properties.message_id)
                event = message.event
                streams[event["subject"]].append(event["sequence"])
        return dict(streams)

    def close(self) -> None:
        self._is_over = True
        self._thread.join(30)
        assert not self._thread.is_alive(), "the listener does not end"
        with self._channel() as channel:
            channel.queue_delete(self.queue)

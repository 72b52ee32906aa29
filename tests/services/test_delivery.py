"""From the commit to the consumer: delay and order of messages, also when publishers or the broker fail."""

import contextlib
import json
import statistics
import time
import uuid

import pytest
from harness import messages
from harness.machine import is_in_time
from harness.problems import expect
from harness.server import SLACK, Server, eventually

PARTITIONS = 16  # of the outbox
LATENCY_MAX = 0.2  # seconds, from the answer to the consumer
TAKEOVER_MAX = 10.0
LEASE_OUTLASTED = 8.0  # seconds


@pytest.fixture
def shop(services):
    """Its events are published like all others before the test counts the events of sales."""
    shop = Shop(services.api(HOLD_TTL="24h"))
    services.database.query("DELETE FROM outbox")
    return shop


class Shop:
    """Sells single seats of events that are spread over all partitions."""

    def __init__(self, server: Server):
        self.server, self.api = server, server.api()
        self.events: dict[int, str] = {}  # one in each partition
        while len(self.events) < PARTITIONS:
            event_id = self.api.create_event(rows=1, seats_per_row=50)["event_id"]
            self.events.setdefault(int(event_id[-2:], 16) % PARTITIONS, event_id)
        self.sold = 0

    def sell(self) -> dict:
        """A hold, in the next partition, and when its answer came."""
        partition, number = self.sold % PARTITIONS, self.sold // PARTITIONS
        hold = self.api.held(self.events[partition], f"A-1-{number + 1}")
        self.sold += 1
        return hold

    def p50_ms(self) -> float:
        """How long the API takes to answer: the median of whichever of some rounds the rest of the machine disturbed least."""
        medians = []
        for _ in range(8):
            taken = []
            for _ in range(20):
                started = time.monotonic()
                self.sell()
                taken.append(time.monotonic() - started)
            medians.append(statistics.median(taken) * 1e3)
        return min(medians)


def arrivals(listener: messages.Listener) -> dict[str, float]:
    """When each stream was first heard of."""
    first = {}
    for message in list(listener.messages):
        first.setdefault(message.event["subject"], message.arrived_at)
    return first


def published(services) -> set[str]:
    return {row[0] for row in services.database.query("SELECT id FROM events WHERE stream_id NOT IN (SELECT event_id FROM sales)")}


def await_everything(services, listener: messages.Listener, within: float) -> None:
    """All that was stored has arrived, nothing else has, and each stream was told in order; then the outbox is empty."""
    expected = published(services)
    eventually(lambda: listener.ids() >= expected, within)
    assert listener.ids() == expected
    assert all(sequences == list(range(1, len(sequences) + 1)) for sequences in listener.streams().values())
    eventually(lambda: services.database.query("SELECT count(*) FROM outbox") == [["0"]], within=5)


def follow(shop: Shop, holds: list[dict]) -> None:
    """A second and third event in each of these streams, by orders that are paid."""
    for hold in holds:
        order = expect(shop.api.order(hold_id=hold["hold_id"]), 202)
        expect(shop.api.pay(order["order_id"]), 200)


def test_an_idle_publisher_is_quick(services, shop, listener):
    services.publisher()
    answered, began = {}, time.monotonic()
    for _ in range(2 * PARTITIONS):
        hold = shop.sell()
        answered[hold["hold_id"]] = time.monotonic()
        time.sleep(0.05 + 0.1 * (shop.sold % 3))  # longer than any poll of it
    await_everything(services, listener, within=5)
    came = arrivals(listener)
    taken = [came[stream] - at for stream, at in answered.items()]
    print(f"from the answer to the consumer: median {statistics.median(taken) * 1e3:.0f} ms, longest {max(taken) * 1e3:.0f} ms")
    assert is_in_time(statistics.median(taken), LATENCY_MAX * SLACK)
    assert is_in_time(max(taken), 5 * LATENCY_MAX * SLACK, watched=time.monotonic() - began)


def test_publishers_share_the_partitions(services, shop, listener):
    publishers = [services.publisher(), services.publisher()]
    deadline = time.monotonic() + 60
    while any(publisher.metric("tro_published_events_total") == 0 for publisher in publishers):
        assert time.monotonic() < deadline, "one publisher does everything"
        shop.sell()
        time.sleep(0.05)
    await_everything(services, listener, within=5)


def test_a_killed_publisher_is_replaced(services, shop, listener):
    first, _second = services.publisher(), services.publisher()
    for _ in range(2 * PARTITIONS):
        shop.sell()
    eventually(lambda: first.metric("tro_published_events_total") > 0, within=10)
    first.kill()
    killed_at = time.monotonic()
    for _ in range(2 * PARTITIONS):
        shop.sell()
    await_everything(services, listener, within=TAKEOVER_MAX)
    taken = time.monotonic() - killed_at
    print(f"replaced after {taken:.1f} s")
    assert is_in_time(taken, TAKEOVER_MAX * SLACK)
    first.start()


def test_a_hung_publisher_is_replaced_and_stops_when_it_wakes(services, shop, listener):
    """What it does twice has the same message id, and nothing comes out of order."""
    first, _second = services.publisher(), services.publisher()
    holds = [shop.sell() for _ in range(PARTITIONS)]
    eventually(lambda: first.metric("tro_published_events_total") > 0, within=10)
    first.pause()
    try:
        follow(shop, holds)
        holds += [shop.sell() for _ in range(PARTITIONS)]
        await_everything(services, listener, within=TAKEOVER_MAX)
    finally:
        first.resume()
    follow(shop, holds[PARTITIONS:])
    await_everything(services, listener, within=TAKEOVER_MAX)


@contextlib.contextmanager
def broker_away(broker):
    broker.kill()
    try:
        yield
    finally:
        broker.start()


@contextlib.contextmanager
def broker_blocked(broker):
    broker.raise_alarm()
    try:
        yield
    finally:
        try:
            broker.clear_alarm()
        except BaseException:
            broker.restart()  # which forgets the alarm: other tests need the broker
            raise


@contextlib.contextmanager
def broker_paused(broker):
    broker.pause()
    try:
        yield
    finally:
        broker.resume()


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("trouble", [broker_paused, broker_blocked])
def test_events_that_wait_for_a_slow_broker_are_not_sent_again(services, shop, listener, broker, trouble, count):
    """Publishers keep their leases while messages are under way, for longer than a lease lasts."""
    publishers = [services.publisher() for _ in range(count)]
    while any(publisher.metric("tro_published_events_total") == 0 for publisher in publishers):
        shop.sell()
        time.sleep(0.05)
    for _ in range(100):
        shop.sell()
    with trouble(broker):
        for _ in range(200):
            shop.sell()
        time.sleep(LEASE_OUTLASTED)
        for _ in range(100):
            shop.sell()
    for _ in range(100):
        shop.sell()
    await_everything(services, listener, within=30)
    sent = sum(not message.is_redelivered for message in listener.messages)
    print(f"{shop.sold} events, {sent} messages from {count} publishers")
    assert sent <= shop.sold * 1.005


@pytest.mark.parametrize("trouble", [broker_away, broker_blocked])
def test_without_the_broker_sales_go_on_as_before(services, shop, listener, broker, trouble):
    """The outbox keeps everything, the metrics show it, and it drains in order."""
    publisher = services.publisher()
    before = shop.p50_ms()
    await_everything(services, listener, within=5)
    with trouble(broker):
        holds = [shop.sell() for _ in range(2 * PARTITIONS)]
        eventually(lambda: publisher.ready()["bus"]["state"] == "degraded", within=10)
        assert publisher.ready()["bus"]["detail"]
        during = shop.p50_ms()
        follow(shop, holds)
        eventually(lambda: publisher.metric("tro_outbox_entries") >= PARTITIONS, within=5)
        eventually(lambda: publisher.metric("tro_outbox_age_seconds") > 1, within=5)
    await_everything(services, listener, within=20)
    eventually(lambda: publisher.metric("tro_outbox_age_seconds") == 0, within=5)
    eventually(lambda: publisher.ready()["bus"]["state"] == "up", within=5)
    with_it = max(before, shop.p50_ms())  # whichever the rest of the machine disturbed more
    print(f"p50 of a hold: {with_it:.1f} ms with the broker, {during:.1f} ms without")
    assert is_in_time(during / 1e3, (1.5 * with_it + 1 * SLACK) / 1e3)


def test_every_process_tells_what_waits_when_nobody_publishes(services, shop, listener):
    """The alerts of docs/operations.md fire without a publisher, and end with one."""
    worker = services.worker()
    for _ in range(2 * PARTITIONS):
        shop.sell()
    for process in (shop.server, worker):
        eventually(lambda: process.metric("tro_outbox_entries") == 2 * PARTITIONS, within=5)
        eventually(lambda: process.metric("tro_outbox_age_seconds") > 5, within=10)  # it grows: that of 60 s comes too
        assert process.metric("tro_publishers_alive") == 0
    publishers = [services.publisher(), services.publisher()]
    for process in (shop.server, worker, *publishers):
        eventually(lambda: process.metric("tro_publishers_alive") == 2, within=10)
        eventually(lambda: process.metric("tro_outbox_entries") == 0 and process.metric("tro_outbox_age_seconds") == 0, within=10)
    publishers[0].kill()
    eventually(lambda: shop.server.metric("tro_publishers_alive") == 1, within=TAKEOVER_MAX)
    publishers[0].start()
    await_everything(services, listener, within=5)


def test_wrong_credentials_are_waited_out(services, shop, listener, broker):
    """They are said, without the password, and once they are right the events go out."""
    user, password = "later", "not-yet-known-to-the-broker"
    url = services.options["RABBIT_URL"].partition("@")[2]
    publisher = services.publisher(RABBIT_URL=f"amqp://{user}:{password}@{url}")
    shop.sell()
    eventually(lambda: "refuse" in publisher.ready()["bus"].get("detail", ""), within=10)
    eventually(lambda: publisher.metric("tro_outbox_entries") > 0, within=5)
    assert not listener.messages and password not in publisher.stderr
    broker.control("add_user", user, password)
    try:
        broker.control("set_permissions", user, ".*", ".*", ".*")
        await_everything(services, listener, within=15)
    finally:
        publisher.stop()
        broker.control("delete_user", user)


def test_a_deleted_exchange_is_made_again(services, shop, listener, broker):
    """And messages without a queue are counted and reported."""
    publisher = services.publisher()
    shop.sell()
    await_everything(services, listener, within=5)
    broker.delete_exchange(messages.EXCHANGE)
    lost = shop.sell()
    eventually(lambda: publisher.metric("tro_published_events_total") == 2, within=10)
    assert publisher.metric("tro_unroutable_events_total") == 1
    [[lost_id]] = services.database.query(f"SELECT id FROM events WHERE stream_id = '{lost['hold_id']}'")
    eventually(lambda: lost_id in publisher.stderr, within=5)
    listener.bind()
    kept = shop.sell()
    eventually(lambda: kept["hold_id"] in arrivals(listener), within=5)
    assert publisher.metric("tro_unroutable_events_total") == 1


def test_an_outbox_row_without_its_event_holds_up_its_partition_alone(services, shop, listener, database):
    """It is told of with its id, and when it is gone the partition goes on."""
    publisher = services.publisher()
    row = "00000000-0000-7000-8000-00000000000f"  # older than any other
    database.query(f"INSERT INTO outbox (partition, id, events) VALUES (0, '{row}', decode(replace('{row}', '-', ''), 'hex'))")
    waiting = shop.sell()
    others = [shop.sell()["hold_id"] for _ in range(3)]
    eventually(lambda: set(others) <= arrivals(listener).keys(), within=15)
    assert waiting["hold_id"] not in arrivals(listener)
    assert publisher.metric("tro_outbox_unreadable_partitions") == 1
    eventually(lambda: row in publisher.stderr, within=10)
    assert "names an event that cannot be read" in publisher.ready()["bus"]["detail"]
    database.query(f"DELETE FROM outbox WHERE id = '{row}'")
    await_everything(services, listener, within=15)
    assert publisher.metric("tro_outbox_unreadable_partitions") == 0
    assert sum(entry["message"] == "an outbox row names an event that cannot be read" for entry in publisher.log()) == 1


def consumed(services, queue: str, *flags: str) -> list[dict]:
    """What `tro consume` shows, which says that nothing is missing or late."""
    done = services.tro("consume", "--queue", queue, "--json", "--timeout", "2s", *flags)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_batches_are_read_by_tro_consume_like_single_messages(services, shop, broker):
    """Whole and in order, also when a publisher hangs for longer than its lease with events under way."""
    queues = [f"batches-{uuid.uuid4()}", f"orders-{uuid.uuid4()}"]
    for queue, pattern in zip(queues, ("#", "order.*")):
        consumed(services, queue, "--bind", pattern)  # it is there from now on
    try:
        first, _second = services.publisher(RABBIT_BATCH="16"), services.publisher(RABBIT_BATCH="16")
        holds = [shop.sell() for _ in range(3 * PARTITIONS)]
        follow(shop, holds[:PARTITIONS])
        first.pause()
        follow(shop, holds[PARTITIONS:2 * PARTITIONS])
        eventually(lambda: services.database.query("SELECT count(*) FROM outbox") == [["0"]], within=2 * TAKEOVER_MAX)
        first.resume()
        follow(shop, holds[2 * PARTITIONS:])
        eventually(lambda: services.database.query("SELECT count(*) FROM outbox") == [["0"]], within=2 * TAKEOVER_MAX)
        shown = consumed(services, queues[0])
        assert {line["event"]["id"] for line in shown} == published(services)
        assert {line["exchange"] for line in shown} == {"tro.batches"} and all(line["message_id"] == line["event"]["id"] for line in shown)
        assert {line["routing_key"] for line in shown} <= {str(number) for number in range(PARTITIONS)}
        orders = consumed(services, queues[1], "--bind", "order.*")
        assert {line["event"]["id"] for line in orders} == {line["event"]["id"] for line in shown if line["type"].startswith("order.")}
    finally:
        for queue in queues:
            broker.control("delete_queue", queue)


def test_events_of_tro_serve_go_to_rabbitmq_too(tmp_path, broker, listener):
    """Any mixture works: the embedded store, and the broker."""
    server = Server(tmp_path / "serve", RABBIT_URL=broker.url, HOLD_TTL="500ms")
    server.start()
    try:
        api = server.api()
        event_id = api.create_event()["event_id"]
        hold, order = api.held(event_id, "A-1-1"), api.confirmed(event_id, "A-1-2")
        eventually(lambda: listener.streams().get(hold["hold_id"]) == [1, 2], within=5)
        eventually(lambda: listener.streams().get(order["order_id"]) == [1, 2], within=5)
        server.stop()
        server.verify()
    finally:
        server.kill()

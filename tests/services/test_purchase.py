"""Purchases through several processes at once, and the messages about them."""

import re
import uuid

from harness.problems import expect, problem
from harness.server import eventually, sleep_until

TRACEPARENT = r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"


def stored(services) -> dict[str, tuple[str, int]]:
    """Stream and sequence of every event that is to be published."""
    rows = services.database.query("SELECT id, stream_id, sequence FROM events")
    return {event_id: (stream, int(sequence)) for event_id, stream, sequence in rows}


def purchase_in_every_way(one, other) -> tuple[list[dict], list[dict]]:
    """Holds and orders that end as they may, each step by another process; every other step is told to be of one trace."""
    ada, again = one.api("ada"), other.api("ada")
    event_id = ada.create_event()["event_id"]
    lapses, released = ada.held(event_id, "A-1-1"), again.held(event_id, "A-1-2")
    expect(ada.release(released["hold_id"]), 204)
    orders = [expect(again.order(hold_id=ada.held(event_id, f"A-2-{number}")["hold_id"]), 202) for number in range(1, 6)]
    expect(ada.pay(orders[0]["order_id"]), 200)
    expect(again.pay(orders[1]["order_id"], "FAILED"), 200)
    expect(again.cancel(orders[2]["order_id"]), 200)
    expect(ada.pay(orders[0]["order_id"]), 200)  # once more, by another transaction: to be refunded
    expect(ada.cancel(orders[4]["order_id"]), 200)
    expect(again.pay(orders[4]["order_id"], "FAILED"), 200)
    sleep_until(max(lapses["expires_at"], orders[3]["pay_by"]))
    eventually(lambda: again.history("holds", lapses["hold_id"])[-1] == "hold.expired", within=3)
    eventually(lambda: ada.history("orders", orders[3]["order_id"])[-1] == "order.expired", within=3)
    holds = [lapses, released, *({"hold_id": order["hold_id"]} for order in orders)]
    return holds, orders


def test_everything_that_happens_is_told(services, listener):
    """Each event of a history is a message, and the other way round: CloudEvents 1.0, structured, persistent."""
    one, other = services.api(HOLD_TTL="2s", ORDER_TTL="2s"), services.api(HOLD_TTL="2s", ORDER_TTL="2s")
    services.worker(), services.worker(), services.publisher(), services.publisher()
    holds, orders = purchase_in_every_way(one, other)
    api = one.api("ada")
    entries = {}
    for kind, things in (("hold", holds), ("order", orders)):
        for thing in things:
            stream = thing[f"{kind}_id"]
            entries |= {entry["id"]: (stream, entry) for entry in api.pages(f"/v1/{kind}s/{stream}/history")}
    types = {entry["type"] for _, entry in entries.values()}
    assert {"hold.created", "hold.released", "hold.expired"} <= types
    assert {f"order.{end}" for end in ("created", "confirmed", "failed", "expired", "cancelled", "refund_required")} <= types

    eventually(lambda: listener.ids() >= entries.keys(), within=5)
    [created] = stored(services).keys() - entries.keys()  # the event that is sold has no history, and is told as well
    eventually(lambda: created in listener.ids(), within=5)
    assert listener.ids() == stored(services).keys()
    for message in listener.messages:
        if message.properties.message_id == created:
            assert (message.routing_key, message.event["type"], message.event["sequence"]) == ("event.created", "event.created", 1)
        else:
            check_message(message, *entries[message.properties.message_id])
    assert all(sequences == list(range(1, len(sequences) + 1)) for sequences in listener.streams().values())


def check_message(message, stream: str, entry: dict) -> None:
    properties, event = message.properties, message.event
    assert event.keys() == {
        "specversion", "id", "source", "type", "subject", "time", "sequence", "datacontenttype", "traceparent", "data",
    }  # fmt: skip
    assert (event["specversion"], event["datacontenttype"]) == ("1.0", "application/json")
    assert event["source"] and uuid.UUID(event["id"]).version == 7
    assert (event["id"], event["type"], event["subject"]) == (entry["id"], entry["type"], stream)
    assert (event["sequence"], event["time"], event["data"]) == (entry["version"], entry["occurred_at"], entry["data"])
    assert type(event["sequence"]) is int and type(event["data"]) is dict
    assert re.fullmatch(TRACEPARENT, event["traceparent"]) and "0" * 32 not in event["traceparent"]

    assert message.routing_key == entry["type"]
    assert properties.content_type == "application/cloudevents+json"
    assert properties.delivery_mode == 2, "it is not persistent"
    assert properties.message_id == entry["id"]
    told = {name: event[name] for name in ("specversion", "id", "source", "type", "subject", "time", "sequence")}
    assert properties.headers == {f"cloudEvents_{name}": value for name, value in told.items()} | {"traceparent": event["traceparent"]}


def test_a_message_belongs_to_the_trace_of_its_request(services, listener):
    one, _ = services.api(), services.publisher()
    api = one.api()
    event_id = api.create_event()["event_id"]
    trace_id, span_id = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    body = {"event_id": event_id, "seats": ["A-1-1"]}
    headers = {"traceparent": f"00-{trace_id}-{span_id}-01", "tracestate": "rojo=00f067aa0ba902b7 , congo=a\"b"}
    expect(api.request("POST", "/v1/holds", json=body, key=str(uuid.uuid4()), headers=headers), 201)
    eventually(lambda: any(message.routing_key == "hold.created" for message in listener.messages), within=5)
    [message] = [message for message in listener.messages if message.routing_key == "hold.created"]
    assert message.event["traceparent"].split("-")[:2] == ["00", trace_id]
    assert message.event["tracestate"] == message.properties.headers["tracestate"] == 'rojo=00f067aa0ba902b7,congo=a"b'


def test_a_key_is_honoured_by_every_process(services):
    """The second process has never seen the request, and gives the answer of the first."""
    one, other = services.api(), services.api()
    api, again = one.api(), other.api()
    event_id = api.create_event()["event_id"]
    for number in range(1, 6):
        key = f"the-same-everywhere-{number}"
        first = api.hold(event_id, [f"A-1-{number}"], key=key)
        second = again.hold(event_id, [f"A-1-{number}"], key=key)
        assert (first.status, second.status, second.body) == (201, 201, first.body)
        assert second.headers["Idempotency-Replayed"] == "true"
        assert again.hold(event_id, ["A-2-1"], key=key).status == 422
        assert expect(again.get_hold(first.json()["hold_id"]), 200) == first.json()
        order = expect(again.order(hold_id=first.json()["hold_id"]), 202)
        paid = api.pay(order["order_id"], transaction_id=f"once-{number}")
        assert again.pay(order["order_id"], transaction_id=f"once-{number}").body == paid.body
        assert api.history("orders", order["order_id"]) == ["order.created", "order.confirmed"]


def test_no_process_sells_seats_that_another_sold(services):
    """Each has a view of its own, which the other's commits make stale."""
    one, other = services.api(), services.api()
    event_id = one.api().create_event(rows=1, seats_per_row=40)["event_id"]
    for number in range(1, 41):
        first, second = (one, other) if number % 2 else (other, one)
        hold = first.api("ada").held(event_id, f"A-1-{number}")
        assert problem(second.api("bob").hold(event_id, [f"A-1-{number}"]), "seats-taken")["seats"] == [f"A-1-{number}"]
        if number % 3 == 0:
            expect(second.api("ada").release(hold["hold_id"]), 204)
            first.api("bob").held(event_id, f"A-1-{number}")
    assert {seat["status"] for seat in other.api().seats(event_id).values()} == {"held"}

"""Every kind of request that a service's token can send, none of which changes anything: for the counts of services."""

from collections.abc import Callable

from harness.api import Api, new_key
from harness.wire import Response

MISSING = "019aae7c-8100-7b20-8c11-5d0f64a3b2e4"


def get(target: str) -> Callable[[Api], Response]:
    return lambda api: api.get(target.format(id=MISSING))


def send(method: str, target: str, **options) -> Callable[[Api], Response]:
    return lambda api: api.request(method, target.format(id=MISSING), key=new_key(), **options)


SEATS = {"event_id": MISSING, "seats": ["A-1-1"]}

NAMES_NOBODY = {
    "reads a hold": get("/v1/holds/{id}"),
    "asks for the head of a hold": send("HEAD", "/v1/holds/{id}"),
    "releases a hold": send("DELETE", "/v1/holds/{id}"),
    "reads the history of a hold": get("/v1/holds/{id}/history"),
    "orders what a hold has": send("POST", "/v1/orders", json={"hold_id": MISSING, "payment_method": "card"}),
    "reads an order": get("/v1/orders/{id}"),
    "cancels an order": send("POST", "/v1/orders/{id}/cancel"),
    "reads the history of an order": get("/v1/orders/{id}/history"),
}

COUNTS_AS_A_USER = {
    "holds for itself": send("POST", "/v1/holds", json=SEATS),
    "sends half a body": send("POST", "/v1/holds", body=b"{"),
    "sends another type of body": send("POST", "/v1/holds", body=b"x", headers={"Content-Type": "text/plain"}),
    "sends no key": lambda api: api.request("POST", "/v1/holds", json=SEATS),
    "names a user that is none": get("/v1/holds/{id}?user_id="),
    "sends a parameter that is none": get("/v1/holds/{id}?x=1"),
    "sends an id that is none": get("/v1/holds/x"),
    "lists refunds": get("/v1/refunds"),
    "does a refund": send("POST", "/v1/refunds/{id}/done"),
    "lists events": get("/v1/events"),
    "reads an event": get("/v1/events/{id}"),
    "reads the seats of an event": get("/v1/events/{id}/seats"),
    "reads the availability of an event": get("/v1/events/{id}/availability"),
    "watches an event": get("/v1/events/{id}/stream"),
    "makes an event, which it may not": send("POST", "/v1/events", json={}),
    "pauses an event, which it may not": send("POST", "/v1/events/{id}/pause"),
}

ACTS_FOR_A_USER = {
    "holds for a user": send("POST", "/v1/holds", json={**SEATS, "user_id": "bob"}),
    "reads a hold of a user": get("/v1/holds/{id}?user_id=bob"),
}

ALL = {**NAMES_NOBODY, **COUNTS_AS_A_USER, **ACTS_FOR_A_USER}


def limited(api: Api, kinds: dict[str, Callable[[Api], Response]]) -> list[str]:
    """Which of the kinds of requests are refused for a quota."""
    return [kind for kind, ask in kinds.items() if ask(api).status == 429]

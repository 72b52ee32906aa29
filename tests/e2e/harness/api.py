"""A caller of the service: the routes as methods, each answer held to the OpenAPI document."""

import json as json_module
import uuid

from harness import contract, credentials, wire
from harness.problems import expect
from harness.wire import Response

FAR_AWAY = "2027-06-01T19:30:00Z"


def new_key() -> str:
    return str(uuid.uuid4())


class Api:
    """One user of one server. Every request has a connection of its own."""

    def __init__(self, port: int, user: str | None = "ada", scope: str | None = None, **claims):
        self.port = port
        self.user = user
        self.token = None if user is None else credentials.token(user, scope, **claims)

    def as_user(self, user: str | None, scope: str | None = None, **claims) -> "Api":
        return Api(self.port, user, scope, **claims)

    def request(
        self,
        method: str,
        target: str,
        *,
        json=None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        key: str | None = None,
    ) -> Response:
        """`json` is encoded, `body` sent as it is; both as application/json unless `headers` says otherwise."""
        fields = {}
        if self.token is not None:
            fields["Authorization"] = f"Bearer {self.token}"
        if key is not None:
            fields["Idempotency-Key"] = key
        if json is not None:
            body = json_module.dumps(json).encode()
        if body is not None:
            fields["Content-Type"] = "application/json"
        fields.update(headers or {})
        response = wire.exchange(self.port, method, target, [(name, value) for name, value in fields.items() if value is not None], body)
        contract.check(method, target, response)
        return response

    def get(self, target: str, **options) -> Response:
        return self.request("GET", target, **options)

    # Events

    def create_event(self, *, rows: int = 5, seats_per_row: int = 20, price: int = 2500, **body) -> dict:
        """An event on sale, with the seats A-1-1 to A-ROWS-N unless `sections` or `seats` says otherwise."""
        content = {"name": "The Magic Flute", "venue": "Old Opera", "starts_at": FAR_AWAY, "currency": "EUR", **body}
        if not {"sections", "seats"} & content.keys():
            content["sections"] = [{"name": "A", "price": price, "rows": rows, "seats_per_row": seats_per_row}]
        return expect(self.as_user("admin", "tro:admin").post_event(content), 201)

    def post_event(self, content, **options) -> Response:
        return self.request("POST", "/v1/events", json=content, **options)

    def seats(self, event_id: str) -> dict[str, dict]:
        """The whole seat map, by label."""
        return {seat["seat"]: seat for seat in self.pages(f"/v1/events/{event_id}/seats?limit=500")}

    def seat_status(self, event_id: str, *seats: str) -> list[str]:
        seat_map = self.seats(event_id)
        return [seat_map[seat]["status"] for seat in seats]

    def pages(self, target: str) -> list[dict]:
        """Every entry of a list, page after page."""
        entries, cursor, seen = [], None, set()
        while True:
            page = expect(self.get(target if cursor is None else f"{target}{'&' if '?' in target else '?'}cursor={cursor}"), 200)
            entries += page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return entries
            assert cursor not in seen, "the pages go round in circles"
            seen.add(cursor)

    # Holds

    def hold(self, event_id: str, seats: list[str], *, key: str | None = None, **body) -> Response:
        return self.request("POST", "/v1/holds", json={"event_id": event_id, "seats": seats, **body}, key=key or new_key())

    def held(self, event_id: str, *seats: str) -> dict:
        return expect(self.hold(event_id, list(seats)), 201)

    def get_hold(self, hold_id: str) -> Response:
        return self.get(f"/v1/holds/{hold_id}")

    def release(self, hold_id: str) -> Response:
        return self.request("DELETE", f"/v1/holds/{hold_id}")

    # Orders

    def order(self, *, key: str | None = None, **body) -> Response:
        return self.request("POST", "/v1/orders", json={"payment_method": "card", **body}, key=key or new_key())

    def ordered(self, event_id: str, *seats: str) -> dict:
        """A pending order of these seats."""
        return expect(self.order(hold_id=self.held(event_id, *seats)["hold_id"]), 202)

    def confirmed(self, event_id: str, *seats: str) -> dict:
        order = self.ordered(event_id, *seats)
        return expect(self.pay(order["order_id"]), 200)

    def get_order(self, order_id: str) -> Response:
        return self.get(f"/v1/orders/{order_id}")

    def cancel(self, order_id: str, *, key: str | None = None, **options) -> Response:
        return self.request("POST", f"/v1/orders/{order_id}/cancel", key=key or new_key(), **options)

    def history(self, kind: str, stream_id: str) -> list[str]:
        """The types of a stream's events, in order. `kind` is "holds" or "orders"."""
        entries = self.pages(f"/v1/{kind}/{stream_id}/history")
        assert [entry["version"] for entry in entries] == list(range(1, len(entries) + 1))
        assert [entry["id"] for entry in entries] == sorted(entry["id"] for entry in entries), "ids are not in order"
        return [entry["type"] for entry in entries]

    # Payments

    def pay(
        self,
        order_id: str,
        status: str = "SUCCEEDED",
        transaction_id: str | None = None,
        *,
        at: int | None = None,
        secret: str = credentials.PAYMENT_SECRET,
        **members,
    ) -> Response:
        content = {"order_id": order_id, "status": status, "transaction_id": transaction_id or f"tx-{uuid.uuid4()}", **members}
        body = json_module.dumps(content).encode()
        return self.callback(body, credentials.callback_signature(body, at, secret))

    def callback(self, body: bytes, signature: str | None, **headers: str) -> Response:
        """The payment provider has no token: the signature is all it shows."""
        provider = self.as_user(None)
        return provider.request("POST", "/v1/payments/callback", body=body, headers={"TRO-Signature": signature, **headers})

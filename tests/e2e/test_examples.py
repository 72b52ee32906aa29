"""The examples of api/openapi.yaml equal a server's answers: the same members, words and figures, with ids and times of its own."""

import itertools
import re
import uuid

import pytest

from harness import contract, credentials, paths
from harness.api import Api, new_key
from harness.problems import expect
from harness.server import Server, eventually, sleep_until
from harness.wire import Connection, Response, request_bytes

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")
TRACE = re.compile(r"[0-9a-f]{32}")
SEATS = ["A-1-12", "A-1-13"]
TRANSACTION = "ch_3PqLk2"

# Problems of a server that is overloaded, stopping, or has lost its store; the suites that bring those about check the types.
ELSEWHERE = {
    "catalog-unavailable",
    "idempotency-busy",
    "internal",
    "overloaded",
    "shutting-down",
    "store-unavailable",
}


def alike(value):
    """Ids and times of one run become the same as those of another."""
    if isinstance(value, dict):
        return {name: alike(member) for name, member in value.items()}
    if isinstance(value, list):
        return [alike(item) for item in value]
    if isinstance(value, str):
        return TRACE.sub("TRACE", TIME.sub("TIME", ID.sub("ID", value)))
    return value


def example(name: str):
    return contract.document()["components"]["examples"][name]["value"]


def examples_of(method: str, path: str, status: str | None = None) -> list:
    """The examples of a request's body, or of an answer's."""
    operation = contract.document()["paths"][path][method]
    body = operation["requestBody"] if status is None else contract.resolve(operation["responses"][status])
    return [contract.resolve(shown)["value"] for shown in body["content"]["application/json"]["examples"].values()]


def request_example(path: str, number: int = 0, **changes) -> dict:
    return examples_of("post", path)[number] | changes


@pytest.fixture
def ada(start_server) -> Api:
    return start_server().api("ada")


@pytest.fixture
def admin(ada) -> Api:
    return ada.as_user("admin", "tro:admin")


@pytest.fixture
def event_id(admin) -> str:
    return expect(admin.post_event(request_example("/v1/events")), 201)["event_id"]


def ordered(ada, event_id, seats=SEATS) -> dict:
    hold = expect(ada.hold(event_id, seats), 201)
    return expect(ada.request("POST", "/v1/orders", json=request_example("/v1/orders", hold_id=hold["hold_id"]), key=new_key()), 202)


def pay(ada, order, number: int = 0, **changes) -> Response:
    content = request_example("/v1/payments/callback", number, order_id=order["order_id"], **changes)
    return ada.pay(content.pop("order_id"), content.pop("status"), content.pop("transaction_id"), **content)


def test_an_event_and_what_operators_do_with_it(admin):
    created = expect(admin.post_event(request_example("/v1/events")), 201)
    assert alike(created) == alike(example("event"))
    target = f"/v1/events/{created['event_id']}"
    assert alike(expect(admin.get("/v1/events"), 200)) == alike(examples_of("get", "/v1/events", "200")[0])
    assert alike(expect(admin.request("POST", f"{target}/pause"), 200)) == alike(example("event-paused"))
    assert alike(expect(admin.request("POST", f"{target}/resume"), 200)) == alike(example("event"))
    assert alike(expect(admin.request("POST", f"{target}/cancel"), 200)) == alike(example("event-cancelled-for-good"))


def test_an_event_whose_seats_are_listed(admin):
    created = expect(admin.post_event(request_example("/v1/events", 1)), 201)
    seats = request_example("/v1/events", 1)["seats"]
    assert created["seat_count"] == len(seats)
    assert [(seat["seat"], seat["price"]) for seat in seats] == [
        (seat["seat"], seat["price"]) for seat in admin.pages(f"/v1/events/{created['event_id']}/seats")
    ]


def test_a_purchase(ada, event_id):
    hold = expect(ada.request("POST", "/v1/holds", json=request_example("/v1/holds", event_id=event_id), key=new_key()), 201)
    assert alike(hold) == alike(example("hold"))
    assert alike(expect(ada.get_hold(hold["hold_id"]), 200)) == alike(example("hold"))
    order = expect(ada.request("POST", "/v1/orders", json=request_example("/v1/orders", hold_id=hold["hold_id"]), key=new_key()), 202)
    assert alike(order) == alike(example("order"))
    history = expect(ada.get(f"/v1/orders/{order['order_id']}/history"), 200)
    assert alike(history) == alike(examples_of("get", "/v1/orders/{order_id}/history", "200")[0])
    assert alike(expect(pay(ada, order), 200)) == alike(example("order-confirmed"))


def test_an_order_of_seats(ada, event_id):
    expect(ada.hold(event_id, SEATS), 201)
    order = expect(ada.request("POST", "/v1/orders", json=request_example("/v1/orders", 1, event_id=event_id), key=new_key()), 202)
    assert alike(order) == alike(example("order") | {"payment_method": "invoice"})


def test_an_order_that_is_cancelled(ada, event_id):
    order = ordered(ada, event_id)
    assert alike(expect(ada.cancel(order["order_id"]), 200)) == alike(example("order-cancelled"))


def test_a_seat_map(ada, event_id):
    expect(pay(ada, ordered(ada, event_id, ["A-1-1"]), amount=9500), 200)
    page = expect(ada.get(f"/v1/events/{event_id}/seats?limit=2"), 200)
    [shown] = examples_of("get", "/v1/events/{event_id}/seats", "200")
    assert page["data"] == shown["data"]
    assert re.fullmatch("[0-9a-f]{48}", page["next_cursor"]) and re.fullmatch("[0-9a-f]{48}", shown["next_cursor"])


def test_a_hold_that_lapses(start_server):
    ada = start_server(HOLD_TTL="1s").api("ada")
    event_id = expect(ada.as_user("admin", "tro:admin").post_event(request_example("/v1/events")), 201)["event_id"]
    hold = expect(ada.hold(event_id, SEATS), 201)
    sleep_until(hold["expires_at"])
    target = f"/v1/holds/{hold['hold_id']}/history"
    eventually(lambda: len(expect(ada.get(target), 200)["data"]) == 2, within=5)
    history = expect(ada.get(target), 200)
    assert alike(history) == alike(examples_of("get", "/v1/holds/{hold_id}/history", "200")[0])


def test_a_refund(ada, admin, event_id):
    order = ordered(ada, event_id)
    expect(admin.request("POST", f"/v1/events/{event_id}/cancel"), 200)
    expect(pay(ada, order), 200)
    page = expect(admin.get("/v1/refunds"), 200)
    assert alike(page) == alike(examples_of("get", "/v1/refunds", "200")[0])
    done = expect(admin.request("POST", f"/v1/refunds/{page['data'][0]['refund_id']}/done"), 200)
    assert alike(done) == alike(examples_of("post", "/v1/refunds/{refund_id}/done", "200")[0])


def test_how_the_service_does(ada):
    assert expect(ada.get("/v1/healthz"), 200) == examples_of("get", "/v1/healthz", "200")[0]
    ready, verbose, *_ = examples_of("get", "/v1/readyz", "200")
    assert expect(ada.get("/v1/readyz"), 200) == ready
    dependencies = expect(ada.get("/v1/readyz?verbose"), 200)["dependencies"]
    assert {dependency["name"] for dependency in verbose["dependencies"]} <= {dependency["name"] for dependency in dependencies}
    for shown, dependency in itertools.product(verbose["dependencies"], dependencies):
        assert shown.keys() - {"detail"} == dependency.keys() - {"detail"}


class Scene:
    """A server on which each problem of the examples is brought about."""

    def __init__(self, server: Server):
        self.server = server
        self.ada, self.admin = server.api("ada"), server.api("admin", "tro:admin")
        self.event_id = self.new_event()

    def new_event(self, **changes) -> str:
        return expect(self.admin.post_event(request_example("/v1/events", **changes)), 201)["event_id"]

    def post(self, target: str, **options) -> Response:
        return self.ada.request("POST", target, **{"key": new_key(), **options})

    def hold(self, event_id: str | None = None, seats=SEATS, **options) -> Response:
        content = {"event_id": event_id or self.event_id, "seats": seats} | options.pop("members", {})
        return self.post("/v1/holds", json=content, **options)

    def send(self, data: bytes) -> Response:
        connection = Connection(self.server.port)
        try:
            connection.send(data)
            return connection.receive()
        finally:
            connection.close()

    def head(self, target: str, *fields: tuple[str, str]) -> Response:
        return self.send(request_bytes("GET", target, list(fields)))

    # One method a problem, named as its type.

    def bad_request(self):
        return self.ada.get("/v1/events?limit=0")

    def invalid_json(self):
        return self.post("/v1/holds", body=b'{"user":"ada""seats":[]}')

    def validation_failed(self):
        return self.hold(seats=["A-1-12", "A-1-12"])

    def invalid_cursor(self):
        return self.ada.get("/v1/events?cursor=bad")

    def idempotency_key_missing(self):
        return self.hold(key=None)

    def idempotency_key_invalid(self):
        return self.hold(key="short")

    def unauthenticated(self):
        return self.server.api("ada", exp=1700000000).request("POST", "/v1/holds", json={}, key=new_key())

    def signature_invalid(self):
        body = b"{}"
        return self.ada.callback(body, credentials.callback_signature(body, 1700000000))

    def forbidden(self):
        return self.post("/v1/events", json={})

    def user_mismatch(self):
        return self.hold(members={"user_id": "bob"})

    def not_found(self):
        return self.ada.get("/v1/nothing")

    def event_unknown(self):
        return self.hold(str(uuid.uuid4()))

    def hold_unknown(self):
        return self.ada.get_hold(str(uuid.uuid4()))

    def order_unknown(self):
        return self.ada.get_order(str(uuid.uuid4()))

    def refund_unknown(self):
        return self.admin.request("POST", f"/v1/refunds/{uuid.uuid4()}/done")

    def version_gone(self):
        return self.ada.get(f"/v1/events/{self.event_id}/seats?since=0")

    def method_not_allowed(self):
        return self.ada.request("PATCH", "/v1/holds")

    def seats_taken(self):
        expect(self.hold(seats=["A-1-13"]), 201)
        return self.hold()

    def hold_expired(self):
        hold = self.ada.held(self.event_id, "A-2-1")
        sleep_until(hold["expires_at"])
        return self.ada.order(hold_id=hold["hold_id"])

    def hold_converted(self):
        hold = self.ada.held(self.event_id, "A-2-2")
        expect(self.ada.order(hold_id=hold["hold_id"]), 202)
        return self.ada.release(hold["hold_id"])

    def hold_released(self):
        hold = self.ada.held(self.event_id, "A-2-3")
        expect(self.ada.release(hold["hold_id"]), 204)
        return self.ada.order(hold_id=hold["hold_id"])

    def order_not_payable(self):
        order = self.ada.confirmed(self.event_id, "A-2-4")
        return self.ada.pay(order["order_id"], "FAILED")

    def order_not_cancellable(self):
        return self.ada.cancel(self.ada.confirmed(self.event_id, "A-2-5")["order_id"])

    def not_on_sale(self):
        return self.hold(self.new_event(on_sale_from="2027-02-01T10:00:00Z"))

    def sales_paused(self):
        event_id = self.new_event()
        expect(self.admin.request("POST", f"/v1/events/{event_id}/pause"), 200)
        return self.hold(event_id)

    def event_cancelled(self):
        event_id = self.new_event()
        expect(self.admin.request("POST", f"/v1/events/{event_id}/cancel"), 200)
        return self.hold(event_id)

    def payment_conflict(self):
        for seat in ("A-3-1", "A-3-2"):
            response = self.ada.pay(self.ada.ordered(self.event_id, seat)["order_id"], "SUCCEEDED", TRANSACTION)
        return response

    def refund_not_due(self):
        order = self.ada.ordered(self.event_id, "A-3-3")
        expect(self.ada.pay(order["order_id"], "SUCCEEDED", TRANSACTION), 200)
        return self.ada.pay(order["order_id"], "REFUNDED", TRANSACTION)

    def refund_amount_differs(self):
        order = self.ada.ordered(self.event_id, "A-3-4")
        expect(self.ada.pay(order["order_id"], "SUCCEEDED", TRANSACTION, amount=10000, currency="EUR"), 200)
        return self.ada.pay(order["order_id"], "REFUNDED", TRANSACTION, amount=1, currency="EUR")

    def body_too_large(self):
        return self.post("/v1/holds", body=b" " * 65537)

    def request_timeout(self):
        """The last byte of the body does not come."""
        fields = [("Authorization", f"Bearer {self.ada.token}"), ("Content-Type", "application/json"), ("Idempotency-Key", new_key())]
        return self.send(request_bytes("POST", "/v1/holds", fields, b"{}")[:-1])

    def uri_too_long(self):
        return self.head(f"/v1/events?q={'x' * 8192}")

    def unsupported_media_type(self):
        return self.post("/v1/holds", body=b"{}", headers={"Content-Type": "text/plain"})

    def seat_unknown(self):
        return self.hold(seats=["Z-9-9"])

    def idempotency_mismatch(self):
        key = new_key()
        expect(self.hold(seats=["A-4-1"], key=key), 201)
        return self.hold(seats=["A-4-2"], key=key)

    def quota_exceeded(self):
        responses = [self.server.api("eve").request("POST", "/v1/holds", json={}, key=new_key()) for _ in range(101)]
        assert [response.status for response in responses[:100]] == [400] * 100
        return responses[100]

    def headers_too_large(self):
        return self.head("/v1/holds", ("X-Padding", "x" * 16384))


@pytest.mark.parametrize(
    "slug", [pytest.param(slug, marks=pytest.mark.waits(10)) if slug == "request-timeout" else slug for slug in sorted(contract.problems())]
)
def test_a_problem(start_server, slug):
    shown = contract.problems()[slug]
    if slug in ELSEWHERE:
        sources = "".join(path.read_text() for path in sorted((paths.REPOSITORY / "src" / "http").glob("*.c")))
        assert f'"{shown["detail"]}"' in sources
        return
    hasty = {"HOLD_TTL": "1s"} if slug == "hold-expired" else {}
    scene = Scene(start_server(**hasty, **({"RATE_LIMIT_USER": "100/1m"} if slug == "quota-exceeded" else {})))
    response = getattr(scene, slug.replace("-", "_"))()
    assert alike(response.json()) == alike(shown)

"""Addresses, methods, cross-origin requests, and the fields that every answer has."""

import uuid

import pytest

from harness import wire
from harness.api import new_key
from harness.problems import one_of, problem
from harness.raw import CRLF, head
from harness.server import Server
from harness.wire import Closed, request_bytes

# Addresses


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/v1",
        "/v1/",
        "/v2/holds",
        "/v1/hold",
        "/v1/holdsx",
        "/v1/holds/x/y/z",
        "/V1/HOLDS",
        "//v1/holds",
        "/v1//holds",
        "/v1/holds/../events",
        "/v1/./events",
        "/%76%31/../x",
        "/etc/passwd",
        "/v1/events/x/y",
        "/favicon.ico",
        "/v1/orders/x/y/cancel",
    ],
)
def test_other_addresses_are_not_found(api, target):
    response = api.get(target)
    one_of(response, "not-found", "bad-request")


@pytest.mark.parametrize(
    "target",
    [
        "/v1/events/%00",
        "/v1/events/..%2f",
        "/v1/events/%2e%2e",
        "/v1/events/%",
        "/v1/events/%z1",
        "/v1/events/%ff",
        "/v1/events/%0d%0aX:y",
        "/v1/holds/%2e%2e%2fevents",
        "/v1/events?cursor=%00",
        "/v1/events?cursor=%ff%fe",
    ],
)
def test_odd_escapes_are_refused(api, target):
    assert api.get(target).status in (400, 404)


def test_an_answer_cannot_be_split(server):
    response = wire.exchange(server.port, "GET", "/v1/holds/%0d%0aSet-Cookie:%20a=b")
    assert "Set-Cookie" not in response.headers


def test_the_absolute_form_is_served(connect):
    connection = connect()
    connection.send(head(b"GET http://a/v1/healthz HTTP/1.1", b"Host: a"))
    assert connection.receive().status in (200, 400)


@pytest.mark.parametrize(
    "target, status",
    [
        (b"http://a/v1/healthz?x", 400),  # an unknown parameter of the route that was meant
        (b"HTTPS://a:80/v1/healthz", 200),
        (b"http://a?/v1/healthz", 404),  # what stands behind the question mark is no path
        (b"http://a", 404),  # the path is "/"
        (b"http://a#/v1/healthz", 400),
        (b"http:///v1/healthz", 400),
        (b"http://user@a/v1/healthz", 400),
        (b"ftp://a/v1/healthz", 400),
        (b"http:/v1/healthz", 400),
    ],
)
def test_the_authority_of_an_absolute_form_ends_where_it_does(connect, target, status):
    connection = connect()
    connection.send(head(b"GET " + target + b" HTTP/1.1", b"Host: a"))
    assert connection.receive().status == status


@pytest.mark.parametrize("size", [10000, 100000])
def test_a_long_address_is_refused(connect, size):
    connection = connect()
    try:
        connection.send(head(b"GET /v1/events?cursor=" + b"x" * size + b" HTTP/1.1", b"Host: a"))
    except Closed:
        pass
    one_of(connection.receive(), "uri-too-long", "headers-too-large", "invalid-cursor")


@pytest.mark.parametrize(
    "lines",
    [[b"X: " + b"y" * 102400], [b"X%d: y" % number for number in range(5000)], [b"X" * 70000 + b": y"]],
    ids=["long", "many", "name"],
)
def test_large_heads_are_refused(connect, lines):
    connection = connect()
    try:
        connection.send(head(b"GET /v1/healthz HTTP/1.1", b"Host: a", *lines))
    except Closed:
        pass
    problem(connection.receive(), "headers-too-large")
    assert connection.is_closed_by_peer()


@pytest.mark.parametrize(
    "line, field, instance",
    [
        (b"POST /v1/holds?x=1 HTTP/1.1", b"Content-Length: x", "/v1/holds"),
        (b"GET /v1/events/%c3%a9 HTTP/1.1", b"Host: b", "/v1/events/%C3%A9"),
        (b"GET http://a.example/v1/healthz HTTP/1.1", b" folded", "/v1/healthz"),
        (b"GET /v1/events HTTP/1.1", b"X: " + b"y" * 102400, "/v1/events"),
        (b"GET /v1/events HTTP/2.0", b"X: y", "/"),
    ],
)
def test_a_refused_head_says_what_it_was_for(connect, line, field, instance):
    connection = connect()
    try:
        connection.send(head(line, b"Host: a", field))
    except Closed:
        pass
    assert one_of(connection.receive(), "bad-request", "headers-too-large")["instance"] == instance


def test_a_head_without_end_is_cut_off(connect):
    connection = connect()
    sent = 0
    try:
        connection.send(b"GET /v1/healthz HTTP/1.1\r\nHost: a\r\n")
        while sent < 64 << 20:
            connection.send(b"X: " + b"y" * 8192 + CRLF)
            sent += 8192
    except Closed:
        pass
    assert sent < 16 << 20, "the server reads a head without end"


# Methods


@pytest.mark.parametrize(
    "method, target, allowed",
    [
        ("PUT", "/v1/holds", {"POST"}),
        ("GET", "/v1/holds", {"POST"}),
        ("DELETE", "/v1/events", {"GET", "HEAD", "POST"}),
        ("POST", "/v1/holds/{id}", {"GET", "HEAD", "DELETE"}),
        ("PATCH", "/v1/orders/{id}", {"GET", "HEAD"}),
        ("DELETE", "/v1/orders/{id}", {"GET", "HEAD"}),
        ("GET", "/v1/orders/{id}/cancel", {"POST"}),
        ("GET", "/v1/payments/callback", {"POST"}),
        ("POST", "/v1/healthz", {"GET", "HEAD"}),
        ("POST", "/metrics", {"GET", "HEAD"}),
        ("POST", "/v1/events/{id}/seats", {"GET", "HEAD"}),
        ("DELETE", "/v1/holds/{id}/history", {"GET", "HEAD"}),
        ("BREW", "/v1/holds", {"POST"}),
        ("TRACE", "/v1/events", {"GET", "HEAD", "POST"}),
        ("get", "/v1/events", {"GET", "HEAD", "POST"}),
    ],
)
def test_another_method_is_refused_with_those_allowed(api, method, target, allowed):
    response = api.request(method, target.format(id=uuid.uuid4()))
    problem(response, "method-not-allowed")
    assert {token.upper() for token in response.headers.tokens("Allow")} - {"OPTIONS"} == allowed


def test_a_tunnel_is_not_opened(connect):
    connection = connect()
    connection.send(head(b"CONNECT a:80 HTTP/1.1", b"Host: a:80"))
    assert connection.receive().status in (400, 404, 405, 501)


@pytest.mark.parametrize(
    "target",
    [
        "/v1/healthz",
        "/v1/readyz",
        "/v1/events",
        "/v1/events/{event}",
        "/v1/events/{event}/seats",
        "/v1/holds/{hold}",
        "/v1/holds/{hold}/history",
        "/v1/openapi.yaml",
        "/v1/holds/" + str(uuid.UUID(int=1)),
        "/nothing",
    ],
)
def test_head_answers_as_get_without_the_body(server, api, event, target):
    target = target.format(event=event["event_id"], hold=api.held(event["event_id"], "A-1-1")["hold_id"])
    got, headed = api.get(target), api.request("HEAD", target)
    assert headed.status == got.status
    for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control"):
        assert headed.headers.get(name) == got.headers.get(name), name


def test_head_leaves_the_connection_in_step(connect, server):
    connection = connect()
    connection.send(request_bytes("HEAD", "/v1/openapi.yaml") + request_bytes("GET", "/v1/healthz"))
    assert connection.receive("HEAD").status == 200
    assert connection.receive().status == 200


@pytest.mark.parametrize("target", ["/v1/holds", "/v1/events", "/v1/holds/" + str(uuid.UUID(int=1))])
def test_options_says_what_is_allowed(api, target):
    response = api.as_user(None).request("OPTIONS", target)
    assert response.status in (200, 204)
    assert "options" in response.headers.tokens("Allow")
    assert len(response.headers.tokens("Allow")) >= 2


# Cross-origin requests


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("shop"), CORS_ALLOWED_ORIGINS="https://shop.example,http://localhost:3000").start()
    yield server.api()
    server.stop()


def preflight(api, origin: str, method: str = "POST", headers: str = "authorization,content-type,idempotency-key"):
    return api.as_user(None).request(
        "OPTIONS",
        "/v1/holds",
        headers={"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers},
    )


@pytest.mark.parametrize("origin", ["https://shop.example", "http://localhost:3000"])
def test_a_preflight_of_an_allowed_origin_is_answered(shop, origin):
    response = preflight(shop, origin)
    assert response.status in (200, 204) and response.body == b""
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert "post" in response.headers.tokens("Access-Control-Allow-Methods")
    assert {"authorization", "content-type", "idempotency-key"} <= set(response.headers.tokens("Access-Control-Allow-Headers"))
    assert "origin" in response.headers.tokens("Vary")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://shop.example.evil",
        "http://shop.example",
        "https://shop.example:8443",
        "null",
        "*",
        "https://SHOP.example/",
    ],
)
def test_another_origin_gets_no_permission(shop, origin):
    assert "Access-Control-Allow-Origin" not in preflight(shop, origin).headers
    assert "Access-Control-Allow-Origin" not in shop.get("/v1/events", headers={"Origin": origin}).headers


def test_an_allowed_origin_may_read_answers_and_problems(shop):
    event = shop.create_event()
    origin = {"Origin": "https://shop.example"}
    for response in (
        shop.get("/v1/events", headers=origin),
        shop.get(f"/v1/events/{event['event_id']}", headers=origin),
        shop.get("/v1/nothing", headers=origin),
        shop.as_user(None).get(f"/v1/holds/{uuid.uuid4()}", headers=origin),
        shop.request("POST", "/v1/holds", json={"event_id": event["event_id"], "seats": ["A-1-1"]}, key=new_key(), headers=origin),
    ):
        assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example", response
        assert "origin" in response.headers.tokens("Vary")


def test_without_allowed_origins_there_is_no_permission(api):
    assert "Access-Control-Allow-Origin" not in preflight(api, "https://shop.example").headers
    assert "Access-Control-Allow-Origin" not in api.get("/v1/events", headers={"Origin": "https://shop.example"}).headers


# Fields of every answer


@pytest.mark.parametrize(
    "method, target",
    [
        ("GET", "/v1/healthz"),
        ("GET", "/v1/events"),
        ("GET", "/nothing"),
        ("PUT", "/v1/holds"),
        ("GET", "/v1/holds/{hold}"),
        ("GET", "/v1/openapi.yaml"),
        ("GET", "/metrics"),
        ("OPTIONS", "/v1/holds"),
        ("POST", "/v1/holds"),
    ],
)
def test_security_fields_are_on_every_answer(api, event, method, target):
    hold_id = api.held(event["event_id"], "A-1-1")["hold_id"]
    response = api.request(method, target.format(hold=hold_id))
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in response.headers, "only where TLS is on"
    assert "Server" not in response.headers and "X-Powered-By" not in response.headers


def test_personal_data_is_not_stored(api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    responses = [
        api.get_hold(order["hold_id"]),
        api.get_order(order["order_id"]),
        api.hold(event["event_id"], ["A-1-2"]),
        api.get(f"/v1/orders/{order['order_id']}/history"),
        api.get(f"/v1/holds/{order['hold_id']}/history"),
        api.get_hold(str(uuid.uuid4())),
        api.as_user(None).get_hold(order["hold_id"]),
        api.pay(order["order_id"]),
    ]
    for response in responses:
        assert "no-store" in response.headers.tokens("Cache-Control"), response


def test_answers_have_a_date(api):
    assert api.get("/v1/healthz").headers.get("Date", "x GMT").endswith("GMT")

"""Who may use which route, and whose holds and orders: users, services, administrators and readers."""

import re

import pytest

from harness.api import new_key
from harness.problems import expect, problem
from test_documents import code, readme


@pytest.fixture
def shop(server):
    return server.api("shop", "tro:service")


@pytest.fixture
def admin(server):
    return server.api("admin", "tro:admin")


@pytest.fixture
def reader(server):
    return server.api("auditor", "tro:read")


def insufficient(response, slug: str = "user-mismatch") -> dict:
    challenge = response.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer ") and 'error="insufficient_scope"' in challenge
    return problem(response, slug)


# By the README's words: the scopes that are enough to be let in; a token without any is "". `tro:read` changes nothing.
EVERYBODY = {None, "", "tro:read", "tro:service", "tro:admin", "tro:other", "tro:admins", "TRO:ADMIN", "admin"}
WITH_A_TOKEN = EVERYBODY - {None}
ENOUGH = {
    "anybody": EVERYBODY,
    "user": WITH_A_TOKEN,
    "its owner": WITH_A_TOKEN,
    "scope `tro:admin`": {"tro:admin"},
    "scope `tro:service` or `tro:admin`": {"tro:service", "tro:admin", "tro:read"},
    "signed by the provider": set(),
}


@pytest.mark.parametrize("route, who", [(code(route), who) for route, who, _ in readme("route", "who", "answer")])
def test_every_route_lets_in_whom_the_readme_names(server, route, who):
    """With tokens of all kinds, and with a body that is none and ids of nothing: who may is judged before anything else."""
    method, path = route.split()
    target = re.sub(r"{\w+}", "019aae7c-8100-7b20-8c11-5d0f64a3b2e4", path)
    enough = ENOUGH[who.partition(",")[0]] - ({"tro:read"} if method != "GET" else set())
    for scope in sorted(EVERYBODY, key=str):
        api = server.api(None if scope is None else "mallory", scope or None)
        if path.endswith("/stream"):  # of an event that is there it has no end
            assert api.get(target).status == 404
            continue
        sent = {"body": b"{}"} if method == "POST" else {}
        response = api.request(method, target, key=new_key() if method != "GET" else None, **sent)
        if who == "signed by the provider":
            problem(response, "signature-invalid")
        elif scope in enough:
            assert response.status not in (401, 403), (scope, response)
        else:
            problem(response, "unauthenticated" if scope is None else "forbidden")


def test_a_service_buys_for_a_user(api, shop, event):
    hold = expect(shop.hold(event["event_id"], ["A-1-1"], user_id="ada"), 201)
    assert hold["user_id"] == "ada"
    assert expect(api.get_hold(hold["hold_id"]), 200) == hold
    order = expect(shop.order(hold_id=hold["hold_id"], user_id="ada"), 202)
    assert order["user_id"] == "ada"
    assert expect(shop.get(f"/v1/orders/{order['order_id']}?user_id=ada"), 200) == order
    assert expect(shop.get_order(order["order_id"]), 200) == order
    assert expect(shop.get(f"/v1/orders/{order['order_id']}/history?user_id=ada"), 200)["data"][0]["type"] == "order.created"
    cancelled = expect(shop.request("POST", f"/v1/orders/{order['order_id']}/cancel?user_id=ada", key="k" * 16 + order["order_id"]), 200)
    assert (cancelled["status"], cancelled["user_id"]) == ("CANCELLED", "ada")


def test_where_an_id_is_given_a_service_need_not_name_the_user(api, shop, event):
    hold = api.held(event["event_id"], "A-1-1")
    assert expect(shop.get_hold(hold["hold_id"]), 200) == hold
    assert shop.history("holds", hold["hold_id"]) == ["hold.created"]
    order = expect(shop.order(hold_id=hold["hold_id"]), 202)
    assert order["user_id"] == "ada"
    assert expect(api.get_order(order["order_id"]), 200) == order
    assert expect(shop.cancel(order["order_id"]), 200)["status"] == "CANCELLED"
    other = api.held(event["event_id"], "A-1-2")
    expect(shop.release(other["hold_id"]), 204)
    assert expect(api.get_hold(other["hold_id"]), 200)["status"] == "RELEASED"


def test_a_service_finds_the_users_hold_by_its_seats(api, shop, event):
    api.held(event["event_id"], "A-1-1", "A-1-2")
    problem(shop.order(event_id=event["event_id"], seats=["A-1-1", "A-1-2"]), "hold-unknown")
    order = expect(shop.order(event_id=event["event_id"], seats=["A-1-2", "A-1-1"], user_id="ada"), 202)
    assert order["user_id"] == "ada"


def test_a_service_that_names_the_wrong_user_finds_nothing(api, shop, event):
    hold = api.held(event["event_id"], "A-1-1")
    target = f"/v1/holds/{hold['hold_id']}"
    problem(shop.get(f"{target}?user_id=bob"), "hold-unknown")
    problem(shop.get(f"{target}/history?user_id=bob"), "hold-unknown")
    problem(shop.request("DELETE", f"{target}?user_id=bob"), "hold-unknown")
    problem(shop.order(hold_id=hold["hold_id"], user_id="bob"), "hold-unknown")
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "ACTIVE"


def test_an_administrator_reads_and_changes_all(api, admin, event):
    hold = api.held(event["event_id"], "A-1-1")
    assert expect(admin.get_hold(hold["hold_id"]), 200) == hold
    assert expect(admin.get(f"/v1/holds/{hold['hold_id']}?user_id=ada"), 200) == hold
    order = api.ordered(event["event_id"], "A-1-2")
    assert expect(admin.get_order(order["order_id"]), 200) == order
    assert admin.history("orders", order["order_id"]) == ["order.created"]
    assert expect(admin.cancel(order["order_id"]), 200)["user_id"] == "ada"
    expect(admin.release(hold["hold_id"]), 204)


def test_a_reader_reads_all_and_changes_nothing(api, reader, event):
    hold, order = api.held(event["event_id"], "A-1-1"), api.ordered(event["event_id"], "A-1-2")
    assert expect(reader.get_hold(hold["hold_id"]), 200) == hold
    assert expect(reader.get(f"/v1/orders/{order['order_id']}?user_id=ada"), 200) == order
    assert reader.history("orders", order["order_id"]) == ["order.created"]
    insufficient(reader.release(hold["hold_id"]), "forbidden")
    insufficient(reader.cancel(order["order_id"]), "forbidden")
    insufficient(reader.hold(event["event_id"], ["A-1-3"]), "forbidden")
    insufficient(reader.order(hold_id=hold["hold_id"]), "forbidden")
    assert expect(api.get_hold(hold["hold_id"]), 200) == hold


def test_a_reader_who_is_a_service_too_changes_what_a_service_may(server, api, event):
    both = server.api("shop", "tro:read tro:service")
    hold = api.held(event["event_id"], "A-1-1")
    expect(both.release(hold["hold_id"]), 204)


def test_a_user_names_nobody_else(api, event):
    hold = api.held(event["event_id"], "A-1-1")
    target = f"/v1/holds/{hold['hold_id']}"
    assert expect(api.get(f"{target}?user_id=ada"), 200) == hold
    insufficient(api.get(f"{target}?user_id=bob"))
    insufficient(api.request("DELETE", f"{target}?user_id=bob"))
    insufficient(api.as_user("bob").get(f"{target}?user_id=ada"))
    insufficient(api.hold(event["event_id"], ["A-1-2"], user_id="bob"))
    problem(api.as_user("bob").get(target), "hold-unknown")
    assert expect(api.get_hold(hold["hold_id"]), 200)["status"] == "ACTIVE"


@pytest.mark.parametrize("value", ["", "x" * 129, "%00", "%ff", "a&user_id=b"])
def test_a_user_id_that_is_none_is_refused(shop, api, event, value):
    hold = api.held(event["event_id"], "A-1-1")
    body = problem(shop.get(f"/v1/holds/{hold['hold_id']}?user_id={value}"), "bad-request")
    assert [error["parameter"] for error in body["errors"]] == ["user_id"]


def test_the_missing_scope_is_named(api):
    response = api.post_event({})
    assert 'scope="tro:admin"' in response.headers["WWW-Authenticate"]
    assert insufficient(response, "forbidden")["detail"] == "The scope tro:admin is required."


def test_a_user_is_limited_whoever_asks_for_them(start_server):
    server = start_server(RATE_LIMIT_USER="3/1m", RATE_LIMIT_SERVICE="6/1m")
    shop, missing = server.api("shop", "tro:service"), "019aae7c-8100-7b20-8c11-5d0f64a3b2e4"

    def ask(user: str):
        return shop.get(f"/v1/holds/{missing}?user_id={user}")

    assert [ask("ada").status for _ in range(4)] == [404, 404, 404, 429]
    assert server.api("ada").get_hold(missing).status == 429
    response = ask("bob")
    assert response.status == 404
    assert '"service";q=6;w=60' in response.headers["RateLimit-Policy"] and '"service";r=2;' in response.headers["RateLimit"]
    assert [ask(user).status for user in ("bob", "eve", "eve")] == [404, 404, 429]
    assert problem(ask("dan"), "quota-exceeded")["detail"] == 'The quota "service" of 6 requests in 60 s is used up.'
    assert server.api("eve").get_hold(missing).status == 404

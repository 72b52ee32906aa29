"""Rate limits: a sliding window per user and per client address, said in the answer's fields."""

import re
import time
import uuid

import pytest

from harness import service_requests
from harness.problems import expect, problem

ITEM = r'"[a-z]+";q=\d+;w=\d+'
POLICY = re.compile(rf"{ITEM}(, {ITEM})*")
LEFT = re.compile(r'"[a-z]+";r=\d+;t=\d+(, "[a-z]+";r=\d+;t=\d+)*')


def quotas(value: str) -> dict[str, dict[str, int]]:
    """The members of a RateLimit field: {"user": {"r": 9, "t": 60}}."""
    members = {}
    for member in value.split(", "):
        name, *parameters = member.split(";")
        members[name.strip('"')] = {key: int(number) for key, number in (parameter.split("=") for parameter in parameters)}
    return members


def assert_limited(response, quota: str) -> int:
    """The answer is 429 with everything that belongs to it; returns Retry-After."""
    problem(response, "quota-exceeded")
    assert response.json()["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert re.fullmatch(r"\d+", response.headers["Retry-After"])
    left = quotas(response.headers["RateLimit"])
    assert left[quota]["r"] == 0
    assert 1 <= int(response.headers["Retry-After"]) <= 61
    return int(response.headers["Retry-After"])


def poll(api, count: int) -> list:
    """Requests that cost one of a quota each, and change nothing."""
    return [api.get_hold(str(uuid.uuid4())) for _ in range(count)]


def statuses(responses) -> list[int]:
    return [response.status for response in responses]


def test_the_fields_say_the_policy_and_what_is_left(start_server):
    api = start_server(RATE_LIMIT_USER="100/1m").api()
    response = poll(api, 1)[0]
    assert response.headers["RateLimit-Policy"] == '"user";q=100;w=60'
    assert LEFT.fullmatch(response.headers["RateLimit"])
    left = quotas(response.headers["RateLimit"])["user"]
    assert left["r"] == 99 and 1 <= left["t"] <= 60
    assert quotas(poll(api, 5)[-1].headers["RateLimit"])["user"]["r"] == 94


def test_both_policies_are_said(start_server):
    api = start_server(RATE_LIMIT_USER="100/1m", RATE_LIMIT_IP="1000/1m").api()
    response = poll(api, 1)[0]
    assert POLICY.fullmatch(response.headers["RateLimit-Policy"])
    assert quotas(response.headers["RateLimit-Policy"])["user"] == {"q": 100, "w": 60}
    assert {"q": 1000, "w": 60} in quotas(response.headers["RateLimit-Policy"]).values()
    assert quotas(response.headers["RateLimit"]).keys() <= quotas(response.headers["RateLimit-Policy"]).keys()


def test_no_fields_without_limits(api):
    response = poll(api, 1)[0]
    assert "RateLimit" not in response.headers and "RateLimit-Policy" not in response.headers


def test_a_user_is_limited(start_server):
    api = start_server(RATE_LIMIT_USER="5/1m").api()
    responses = poll(api, 7)
    assert statuses(responses) == [404] * 5 + [429] * 2
    assert [quotas(response.headers["RateLimit"])["user"]["r"] for response in responses] == [4, 3, 2, 1, 0, 0, 0]
    assert_limited(responses[5], "user")
    assert responses[5].headers["RateLimit-Policy"] == '"user";q=5;w=60'


@pytest.mark.parametrize(
    "method, route",
    [
        ("GET", "/v1/events"),
        ("POST", "/v1/events"),
        ("GET", "/v1/events/{id}"),
        ("GET", "/v1/events/{id}/seats"),
        ("POST", "/v1/holds"),
        ("GET", "/v1/holds/{id}"),
        ("DELETE", "/v1/holds/{id}"),
        ("GET", "/v1/holds/{id}/history"),
        ("POST", "/v1/orders"),
        ("GET", "/v1/orders/{id}"),
        ("POST", "/v1/orders/{id}/cancel"),
        ("GET", "/v1/orders/{id}/history"),
    ],
)
def test_every_other_route_is_limited(start_server, method, route):
    api = start_server(RATE_LIMIT_USER="1/1m").api("ada", "tro:admin")
    poll(api, 1)
    body = {"json": {}} if method == "POST" and not route.endswith("cancel") else {}
    assert_limited(api.request(method, route.format(id=uuid.uuid4()), key=str(uuid.uuid4()), **body), "user")


def test_users_are_limited_apart(start_server):
    api = start_server(RATE_LIMIT_USER="3/1m").api()
    assert statuses(poll(api, 4))[-1] == 429
    assert statuses(poll(api.as_user("bob"), 3)) == [404] * 3


def test_a_user_has_one_quota_over_all_tokens(start_server):
    server = start_server(RATE_LIMIT_USER="3/1m")
    assert statuses([response for number in range(4) for response in poll(server.api("ada", jti=str(number)), 1)]) == [404] * 3 + [429]


def test_a_limited_request_changes_nothing(start_server):
    server = start_server(RATE_LIMIT_USER="2/1m")
    api = server.api()
    event_id = api.create_event()["event_id"]
    api.held(event_id, "A-1-1")
    api.held(event_id, "A-1-2")
    key = str(uuid.uuid4())
    assert_limited(api.hold(event_id, ["A-1-3"], key=key), "user")
    assert server.api(None).seat_status(event_id, "A-1-3") == ["available"]


def test_a_limited_key_can_be_used_again(start_server):
    api = start_server(RATE_LIMIT_USER="2/1s").api()
    event_id = api.create_event()["event_id"]
    key = str(uuid.uuid4())
    poll(api, 2)
    response = api.hold(event_id, ["A-1-1"], key=key)
    time.sleep(assert_limited(response, "user"))
    response = api.hold(event_id, ["A-1-1"], key=key)
    expect(response, 201)
    assert "Idempotency-Replayed" not in response.headers


def test_a_used_key_with_another_body_counts(start_server):
    """The refusal is found before anything is decided; it must not be a way around the quota."""
    api = start_server(RATE_LIMIT_USER="5/1m").api()
    event_id = api.create_event()["event_id"]
    key = str(uuid.uuid4())
    expect(api.hold(event_id, ["A-1-1"], key=key), 201)
    answers = [api.hold(event_id, [f"A-1-{number}"], key=key) for number in range(2, 12)]
    for answer in answers[:4]:
        problem(answer, "idempotency-mismatch")
    for answer in answers[4:]:
        assert_limited(answer, "user")


def test_a_repeated_request_counts(start_server):
    api = start_server(RATE_LIMIT_USER="5/1m").api()
    event_id = api.create_event()["event_id"]
    key = str(uuid.uuid4())
    assert statuses([api.hold(event_id, ["A-1-1"], key=key) for _ in range(7)]) == [201] * 5 + [429] * 2


def test_retry_after_keeps_its_word(start_server):
    api = start_server(RATE_LIMIT_USER="3/2s").api()
    poll(api, 3)
    time.sleep(assert_limited(poll(api, 1)[0], "user"))
    assert statuses(poll(api, 1)) == [404]


def test_the_window_slides(start_server):
    """Never more than the quota in any window, wherever it begins."""
    api = start_server(RATE_LIMIT_USER="4/2s").api()
    passed, end = [], time.monotonic() + 6
    while time.monotonic() < end:
        before = time.monotonic()
        if poll(api, 1)[0].status == 404:
            passed.append((before, time.monotonic()))
        time.sleep(0.02)
    assert len(passed) >= 8, "the window lets nobody in again"
    for first, fifth in zip(passed, passed[4:]):
        assert fifth[1] - first[0] >= 1.99, "five in one window of four"


def test_strangers_are_limited_by_address(start_server):
    stranger = start_server(RATE_LIMIT_IP="3/1m").api(None)
    responses = [stranger.get("/v1/events") for _ in range(4)]
    assert statuses(responses) == [200] * 3 + [429]
    [quota] = quotas(responses[-1].headers["RateLimit-Policy"])
    assert_limited(responses[-1], quota)


def test_users_behind_one_address_share_its_quota(start_server):
    server = start_server(RATE_LIMIT_IP="3/1m", RATE_LIMIT_USER="100/1m")
    assert statuses([response for user in "abcd" for response in poll(server.api(user), 1)]) == [404] * 3 + [429]


def test_guessing_tokens_is_limited_by_address(start_server):
    server = start_server(RATE_LIMIT_IP="3/1m")
    api = server.api()
    api.token = "guess.guess.guess"
    assert statuses(poll(api, 5)) == [401] * 3 + [429] * 2


def test_the_service_routes_are_not_limited(start_server):
    server = start_server(RATE_LIMIT_USER="10/1m", RATE_LIMIT_IP="10/1m")
    api = server.api()
    order = api.ordered(api.create_event()["event_id"], "A-1-1")
    while poll(api, 1)[0].status != 429:
        pass
    for route in ("/v1/healthz", "/v1/readyz", "/metrics", "/v1/openapi.yaml", "/docs"):
        for _ in range(12):
            assert api.get(route).status == 200, route
    for number in range(12):
        expect(api.pay(order["order_id"], transaction_id=f"t{number}"), 200)


def test_addresses_that_are_not_served_count_too(start_server):
    stranger = start_server(RATE_LIMIT_IP="3/1m").api(None)
    assert statuses([stranger.get(f"/v1/guess{number}") for number in range(5)]) == [404] * 3 + [429] * 2
    assert stranger.get("/v1/events").status == 429


def test_methods_that_are_not_allowed_count_too(start_server):
    stranger = start_server(RATE_LIMIT_IP="3/1m").api(None)
    refused = [stranger.request("DELETE", "/v1/events") for _ in range(5)]
    assert statuses(refused) == [405] * 3 + [429] * 2
    assert refused[0].headers["Allow"] == "GET, HEAD, POST, OPTIONS" and refused[0].headers["RateLimit"].startswith('"ip";r=2;')
    assert "DELETE is not among the methods" in refused[0].json()["detail"]
    assert stranger.request("DELETE", "/v1/healthz").status == 405


def test_every_request_of_a_service_counts_for_it(start_server):
    """Also one that names no user, and one that it may not send."""
    shop = start_server(RATE_LIMIT_SERVICE="1/1h", RATE_LIMIT_USER="off", RATE_LIMIT_IP="off").api("shop", "tro:service")
    assert statuses(poll(shop, 1)) == [404]
    assert service_requests.limited(shop, service_requests.ALL) == list(service_requests.ALL)


def test_a_service_without_a_limit_of_its_own_counts_as_the_user_it_names_or_as_itself(start_server):
    """One that names nobody where an id is given counts for its address alone."""
    server = start_server(RATE_LIMIT_SERVICE="off", RATE_LIMIT_USER="1/1h", RATE_LIMIT_IP="1000/1h")
    shop = server.api("shop", "tro:service")
    assert shop.get("/v1/events").status == 200
    assert server.api("bob").get("/v1/events").status == 200
    kinds = service_requests.COUNTS_AS_A_USER | service_requests.ACTS_FOR_A_USER
    assert service_requests.limited(shop, service_requests.ALL) == list(kinds)
    assert '"ip";r=' in poll(shop, 1)[0].headers["RateLimit"]


def forwarded(api, *values: str) -> int:
    fields = {"X-Forwarded-For": ", ".join(values)} if values else {}
    return api.get("/v1/events", headers=fields).status


def test_a_trusted_proxy_tells_the_address(start_server):
    api = start_server(RATE_LIMIT_IP="2/1m", TRUSTED_PROXIES="127.0.0.1").api(None)
    assert [forwarded(api, "203.0.113.7") for _ in range(3)] == [200, 200, 429]
    assert forwarded(api, "203.0.113.8") == 200
    assert forwarded(api, "2001:db8::1") == 200


def test_a_network_of_ipv6_is_one_client(start_server):
    """Whoever has one address of IPv6 has the other 2^64 of its network."""
    api = start_server(RATE_LIMIT_IP="5/1m", TRUSTED_PROXIES="127.0.0.1").api(None)
    assert [forwarded(api, f"2001:db8:0:1:{number:x}::{number:x}") for number in range(1, 21)] == [200] * 5 + [429] * 15
    assert forwarded(api, "2001:db8:0:2::1") == 200
    assert [forwarded(api, f"203.0.113.{number}") for number in range(1, 21)] == [200] * 20


def test_a_network_of_ipv6_may_have_another_length(start_server):
    api = start_server(RATE_LIMIT_IP="5/1m", TRUSTED_PROXIES="127.0.0.1", CLIENT_IPV6_PREFIX="48").api(None)
    assert [forwarded(api, f"2001:db8:0:{number:x}::1") for number in range(1, 21)] == [200] * 5 + [429] * 15
    assert forwarded(api, "2001:db8:1::1") == 200


def test_a_trusted_block_tells_the_address(start_server):
    api = start_server(RATE_LIMIT_IP="2/1m", TRUSTED_PROXIES="10.0.0.0/8, 127.0.0.0/8,::1").api(None)
    assert [forwarded(api, "203.0.113.7") for _ in range(3)] == [200, 200, 429]
    assert forwarded(api, "203.0.113.8") == 200


def test_a_stranger_cannot_choose_an_address(start_server):
    api = start_server(RATE_LIMIT_IP="2/1m").api(None)
    assert [forwarded(api, f"203.0.113.{number}") for number in range(3)] == [200, 200, 429]


def test_a_block_that_does_not_hold_the_peer_is_not_trusted(start_server):
    api = start_server(RATE_LIMIT_IP="2/1m", TRUSTED_PROXIES="10.0.0.0/8").api(None)
    assert [forwarded(api, f"203.0.113.{number}") for number in range(3)] == [200, 200, 429]


def test_only_what_trusted_proxies_added_is_believed(start_server):
    """The client's own entries stand to the left of the address that the first trusted proxy saw."""
    api = start_server(RATE_LIMIT_IP="2/1m", TRUSTED_PROXIES="127.0.0.1,10.0.0.0/8").api(None)
    assert [forwarded(api, f"198.51.100.{number}", "203.0.113.7") for number in range(3)] == [200, 200, 429]
    assert forwarded(api, "198.51.100.1", "203.0.113.7", "10.1.2.3") == 429
    assert forwarded(api, "203.0.113.7", "198.51.100.1") == 200


@pytest.mark.parametrize("value", ["nonsense", "999.1.1.1", ",,,", "x" * 3000, "unknown", "203.0.113.7:99999"])
def test_a_forwarded_address_that_is_none_harms_nobody(start_server, value):
    api = start_server(RATE_LIMIT_IP="2/1m", TRUSTED_PROXIES="127.0.0.1").api(None)
    results = [api.get("/v1/events", headers={"X-Forwarded-For": value}).status for _ in range(3)]
    assert results in ([200, 200, 429], [400, 400, 400])


def test_windows_of_many_users_do_not_mix(start_server):
    api = start_server(RATE_LIMIT_USER="2/1m").api()
    users = [f"user-{number}" for number in range(200)]
    for expected in (404, 404, 429):
        assert {poll(api.as_user(user), 1)[0].status for user in users} == {expected}

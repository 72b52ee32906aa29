"""The service seen from outside: health, readiness, metrics, and one line of log for each request."""

import contextlib
import datetime
import re
import sqlite3
import uuid

import pytest

from harness import prometheus
from harness.problems import expect, problem
from harness.server import eventually


def metrics(api) -> dict[str, prometheus.Family]:
    response = api.get("/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"].replace(" ", "").startswith("text/plain;version=0.0.4")
    return prometheus.parse(response.body.decode())


def requests_by_route(api) -> dict[frozenset, float]:
    """The counter that has both a route and a status."""
    for family in metrics(api).values():
        if family.kind == "counter" and any({"route", "status"} <= dict(labels).keys() for _, labels in family.samples):
            return {labels: value for (_, labels), value in family.samples.items()}
    raise AssertionError("no counter by route and status")


def count(api, route: str, status: str) -> float:
    return sum(
        value for labels, value in requests_by_route(api).items() if dict(labels)["route"] == route and dict(labels)["status"] == status
    )


# Health and readiness


def test_health_and_readiness_need_no_token(server):
    stranger = server.api(None)
    assert expect(stranger.get("/v1/healthz"), 200)["status"] == "ok"
    assert expect(stranger.get("/v1/readyz"), 200) == {"status": "ready"}


def test_verbose_readiness_names_each_dependency(server):
    body = expect(server.api(None).get("/v1/readyz?verbose"), 200)
    assert body["dependencies"], "nothing to depend on?"
    for dependency in body["dependencies"]:
        assert dependency["name"] and dependency == {"name": dependency["name"], "state": "up"}


@pytest.mark.parametrize("value", ["", "=", "=1", "=true"])
def test_readiness_is_verbose_when_it_is_asked_to_be(server, value):
    assert "dependencies" in expect(server.api(None).get(f"/v1/readyz?verbose{value}"), 200)


@pytest.mark.parametrize("value", ["0", "false"])
def test_readiness_is_not_verbose_when_it_is_asked_not_to_be(server, value):
    assert expect(server.api(None).get(f"/v1/readyz?verbose={value}"), 200) == {"status": "ready"}


@pytest.mark.parametrize("value", ["yes", "TRUE", "2", "anything", "%00"])
def test_readiness_refuses_what_it_does_not_understand(server, value):
    refused = problem(server.api(None).get(f"/v1/readyz?verbose={value}"), "bad-request")
    assert [error["parameter"] for error in refused["errors"]] == ["verbose"]


# Metrics


def test_metrics_are_well_formed(api, event):
    order = api.confirmed(event["event_id"], "A-1-1")
    problem(api.hold(event["event_id"], ["A-1-1"]), "seats-taken")
    expect(api.get_order(order["order_id"]), 200)
    families = metrics(api)
    assert all(re.match(r"(tro|process)_", name) for name in families), list(families)
    for name, family in families.items():
        assert (family.kind == "counter") == name.endswith("_total"), f"{name} is a {family.kind}"


def test_requests_are_counted_by_route_and_status(api, event):
    route, before = "/v1/holds/{id}", requests_by_route(api)
    hold = api.held(event["event_id"], "A-1-1")
    for _ in range(3):
        api.get_hold(hold["hold_id"])
    api.get_hold(str(uuid.uuid4()))
    grown = {labels: value - before.get(labels, 0) for labels, value in requests_by_route(api).items() if value != before.get(labels, 0)}
    by_status = {}
    for labels, growth in grown.items():
        if re.fullmatch(route.replace("{id}", r"[{:<]\w+[}>]?"), dict(labels)["route"]):
            by_status[dict(labels)["status"]] = by_status.get(dict(labels)["status"], 0) + growth
    assert by_status.get("200") == 3 and by_status.get("404") == 1, grown


def test_routes_in_metrics_are_templates(api):
    """Ids and made-up addresses must not make new series without end."""

    def random_requests():
        for _ in range(5):
            api.get_hold(str(uuid.uuid4()))
            api.get(f"/{uuid.uuid4()}")
            api.get(f"/v1/events/{uuid.uuid4()}/seats?cursor={uuid.uuid4()}")
            api.request(f"M{uuid.uuid4().hex}".upper(), "/v1/holds")

    random_requests()
    requests_by_route(api)  # asking makes a series of its own
    before = len(requests_by_route(api))
    random_requests()
    assert len(requests_by_route(api)) == before


def test_requests_of_operators_are_measured(api, event):
    api.confirmed(event["event_id"], "A-1-1")
    families = metrics(api)
    histograms = [name for name, family in families.items() if family.kind == "histogram"]
    assert any("duration" in name or "latency" in name or "seconds" in name for name in histograms), histograms
    for word in ("queue", "batch", "commit", "stale", "retr", "outbox"):
        assert any(word in name for name in families), f"nothing about {word} among {list(families)}"


def outcomes(api, kind: str) -> float:
    """What the counters about holds, or orders, sum up to; requests aside."""
    return sum(
        value
        for name, family in metrics(api).items()
        if family.kind == "counter" and "http" not in name
        for (_, labels), value in family.samples.items()
        if kind in name or any(kind in text for _, text in labels)
    )


def test_outcomes_are_counted(start_server):
    """Of holds and of orders, those that succeeded and those that were refused."""
    api = start_server().api()
    event_id = api.create_event()["event_id"]
    holds, orders = outcomes(api, "hold"), outcomes(api, "order")
    order = api.ordered(event_id, "A-1-1")
    problem(api.hold(event_id, ["A-1-1"]), "seats-taken")
    problem(api.order(hold_id=order["hold_id"]), "hold-converted")
    assert eventually(lambda: outcomes(api, "hold") >= holds + 2 and outcomes(api, "order") >= orders + 2, within=2)


def test_the_outbox_is_drained(start_server):
    """On the embedded bus nothing keeps events waiting."""
    api = start_server().api()
    event_id = api.create_event()["event_id"]
    for number in range(1, 11):
        api.held(event_id, f"A-1-{number}")
    eventually(
        lambda: (
            sum(
                value
                for name, family in metrics(api).items()
                if "outbox" in name and family.kind == "gauge"
                for value in family.samples.values()
            )
            == 0
        ),
        within=5,
    )


# Logs


def request_lines(server) -> list[dict]:
    return [entry for entry in server.log() if "request_id" in entry]


def test_each_request_has_one_line_with_an_id(start_server):
    server = start_server()
    api = server.api()
    for _ in range(5):
        api.get("/v1/events")
    api.get("/v1/nothing")

    def entries() -> list[dict]:
        return [entry for entry in request_lines(server) if entry["path"] in ("/v1/events", "/v1/nothing")]

    eventually(lambda: len(entries()) >= 6, within=2)
    assert len({entry["request_id"] for entry in entries()}) == len(entries()) == 6
    for entry in entries():
        assert entry["method"] == "GET"
        assert str(entry["status"]) == ("404" if entry["path"] == "/v1/nothing" else "200")


def test_an_answer_names_the_request_as_the_log_does(start_server):
    server = start_server()
    response = server.api().get("/v1/events")
    own = server.api().get("/v1/events", headers={"X-Request-Id": "checkout-7f3a"})
    assert own.headers["X-Request-Id"] == "checkout-7f3a"
    for request_id in (response.headers["X-Request-Id"], "checkout-7f3a"):
        assert eventually(lambda: request_id in [entry["request_id"] for entry in request_lines(server)], within=2)  # noqa: B023


@pytest.mark.parametrize("request_id", ["", "a b", "x" * 1000, 'a"b', "a\u00e9", "a,b;c={}"])
def test_a_bad_request_id_is_replaced_or_kept_as_it_is(api, request_id):
    """Whatever comes back is one harmless token."""
    answered = api.get("/v1/healthz", headers={"X-Request-Id": request_id}).headers["X-Request-Id"]
    assert 1 <= len(answered) <= 200 and answered.isascii() and " " not in answered and '"' not in answered


def test_lines_carry_a_time_in_utc_and_a_known_level(start_server):
    server = start_server()
    server.api().get("/v1/events")
    entries = server.log()
    for entry in entries:
        moment = datetime.datetime.fromisoformat(entry["time"])
        assert moment.utcoffset() == datetime.timedelta(0)
        assert abs((datetime.datetime.now(datetime.UTC) - moment).total_seconds()) < 60
        assert entry["level"] in ("debug", "info", "warn", "warning", "error")


def test_a_quiet_server_logs_less(start_server):
    server = start_server(LOG_LEVEL="error")
    server.api().get("/v1/events")
    assert server.log() == []


def test_logs_keep_secrets(start_server):
    server = start_server(LOG_LEVEL="debug")
    api = server.api()
    order = api.confirmed(api.create_event()["event_id"], "A-1-1")
    api.get_order(order["order_id"])
    server.restart()
    written = server.stderr + server.stdout
    signature = api.token.split(".")[2]
    for secret in (server.options["JWT_SECRET"], server.options["PAYMENT_SECRET"], signature):
        assert secret not in written


def test_a_line_cannot_be_forged(start_server):
    """What a client sends stays inside its own line."""
    server = start_server()
    api = server.api()
    api.get('/v1/"},{"level":"forged"')
    api.get("/v1/nothing%0a%7b%22level%22:%22forged%22%7d")
    api.get("/v1/events", headers={"User-Agent": 'x","level":"forged', "traceparent": "x\u00e9", "X-Request-Id": 'a"b'})
    assert all(entry["level"] != "forged" for entry in server.log())


def test_the_trace_of_a_problem_is_in_the_log(start_server):
    server = start_server()
    trace_id = problem(server.api().get_hold(str(uuid.uuid4())), "hold-unknown")["trace_id"]
    assert eventually(lambda: trace_id in server.stderr, within=2)


def alter(server, sql: str) -> None:
    """Changes the server's store behind its back."""
    if server.database is not None:
        server.database.query(sql)
        return
    with contextlib.closing(sqlite3.connect(server.data_dir / "tro.db")) as connection, connection:
        connection.execute(sql)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_internal_errors_are_in_the_log(start_server, method):
    server = start_server(LOG_LEVEL="error")
    api = server.api()
    target = "/v1/holds/" + api.held(api.create_event()["event_id"], "A-1-1")["hold_id"]
    server.restart()  # what is in memory is not read again
    alter(server, "UPDATE holds SET status = 9 - status")
    response = api.request(method, target)
    alter(server, "UPDATE holds SET status = 9 - status")
    assert "Stored" not in problem(response, "internal")["detail"]
    assert eventually(server.log, within=2)
    (entry,) = server.log()
    assert (entry["level"], entry["message"], entry["route"]) == ("error", "request", "/v1/holds/{id}")
    assert (entry["status"], entry["error"]) == (500, "Stored data is not what was written")
    assert entry["request_id"] == response.headers["X-Request-Id"]


def test_a_stopped_server_starts_again_as_it_was(start_server):
    server = start_server()
    api = server.api()
    event_id = api.create_event()["event_id"]
    hold, order = api.held(event_id, "A-1-1"), api.confirmed(event_id, "A-1-2")
    for _ in range(3):
        server.restart()
        assert expect(api.get_hold(hold["hold_id"]), 200) == hold
        assert expect(api.get_order(order["order_id"]), 200) == order
        assert api.seat_status(event_id, "A-1-1", "A-1-2", "A-1-3") == ["held", "sold", "available"]

"""Finding events: filters of the list, and queries that are refused."""

import urllib.parse
import uuid

import pytest

from harness.problems import expect, problem


@pytest.fixture
def catalog(start_server):
    """A server with four events of its own, and a function that finds their names."""
    server = start_server()
    api = server.api(None)
    admin = server.api("admin", "tro:admin")
    api.create_event(name="The Magic Flute", venue="Old Opera", starts_at="2027-06-01T19:30:00Z", description="Singspiel")
    api.create_event(name="Fidelio", venue="Old Opera", starts_at="2027-06-05T19:30:00Z", description="100 % Beethoven_")
    paused = api.create_event(name="Opera Ball", venue="Hofburg", starts_at="2027-06-10T20:00:00+02:00")
    cancelled = api.create_event(name="Sommernacht", venue="Schönbrunn", starts_at="2027-07-01T19:30:00Z")
    expect(admin.request("POST", f"/v1/events/{paused['event_id']}/pause"), 200)
    expect(admin.request("POST", f"/v1/events/{cancelled['event_id']}/cancel"), 200)

    def find(**query) -> list[str]:
        return [event["name"] for event in api.pages(f"/v1/events?{urllib.parse.urlencode(query)}")]

    find.api = api
    return find


def test_by_the_time_they_start(catalog):
    assert catalog() == ["The Magic Flute", "Fidelio", "Opera Ball", "Sommernacht"]
    assert catalog(**{"from": "2027-06-05T19:30:00Z"}) == ["Fidelio", "Opera Ball", "Sommernacht"]
    assert catalog(to="2027-06-05T19:30:00Z") == ["The Magic Flute", "Fidelio"]
    assert catalog(**{"from": "2027-06-02T00:00:00Z", "to": "2027-06-10T18:00:00Z"}) == ["Fidelio", "Opera Ball"]
    assert catalog(**{"from": "2027-06-10T20:00:00.001+02:00"}) == ["Sommernacht"]
    assert catalog(**{"from": "2028-01-01T00:00:00Z"}) == []


def test_by_venue(catalog):
    assert catalog(venue="Old Opera") == ["The Magic Flute", "Fidelio"]
    assert catalog(venue="old opera") == ["The Magic Flute", "Fidelio"]
    assert catalog(venue="Schönbrunn") == ["Sommernacht"]
    assert catalog(venue="Opera") == []


def test_by_status(catalog):
    assert catalog(status="on_sale") == ["The Magic Flute", "Fidelio"]
    assert catalog(status="paused") == ["Opera Ball"]
    assert catalog(status="cancelled") == ["Sommernacht"]


def test_by_words_of_the_name(catalog):
    assert catalog(q="opera") == ["Opera Ball"]
    assert catalog(q="magic FLUTE") == catalog(q="flu  ma") == ["The Magic Flute"]
    assert catalog(q="agic") == catalog(q="magicflute") == catalog(q="nothing of the kind") == []
    assert catalog(q="beethoven") == catalog(q="schön") == [], "neither of the description nor of the venue"
    assert catalog(q="%") == catalog(q="_") == catalog(q=".*") == catalog(q="$where") == catalog(q="\\w") == []
    assert len(catalog(q=" ")) == len(catalog(q="")) == 4


def test_filters_narrow_together_and_page_by_page(catalog):
    assert catalog(q="the", status="on_sale", venue="Old Opera", to="2027-06-02T00:00:00Z") == ["The Magic Flute"]
    assert catalog(q="the", status="paused") == []
    assert catalog(venue="old opera", limit=1) == ["The Magic Flute", "Fidelio"]


def test_a_filtered_page_has_a_tag_of_its_own(catalog):
    all_of_them, some = catalog.api.get("/v1/events"), catalog.api.get("/v1/events?q=opera")
    assert all_of_them.headers["ETag"] != some.headers["ETag"]
    assert catalog.api.get("/v1/events?q=opera", headers={"If-None-Match": some.headers["ETag"]}).status == 304


def test_filters_work_while_pages_are_remembered(catalog):
    """What was served before is of that very filter."""
    assert len(catalog()) == 4 and catalog(q="ball") == ["Opera Ball"] and len(catalog()) == 4


def parameters(response) -> list[str]:
    body = problem(response, "bad-request")
    assert all(error.keys() == {"parameter", "detail"} for error in body["errors"])
    assert body["detail"].startswith(f'The query parameter "{body["errors"][0]["parameter"]}" ')
    return [error["parameter"] for error in body["errors"]]


@pytest.mark.parametrize(
    "query, parameter",
    [
        ("from=tomorrow", "from"),
        ("from=2027-06-01", "from"),
        ("to=", "to"),
        ("status=on%20sale", "status"),
        ("status=", "status"),
        ("status=ON_SALE", "status"),
        ("q=" + "x" * 201, "q"),
        ("venue=%00", "venue"),
        ("venue=%ff", "venue"),
        ("q=a&q=b", "q"),
        ("limit=0", "limit"),
        ("q=%zz", "q"),
    ],
)
def test_a_bad_filter_is_refused(api, query, parameter):
    assert parameters(api.get(f"/v1/events?{query}")) == [parameter]


ROUTES = [
    ("GET", "/v1/events"),
    ("POST", "/v1/events"),
    ("GET", "/v1/events/{id}"),
    ("GET", "/v1/events/{id}/seats"),
    ("POST", "/v1/events/{id}/pause"),
    ("POST", "/v1/events/{id}/cancel"),
    ("POST", "/v1/holds"),
    ("GET", "/v1/holds/{id}"),
    ("DELETE", "/v1/holds/{id}"),
    ("GET", "/v1/holds/{id}/history"),
    ("POST", "/v1/orders"),
    ("GET", "/v1/orders/{id}"),
    ("POST", "/v1/orders/{id}/cancel"),
    ("GET", "/v1/orders/{id}/history"),
    ("GET", "/v1/healthz"),
    ("GET", "/v1/readyz"),
]


@pytest.mark.parametrize("method, route", ROUTES)
def test_an_unknown_parameter_is_refused_everywhere(server, method, route):
    target = route.format(id=uuid.uuid4())
    response = server.api("ada", "tro:admin").request(method, f"{target}?colour=red&Limit=1")
    assert parameters(response) == ["colour", "Limit"]


def test_a_parameter_of_another_list_is_unknown(api, event):
    assert parameters(api.get(f"/v1/events/{event['event_id']}?limit=1")) == ["limit"]
    assert parameters(api.get(f"/v1/events/{event['event_id']}/seats?venue=x")) == ["venue"]


def test_a_bad_cursor_is_named(api):
    body = problem(api.get("/v1/events?cursor=x"), "invalid-cursor")
    assert [error["parameter"] for error in body["errors"]] == ["cursor"]


def test_a_refused_query_keeps_the_connection(connect):
    connection = connect()
    for _ in range(2):
        connection.send(b"GET /v1/events?colour=red HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.receive().status == 400

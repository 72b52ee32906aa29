"""The OpenAPI document: valid, complete, served as it is in the repository, and true in its examples."""

import re

import openapi_spec_validator
import pytest

from harness import contract, paths

ROUTES = {
    ("post", "/v1/holds"),
    ("get", "/v1/holds/{hold_id}"),
    ("delete", "/v1/holds/{hold_id}"),
    ("get", "/v1/holds/{hold_id}/history"),
    ("post", "/v1/orders"),
    ("get", "/v1/orders/{order_id}"),
    ("post", "/v1/orders/{order_id}/cancel"),
    ("get", "/v1/orders/{order_id}/history"),
    ("post", "/v1/payments/callback"),
    ("get", "/v1/events"),
    ("post", "/v1/events"),
    ("get", "/v1/events/{event_id}"),
    ("get", "/v1/events/{event_id}/seats"),
    ("get", "/v1/events/{event_id}/availability"),
    ("get", "/v1/events/{event_id}/stream"),
    ("post", "/v1/events/{event_id}/pause"),
    ("post", "/v1/events/{event_id}/resume"),
    ("post", "/v1/events/{event_id}/cancel"),
    ("get", "/v1/refunds"),
    ("post", "/v1/refunds/{refund_id}/done"),
    ("get", "/v1/healthz"),
    ("get", "/v1/readyz"),
    ("get", "/v1/startupz"),
    ("get", "/v1/openapi.yaml"),
    ("get", "/metrics"),
    ("get", "/docs"),
}


def operations():
    for path, item in contract.document()["paths"].items():
        for method in contract.METHODS:
            if method in item:
                yield method, path, item[method]


def test_the_document_is_valid():
    openapi_spec_validator.validate(contract.document())


def test_every_route_is_there():
    assert {(method, path) for method, path, _ in operations()} == ROUTES


def test_the_served_document_is_this_one(server):
    response = server.api(None).get("/v1/openapi.yaml")
    assert response.status == 200
    assert response.body == paths.OPENAPI.read_bytes()
    assert server.api(None).get("/v1/openapi.yaml", headers={"If-None-Match": response.headers["ETag"]}).status == 304


def test_the_page_for_people_names_every_route_and_loads_nothing(server):
    response = server.api(None).get("/docs")
    assert response.status == 200 and response.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    page = response.body.decode()
    assert "<script" not in page and "style" not in page and 'href="/v1/openapi.yaml"' in page
    for method, path in ROUTES:
        assert f"<td>{method.upper()}</td><td><code>{re.sub('{[a-z_]+}', '{id}', path)}</code>" in page
    assert server.api(None).get("/docs", headers={"If-None-Match": response.headers["ETag"]}).status == 304


@pytest.mark.parametrize("method, path", sorted(ROUTES))
def test_every_route_is_served(server, method, path):
    """An address that is not served answers 404 not-found, whatever the method."""
    target = re.sub(r"\{\w+\}", "019aae5d-6c00-7a10-9d3f-2b61c0a8d1e4", path)
    response = server.api(None).request(method.upper(), target)
    if response.media_type == contract.PROBLEM_MEDIA_TYPE:
        slug = response.json()["type"].rpartition("/")[2]
        assert slug not in ("not-found", "method-not-allowed")


def test_every_operation_says_what_it_is():
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))
    for method, path, operation in operations():
        assert operation.get("summary") and operation.get("tags"), f"{method} {path}"
        assert "default" in operation["responses"], f"{method} {path}"


def test_every_parameter_in_a_path_is_declared():
    for path, item in contract.document()["paths"].items():
        for method in contract.METHODS:
            if method in item:
                declared = {
                    contract.resolve(parameter)["name"]
                    for parameter in item.get("parameters", []) + item[method].get("parameters", [])
                    if contract.resolve(parameter)["in"] == "path"
                }
                assert declared == set(re.findall(r"\{(\w+)\}", path)), f"{method} {path}"


def contents():
    """Every body that the document describes: where, the media type, and the description."""
    for method, path, operation in operations():
        bodies = [("request", operation["requestBody"])] if "requestBody" in operation else []
        bodies += [(status, contract.resolve(response)) for status, response in operation["responses"].items()]
        for place, body in bodies:
            for media_type, media in body.get("content", {}).items():
                yield f"{method} {path} {place}", media_type, media


def test_every_example_fits_its_schema():
    checked = 0
    for place, media_type, media in contents():
        if "json" not in media_type:
            continue
        for name, example in media.get("examples", {}).items():
            try:
                contract.check_schema(media["schema"]["$ref"], contract.resolve(example)["value"])
            except AssertionError as failure:
                raise AssertionError(f"{place} {name}: {failure}") from None
            checked += 1
    assert checked > 100


def test_every_problem_is_shown_where_its_status_is():
    for place, media_type, media in contents():
        if media_type == contract.PROBLEM_MEDIA_TYPE:
            assert media["examples"], place
            status = place.rpartition(" ")[2]
            for example in media["examples"].values():
                assert status in ("default", str(contract.resolve(example)["value"]["status"])), place


def test_every_problem_of_the_service_is_in_the_document():
    """The one table of errors in the source, row by row. Its last rows reach a client as `internal`, or `overloaded`."""
    table = (paths.REPOSITORY / "src" / "base" / "error.def").read_text()
    found = re.findall(r'^X\((\w+),\s*(\d+),\s*"([^"]+)",\s*\w+,\s*"([^"]+)"\)', table, re.M)
    inside = {"ERR_NO_MEMORY", "ERR_SYSTEM", "ERR_CORRUPT", "ERR_LIMIT"}
    rows = {slug: (int(status), title) for name, status, slug, title in found if name not in inside}
    assert {slug: (example["status"], example["title"]) for slug, example in contract.problems().items()} == rows


def test_every_component_is_used():
    text = paths.OPENAPI.read_text()
    for kind, components in contract.document()["components"].items():
        for name in components:
            if kind == "securitySchemes":
                assert re.search(rf"- {name}: \[\]", text), name
            else:
                assert f"'#/components/{kind}/{name}'" in text, f"{kind}/{name} is not used"

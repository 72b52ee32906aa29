"""Holds every answer of the suites to api/openapi.yaml: the status, the fields, the media type, the body, and which problems may come.

The document is also where the suites take the title and status of a problem type from."""

import functools
import re
import urllib.parse

import jsonschema
import yaml

from harness import paths
from harness.wire import Response

PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_BASE = "https://tro.example/problems/"
METHODS = ("get", "put", "post", "delete", "patch")


@functools.cache
def document() -> dict:
    return yaml.safe_load(paths.OPENAPI.read_text())


def resolve(node: dict) -> dict:
    """What a node stands for, through any $ref."""
    while "$ref" in node:
        target = document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


@functools.cache
def problems() -> dict[str, dict]:
    """Each problem's slug and its example, which has its type, title and status."""
    return {slug: example["value"] for slug, example in document()["components"]["examples"].items() if "trace_id" in example["value"]}


@functools.cache
def _routes() -> list[tuple[re.Pattern, str]]:
    return [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) + r"\Z"), path) for path in document()["paths"]]


def route_of(target: str) -> str | None:
    """The template of the route that serves this request target; None when there is none."""
    path = urllib.parse.urlsplit(target).path
    return next((template for pattern, template in _routes() if pattern.match(path)), None)


@functools.cache
def _validator(reference: str) -> jsonschema.Draft202012Validator:
    schema = {"$ref": reference, "components": document()["components"]}
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def check_schema(reference: str, value) -> None:
    """Asserts that a value fits a schema, named as '#/components/schemas/Hold'."""
    errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in _validator(reference).iter_errors(value)]
    assert not errors, f"not a {reference}: {errors} in {value}"


def check(method: str, target: str, response: Response) -> None:
    """Asserts that the document allows this answer to this request."""
    if method == "OPTIONS":
        return
    operations = document()["paths"].get(route_of(target), {})
    operation = operations.get("get" if method == "HEAD" else method.lower())
    if operation is None:
        expected = 405 if operations else 404
        assert response.status >= 400, f"{method} {target} is not in the document, and answered {response}"
        assert response.status in (expected, 400, 401, 413, 414, 429, 431, 503), f"{method} {target}: {response}"
        specification = document()["components"]["responses"]["Problem"]
    else:
        specification = resolve(operation["responses"].get(str(response.status), operation["responses"]["default"]))
        for name, field in specification.get("headers", {}).items():
            assert name in response.headers or not resolve(field).get("required"), f"{method} {target} lacks {name}: {response}"
    if method == "HEAD":
        assert response.body == b""
        return
    content = specification.get("content")
    if not content:
        assert response.body == b"", f"{method} {target} has a body: {response}"
        return
    assert response.media_type in content, f"{method} {target}: {response.media_type} is not among {list(content)}: {response}"
    media = content[response.media_type]
    if response.media_type == PROBLEM_MEDIA_TYPE:
        allowed = {resolve(example)["value"]["type"]: resolve(example)["value"]["status"] for example in media["examples"].values()}
        answered = response.json()
        assert allowed.get(answered["type"]) == response.status, f"{method} {target} may not answer this problem: {response}"
    if "json" in response.media_type:
        check_schema(media["schema"]["$ref"], response.json())

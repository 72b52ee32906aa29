"""What an error must look like: RFC 9457, with the titles and statuses that api/openapi.yaml states."""

from harness import contract
from harness.wire import Response


def problem(response: Response, slug: str) -> dict:
    """Asserts that the answer is this problem, in full, and returns its body."""
    assert response.media_type == contract.PROBLEM_MEDIA_TYPE, f"not a problem: {response}"
    body = response.json()
    stated = contract.problems()[slug]
    assert body["type"] == stated["type"], f"expected {slug}: {response}"
    assert response.status == stated["status"], response
    assert body["title"] == stated["title"], f"expected the title {stated['title']!r}: {response}"
    assert body["status"] == response.status
    contract.check_schema("#/components/schemas/Problem", body)
    assert body["detail"].strip() and body["instance"].strip()
    return body


def one_of(response: Response, *slugs: str) -> dict:
    """Where the conventions leave a choice: any of these problems, each in full."""
    types = {contract.problems()[slug]["type"]: slug for slug in slugs}
    assert response.media_type == contract.PROBLEM_MEDIA_TYPE, f"not a problem: {response}"
    answered = response.json()["type"]
    assert answered in types, f"expected one of {slugs}: {response}"
    return problem(response, types[answered])


def pointers(response: Response, slug: str = "validation-failed") -> list[str]:
    """The JSON Pointers of the fields at fault."""
    body = problem(response, slug)
    assert body.get("errors"), f"no errors: {response}"
    return [error["pointer"] for error in body["errors"]]


def expect(response: Response, status: int):
    """Asserts the status of a success and returns the body, as JSON where it is."""
    assert response.status == status, f"expected {status}: {response}"
    return response.json() if response.media_type == "application/json" else response.body

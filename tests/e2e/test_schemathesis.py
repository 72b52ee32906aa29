"""Requests that schemathesis draws from api/openapi.yaml, right and wrong ones, alone and along its links: all checks, on every answer.

SCHEMATHESIS_EXAMPLES=N asks for N times as many, SCHEMATHESIS_SEED for others."""

import os
import subprocess
import sys

import pytest
from harness import credentials, generated_requests, paths

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "1"))
SEED = os.environ.get("SCHEMATHESIS_SEED", "1")
PURCHASE = ("createHold", "getHold", "getHoldHistory", "releaseHold", "createOrder", "getOrder", "getOrderHistory", "cancelOrder", "reportPayment")
ALL_SCOPES = "tro:admin tro:service tro:read"

CONFIGURATION = """
request-timeout = 30.0
[auth.openapi.bearer]
bearer = "${TRO_TOKEN}"
[auth.openapi.signature]
api_key = "%s"

# A body with U+0000 is refused, as the description says in words: JSON Schema cannot say it of members that it does not know.
[generation]
allow-x00 = false
database = "none"
max-examples = %d

# Beside what schemathesis expects: 422 names a seat that the event does not have, or a key that had another body; 410 a version whose changes are
# not known any more. No schema can tell which seats, keys and versions there are.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 410, 422, 429]
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 410, 415, 422, 428, 429]

# The stream never ends by itself.
[[operations]]
include-operation-id = "streamSeats"
max-stream-events = 1
request-timeout = 10.0
"""


def run(server, folder, scope, examples, *options, **environment):
    (folder / "schemathesis.toml").write_text(CONFIGURATION % (generated_requests.SIGNED_WHEN_SENT, EXAMPLES * examples))
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--config-file", folder / "schemathesis.toml", "run", paths.OPENAPI,
            "--url", f"http://127.0.0.1:{server.port}", "--checks", "all", "--seed", SEED, "--no-color", "--warnings", "off", *options,
        ],
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "harness.generated_requests",
            "PYTHONPATH": str(paths.REPOSITORY / "tests" / "e2e"),
            "TRO_TOKEN": credentials.token("ada", scope),
            **environment,
        },
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    print(done.stdout[-20000:], done.stderr[-2000:])
    assert done.returncode == 0
    assert server.process.poll() is None


@pytest.mark.timeout(300 * EXAMPLES)
@pytest.mark.parametrize(
    "scope, phases, examples",
    [(ALL_SCOPES, "examples,coverage,fuzzing", 8), (None, "fuzzing,stateful", 4), ("tro:service", "fuzzing,stateful", 4), ("tro:read", "fuzzing", 4)],
    ids=["all-scopes", "user", "service", "reader"],
)
def test_generated_requests_find_nothing(start_server, tmp_path, scope, phases, examples):
    server = start_server(SEATS_PER_HOLD_MAX="100")
    server.api("ada").create_event()
    run(server, tmp_path, scope, examples, "--phases", phases)


@pytest.mark.timeout(300 * EXAMPLES)
def test_generated_purchases_find_nothing(start_server, tmp_path):
    """Along the links from a hold to what was paid, and paid again."""
    server = start_server(SEATS_PER_HOLD_MAX="100")
    event = server.api("ada").create_event()
    chosen = [option for name in PURCHASE for option in ("--include-operation-id", name)]
    run(server, tmp_path, ALL_SCOPES, 40, "--phases", "stateful", "--mode", "positive", *chosen, TRO_EVENT=event["event_id"])

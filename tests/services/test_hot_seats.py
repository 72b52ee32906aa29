"""Several APIs on one database sell the same seats at the same time, as fast as they can; and stored data that contradicts itself."""

import json
import subprocess

import pytest
from harness.problems import expect, problem
from harness.server import SLACK, eventually
from harness.services import Services
from services.test_proof import check_sold_once

SECONDS = 5
CONNECTIONS = 256
DECIDED = {"200", "201", "202", "204", "409"}


def onsale(services: Services, apis: list) -> dict:
    """The report of buyers who all want the front seats, spread over the APIs; every answer is checked afterwards."""
    urls = ",".join(f"http://127.0.0.1:{api.port}" for api in apis)
    done: subprocess.CompletedProcess = services.tro(
        "bench", "onsale", "--url", urls, "--connections", str(CONNECTIONS), "--duration", f"{SECONDS}s", "--json", "--quiet", timeout=120.0
    )
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return json.loads(done.stdout)


@pytest.mark.parametrize("count", [2, 4])
def test_apis_that_want_the_same_seats_refuse_nobody(services, count):
    apis = [services.api(RATE_LIMIT_USER="off", RATE_LIMIT_IP="off") for _ in range(count)]
    report = onsale(services, apis)
    assert report["passed"] and report["check"]["violations"] == 0, report
    for name, step in report["steps"].items():
        assert step["statuses"].keys() <= DECIDED, f"{name}: {step['statuses']}"
    assert report["steps"]["hold"]["count"] > 100 * SECONDS / SLACK, report["steps"]["hold"]
    decided = [api.metric("tro_commands_total") for api in apis]  # in batches that may be few and large at one, many and small at another
    assert min(decided) > max(decided) / 5, f"one starved: {decided}"
    for api in apis:  # nobody took the others for an outage
        assert api.metric("tro_commit_failures_total") == 0
        assert api.metric("tro_inconsistent_total") == 0
    assert check_sold_once(services.database) > 0


def test_one_inconsistent_row_fails_alone_and_is_told(services):
    server = services.api()
    api = server.api()
    event = api.create_event()["event_id"]
    services.database.query(
        f"UPDATE seats SET status = 2, holder_id = '01a00000-0000-7000-8000-000000000001', version = version + 1"
        f" WHERE event_id = '{event}' AND position = 1"
    )
    bad, good = [row[0] for row in services.database.query(
        f"SELECT convert_from(seat, 'UTF8') FROM seats WHERE event_id = '{event}' ORDER BY position LIMIT 2"
    )]
    for _ in range(3):
        problem(api.hold(event, [bad]), "internal")
    expect(api.hold(event, [good]), 201)
    assert server.metric("tro_inconsistent_total") == 3
    assert server.metric("tro_commit_failures_total") == 0
    [line] = eventually(lambda: [line for line in server.log() if line["message"] == "stored data is inconsistent"], within=5)
    assert line["stream"] == event and bad in line["row"], line
    assert eventually(lambda: "data" in json.dumps(server.ready()), within=5)
    services.database.query(
        f"UPDATE seats SET status = 1, holder_id = '00000000-0000-0000-0000-000000000000', version = version - 1"
        f" WHERE event_id = '{event}' AND position = 1"
    )
    expect(api.hold(event, [bad]), 201)

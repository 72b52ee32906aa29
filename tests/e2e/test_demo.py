"""`tro serve --demo`, which `make run` starts. It needs no configuration, and its output can be pasted into a shell."""

import json
import re
import shutil
import stat
import subprocess

import pytest

from harness import paths
from harness.problems import expect
from harness.server import environment, eventually


@pytest.fixture
def demo(start_server):
    return start_server(flags=["--demo"], JWT_SECRET=None, PAYMENT_SECRET=None, RATE_LIMIT_USER=None, RATE_LIMIT_IP=None)


def commands(text: str) -> str:
    """The shell commands in its output, with the program under test as the program."""
    script = text[text.index("  URL=") :]
    return re.sub(r"\S*build/bin/tro\b", str(paths.TRO), script)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_printed_commands_buy_tickets(demo):
    script = commands(eventually(lambda: "tro pay" in demo.stdout and demo.stdout, within=2))
    done = subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", script], env=environment({}), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    order = json.loads(done.stdout.strip().splitlines()[-1])
    assert order["status"] == "CONFIRMED" and len(order["items"]) == 2


def test_secrets_are_invented_once_and_kept_from_others(demo):
    token = demo.tro("token", "--user", "ada").stdout.strip()
    api = demo.api()
    api.token = token
    event_id = expect(api.get("/v1/events"), 200)["data"][0]["event_id"]
    seat = next(iter(api.seats(event_id)))
    hold = expect(api.hold(event_id, [seat]), 201)
    demo.restart()
    assert expect(api.get_hold(hold["hold_id"]), 200) == hold, "the secret is another one after a restart"
    kept = [path for path in demo.data_dir.iterdir() if "secret" in path.name]
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600]


def test_there_is_one_demo_event_however_often_it_starts(demo):
    first = expect(demo.api(None).get("/v1/events"), 200)["data"]
    assert len(first) == 1 and first[0]["status"] == "on_sale"
    demo.restart()
    assert expect(demo.api(None).get("/v1/events"), 200)["data"] == first

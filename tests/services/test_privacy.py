"""`tro user forget` on PostgreSQL, beside an API that knows the user, and again after the database was restored."""

import json
import re
import shutil
import subprocess

import pytest
from harness import paths
from harness.api import new_key
from harness.database import Database
from harness.problems import expect
from harness.server import environment
from peers import postgres

USER = 'zoë "quoted"\\ 27182818'
MARK = "27182818"


def dump(database: Database) -> str:
    """All tables, as text."""
    done = subprocess.run([postgres.programs() / "pg_dump", database.uri], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def load(database: Database, text: str) -> None:
    """In the place of all tables, in one transaction."""
    script = "DROP SCHEMA public CASCADE; CREATE SCHEMA public;\n" + text
    done = subprocess.run([postgres.programs() / "psql", "-Xq1", "-v", "ON_ERROR_STOP=1", database.uri], input=script, capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_user_is_forgotten_beside_services_and_again_after_a_restore(services, server):
    api = services.api()
    ada = api.api(USER)
    event_id = ada.create_event(rows=2, seats_per_row=10)["event_id"]
    key = new_key()
    first = expect(ada.hold(event_id, ["A-1-1"], key=key), 201)
    assert ada.release(first["hold_id"]).status == 204
    order = ada.confirmed(event_id, "A-1-2")
    expect(ada.pay(order["order_id"], transaction_id="second-" + new_key()), 200)
    pending = ada.ordered(event_id, "A-1-3")

    refused = services.tro("user", "forget", USER, "--yes")
    assert refused.returncode == 1 and "0 open holds and 1 pending orders" in refused.stderr, refused
    expect(ada.pay(pending["order_id"], status="FAILED"), 200)
    export = json.loads(services.tro("user", "export", USER).stdout)
    assert len(export["holds"]) == 3 and len(export["orders"]) == 2 and len(export["payments"]) == 3 and len(export["refunds"]) == 1
    before = dump(services.database)
    assert MARK in before

    done = services.tro("user", "forget", USER, "--yes")
    assert done.returncode == 0 and re.fullmatch(r"forgotten-[0-9a-f-]{36}\n", done.stdout), done
    pseudonym = done.stdout.strip()
    assert MARK not in dump(services.database)
    services.verify()
    late = expect(ada.pay(pending["order_id"], transaction_id="late-" + new_key()), 200)
    assert late["status"] == "CONFIRMED"
    again = expect(ada.hold(event_id, ["A-1-1"], key=key), 201)
    assert again["hold_id"] != first["hold_id"], "the key was another user's"
    assert ada.release(again["hold_id"]).status == 204
    assert ada.get_order(order["order_id"]).status == 404
    assert expect(api.api(pseudonym).get_order(order["order_id"]), 200)["refunds_due"] == order["total"]
    services.verify()
    assert services.tro("user", "forget", USER, "--yes").returncode == 0
    assert MARK not in dump(services.database)
    assert services.tro("replay").returncode == 0
    services.verify()
    assert MARK not in dump(services.database)

    api.stop()
    load(services.database, before)
    assert MARK in dump(services.database)
    done = services.tro("user", "forget", "--again")
    assert done.returncode == 0 and done.stdout.startswith("2 users"), "the one, and who came after"
    assert MARK not in dump(services.database)
    services.verify()
    assert services.tro("user", "forget", "--again").stdout.startswith("0 users")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.skipif(paths.is_sanitized(), reason="sanitized programs are not traced")
def test_killed_between_any_two_statements_it_is_run_again(services, server):
    """SIGKILL at each message to the server, the first, the second …, until one run comes to its end; the API goes on selling."""
    api = services.api()
    ada = api.api(USER)
    event_id = ada.create_event(rows=2, seats_per_row=50)["event_id"]
    options = {"DATA_DIR": str(services.folder / "data"), **services.options}
    for count in range(1, 60):
        ada.confirmed(event_id, f"A-1-{count}" if count <= 50 else f"A-2-{count - 50}")
        trace = ["strace", "-f", "-o", "/dev/null", f"--inject=sendto:signal=KILL:when={count}"]
        done = subprocess.run([*trace, paths.TRO, "user", "forget", USER, "--yes"], env=environment(options), capture_output=True, timeout=60)
        if done.returncode == 0:
            break
        orders = len(json.loads(services.tro("user", "export", USER).stdout)["orders"])
        assert orders in (0, 1), "neither all of the user nor nothing"
        assert services.tro("user", "forget", USER, "--yes").returncode == 0
    assert done.returncode == 0 and count > 10, (count, done)
    assert MARK not in dump(services.database)

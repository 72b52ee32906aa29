"""`tro user export` and `tro user forget`: all data about a user, and its removal: from the file, from servers' memory, and from backups."""

import json
import re
import shutil
import sqlite3
import subprocess

import pytest
from harness import database, paths
from harness.api import new_key
from harness.problems import expect
from harness.server import Server, environment, eventually

pytestmark = pytest.mark.skipif(database.DSN is not None, reason="the embedded store; tests/services/test_privacy.py has the other")

USER = 'zoë "quoted"\\ 27182818'
IN_THE_FILE = b"27182818"


@pytest.fixture
def server(start_server) -> Server:
    return start_server()


def buy(server: Server, user: str = USER) -> dict:
    """A released hold, a paid order, and one that was paid twice and of which a refund is due."""
    api = server.api(user)
    event_id = api.create_event(rows=2, seats_per_row=10)["event_id"]
    released = api.held(event_id, "A-1-1")
    assert api.release(released["hold_id"]).status == 204
    paid, twice = api.confirmed(event_id, "A-1-2"), api.confirmed(event_id, "A-1-3")
    expect(api.pay(twice["order_id"], transaction_id="second-" + new_key()), 200)
    assert api.post_event({"name": "x"}).status == 403
    return {"event_id": event_id, "released": released["hold_id"], "paid": paid["order_id"], "twice": twice["order_id"]}


def forget(server: Server, user: str = USER, **options) -> str:
    done = server.tro("user", "forget", user, "--yes", **options)
    assert done.returncode == 0, done
    return done.stdout.strip()


def check_gone(server: Server) -> None:
    for file in server.data_dir.iterdir():
        assert IN_THE_FILE not in file.read_bytes(), file.name


def money(server: Server, *orders: str) -> list:
    admin = server.api("boss", "tro:admin")
    return [[order[name] for name in ("status", "total", "refunds_due", "items")] for order in (expect(admin.get_order(id), 200) for id in orders)]


def test_the_export_has_everything(server):
    bought = buy(server)
    server.api("somebody else").held(bought["event_id"], "A-2-1")
    eventually(lambda: USER.encode() and "refused" in server.tro("audit", "list", "--user", USER).stdout, within=10)
    done = server.tro("user", "export", USER)
    assert done.returncode == 0, done
    export = json.loads(done.stdout)
    assert export["user_id"] == USER
    assert {hold["user_id"] for hold in export["holds"]} == {USER} and len(export["holds"]) == 3
    assert {order["order_id"] for order in export["orders"]} == {bought["paid"], bought["twice"]}
    assert len(export["payments"]) == 3 and {payment["status"] for payment in export["payments"]} == {"SUCCEEDED"}
    assert [refund["order_id"] for refund in export["refunds"]] == [bought["twice"]]
    assert {event["type"] for event in export["events"]} == {
        "hold.created", "hold.released", "order.created", "order.confirmed", "order.refund_required"}
    assert [record["action"] for record in export["audit"]] == ["POST /v1/events"]
    assert "somebody else" not in done.stdout
    audit = server.tro("audit", "list", "--user", "operator").stdout
    assert "user export" in audit and USER in audit


def test_a_user_who_is_unknown_has_nothing(server):
    export = json.loads(server.tro("user", "export", "nobody").stdout)
    assert export["holds"] == export["orders"] == export["events"] == [] and export["user_id"] == "nobody"
    assert forget(server, "nobody2") == "nothing is known of that user"


def test_nothing_of_a_forgotten_user_is_left(server):
    bought = buy(server)
    eventually(lambda: "refused" in server.tro("audit", "list", "--user", USER).stdout, within=10)
    assert server.tro("user", "export", USER).returncode == 0
    before = money(server, bought["paid"], bought["twice"])
    assert any(IN_THE_FILE in file.read_bytes() for file in server.data_dir.iterdir())

    pseudonym = forget(server)
    assert re.fullmatch(r"forgotten-[0-9a-f-]{36}", pseudonym)
    check_gone(server)
    server.verify()
    assert money(server, bought["paid"], bought["twice"]) == before
    order = expect(server.api("boss", "tro:admin").get_order(bought["paid"]), 200)
    assert server.api(USER).get_order(bought["paid"]).status == 404
    assert json.loads(server.tro("user", "export", USER).stdout)["events"] == []
    assert expect(server.api(pseudonym).get_order(bought["paid"]), 200) == order

    check_gone(server)  # whoever looks whether it is gone does not bring it back
    assert "user export" in server.tro("audit", "list").stdout
    server.stop()
    check_gone(server)
    assert server.tro("replay").returncode == 0
    server.verify()
    check_gone(server)
    server.start()
    assert money(server, bought["paid"], bought["twice"]) == before
    refund = server.tro("refund", "list").stdout.split()[0]
    assert server.tro("refund", "done", refund).returncode == 0
    server.verify()


def test_a_user_may_be_called_like_a_flag(server):
    event_id = server.api().create_event()["event_id"]
    for number, user in enumerate(("-x", "--again", "--yes", "--"), 1):
        server.api(user).confirmed(event_id, f"A-1-{number}")
        export = json.loads(server.tro("user", "export", "--", user).stdout)
        assert export["user_id"] == user and len(export["orders"]) == 1
        done = server.tro("user", "forget", "--yes", "--", user)
        assert done.returncode == 0 and done.stdout.startswith("forgotten-"), done
        assert json.loads(server.tro("user", "export", "--", user).stdout)["orders"] == []
    server.verify()


def test_a_backup_that_has_more_of_the_user_forgets_all_of_it(server, tmp_path):
    """The user was forgotten in a store that had gone back to an older backup; somebody new with the same id bought later."""
    older, newer = str(tmp_path / "older.db"), str(tmp_path / "newer.db")
    first = buy(server)
    assert server.tro("backup", older).returncode == 0
    second = buy(server)
    eventually(lambda: "refused" in server.tro("audit", "list", "--user", USER).stdout, within=10)
    assert server.tro("backup", newer).returncode == 0
    before = money(server, first["paid"], second["paid"], second["twice"])
    server.stop()
    assert server.tro("restore", older, "--force").returncode == 0
    pseudonym = forget(server)
    assert server.tro("restore", newer, "--force").returncode == 0
    check_gone(server)
    server.start()
    check_gone(server)
    assert money(server, first["paid"], second["paid"], second["twice"]) == before
    assert expect(server.api(pseudonym).get_order(second["paid"]), 200)
    server.verify()


def test_a_damaged_list_of_the_forgotten_stops_a_restore(server, tmp_path):
    backup = str(tmp_path / "copy.db")
    buy(server)
    eventually(lambda: "refused" in server.tro("audit", "list", "--user", USER).stdout, within=10)
    assert server.tro("backup", backup).returncode == 0
    forget(server)
    server.stop()
    forgotten = server.data_dir / "forgotten"
    whole = forgotten.read_bytes()
    lines = whole.splitlines(keepends=True)
    for damaged in (b"".join(lines[:2] + [b"stream 0000\n"] + lines[3:]), whole.replace(b"forget ", b"forgot ")):
        forgotten.write_bytes(damaged)
        done = server.tro("restore", backup, "--force")
        assert done.returncode == 1 and "forgotten is damaged" in done.stderr, done
        check_gone(server)
    forgotten.write_bytes(whole[:-10])  # as when the power was cut: never committed
    done = server.tro("restore", backup, "--force")
    assert done.returncode == 0 and "1 entries without their ends" in done.stderr, done
    forgotten.write_bytes(whole.replace(b"\n", b"\r\n"))  # a copy from another system
    assert server.tro("restore", backup, "--force").returncode == 0
    check_gone(server)
    forgotten.unlink()
    forgotten.mkdir()
    done = server.tro("restore", backup, "--force")
    assert done.returncode == 1 and "Is a directory" in done.stderr, done
    forgotten.rmdir()
    forgotten.write_bytes(whole)
    server.start()


def test_servers_notice(server):
    """The server's memory of the user is void: its holds, its keys, and its next writes."""
    api = server.api(USER)
    event_id = api.create_event(rows=2, seats_per_row=10)["event_id"]
    key = new_key()
    first = expect(api.hold(event_id, ["A-1-1"], key=key), 201)
    order = expect(api.order(hold_id=first["hold_id"]), 202)
    expect(api.pay(order["order_id"], status="FAILED"), 200)
    pseudonym = forget(server)

    again = expect(api.hold(event_id, ["A-1-1"], key=key), 201)
    assert again["hold_id"] != first["hold_id"], "the key was another user's"
    assert api.release(again["hold_id"]).status == 204
    late = expect(api.pay(order["order_id"], transaction_id="late-" + new_key()), 200)
    assert late["status"] == "CONFIRMED"
    export = json.loads(server.tro("user", "export", pseudonym).stdout)
    assert export["orders"][0]["status"] == "CONFIRMED" and {event["data"].get("user_id") for event in export["events"]} == {pseudonym}
    forget(server)
    check_gone(server)


def test_it_says_that_it_waits_for_a_reader_while_others_buy(server):
    buy(server)
    reader = sqlite3.connect(server.data_dir / "tro.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM events").fetchone()
    environ = environment(server.options)
    with subprocess.Popen([paths.TRO, "user", "forget", USER, "--yes"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as forget:
        said = next(line for line in forget.stderr if "waiting" in line)
        assert "at most 60 s" in said, said
        for _ in range(3):
            buy(server, "somebody else")
        assert forget.poll() is None, "it did not wait"
        reader.close()
        assert forget.stdout.read().startswith("forgotten-") and forget.wait(60) == 0, forget.stderr.read()
    check_gone(server)
    server.verify()


def test_open_holds_and_pending_orders_are_in_the_way(server):
    api = server.api(USER)
    event_id = api.create_event(rows=1, seats_per_row=10)["event_id"]
    hold, order = api.held(event_id, "A-1-1"), api.ordered(event_id, "A-1-2")
    done = server.tro("user", "forget", USER, "--yes")
    assert done.returncode == 1 and "1 open holds and 1 pending orders" in done.stderr, done
    assert api.get_hold(hold["hold_id"]).status == 200
    assert not (server.data_dir / "forgotten").exists()
    assert api.release(hold["hold_id"]).status == 204
    expect(api.cancel(order["order_id"]), 200)
    forget(server)
    check_gone(server)


def test_it_asks_first(server):
    buy(server)
    for answer, code in ((b"", 1), (b"n\n", 1), (b"y\n", 0)):
        done = subprocess.run([paths.TRO, "user", "forget", USER], env=environment(server.options), input=answer, capture_output=True, timeout=60)
        assert done.returncode == code and b"3 holds, 2 orders" in done.stderr, done
    assert server.tro("user", "forget").returncode == 2
    assert forget(server, "operator") == "nothing is known of that user"


def test_a_user_may_have_the_name_of_a_program(server):
    """The purchases are the user's. The acts and the audit of that name may be the program's, and name others."""
    bought = buy(server, "operator")
    assert server.tro("user", "export", USER).returncode == 0
    export = json.loads(server.tro("user", "export", "operator").stdout)
    assert {order["order_id"] for order in export["orders"]} == {bought["paid"], bought["twice"]} and export["audit"] == []
    pseudonym = forget(server, "operator")
    assert server.tro("audit", "list", "--user", "operator").stdout.count("user export") == 2
    assert json.loads(server.tro("user", "export", "operator").stdout)["orders"] == []
    assert expect(server.api(pseudonym).get_order(bought["paid"]), 200)
    server.verify()


def test_a_restored_backup_forgets_again(server, tmp_path):
    bought = buy(server)
    backup = tmp_path / "backup.db"
    assert server.tro("backup", str(backup)).returncode == 0
    assert IN_THE_FILE in backup.read_bytes()
    pseudonym = forget(server)
    assert USER not in (server.data_dir / "forgotten").read_text() and IN_THE_FILE not in (server.data_dir / "forgotten").read_bytes()
    server.stop()

    done = server.tro("restore", str(backup), "--force")
    assert done.returncode == 0 and "1 users are forgotten again" in done.stdout, done
    check_gone(server)
    server.verify()
    server.start()
    assert expect(server.api(pseudonym).get_order(bought["paid"]), 200)["status"] == "CONFIRMED"

    server.stop()  # and when the file was copied by hand
    shutil.copyfile(backup, server.data_dir / "tro.db")
    server.start()
    assert "forgotten again" in server.stdout
    check_gone(server)
    server.verify()
    assert expect(server.api(pseudonym).get_order(bought["paid"]), 200)["status"] == "CONFIRMED"


def test_a_later_user_with_the_same_id_is_somebody_new(server):
    buy(server)
    forget(server)
    later = buy(server)
    server.restart()
    api = server.api(USER)
    assert expect(api.get_order(later["paid"]), 200)["status"] == "CONFIRMED"
    assert len(json.loads(server.tro("user", "export", USER).stdout)["orders"]) == 2
    forget(server)
    check_gone(server)


def test_a_list_that_was_cut_off_harms_nothing(server):
    bought = buy(server)
    server.stop()
    (server.data_dir / "forgotten").write_text(
        f"\nforget {new_key()} 2026-11-28T14:00:00.000Z\nstream {bought['paid']}\nstream {bought['twice'][:20]}")
    server.start()
    assert expect(server.api(USER).get_order(bought["paid"]), 200)["status"] == "CONFIRMED", "an entry without an end was not committed"
    pseudonym = forget(server)
    assert server.api(pseudonym).get_order(bought["paid"]).status == 200
    check_gone(server)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.skipif(paths.is_sanitized(), reason="sanitized programs are not traced")
def test_killed_at_any_write_it_is_run_again(server):
    """SIGKILL at a write, the first, the second, and further and further, until one run comes to its end."""
    buy(server)
    server.kill()
    kept = server.folder / "kept"
    shutil.copytree(server.data_dir, kept)
    count, seen = 1, set()
    for _ in range(40):
        shutil.rmtree(server.data_dir)
        shutil.copytree(kept, server.data_dir)
        trace = ["strace", "-f", "-o", "/dev/null", f"--inject=write,pwrite64,fsync,fdatasync,ftruncate,unlink:signal=KILL:when={count}"]
        done = subprocess.run([*trace, paths.TRO, "user", "forget", USER, "--yes"], env=environment(server.options), capture_output=True, timeout=60)
        server.verify()
        holds = len(json.loads(server.tro("user", "export", USER).stdout)["holds"])
        seen.add(holds)
        assert holds in (0, 3), "neither all of the user nor nothing"
        if done.returncode == 0:
            break
        forget(server)
        check_gone(server)
        server.verify()
        count += 1 + count // 3
    assert done.returncode == 0 and count > 20 and seen == {0, 3}, (count, seen, done)
    server.start()

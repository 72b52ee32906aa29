"""A store that an earlier version wrote: it is migrated when a server starts on it, and nothing of it is lost.

What the earlier version would have written is made of what this one writes: the same tables with other columns, the same events without the
members that are new."""

import contextlib
import json
import sqlite3

import pytest

from harness import paths
from harness.problems import expect
from harness.server import eventually

NEW_MEMBERS = ("refunds_due", "refunds", "paid_amount", "paid_currency")
TABLES = ("events", "keys", "sales", "seats", "holds", "orders", "payments", "outbox", "outbox_partitions", "catalog")


class Store:
    """The tables of a server that is stopped."""

    def __init__(self, server):
        self.database = server.database
        self.path = server.data_dir / "tro.db"
        self.newer = self.path.with_name("newer.db")

    def query(self, *statements: str) -> list[list]:
        """Answers what the last one does."""
        if self.database is not None:
            return [self.database.query(sql) for sql in statements][-1]
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            if self.newer.exists():
                connection.execute(f"ATTACH '{self.newer}' AS newer")
            return [[list(row) for row in connection.execute(sql).fetchall()] for sql in statements][-1]

    def columns(self, table: str) -> list[str]:
        if self.database is None:
            return [row[1] for row in self.query(f"PRAGMA main.table_info({table})")]
        names = self.query(
            f"SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}'"
        )
        return [name for (name,) in names]

    def begin_anew(self, before: int) -> None:
        """Empty tables as the migrations before that number make them; those that there were are in the schema `newer`."""
        if self.database is None:
            with contextlib.closing(sqlite3.connect(self.path)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self.path.rename(self.newer)
        else:
            self.query("ALTER SCHEMA public RENAME TO newer", "CREATE SCHEMA public")
        kind = "sqlite" if self.database is None else "postgres"
        migrations = sorted((paths.REPOSITORY / "db" / kind).glob("*.sql"))
        for file in migrations:
            if int(file.name[:3]) < before and self.database is None:
                with contextlib.closing(sqlite3.connect(self.path)) as connection:
                    connection.executescript(file.read_text())
            elif int(file.name[:3]) < before:
                self.query(file.read_text())
        self.query("CREATE TABLE migrations AS SELECT * FROM newer.migrations WHERE number < " + str(before))
        if self.database is not None:
            self.query("ALTER TABLE migrations ADD PRIMARY KEY (number)")

    def forget_refunds(self) -> None:
        """Turns the store into that of the version before the migration of refunds."""
        self.begin_anew(3 if self.database is None else 4)
        for table in TABLES:
            names = self.columns(table)
            values = ["CASE WHEN refund_count > 0 THEN 1 ELSE 0 END" if name == "refund_required" else name for name in names]
            if names:
                self.query(
                    f"DELETE FROM {table}",
                    f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM newer.{table}",
                )
        self.query("UPDATE meta SET value = (SELECT value FROM newer.meta n WHERE n.name = meta.name)")
        for type_, data in self.query("SELECT type, data FROM events WHERE data LIKE '%refunds_due%'"):
            old = {name: value for name, value in json.loads(data).items() if name not in NEW_MEMBERS}
            text = json.dumps(old, separators=(",", ":"), ensure_ascii=False)
            self.query(f"UPDATE events SET data = '{text}' WHERE data = '{data}' AND type = {type_}")
        if self.database is None:
            self.newer.unlink()
        else:
            self.query("DROP SCHEMA newer CASCADE")


def test_refunds_from_before_there_were_refunds_are_due_now(start_server, monkeypatch):
    server = start_server(HOLD_TTL="2s", ORDER_TTL="2s")
    api = server.api()
    event_id = api.create_event()["event_id"]
    twice = api.confirmed(event_id, "A-1-1", "A-1-2")
    expect(api.pay(twice["order_id"], transaction_id="second"), 200)
    expect(api.pay(twice["order_id"], transaction_id="third"), 200)
    once = api.confirmed(event_id, "A-1-3")
    late = api.ordered(event_id, "A-1-4")
    expect(api.cancel(late["order_id"]), 200)
    api.as_user("bob").held(event_id, "A-1-4")
    first_answer = expect(api.pay(late["order_id"], transaction_id="late"), 200)
    failed = api.ordered(event_id, "A-1-5")
    expect(api.pay(failed["order_id"], "FAILED", "retried"), 200)
    pending = api.ordered(event_id, "A-1-6")
    server.stop()
    Store(server).forget_refunds()
    assert server.tro("migrate").returncode == 0
    server.start()

    server.verify()  # the migration has made the rows that the events make
    order = expect(api.get_order(twice["order_id"]), 200)
    assert (order["status"], order["refund_required"], order["refunds_due"]) == ("CONFIRMED", True, 10000)
    order = expect(api.get_order(late["order_id"]), 200)
    assert (order["status"], order["refund_required"], order["refunds_due"]) == ("CANCELLED", True, 2500)
    assert expect(api.get_order(once["order_id"]), 200)["refunds_due"] == 0
    # A repeat is answered with what was written then, which did not tell how much is due.
    with monkeypatch.context() as patch:
        patch.setattr("harness.contract.check", lambda *_: None)
        answer = expect(api.pay(late["order_id"], transaction_id="late"), 200)
    assert answer == {name: value for name, value in first_answer.items() if name not in NEW_MEMBERS}
    reasons = Store(server).query("SELECT reason, count(*), sum(amount) FROM refunds GROUP BY reason ORDER BY reason")
    assert [[int(value) for value in row] for row in reasons] == [[1, 1, 2500], [4, 2, 10000]]
    # What was begun then goes on now.
    assert expect(api.pay(failed["order_id"], "SUCCEEDED", "retried"), 200)["status"] == "CONFIRMED"
    assert eventually(lambda: expect(api.get_order(pending["order_id"]), 200)["status"] == "EXPIRED", within=5)
    expect(api.pay(once["order_id"]), 200)


@pytest.mark.waits(10)
def test_an_event_that_was_cancelled_before_is_wound_up(start_server):
    server = start_server()
    api = server.api()
    event_id = api.create_event()["event_id"]
    paid = api.confirmed(event_id, "A-1-1")
    held = api.held(event_id, "A-1-2")
    pending = api.ordered(event_id, "A-1-3")
    server.stop()
    assert server.tro("event", "cancel", event_id).returncode == 0
    Store(server).forget_refunds()
    assert server.tro("migrate").returncode == 0
    server.start()
    assert eventually(lambda: expect(api.get_order(paid["order_id"]), 200)["refund_required"], within=5)
    assert eventually(lambda: expect(api.get_hold(held["hold_id"]), 200)["status"] == "RELEASED", within=5)
    assert eventually(lambda: expect(api.get_order(pending["order_id"]), 200)["status"] == "CANCELLED", within=5)
    assert expect(api.get_order(paid["order_id"]), 200)["status"] == "CONFIRMED"

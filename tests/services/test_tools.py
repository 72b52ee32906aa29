"""`tro` on a shared database: migrate, verify, replay, and events put on sale, listed and paused beside running services."""

import concurrent.futures
import re
import subprocess

from harness import paths
from harness.problems import expect, problem
from harness.server import eventually
from harness.services import Services

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def succeed(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 0, f"{done.args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def fail(done: subprocess.CompletedProcess) -> str:
    """The one line that says why."""
    assert done.returncode == 1, f"{done.args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    [line] = done.stderr.strip().splitlines()
    return line


def test_several_migrations_at_once_are_one(tmp_path, database, broker):
    fresh = Services(tmp_path, database, broker.url)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = [future.result() for future in [pool.submit(fresh.tro, "migrate") for _ in range(4)]]
    assert [result.returncode for result in done] == [0] * 4, [result.stderr for result in done]
    rows = database.query("SELECT number, count(*) FROM migrations WHERE number > 0 GROUP BY number ORDER BY number")
    numbers = [str(int(path.name[:3])) for path in sorted((paths.REPOSITORY / "db" / "postgres").glob("[0-9]*.sql"))]
    assert rows == [[number, "1"] for number in numbers] and rows
    assert sum("001" in result.stdout for result in done) == 1, "more than one says that it applied the first"
    succeed(fresh.tro("verify"))


def test_an_edited_or_unknown_migration_is_refused(services):
    services.database.query("UPDATE migrations SET checksum = checksum + 1 WHERE number = 1")
    assert "001" in fail(services.tro("migrate"))
    services.database.query("UPDATE migrations SET checksum = checksum - 1 WHERE number = 1")
    services.database.query("UPDATE meta SET value = 900 WHERE name = 'schema_floor'")
    services.database.query("INSERT INTO migrations VALUES (900, '900_future.sql', 0, 0)")
    assert "900_future.sql" in fail(services.tro("migrate"))
    services.database.query("DELETE FROM migrations WHERE number = 900")
    services.database.query("UPDATE meta SET value = 11 WHERE name = 'schema_floor'")
    succeed(services.tro("migrate"))


def test_verify_names_the_stream_that_differs(services):
    server = services.api()
    api = server.api()
    order = api.confirmed(api.create_event()["event_id"], "A-1-1")
    succeed(services.tro("verify"))
    services.database.query(f"UPDATE orders SET total = total + 1 WHERE order_id = '{order['order_id']}'")
    done = services.tro("verify")
    assert done.returncode == 1 and order["order_id"] in done.stdout and "total" in done.stdout
    services.database.query(f"UPDATE orders SET total = total - 1 WHERE order_id = '{order['order_id']}'")
    succeed(services.tro("verify"))


def test_verify_names_the_outbox_row_that_cannot_be_right(services):
    api = services.api().api()
    api.held(api.create_event()["event_id"], "A-1-1")
    succeed(services.tro("verify"))
    services.database.query("INSERT INTO outbox VALUES (3, '01a3185c-5000-7000-8000-00000000002a', decode(repeat('00', 15) || '01', 'hex'))")
    done = services.tro("verify")
    assert done.returncode == 1 and "it names an event that is not stored" in done.stdout, done.stdout
    assert "01a3185c-5000-7000-8000-00000000002a of partition 3" in done.stdout
    services.database.query("DELETE FROM outbox WHERE id = '01a3185c-5000-7000-8000-00000000002a'")


def test_replay_makes_the_projections_anew(services):
    server = services.api(HOLD_TTL="24h", ORDER_TTL="24h")
    api = server.api()
    event_id = api.create_event()["event_id"]
    orders = [api.ordered(event_id, f"A-1-{number}") for number in range(1, 4)]
    expect(api.pay(orders[0]["order_id"], transaction_id="replayed"), 200)
    expect(api.cancel(orders[1]["order_id"]), 200)
    hold = api.held(event_id, "A-2-1")

    def everything() -> list:
        return [
            expect(api.get_hold(hold["hold_id"]), 200),
            [expect(api.get_order(order["order_id"]), 200) for order in orders],
            api.seats(event_id),
        ]

    before = everything()
    services.stop()
    services.database.query("UPDATE seats SET status = 4; UPDATE holds SET user_id = 'mallory'; DELETE FROM orders; DELETE FROM payments")
    assert services.tro("verify").returncode == 1
    succeed(services.tro("replay"))
    services.verify()
    server.start()
    assert everything() == before
    assert expect(api.pay(orders[0]["order_id"], transaction_id="replayed"), 200)["status"] == "CONFIRMED"


def test_events_are_managed_beside_the_services(services):
    apis = [services.api().api(), services.api().api()]
    event_id = re.match(UUID, succeed(services.tro("event", "create", "--demo")))[0]
    for api in apis:
        seats = eventually(lambda: api.get(f"/v1/events/{event_id}/seats").status == 200 and list(api.seats(event_id)), within=3)  # noqa: B023
    assert event_id in succeed(services.tro("event", "list"))
    for number, api in enumerate(apis):
        api.held(event_id, seats[number])
    for verb, refused in (("pause", "sales-paused"), ("resume", None), ("cancel", "event-cancelled")):
        succeed(services.tro("event", verb, event_id))
        for number, api in enumerate(apis):
            response = api.hold(event_id, [seats[2 + number]])
            if refused:
                problem(response, refused)
            else:
                expect(api.release(expect(response, 201)["hold_id"]), 204)
        expected = {"pause": "paused", "resume": "on_sale", "cancel": "cancelled"}[verb]
        for api in apis:
            eventually(lambda: expect(api.get(f"/v1/events/{event_id}"), 200)["status"] == expected, within=3)  # noqa: B023

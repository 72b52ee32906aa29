"""A schema that changes under programs that run: a step that only adds leaves older programs at work, and one that takes away ends them. The newer
programs are this one with more migrations (tests/upgrade)."""

import contextlib
import itertools
import re
import threading
import time

import pytest
from harness import paths, wire
from harness.api import new_key
from harness.problems import expect
from harness.server import SLACK, Server, eventually, run_tro
from harness.services import PUBLISHER, WORKER, Services

BUYERS = 4
PATIENCE_SECONDS = 60 * SLACK
NEWER = "newer than this program"


class Buyer(threading.Thread):
    """Buys one seat after the other until it is told to stop. A request that fails goes to the next API, with its key."""

    def __init__(self, servers: list[Server], event_id: str, seats: list[str], number: int):
        super().__init__(daemon=True)
        self.apis = [server.api(f"buyer-{number}") for server in servers]
        self.turns = itertools.count(number)
        self.event_id, self.seats = event_id, seats
        self.orders: dict[str, str] = {}  # that were confirmed, with their seat
        self.refusals: list[int] = []
        self.is_over = threading.Event()
        self.failure: BaseException | None = None

    def insist(self, ask) -> wire.Response:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with contextlib.suppress(OSError, wire.Closed):
                answer = ask(self.apis[next(self.turns) % len(self.apis)])
                if answer.status < 500:
                    return answer
                self.refusals.append(answer.status)
            assert time.monotonic() < deadline, "nobody answers"
            time.sleep(0.05)

    def buy(self, seat: str) -> None:
        hold_key, order_key, payment = new_key(), new_key(), new_key().strip('"')
        hold = expect(self.insist(lambda api: api.hold(self.event_id, [seat], key=hold_key)), 201)
        order = expect(self.insist(lambda api: api.order(key=order_key, hold_id=hold["hold_id"], payment_method="card")), 202)
        paid = expect(self.insist(lambda api: api.pay(order["order_id"], transaction_id=payment)), 200)
        assert paid["status"] == "CONFIRMED", paid
        self.orders[order["order_id"]] = seat

    def run(self) -> None:
        try:
            for seat in self.seats:
                if self.is_over.is_set():
                    return
                self.buy(seat)
        except BaseException as failure:  # noqa: BLE001
            self.failure = failure


class Buyers:
    def __init__(self, servers: list[Server]):
        sections = [{"name": "A", "rows": 50, "seats_per_row": 200, "price": 2500}]
        self.event_id = servers[0].api().create_event(sections=sections)["event_id"]
        seats = [f"A-{row}-{seat}" for row in range(1, 51) for seat in range(1, 201)]
        self.threads = [Buyer(servers, self.event_id, seats[number::BUYERS], number) for number in range(BUYERS)]
        for thread in self.threads:
            thread.start()

    def sold(self) -> int:
        for thread in self.threads:
            assert thread.failure is None, thread.failure
        return sum(len(thread.orders) for thread in self.threads)

    def go_on(self) -> None:
        """Some more is sold from now on."""
        before = self.sold()
        eventually(lambda: self.sold() >= before + 3 * BUYERS, within=30)

    def stop(self) -> None:
        for thread in self.threads:
            thread.is_over.set()
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS)
            assert thread.failure is None and not thread.is_alive(), thread.failure
            assert set(thread.refusals) <= {503}, thread.refusals

    def check(self, server: Server) -> None:
        """Every order that was confirmed is there, and nobody else has its seat."""
        assert self.sold() > 0
        for thread in self.threads:
            api = server.api(thread.apis[0].user)
            for order_id, seat in thread.orders.items():
                order = expect(api.get_order(order_id), 200)
                assert (order["status"], [item["seat"] for item in order["items"]]) == ("CONFIRMED", [seat]), order
        sold = [label for label, seat in server.api().seats(self.event_id).items() if seat["status"] == "sold"]
        assert sorted(sold) == sorted(seat for thread in self.threads for seat in thread.orders.values())


def version(server: Server, name: str | None) -> None:
    """Puts another version of the program in the place of one, on the same address."""
    if server.process is not None:
        server.stop()
    program = server.command[0].rsplit("/", 1)[-1]
    server.command[0] = str(paths.BIN_DIR / (name or "") / program)
    server.start()



def migrate(name: str, options: dict) -> str:
    done = run_tro("migrate", program=f"{name}/tro", **options)
    assert done.returncode == 0, done
    return done.stdout


@pytest.mark.timeout(300)
def test_programs_of_two_versions_work_side_by_side(tmp_path, database, broker):
    services = Services(tmp_path, database, broker.url)
    services.migrate()
    old, other, worker, publisher = services.api(), services.api(), services.add(WORKER).start(), services.add(PUBLISHER).start()
    options = {"DATA_DIR": str(tmp_path / "data"), **services.options}
    try:
        buyers = Buyers([old, other])
        buyers.go_on()
        assert "900_expand.sql is applied" in migrate("next", options)
        buyers.go_on()
        assert "nothing to do" in services.tro("migrate").stdout  # by an older program
        database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        eventually(lambda: all(api.is_ready() for api in (old, other)), within=20)
        buyers.go_on()
        for server in (other, worker, publisher, old):
            version(server, "next")
            buyers.go_on()
        version(old, None)
        buyers.go_on()

        assert "901_contract.sql is applied" in migrate("last", options)
        eventually(lambda: NEWER in old.operators().get("/v1/readyz?verbose").body.decode(), within=10)
        assert old.api().hold(buyers.event_id, ["A-50-200"]).status == 503
        buyers.go_on()  # with the other one
        version(old, "next")
        buyers.go_on()
        buyers.stop()
        buyers.check(old)
        eventually(lambda: database.query("SELECT count(*) FROM outbox") == [["0"]], within=30, every=0.2)
        services.stop()
        done = run_tro("verify", program="next/tro", timeout=300, **options)
        assert done.returncode == 0 and " 0 differences" in done.stdout, done
        refused = services.tro("verify")
        assert refused.returncode == 1 and NEWER in refused.stderr, refused
        print(f"{buyers.sold()} seats sold, refusals: {sum(len(thread.refusals) for thread in buyers.threads)}")
    finally:
        services.kill()


@pytest.mark.timeout(300)
def test_a_file_is_served_by_an_older_program_until_it_says_otherwise(tmp_path):
    server = Server(tmp_path / "server", operators=True).start()
    try:
        buyers = Buyers([server])
        buyers.go_on()
        assert "900_expand.sql is applied" in migrate("next", server.options)
        buyers.go_on()
        version(server, "next")
        buyers.go_on()
        version(server, None)
        buyers.go_on()
        assert "901_contract.sql is applied" in migrate("last", server.options)
        eventually(lambda: not server.is_ready(), within=10)
        eventually(lambda: NEWER in server.operators().get("/v1/readyz?verbose").body.decode(), within=10)
        version(server, "next")
        buyers.go_on()
        buyers.stop()
        buyers.check(server)
        server.stop()
        assert len(list(server.data_dir.glob("tro.db.schema-*"))) == 2  # one before each step
        refused = server.tro("verify")
        assert refused.returncode == 1 and "newer" in refused.stderr, refused
        assert run_tro("verify", program="next/tro", **server.options).returncode == 0
    finally:
        server.kill()


def test_statements_name_the_columns_that_they_write():
    """An older program goes on when a table has got another column."""
    for file in sorted((paths.REPOSITORY / "src" / "adapters").glob("*/*.c")):
        text = re.sub(r'"\s*"', "", file.read_text())
        assert re.findall(r"INSERT (?:OR \w+ )?INTO \w+ VALUES|SELECT \*", text) == [], file

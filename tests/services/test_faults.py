"""A database that cannot serve: the log and readiness name the reason, whoever asks is told to come again, and it ends by itself."""

import contextlib
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from harness import wire
from harness.database import Database
from harness.problems import one_of
from harness.server import Server, eventually
from harness.services import API, PUBLISHER, WORKER, Services

PASSWORD, WRONG = "right-4cYq-and-never-shown", "wrong-8bLm-and-never-shown"


@pytest.fixture
def clerk(database):
    """Somebody who is no superuser, may use the tables, and has to show a password (tests/peers/postgres.py). The URI without it."""
    database.query(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'; GRANT pg_read_all_data, pg_write_all_data TO guarded")
    yield f"postgresql://guarded:{{}}@{database.uri.partition('@')[2]}"
    database.query("DROP ROLE guarded")


def cut(database: Database) -> None:
    database.query("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")


def await_reason(processes: list[Server], *words: str) -> None:
    for process in processes:
        eventually(lambda: all(word in process.ready()["store"].get("detail", "") for word in words), within=10)  # noqa: B023
        assert process.ready()["status"] == "unavailable"
        assert wire.exchange(process.port, "GET", "/v1/healthz").status == 200

        def is_logged(process=process) -> bool:
            return any("dependency is down" in line and all(word in line for word in words) for line in process.stderr.splitlines())

        eventually(is_logged, within=5)
        assert PASSWORD not in process.stderr and WRONG not in process.stderr


def assert_refused(server: Server, event_id: str) -> None:
    response = server.api().hold(event_id, ["A-1-1"])
    one_of(response, "store-unavailable", "overloaded")
    assert int(response.headers["Retry-After"]) >= 1


def await_recovery(processes: list[Server], event_id: str | None = None) -> None:
    for process in processes:
        eventually(process.is_ready, within=10)
    api = processes[0].api()
    event_id = event_id or api.create_event()["event_id"]
    eventually(lambda: api.hold(event_id, ["A-2-1"]).status == 201, within=5)


def test_a_newer_schema(services):
    services.database.query("INSERT INTO migrations VALUES (900, '900_future.sql', 0, 0)")
    processes = [services.add(program).spawn() for program in (API, WORKER, PUBLISHER)]
    for process in processes:
        eventually(lambda: is_listening(process), within=5)  # noqa: B023
    await_reason(processes, "newer")
    assert_refused(processes[0], "019aae7d-6b60-7c42-9a55-7e3390c1d7e4")
    services.database.query("DELETE FROM migrations WHERE number = 900")
    await_recovery(processes)


def is_listening(process: Server) -> bool:
    try:
        return wire.exchange(process.port, "GET", "/v1/healthz").status == 200
    except (OSError, wire.Closed):
        return False


def test_a_read_only_database(services):
    processes = [services.api(), services.worker(), services.publisher()]
    event_id = processes[0].api().create_event()["event_id"]
    name = services.database.name
    services.database.query(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    cut(services.database)
    await_reason(processes, "read-only")
    assert_refused(processes[0], event_id)
    services.database.query(f"BEGIN READ WRITE; ALTER DATABASE {name} RESET default_transaction_read_only; COMMIT")
    await_recovery(processes, event_id)


def test_too_many_connections(clerk, services):
    services.options["CRDB_DSN"] = clerk.format(PASSWORD)
    processes = [services.api(), services.worker(), services.publisher()]
    event_id = processes[0].api().create_event()["event_id"]
    services.database.query("ALTER ROLE guarded CONNECTION LIMIT 0")
    cut(services.database)
    await_reason(processes, "too many connections")
    assert_refused(processes[0], event_id)
    services.database.query("ALTER ROLE guarded CONNECTION LIMIT -1")
    await_recovery(processes, event_id)


def test_a_wrong_password(clerk, services):
    services.options["CRDB_DSN"] = clerk.format(WRONG)
    processes = [services.add(program).spawn() for program in (API, WORKER, PUBLISHER)]
    for process in processes:
        eventually(lambda: is_listening(process), within=5)  # noqa: B023
    await_reason(processes, "password")
    assert_refused(processes[0], "019aae7d-6b60-7c42-9a55-7e3390c1d7e4")
    services.database.query(f"ALTER ROLE guarded PASSWORD '{WRONG}'")
    await_recovery(processes)


@contextlib.contextmanager
def small_disk():
    """A folder of PostgreSQL's with room for little more than an empty database."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tro-small-"))
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, text=True)
    try:
        if done.returncode != 0:
            pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
        shutil.chown(folder, "postgres", "postgres")
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], capture_output=True)
        folder.rmdir()


def test_a_full_disk(tmp_path, server, broker):
    with small_disk() as folder:
        keeper = Database(server.dsn)
        keeper.query(f"CREATE TABLESPACE small LOCATION '{folder}'")
        database = Database(server.dsn, tablespace="small")
        services = Services(tmp_path, database, broker.url)
        try:
            services.migrate()
            processes = [services.api(), services.worker(), services.publisher()]
            api = processes[0].api()
            event_id = api.create_event(rows=40, seats_per_row=50)["event_id"]
            database.query("CREATE TABLE filler (data text)")
            for size in (1_000_000, 50_000, 8000):  # in pieces that become smaller, until nothing fits
                with contextlib.suppress(AssertionError):
                    while True:
                        database.query(f"ALTER TABLE filler ALTER data SET STORAGE EXTERNAL; INSERT INTO filler VALUES (repeat('x', {size}))")
            seats = iter(f"A-{row}-{number}" for row in range(3, 41) for number in range(1, 51))
            eventually(lambda: api.hold(event_id, [next(seats)]).status == 503, within=20)
            assert_refused(processes[0], event_id)
            database.query("DROP TABLE filler")
            await_recovery(processes, event_id)
            services.stop()
            services.verify()
        finally:
            services.kill()
            database.drop()
            keeper.query("DROP TABLESPACE small")
            keeper.drop()

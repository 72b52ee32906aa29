"""Faults of a shared database: the service starts all the same, names the fault, refuses with 503, and works when the fault ends."""

import contextlib
import glob
import json
import os
import signal
import socket
import subprocess

import pytest

from harness import credentials, paths, wire
from harness.database import Database
from harness.problems import expect, one_of
from harness.server import Server, eventually
from peers import postgres

PASSWORD = "sesame-7f3a"
ROLE = "guarded"
SIZE_MIB = 48
LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
UNKNOWN = "01900000-0000-7000-8000-000000000001"  # no event has this id


@pytest.fixture(scope="module")
def machine():
    """A PostgreSQL that asks one role, and only it, for its password."""
    with postgres.server() as running:
        rules = running.folder / "data" / "pg_hba.conf"
        rules.write_text(f"host all {ROLE} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        running.restart()
        first = Database(running.dsn)
        first.query(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
        first.drop()
        yield running


@pytest.fixture
def database(machine):
    database = Database(machine.dsn)
    database.query(f"ALTER DATABASE {database.name} OWNER TO {ROLE}; ALTER SCHEMA public OWNER TO {ROLE}")
    yield database
    database.drop()


class Trio(Server):
    """A tro-api, and beside it a worker and a publisher, which has no broker: they are started and stopped together."""

    def __init__(self, folder, dsn: str):
        super().__init__(folder / "api", program="tro-api", operators=True, CRDB_DSN=dsn)
        worker = Server(folder / "worker", program="tro-expiry-worker", operators=True)
        publisher = Server(
            folder / "publisher", program="tro-outbox-publisher", operators=True, RABBIT_URL="amqp://guest:guest@127.0.0.1:1/"
        )
        self.others = [worker, publisher]

    @property
    def all(self) -> list[Server]:
        return [self, *self.others]

    def spawn(self) -> "Trio":
        for other in self.others:
            other.options["CRDB_DSN"] = self.options["CRDB_DSN"]
            other.spawn()
        return super().spawn()

    def stop(self) -> None:
        for other in self.others:
            other.stop()
        super().stop()

    def kill(self) -> None:
        for other in self.others:
            other.kill()
        super().kill()


@pytest.fixture
def server(tmp_path, machine, database):
    """Services that have not been started, on a database without tables."""
    server = Trio(tmp_path, uri(machine.port, database.name))
    yield server
    server.kill()
    for process in server.all:
        if (process.folder / "stderr").exists():
            assert PASSWORD not in process.stderr + process.stdout


def uri(port: int, name: str, password: str = PASSWORD) -> str:
    return f"postgresql://{ROLE}:{password}@127.0.0.1:{port}/{name}"


@contextlib.contextmanager
def changed(database: Database, sql: str, back: str):
    """Something of the database is otherwise for a while."""
    database.query(sql)
    try:
        yield
    finally:
        database.query(back)


def end_sessions(database: Database) -> None:
    database.query(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{ROLE}'")


@contextlib.contextmanager
def stopped(machine, database: Database):
    """The postmaster, so that nobody new is let in, and every session."""
    sessions = [int(pid) for [pid] in database.query(f"SELECT pid FROM pg_stat_activity WHERE usename = '{ROLE}'")]
    pids = [machine.process.pid, *sessions]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@pytest.fixture
def disk(machine):
    """A small one, that belongs to the PostgreSQL."""
    folder = machine.folder / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m,mode=0777", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode != 0:
        folder.rmdir()
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    tables = folder / "tables"
    tables.mkdir()
    os.chown(tables, machine.folder.stat().st_uid, -1)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def migrate(server: Server) -> str:
    done = server.tro("migrate")
    assert done.returncode == 0, done
    return done.stdout


def messages(server: Server) -> list[str]:
    return [line["message"] for line in server.log()]


def alive(server: Server) -> bool:
    try:
        return wire.exchange(server.port, "GET", "/v1/healthz", timeout=5.0).status == 200
    except (OSError, wire.Closed):
        return False


def start_unready(server: Trio) -> None:
    server.spawn()
    for process in server.all:
        eventually(lambda: alive(process), within=10)  # noqa: B023


def reason(server: Server) -> str:
    return server.ready()["store"].get("detail", "")


def is_refused(response) -> bool:
    if response.status != 503:
        return False
    one_of(response, "store-unavailable", "overloaded")
    assert int(response.headers["Retry-After"]) >= 1
    return True


def expect_unready(server: Trio, words: str, within: float = 10.0) -> None:
    """Each says that the store is down, and why; requests that need it are refused."""
    for process in server.all:
        expect_named(process, words, within)
    assert is_refused(server.api().hold(UNKNOWN, ["A-1-1"]))


def expect_named(server: Server, words: str, within: float = 10.0) -> None:
    """In its readiness and in its log."""
    eventually(lambda: words in reason(server), within)
    response = wire.exchange(server.admin_port, "GET", "/v1/readyz?verbose")
    assert (response.status, response.json()["status"]) == (503, "unavailable")
    assert int(response.headers["Retry-After"]) >= 1
    assert PASSWORD not in response.body.decode()
    assert wire.exchange(server.port, "GET", "/v1/healthz").status == 200
    assert PASSWORD not in wire.exchange(server.admin_port, "GET", "/metrics").body.decode()

    def is_logged() -> bool:
        lines = [line for line in server.log() if line["message"] == "dependency is down" and line["dependency"] == "store"]
        return any(words in line["reason"] and line["level"] == "error" for line in lines)

    eventually(is_logged, within=5)


def expect_recovery(server: Trio) -> None:
    """All work again, within some seconds and without help."""
    for process in server.all:
        eventually(lambda: process.ready()["store"]["state"] == "up", within=10)  # noqa: B023
        eventually(lambda: "dependency is back" in messages(process), within=5)  # noqa: B023
    eventually(lambda: not is_refused(server.api().hold(UNKNOWN, ["A-1-1"])), within=10)
    server.api().held(server.api().create_event()["event_id"], "A-1-1")
    server.stop()
    server.verify()


def test_a_server_that_is_not_there(server, machine, database):
    migrate(server)
    machine.stop()
    try:
        start_unready(server)
        expect_unready(server, "cannot connect")
        assert server.tro("verify").returncode == 1
        eventually(lambda: "waiting for a dependency" in messages(server), within=15)
    finally:
        machine.start()
    expect_recovery(server)


def test_a_server_that_takes_connections_and_says_nothing(server, machine, database):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server.options["CRDB_DSN"] = uri(silent.getsockname()[1], database.name)
        start_unready(server)
        expect_unready(server, "timeout expired", within=15)
        server.stop()


def test_a_wrong_password(server, machine, database):
    migrate(server)
    server.options["CRDB_DSN"] = uri(machine.port, database.name, f"{PASSWORD}-wrong")
    start_unready(server)
    expect_unready(server, "password authentication failed")
    for command in ("config", "migrate", "verify"):
        done = server.tro(command)
        assert PASSWORD not in done.stdout + done.stderr
    with changed(database, f"ALTER ROLE {ROLE} PASSWORD '{PASSWORD}-wrong'", f"ALTER ROLE {ROLE} PASSWORD '{PASSWORD}'"):
        expect_recovery(server)


def test_a_database_that_does_not_exist(server, machine, database):
    server.options["CRDB_DSN"] = uri(machine.port, f"{database.name}_later")
    start_unready(server)
    expect_unready(server, "does not exist")
    database.query_server(f"ALTER DATABASE {database.name} RENAME TO {database.name}_later")
    database.name += "_later"
    migrate(server)
    expect_recovery(server)


def test_a_database_without_the_schema(server):
    start_unready(server)
    expect_unready(server, "run 'tro migrate'")
    assert "001_core.sql is applied" in migrate(server)
    assert "nothing to do" in migrate(server)
    expect_recovery(server)


def test_a_database_of_a_newer_version(server, database):
    migrate(server)
    newer = "UPDATE meta SET value = {} WHERE name = 'schema_floor'; {}"
    insert, delete = "INSERT INTO migrations VALUES (999, '999_later.sql', 1, 1)", "DELETE FROM migrations WHERE number = 999"
    with changed(database, newer.format(999, insert), newer.format(11, delete)):
        start_unready(server)
        expect_unready(server, "newer than this program")
        done = server.tro("migrate")
        assert done.returncode == 1 and "999_later.sql" in done.stderr
    expect_recovery(server)


def test_a_replay_that_was_not_ended(server, database):
    migrate(server)
    with changed(database, "UPDATE meta SET value = 1 WHERE name = 'replaying'", "UPDATE meta SET value = 0 WHERE name = 'replaying'"):
        start_unready(server)
        expect_unready(server, "a replay runs, or was begun and not ended")
    expect_recovery(server)


def test_a_database_that_becomes_read_only(server, database):
    migrate(server)
    server.start()
    api = server.api()
    hold = api.held(api.create_event()["event_id"], "A-1-1")
    read_only = f"ALTER DATABASE {database.name} SET default_transaction_read_only ="
    with changed(database, f"{read_only} on", f"BEGIN READ WRITE; {read_only} off; END"):
        end_sessions(database)
        expect_unready(server, "read-only database (25006)")
        assert expect(api.get_hold(hold["hold_id"]), 200) == hold
    expect_recovery(server)


def test_too_many_connections(server, database):
    migrate(server)
    server.start()
    with changed(database, f"ALTER ROLE {ROLE} CONNECTION LIMIT 0", f"ALTER ROLE {ROLE} CONNECTION LIMIT -1"):
        end_sessions(database)
        expect_unready(server, "too many connections")
    expect_recovery(server)


def test_sessions_that_hang(server, machine, database):
    """Every process of the server stops, as on a machine that hangs: nobody waits for ever."""
    migrate(server)
    server.start()
    event_id = server.api().create_event()["event_id"]
    headers = [("Authorization", f"Bearer {credentials.token()}"), ("Content-Type", "application/json")]
    headers.append(("Idempotency-Key", "asked-of-one-that-hangs"))
    body = json.dumps({"event_id": event_id, "seats": ["A-1-2"]}).encode()
    with stopped(machine, database):
        assert is_refused(wire.exchange(server.port, "POST", "/v1/holds", headers, body, timeout=60.0))
        expect_unready(server, "timeout expired")
    expect_recovery(server)


@pytest.mark.skipif(not LIBRARIES, reason="libfaketime is not installed")
@pytest.mark.skipif(paths.TRO.exists() and paths.is_sanitized(), reason="libfaketime cannot start beneath a sanitizer")
def test_a_clock_that_differs_from_the_servers(server):
    migrate(server)
    server.options.update(LD_PRELOAD=LIBRARIES[0], FAKETIME="-2s", DONT_FAKE_MONOTONIC="1")
    server.start()
    eventually(lambda: server.ready()["clock"]["state"] == "degraded", within=5)
    ready = server.ready()
    assert (ready["status"], ready["store"]["state"]) == ("degraded", "up")
    eventually(lambda: -2.2 < server.metric("tro_clock_skew_seconds") < -1.8, within=10)  # less the time that the answer took
    [line] = eventually(lambda: [line for line in server.log() if line["message"] == "the clock differs from the store's"], within=5)
    assert line["level"] == "warn" and -3 < line["skew_s"] < -1
    server.api().held(server.api().create_event()["event_id"], "A-1-1")
    server.stop()
    server.verify()


def test_a_disk_without_room(server, machine, database, disk):
    """Tables and temporary files are on a disk of their own; a full disk under the log would stop the server itself."""
    database.query_server(f"CREATE TABLESPACE small LOCATION '{disk / 'tables'}'")
    database.query_server(f"ALTER DATABASE {database.name} SET TABLESPACE small")
    migrate(server)
    server.start()
    api = server.api()
    event_id = api.create_event(rows=100, seats_per_row=100)["event_id"]
    hold = api.held(event_id, "A-1-1")
    with open(disk / "ballast", "wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(4096))
    for process in server.all:
        expect_named(process, "disk full (53100)")
    seats = iter(api.seats(event_id))
    eventually(lambda: is_refused(api.hold(event_id, [next(seats)])), within=30)  # some fit into what the tables have
    assert expect(api.get_hold(hold["hold_id"]), 200) == hold
    (disk / "ballast").unlink()
    expect_recovery(server)
    database.drop()
    database.query_server("DROP TABLESPACE small")

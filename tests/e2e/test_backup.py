"""`tro backup` and `tro restore` on the embedded store: a copy made while a server sells is whole, and is restored as it was."""

import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile

import pytest
from harness import database, paths
from harness.load import Load, settle
from harness.server import Server, environment, eventually, run_tro

pytestmark = pytest.mark.skipif(database.DSN is not None, reason="the embedded store only")


@pytest.fixture
def server(start_server):
    return start_server()


@pytest.fixture
def backup(server, tmp_path):
    """A backup of a small store, with its path; the server goes on."""
    api = server.api()
    api.confirmed(api.create_event()["event_id"], "A-1-1")
    file = tmp_path / "backup.db"
    assert server.tro("backup", str(file)).returncode == 0
    return file


def refused(done: subprocess.CompletedProcess, *words: str) -> None:
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 1 and len(lines) == 1 and all(word in lines[0] for word in words), done


def files(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_backup_under_load_has_all_that_was_answered_before(server, tmp_path):
    api = server.api()
    event = api.create_event(sections=[{"name": "A", "rows": 20, "seats_per_row": 50, "price": 2500}])
    event_id = event["event_id"]
    seats = list(api.seats(event_id))
    load = Load(server.port, event_id, seats[50:], seed=1)
    eventually(lambda: server.metric("tro_commands_total", outcome="ok") > 50, within=30)
    promised = [api.held(event_id, *seats[index : index + 2]) for index in range(0, 50, 2)]
    file = tmp_path / "backup.db"
    done = server.tro("backup", str(file))
    assert done.returncode == 0 and " 0 differences" in done.stdout, done
    settle(server.port, load.journals()).check(server.port)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "backup.db.partial" not in files(tmp_path)

    elsewhere = Server(tmp_path / "elsewhere")
    assert elsewhere.tro("restore", str(file)).returncode == 0
    elsewhere.verify()
    assert (elsewhere.data_dir / "tro.db").stat().st_mode & 0o777 == 0o600
    elsewhere.start()
    try:
        for hold in promised:
            assert elsewhere.api().get_hold(hold["hold_id"]).json() == hold
        elsewhere.api("new").held(event_id, *[label for label, seat in api.seats(event_id).items() if seat["status"] == "available"][:1])
    finally:
        elsewhere.stop()
        elsewhere.discard()


def test_nothing_is_overwritten_unless_it_is_forced(server, backup):
    before = backup.read_bytes()
    server.api().create_event()
    refused(server.tro("backup", str(backup)), "--force")
    assert backup.read_bytes() == before
    assert server.tro("backup", str(backup), "--force").returncode == 0
    assert backup.read_bytes() != before
    server.stop()
    store = (server.data_dir / "tro.db").read_bytes()
    refused(server.tro("restore", str(backup)), "--force", "tro.db")
    assert (server.data_dir / "tro.db").read_bytes() == store
    server.start()


@pytest.mark.parametrize("name", ["tro.db", "tro.db-wal", "tro.db.partial", "link"])
def test_files_of_the_store_are_no_backups_of_it(start_server, tmp_path, name):
    """A restore writes tro.db.partial anew before it reads the backup."""
    server = start_server()
    server.stop()
    file = server.data_dir / "tro.db.partial"
    shutil.copy(server.data_dir / "tro.db", file)
    (server.data_dir / "link").hardlink_to(file)
    before = file.read_bytes()
    refused(server.tro("restore", str(server.data_dir / name), "--force"), "no backup of it" if name != "tro.db-wal" else "tro.db-wal")
    assert file.read_bytes() == before
    server.start()


@pytest.mark.parametrize("name", ["tro.db", "tro.db-wal", "../data/tro.db", "tro.db.partial", "lock", "secrets", "link"])
def test_a_backup_does_not_take_the_place_of_what_the_server_has(server, backup, name):
    (server.data_dir / "secrets").touch()
    os.link(server.data_dir / "tro.db", server.data_dir / "link")
    before = {path.name: path.stat().st_ino for path in server.data_dir.iterdir()}
    refused(server.tro("backup", str(server.data_dir / name), "--force"), "belongs to the running server", name)
    assert {path.name: path.stat().st_ino for path in server.data_dir.iterdir()} == before
    (server.data_dir / "link").unlink()


def test_a_target_that_is_no_regular_file_is_not_replaced(server, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "stdout").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "stdout", "."):
        refused(server.tro("backup", str(tmp_path / name), "--force"), "not a regular file")
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "stdout").is_symlink()
    assert server.tro("backup", "-").returncode == 2


def test_a_check_without_room_does_not_blame_the_store(server, tmp_path):
    missing = server.tro("backup", str(tmp_path / "b.db"), TMPDIR=str(tmp_path / "nowhere"))
    assert missing.returncode == 1 and "nowhere" in missing.stderr and "TMPDIR" in missing.stderr and "could not be checked" in missing.stderr, missing
    assert "b.db" not in files(tmp_path)


def test_a_restore_is_refused_while_a_server_runs(server, backup):
    refused(server.tro("restore", str(backup), "--force"), "another server runs")


def test_a_restore_forgets_what_came_later(server, backup):
    later = server.api().create_event()["event_id"]
    server.kill()  # what came later is in the log beside the store
    assert server.tro("restore", str(backup), "--force").returncode == 0
    server.start()
    assert server.api().request("GET", f"/v1/events/{later}").status == 404


def test_a_store_that_another_program_has_open_is_not_replaced(server, backup):
    server.stop()
    with sqlite3.connect(server.data_dir / "tro.db", isolation_level=None) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM events").fetchone()
        refused(server.tro("restore", str(backup), "--force"), "in use by another program")
        other.execute("COMMIT")
    other.close()
    server.start()


def test_a_damaged_store_is_replaced(server, backup):
    server.stop()
    (server.data_dir / "tro.db").write_bytes(b"not a database" * 1000)
    (server.data_dir / "tro.db-wal").write_bytes(b"nor a log" * 1000)
    assert server.tro("restore", str(backup), "--force").returncode == 0
    server.start()


@pytest.mark.parametrize("kind", ["no database", "empty", "cut off", "foreign", "foreign with migrations", "damaged", "wrong", "newer", "missing"])
def test_a_file_that_is_no_backup_is_refused_and_the_store_stays(server, backup, kind):
    server.stop()
    if kind == "no database":
        backup.write_bytes(b"tickets" * 4096)
    elif kind == "empty":
        backup.write_bytes(b"")
    elif kind == "cut off":
        backup.write_bytes(backup.read_bytes()[: 4096 * 5])
    elif kind.startswith("foreign"):
        backup.unlink()
        bookmarks = "CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('https://tro.example')"
        migrations = "CREATE TABLE migrations (number INTEGER, name TEXT, checksum INTEGER); INSERT INTO migrations VALUES (1, NULL, 0)"
        with sqlite3.connect(backup, isolation_level=None) as connection:
            connection.executescript(bookmarks if kind == "foreign" else migrations)
        connection.close()
    elif kind == "damaged":
        content = bytearray(backup.read_bytes())
        content[4096 * 3 : 4096 * 8] = os.urandom(4096 * 5)
        backup.write_bytes(content)
    elif kind == "missing":
        backup.unlink()
    else:
        newer = "INSERT INTO migrations VALUES (900, '900_future.sql', 0, 0); UPDATE meta SET value = 900 WHERE name = 'schema_floor'"
        with sqlite3.connect(backup, isolation_level=None) as connection:
            connection.executescript("UPDATE seats SET price = price + 1" if kind == "wrong" else newer)
        connection.close()
    before = files(server.data_dir), (server.data_dir / "tro.db").read_bytes()
    refused(server.tro("restore", str(backup), "--force"), str(backup))
    assert (files(server.data_dir), (server.data_dir / "tro.db").read_bytes()) == before
    server.start()


def test_a_store_that_is_not_what_its_events_say_is_not_backed_up(server, tmp_path):
    server.api().create_event()
    with sqlite3.connect(server.data_dir / "tro.db", isolation_level=None) as connection:
        connection.execute("UPDATE seats SET price = price + 1")
    file = tmp_path / "backup.db"
    refused(server.tro("backup", str(file)), "did not pass its check")
    assert not files(tmp_path) & {"backup.db", "backup.db.partial"}
    with sqlite3.connect(server.data_dir / "tro.db", isolation_level=None) as connection:
        connection.execute("UPDATE seats SET price = price - 1")
    connection.close()


def test_without_a_store_there_is_no_backup(tmp_path):
    (tmp_path / "data").mkdir()
    refused(run_tro("backup", str(tmp_path / "b.db"), DATA_DIR=str(tmp_path / "data")), "there is no store")
    assert files(tmp_path) == {"data"} and files(tmp_path / "data") == set()


def test_a_shared_database_is_left_to_its_own_tools(tmp_path):
    for command in ("backup", "restore"):
        refused(run_tro(command, str(tmp_path / "b.db"), DATA_DIR=str(tmp_path), CRDB_DSN="postgresql://nobody@127.0.0.1:1/x"), "CRDB_DSN")



# As which user

SERVICE = {"user": 65532, "group": 65532, "extra_groups": []}  # the server's, which is neither root nor the one who runs the tests
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be several users")


def tro_as(user: dict, data_dir, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([paths.TRO, *arguments], env=environment({"DATA_DIR": str(data_dir)}), cwd="/", capture_output=True, text=True, timeout=60, **user)


@pytest.fixture
def of_service(backup, server):
    """A DATA_DIR of the server's user, with the store that the backup was made of, where that user can reach it; the backup is root's."""
    if any(not folder.stat().st_mode & 0o1 for folder in paths.TRO.parents):
        pytest.skip("the programs are where other users cannot reach them")
    server.stop()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tro-test-"))
    folder.chmod(0o755)
    data_dir = folder / "data"
    data_dir.mkdir(mode=0o700)
    shutil.copy(server.data_dir / "tro.db", data_dir / "tro.db")
    give(data_dir)
    yield data_dir
    shutil.rmtree(folder)


def give(data_dir, uid: int = 65532) -> None:
    for path in [data_dir, *data_dir.iterdir()]:
        os.chown(path, uid, uid)


def owners(data_dir) -> set[int]:
    return {end for path in data_dir.iterdir() for end in (path.stat().st_uid, path.stat().st_gid)}


@as_root
def test_a_store_that_root_restores_is_the_servers(backup, of_service):
    store = of_service / "tro.db"
    store.chmod(0o640)
    assert tro_as({}, of_service, "restore", str(backup), "--force").returncode == 0
    assert owners(of_service) == {65532} and store.stat().st_mode & 0o777 == 0o640
    done = tro_as(SERVICE, of_service, "event", "create", "--demo")
    assert done.returncode == 0, done


@as_root
def test_a_store_that_root_has_taken_over_is_given_back(backup, of_service):
    os.chown(of_service / "tro.db", 0, 0)
    assert tro_as({}, of_service, "restore", str(backup), "--force").returncode == 0
    assert owners(of_service) == {65532} and (of_service / "tro.db").stat().st_mode & 0o777 == 0o600


@as_root
@pytest.mark.parametrize("command", ["restore", "migrate"])
def test_a_store_that_root_makes_is_the_owners_of_its_folder(backup, of_service, command):
    for path in of_service.iterdir():
        path.unlink()
    assert tro_as({}, of_service, command, *([str(backup)] if command == "restore" else [])).returncode == 0
    assert owners(of_service) == {65532}
    assert tro_as(SERVICE, of_service, "event", "create", "--demo").returncode == 0


@as_root
def test_a_copy_before_a_migration_by_root_is_the_owners_of_its_folder(server, of_service):
    make_older(server)
    shutil.copy(server.data_dir / "tro.db", of_service / "tro.db")
    assert server.tro("migrate").returncode == 0
    give(of_service)
    assert tro_as({}, of_service, "migrate").returncode == 0
    assert len(list(of_service.glob("tro.db.schema-006.*"))) == 1 and owners(of_service) == {65532}


@as_root
def test_another_user_does_not_put_a_store_in_the_way_of_the_server(backup, of_service):
    of_service.chmod(0o777)
    readable = of_service.parent / "backup.db"
    shutil.copy(backup, readable)
    readable.chmod(0o644)
    before = (of_service / "tro.db").read_bytes()
    refused(tro_as({"user": 65531, "group": 65531, "extra_groups": []}, of_service, "restore", str(readable), "--force"), "user 65532", "user 65531")
    assert (of_service / "tro.db").read_bytes() == before and files(of_service) <= {"tro.db", "lock"}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.skipif(paths.is_sanitized(), reason="sanitized programs are not traced")
@pytest.mark.parametrize("call", ["rename", "unlink"])
def test_a_restore_that_is_killed_leaves_the_old_store_or_the_new(server, backup, call):
    """SIGKILL at each call of the kind, the first, the second …, until one run comes to its end."""
    later = server.api().create_event()["event_id"]
    server.kill()
    kept = server.folder / "kept"
    shutil.copytree(server.data_dir, kept)
    for count in range(1, 60):
        shutil.rmtree(server.data_dir)
        shutil.copytree(kept, server.data_dir)
        trace = ["strace", "-f", "-o", "/dev/null", f"--inject={call}:signal=KILL:when={count}"]
        done = subprocess.run(
            [*trace, paths.TRO, "restore", backup, "--force"], env=environment(server.options), capture_output=True, text=True, timeout=60
        )
        if done.returncode == 0:
            break
        server.verify()
        with sqlite3.connect(server.data_dir / "tro.db") as connection:
            found = connection.execute("SELECT count(*) FROM sales").fetchone()[0]
        connection.close()
        assert found in (1, 2), "neither the old store nor the new"
    assert done.returncode == 0 and count > 1, (count, done)
    server.start()
    assert server.api().request("GET", f"/v1/events/{later}").status == 404


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.skipif(paths.is_sanitized(), reason="sanitized programs are not traced")
def test_a_file_system_without_a_careful_rename_gets_a_link(server, tmp_path):
    """The old name that cannot be taken away is no failure, and the next backup does not write to the finished one through it."""
    file, partial = tmp_path / "backup.db", tmp_path / "backup.db.partial"
    trace = ["strace", "-f", "-o", "/dev/null", "-P", str(partial), "-P", str(file), "-e", "inject=renameat2:error=EINVAL", "-e", "inject=unlink:error=EPERM"]
    done = subprocess.run([*trace, paths.TRO, "backup", file], env=environment(server.options), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "is a verified copy" in done.stdout, done
    assert file.stat().st_ino == partial.stat().st_ino
    before = file.read_bytes()
    missing = server.tro("backup", str(file), "--force", TMPDIR=str(tmp_path / "nowhere"))
    assert missing.returncode == 1 and "could not be checked" in missing.stderr, missing
    assert file.read_bytes() == before and not partial.exists()


# Copies before a migration


def make_older(server, *more: str) -> None:
    """Undoes the steps after 006 in a store that no process uses."""
    undo = ["DROP TABLE seat_changes", "DROP TABLE audit", "DROP TABLE seatings", "ALTER TABLE outbox DROP COLUMN trace_states", "DELETE FROM meta WHERE name IN ('epoch', 'schema_floor')", "DELETE FROM migrations WHERE number > 6"]
    with sqlite3.connect(server.data_dir / "tro.db", isolation_level=None) as connection:
        for sql in [*undo, *more]:
            connection.execute(sql)
    connection.close()


def copies(server) -> list:
    return sorted(server.data_dir.glob("tro.db.schema-*"))


def test_the_store_is_kept_as_it_was_before_a_migration(server):
    api = server.api()
    hold = api.held(api.create_event()["event_id"], "A-1-1")
    server.restart()
    assert copies(server) == []  # nothing was to do
    server.stop()
    make_older(server)
    server.start()
    [copy] = copies(server)
    assert copy.name.startswith("tro.db.schema-006.") and copy.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT max(number) FROM migrations").fetchone() == (6,)
        assert connection.execute("SELECT count(*) FROM holds").fetchone() == (1,)
    connection.close()
    assert api.get_hold(hold["hold_id"]).json()["seats"] == ["A-1-1"]


def test_a_backup_of_an_older_schema_is_restored_with_the_tables_of_today(server):
    server.stop()
    make_older(server)
    server.start()
    server.stop()
    [copy] = copies(server)
    assert server.tro("restore", str(copy), "--force").returncode == 0
    server.start()


def test_a_copy_can_be_done_without(server):
    server.stop()
    make_older(server)
    done = server.tro("migrate", "--no-backup")
    assert done.returncode == 0 and "as it was" not in done.stdout, done
    assert copies(server) == []
    make_older(server)
    assert str(server.data_dir / "tro.db.schema-006.") in server.tro("migrate").stdout
    server.start()


def test_a_migration_that_fails_leaves_the_store_and_no_copy(server):
    server.stop()
    make_older(server, "CREATE TABLE seat_changes (x)")
    refused(server.tro("migrate"), "seat_changes already exists")
    assert files(server.data_dir) <= {"tro.db", "secrets", "lock"}
    with sqlite3.connect(server.data_dir / "tro.db", isolation_level=None) as connection:
        connection.execute("DROP TABLE seat_changes")
    connection.close()
    server.start()

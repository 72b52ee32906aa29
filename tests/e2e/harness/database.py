"""Databases on a real PostgreSQL, which tests/peers/postgres.py starts and names in TRO_TEST_POSTGRES: each server gets one of its own."""

import concurrent.futures
import contextlib
import os
import subprocess
import uuid

from harness.waiting import eventually

DSN = os.environ.get("TRO_TEST_POSTGRES")


class Database:
    """A new, empty one. `dsn` is the server's: "host=… port=… user=… dbname=…"."""

    def __init__(self, dsn: str):
        self.server = dict(word.split("=", 1) for word in dsn.split())
        self.name = f"tro_{uuid.uuid4().hex}"
        self._psql(f"CREATE DATABASE {self.name}", self.server["dbname"])

    @property
    def uri(self) -> str:
        """What CRDB_DSN takes."""
        return self.uri_at(self.server["port"])

    def uri_at(self, port: int | str) -> str:
        """The same database through another door, such as a proxy."""
        return f"postgresql://{self.server['user']}@{self.server['host']}:{port}/{self.name}"

    def query(self, sql: str) -> list[list[str]]:
        """The rows, each column as text."""
        return [line.split("\t") for line in self._psql(sql, self.name).splitlines()]

    def query_server(self, sql: str) -> None:
        """For what is not done from within the database."""
        self._psql(sql, self.server["dbname"])

    @contextlib.contextmanager
    def locked(self, table: str, mode: str):
        """Others wait for the table as long as this lasts, at most 50 seconds."""
        granted = f"SELECT count(*) FROM pg_locks WHERE relation = '{table}'::regclass AND mode = '{mode.title().replace(' ', '')}Lock' AND granted"
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            locking = pool.submit(self.query, f"BEGIN; LOCK TABLE {table} IN {mode} MODE; SELECT pg_sleep(50); COMMIT")
            try:
                eventually(lambda: self.query(granted) != [["0"]], within=10)
                yield
            finally:
                self.query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'")
                assert "canceling statement" in str(locking.exception())

    def await_waiting(self, table: str) -> None:
        waiting = f"SELECT count(*) FROM pg_locks WHERE relation = '{table}'::regclass AND NOT granted"
        eventually(lambda: self.query(waiting) != [["0"]], within=10)

    def drop(self) -> None:
        self._psql(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)", self.server["dbname"])

    def _psql(self, sql: str, name: str) -> str:
        server = ["-h", self.server["host"], "-p", self.server["port"], "-U", self.server["user"]]
        command = ["psql", "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", *server, "-d", name, "-c", sql]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{sql}: {done.stderr}"
        return done.stdout

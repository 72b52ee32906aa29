import dataclasses
import os
import pathlib
import subprocess

import pytest

from peers import postgres

PROGRAM = pathlib.Path(os.environ.get("TRO_BIN_DIR", "build/bin")).resolve().parent / "tests" / "sql_statements"


@dataclasses.dataclass(frozen=True)
class Statement:
    """A text that the adapter sends. `user` is the port, or "migrations"."""

    is_prepared: bool
    user: str
    sql: str


class Server:
    """A PostgreSQL with databases for the asking."""

    def __init__(self, running):
        self.running = running

    def database(self, name):
        self.psql("postgres", f"CREATE DATABASE {name}")
        return f"{self.running.dsn} dbname={name}"

    def psql(self, name, sql):
        """What psql prints, bare."""
        done = subprocess.run([postgres.programs() / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", f"{self.running.dsn} dbname={name}"], input=sql,
                              capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def server():
    with postgres.server() as running:
        yield Server(running)


def sent_to(dsn, *words):
    """Everything the adapter sends to an empty database."""
    done = subprocess.run([PROGRAM, dsn, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    statements = []
    for text in done.stdout.split("\0")[:-1]:
        first, sql = text.split("\n", 1)
        how, user = first.split()
        statements.append(Statement(how == "prepared", user, sql))
    return statements


@pytest.fixture(scope="session")
def cockroach_statements(server):
    """What CockroachDB would be sent."""
    return sent_to(server.database("for_cockroach"), "cockroach")


@pytest.fixture(scope="session")
def postgres_statements(server):
    """What PostgreSQL is sent; the database `tro` has the tables then."""
    return sent_to(server.database("tro"))

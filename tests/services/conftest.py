"""The servers that the services stand on, for the whole run; a database, processes and a queue for each test."""

import pytest
from harness.database import Database
from harness.messages import Listener
from harness.services import Services
from peers import postgres, rabbitmq


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL that forgets when the machine does: for all that does not pull its plug."""
    with postgres.server() as running:
        yield running


@pytest.fixture(scope="session")
def broker():
    with rabbitmq.server() as running:
        yield running


@pytest.fixture
def database(server):
    database = Database(server.dsn)
    yield database
    database.drop()


@pytest.fixture
def services(tmp_path, database, broker):
    """On a database that was migrated. In the end every process that runs stops cleanly, and `tro verify` finds nothing."""
    services = Services(tmp_path, database, broker.url)
    services.migrate()
    try:
        yield services
        services.stop()
        services.verify()
    finally:
        services.kill()


@pytest.fixture
def listener(broker):
    listener = Listener(broker.url)
    yield listener
    listener.close()

"""The fixtures that the suites share; their conftest.py files import them."""

import pytest

from harness import wire
from harness.server import Server
from harness.wire import Connection


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Server:
    """The server of all tests that need nothing special of it: one for each worker."""
    shared = Server(tmp_path_factory.mktemp("shared")).start()
    yield shared
    shared.stop()
    shared.verify()


@pytest.fixture
def start_server(tmp_path):
    """Starts servers with options of their own. When the test is over each must stop cleanly, and `tro verify` find nothing."""
    started = []

    def start(**options) -> Server:
        server = Server(tmp_path / f"server{len(started)}", **options)
        started.append(server)
        return server.start()

    yield start
    failures = []
    for server in started:
        try:
            server.stop()
            server.verify()
        except AssertionError as failure:
            failures.append(failure)
        finally:
            server.discard()
    if failures:
        raise failures[0]


@pytest.fixture
def api(server):
    """Ada, on the shared server."""
    return server.api("ada")


@pytest.fixture
def event(api):
    """An event of this test alone: A-1-1 to A-5-20, 25.00 EUR each."""
    return api.create_event()


@pytest.fixture
def connect(server):
    """Opens connections to the shared server, which must still be there afterwards."""
    opened = []

    def open_connection(**options) -> Connection:
        opened.append(Connection(server.port, **options))
        return opened[-1]

    yield open_connection
    for connection in opened:
        connection.close()
    assert wire.exchange(server.port, "GET", "/v1/healthz").status == 200, "the server is gone"

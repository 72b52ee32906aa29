from harness.fixtures import api, connect, event, server, start_server  # noqa: F401

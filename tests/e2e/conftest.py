from harness.fixtures import api, event, server, start_server  # noqa: F401

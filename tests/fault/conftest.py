from harness.fixtures import start_server  # noqa: F401

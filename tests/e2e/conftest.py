import itertools

from harness.fixtures import api, connect, event, server, start_server  # noqa: F401


def pytest_collection_modifyitems(items):
    """What waits longest begins first, each beside one that does not wait: no worker has two of them, and none is left for the end."""

    def seconds(item) -> float:
        return max((marker.args[0] for marker in item.iter_markers("waits")), default=0)

    waiting = sorted((item for item in items if seconds(item) > 0), key=seconds, reverse=True)
    quick = [item for item in items if seconds(item) == 0]
    pairs = itertools.zip_longest(waiting, quick[: len(waiting)])
    items[:] = [item for pair in pairs for item in pair if item is not None] + quick[len(waiting) :]

"""Waits for what a test expects, and tells whether a promised time was kept."""

import time

from harness import machine, paths

PATIENCE = 60.0  # for what comes sooner, unless the machine does other things
# Sanitized binaries are several times slower; a bound on latency is stretched for them.
SLACK = 5.0 if paths.TRO.exists() and paths.is_sanitized() else 1.0


def eventually(condition, within: float, every: float = 0.02):
    """The first true value of `condition()`; fails when none comes. `within` is how long it may take on a machine that is slow, and no promise:
    one that is busy with other things has more time."""
    limit = max(within * SLACK, PATIENCE)
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {limit} s"
        time.sleep(every)


def promptly(condition, within: float, every: float = 0.02):
    """The first true value of `condition()`, where the time until it comes is promised."""
    began = time.monotonic()
    value = eventually(condition, within, every)
    took = time.monotonic() - began
    assert machine.is_in_time(took, within * SLACK), f"{took:.2f} s, which should be {within * SLACK} s"
    return value

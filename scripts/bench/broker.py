"""A throw-away RabbitMQ with one queue that takes every event and keeps the last few."""

import contextlib
import pathlib
import signal
import subprocess
import sys
import tempfile

from programs import BIN, ROOT, SECRETS, STOP_SECONDS_MAX

sys.path.append(str(ROOT / "tests" / "peers"))
import rabbitmq  # noqa: E402

QUEUE = "bench"


def make_queue(server):
    """`tro consume` makes the queue, which stays."""
    server.control("set_policy", "short", f"^{QUEUE}$", '{"max-length":1000}', "--apply-to", "queues")
    consumer = subprocess.Popen([BIN / "tro", "consume", "--queue", QUEUE], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env={**SECRETS, "RABBIT_URL": server.url})
    try:
        while QUEUE not in server.control("list_queues", "name"):
            if consumer.poll() is not None:
                raise SystemExit(f"tro consume: exit code {consumer.returncode}")
    finally:
        consumer.send_signal(signal.SIGTERM)
        consumer.wait(STOP_SECONDS_MAX)


@contextlib.contextmanager
def broker():
    """The URL of a broker that lives as long as the context."""
    with rabbitmq.server() as server:
        make_queue(server)
        yield server.url

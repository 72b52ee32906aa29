"""Runs a command with a throw-away Redis and a cluster of three: `redis.py command…`. Its exit code is the command's.

All listen on free ports of the loopback address, keep nothing on disk, and end with the command. The command finds them in TRO_TEST_REDIS
("127.0.0.1:port") and TRO_TEST_REDIS_CLUSTER (three of those with commas between). Valkey's server serves where Redis is not installed.
"""

import contextlib
import ctypes
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

START_SECONDS_MAX = 20
STOP_SECONDS_MAX = 20
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
SLOTS = 16384


def program(kind="server"):
    for name in ("redis", "valkey"):
        found = shutil.which(f"{name}-{kind}")
        if found:
            return found
    sys.exit("redis.py: neither Redis nor Valkey is installed (scripts/install-deps.sh test)")


def free_port():
    """A port that is free, and so is the one 10,000 above it, where nodes of a cluster talk to each other. No other peer or program of the tests
    looks for its own there, and the system gives none of them to whoever connects."""
    while True:
        port = random.randrange(8200, 9200)
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            for number in (port, port + 10000):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", number))
            return port


class Redis:
    """A server in a folder of its own. Each method returns when it is done."""

    def __init__(self, folder, *settings):
        self.folder, self.port, self.process, self.settings = pathlib.Path(folder), free_port(), None, settings
        self.password = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        assert self.process is None
        words = [program(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self.folder),
                 "--daemonize", "no", *self.settings]
        with open(self.folder / f"redis-{self.port}.log", "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        deadline = time.monotonic() + START_SECONDS_MAX
        while "PONG" not in self.command("PING") and "NOAUTH" not in self.command("PING"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / f"redis-{self.port}.log").read_text(errors="replace"))
            time.sleep(0.02)
        return self

    def command(self, *words):
        """What redis-cli prints."""
        password = ["-a", self.password, "--no-auth-warning"] if self.password else []
        return subprocess.run([program("cli"), "-p", str(self.port), *password, *[str(word) for word in words]], capture_output=True, text=True,
                              timeout=30).stdout.strip()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_SECONDS_MAX)
            self.process = None


class Cluster:
    """Three nodes without replicas; a node that is lost takes its slots with it and leaves the others serving."""

    def __init__(self, folder):
        self.nodes = []
        for index in range(3):
            (pathlib.Path(folder) / str(index)).mkdir()
            self.nodes.append(Redis(pathlib.Path(folder) / str(index), "--cluster-enabled", "yes", "--cluster-require-full-coverage", "no",
                                    "--cluster-node-timeout", "2000"))

    @property
    def address(self):
        return ",".join(node.address for node in self.nodes)

    def start(self):
        for node in self.nodes:
            node.start()
        share = (SLOTS + 2) // 3
        for index, node in enumerate(self.nodes):
            node.command("CLUSTER", "ADDSLOTSRANGE", index * share, min((index + 1) * share, SLOTS) - 1)
            node.command("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
        for node in self.nodes[1:]:
            node.command("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        deadline = time.monotonic() + START_SECONDS_MAX
        while any(f"cluster_slots_assigned:{SLOTS}" not in node.command("CLUSTER", "INFO") for node in self.nodes):
            if time.monotonic() > deadline:
                raise RuntimeError(self.nodes[0].command("CLUSTER", "NODES"))
            time.sleep(0.05)
        return self

    def kill(self):
        for node in self.nodes:
            node.kill()


@contextlib.contextmanager
def server(kind=Redis, *settings):
    """A running Redis, or Cluster, that lives as long as the context."""
    folder = tempfile.mkdtemp(prefix="tro-redis-")
    redis = kind(folder, *settings)
    try:
        yield redis.start()
    finally:
        redis.kill()
        shutil.rmtree(folder)


def main():
    with server() as redis, server(Cluster) as cluster:
        environment = {**os.environ, "TRO_TEST_REDIS": redis.address, "TRO_TEST_REDIS_CLUSTER": cluster.address}
        return subprocess.run(sys.argv[1:], env=environment).returncode


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())

"""Runs a command with a throw-away MongoDB-compatible server: `mongodb.py command…`. Its exit code is the command's.

It is FerretDB on SQLite files, built once from its public module. It listens on a free port of the loopback address and ends with the command,
which finds its URI in TRO_TEST_MONGO.
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from peers import go_program  # noqa: E402

STOP_SECONDS_MAX = 20
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def free_port():
    """A port that is free and stays so while the server is down: no other peer or program of the tests looks for its own there, and the system
    gives none of them to whoever connects."""
    while True:
        port = random.randrange(9300, 10200)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


class Mongo:
    """A server in a folder of its own, whose data outlive it. Each method returns when it is done."""

    def __init__(self, folder):
        self.folder, self.port, self.process = pathlib.Path(folder), free_port(), None
        self.program = go_program.build("ferretdb", tags="ferretdb_no_postgresql")

    @property
    def uri(self):
        return f"mongodb://127.0.0.1:{self.port}/tro"

    def start(self):
        assert self.process is None
        log = self.folder / "log"
        with open(log, "ab") as output:
            self.process = subprocess.Popen([self.program, "-addr", f"127.0.0.1:{self.port}", "-dir", self.folder], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=output, text=True,
                                            preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        if not self.process.stdout.readline().startswith("READY"):
            raise RuntimeError(log.read_text(errors="replace"))
        return self

    def pause(self):
        """It keeps its connections and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_SECONDS_MAX)
            self.process.stdout.close()
            self.process = None


@contextlib.contextmanager
def server():
    """A running Mongo that lives as long as the context."""
    folder = tempfile.mkdtemp(prefix="tro-mongo-")  # short: it holds the path of a socket
    mongo = Mongo(folder)
    try:
        yield mongo.start()
    finally:
        mongo.kill()
        shutil.rmtree(folder)


def main():
    with server() as mongo:
        return subprocess.run(sys.argv[1:], env={**os.environ, "TRO_TEST_MONGO": mongo.uri}).returncode


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())

"""Runs a command with a throw-away PostgreSQL: `postgres.py [--durable] command…`. Its exit code is the command's.

The server listens on a free port of the loopback address, has its data in a temporary folder, and ends with the command. The command
finds its DSN, "host=… port=… user=… dbname=…", in TRO_TEST_POSTGRES. Without --durable the server never syncs: for tests of what it
does, not of what it keeps.
"""

import contextlib
import ctypes
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 60
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def programs():
    """The folder of initdb and postgres, which Debian does not put on the path."""
    found = shutil.which("postgres")
    folders = [pathlib.Path(found).resolve().parent] if found else []
    folders += sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    if not folders:
        sys.exit("postgres.py: PostgreSQL is not installed (scripts/install-deps.sh test)")
    return folders[0]


def free_port():
    """A port that is free and stays so while the server is down: below those that the system gives to clients."""
    while True:
        port = random.randrange(10000, 12000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Postgres:
    """A server in a folder of its own. Each method returns when it is done."""

    def __init__(self, folder, is_durable=False):
        account = pwd.getpwnam("postgres") if os.getuid() == 0 else None  # it refuses to run as root
        self.identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)
        self.folder, self.port, self.process = folder, free_port(), None
        self.settings = ["listen_addresses=127.0.0.1", f"fsync={'on' if is_durable else 'off'}", "max_connections=200"]
        subprocess.run([programs() / "initdb", "-D", folder / "data", "-U", "tro", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
                       cwd="/", check=True, stdout=subprocess.DEVNULL, **self.identity)

    @property
    def dsn(self):
        return f"host=127.0.0.1 port={self.port} user=tro dbname=postgres"

    def start(self):
        assert self.process is None
        settings = [word for setting in self.settings for word in ("-c", setting)]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [programs() / "postgres", "-D", self.folder / "data", "-k", self.folder, "-p", str(self.port), *settings],
                cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self.end_with_parent, **self.identity)
        deadline = time.monotonic() + START_SECONDS_MAX
        while subprocess.run([programs() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start:\n{self.log()}")
            time.sleep(0.05)

    @staticmethod
    def end_with_parent():
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def end(self, number):
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(STOP_SECONDS_MAX)
            self.process = None

    def stop(self):
        """The fast way: sessions are ended, transactions rolled back, and all is written."""
        self.end(signal.SIGINT)

    def crash(self):
        """The immediate way: everything is dropped, and the next start recovers from the log."""
        self.end(signal.SIGQUIT)

    def processes(self):
        return [self.process.pid, *map(int, pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split())]

    @contextlib.contextmanager
    def hung(self):
        """Every process of it stands still, as on a machine that hangs: the kernel takes its messages, and nothing answers."""
        os.kill(self.process.pid, signal.SIGSTOP)  # from now on it makes no more of them
        stopped = self.processes()
        try:
            for pid in stopped[1:]:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def restart(self):
        self.stop()
        self.start()


@contextlib.contextmanager
def server(is_durable=False):
    """A running Postgres that lives as long as the context."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tro-postgres-"))
    postgres = None
    try:
        postgres = Postgres(folder, is_durable)
        postgres.start()
        yield postgres
    finally:
        if postgres:
            postgres.crash()
        shutil.rmtree(folder)


def main():
    words = sys.argv[1:]
    is_durable = words[:1] == ["--durable"]
    with server(is_durable) as postgres:
        return subprocess.run(words[is_durable:], env={**os.environ, "TRO_TEST_POSTGRES": postgres.dsn}).returncode


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())

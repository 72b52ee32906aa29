"""Runs a command with a throw-away PostgreSQL: `postgres.py [--durable] command…`. Its exit code is the command's.

The server listens on a free port of the loopback address, has its data in a temporary folder, and ends with the command. The command
finds its DSN, "host=… port=… user=… dbname=…", in TRO_TEST_POSTGRES. Without --durable the server never syncs: for tests of what it
does, not of what it keeps.
"""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

START_SECONDS_MAX = 30


def programs():
    """The folder of initdb and postgres, which Debian does not put on the path."""
    found = shutil.which("postgres")
    folders = [pathlib.Path(found).resolve().parent] if found else []
    folders += sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    if not folders:
        sys.exit("postgres.py: PostgreSQL is not installed (scripts/install-deps.sh test)")
    return folders[0]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def server(is_durable=False):
    """The DSN of a server that lives as long as the context."""
    account = pwd.getpwnam("postgres") if os.getuid() == 0 else None  # it refuses to run as root
    identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tro-postgres-"))
    process = None
    try:
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)
        data, port = folder / "data", free_port()
        subprocess.run([programs() / "initdb", "-D", data, "-U", "tro", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
                       cwd="/", check=True, stdout=subprocess.DEVNULL, **identity)
        sync = "on" if is_durable else "off"
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                [programs() / "postgres", "-D", data, "-k", folder, "-p", str(port), "-c", "listen_addresses=127.0.0.1",
                 "-c", f"fsync={sync}", "-c", "max_connections=200"],
                cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, **identity)
        wait_until_ready(process, port, folder / "log")
        yield f"host=127.0.0.1 port={port} user=tro dbname=postgres"
    finally:
        if process:
            process.send_signal(signal.SIGINT)  # at once, with everybody's sessions
            process.wait()
        shutil.rmtree(folder)


def wait_until_ready(process, port, log):
    deadline = time.monotonic() + START_SECONDS_MAX
    while subprocess.run([programs() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"postgres.py: the server does not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.05)


def main():
    words = sys.argv[1:]
    is_durable = words[:1] == ["--durable"]
    with server(is_durable) as dsn:
        return subprocess.run(words[is_durable:], env={**os.environ, "TRO_TEST_POSTGRES": dsn}).returncode


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())

"""A throw-away PostgreSQL that keeps what it confirms, and pgbench against it."""

import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import programs
from programs import BIN, ROOT, SECONDS, processor_seconds, say

sys.path.append(str(ROOT / "tests" / "peers"))
import postgres  # noqa: E402

SCRIPTS = ROOT / "tests" / "bench"
# A commit is on the disk before it is answered (fsync and synchronous_commit are on). Memory and log as a server of this purpose has them:
# the defaults are for a machine with almost none. A server that has run for a while has segments of its log to use again; min_wal_size is how many
# it keeps: each that it has to make and fill with zeros stops all commits for ten to thirty milliseconds.
SETTINGS = ("synchronous_commit=on", "shared_buffers=512MB", "max_wal_size=4GB", "min_wal_size=4GB", "checkpoint_timeout=15min")
PLAIN_CLIENTS = (8, 16, 32, 64)
BATCH_CLIENTS = (1, 2)
BATCH = 64
EVENTS = 1000  # of 1,000 seats, for pgbench
TRIES_MAX = 1000
WAL_SEGMENT_NAME = 24  # characters
# The planner may not scan tables that were empty when a statement was prepared; the adapter's sessions say the same.
OPTIONS = " ".join(f"-c enable_{way}=off" for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"))


class Database:
    def __init__(self, server):
        self.server = server
        self.dsn = server.dsn
        self.next_id = 0
        self.session = None  # one psql for all samples: a new one for each would disturb what is measured

    def dsn_at(self, port):
        """Its address behind a proxy at that port."""
        return self.dsn.replace(f"port={self.server.port}", f"port={port}")

    def psql(self, *words):
        command = [postgres.programs() / "psql", self.dsn, "-v", "ON_ERROR_STOP=1", "-qAt", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def prepare(self):
        """The schema of the program, and seats for pgbench."""
        environment = {**programs.SECRETS, "CRDB_DSN": self.dsn, "DATA_DIR": str(self.server.folder)}
        subprocess.run([BIN / "tro", "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
        self.psql("-v", f"events={EVENTS}", "-f", SCRIPTS / "pgbench_prepare.sql")
        self.psql("-c", "VACUUM ANALYZE seats")

    def pgbench(self, script, clients, seconds=SECONDS):
        """Transactions a second, and the share of those that were tried again."""
        first, self.next_id = self.next_id, self.next_id + BATCH * 10**8
        command = [
            postgres.programs() / "pgbench", "-n", "-M", "prepared", "-f", SCRIPTS / script, "-c", str(clients), "-j", str(min(clients, 2)),
            "-T", str(seconds), f"--max-tries={TRIES_MAX}", "-D", f"n={first}", "-D", f"events={EVENTS}", "-h", "127.0.0.1", "-p",
            str(self.server.port), "-U", "tro", "postgres"]
        output = subprocess.run(command, env={"PGOPTIONS": OPTIONS}, check=True, capture_output=True, text=True).stdout
        retried = re.search(r"transactions retried: \d+ \(([\d.]+)%\)", output)
        return {"per_second": float(re.search(r"^tps = ([\d.]+)", output, re.M).group(1)), "retried": float(retried.group(1)) / 100}

    def plain(self, clients):
        """Holds a second, one in each transaction of five statements."""
        result = self.pgbench("pgbench_plain.sql", clients)
        say(f"  pgbench, plain, {clients} clients: {result['per_second']:,.0f} holds/s, {result['retried']:.1%} tried again")
        return result["per_second"]

    def batches(self, clients):
        """Holds a second, written in batches."""
        result = self.pgbench("pgbench_batch.sql", clients)
        say(f"  pgbench, batches of {BATCH}, {clients} sessions: {result['per_second'] * BATCH:,.0f} holds/s")
        return result["per_second"] * BATCH

    def processor_seconds(self):
        parent = self.server.process.pid
        children = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return processor_seconds(parent, *children)

    def ask(self, sql):
        """One number."""
        if self.session is None:
            self.session = subprocess.Popen([postgres.programs() / "psql", self.dsn, "-qAt"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.session.stdin.write(f"{sql};\n")
        self.session.stdin.flush()
        return int(self.session.stdout.readline())

    def wal_position(self):
        return self.ask("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")

    def transactions(self):
        return self.ask("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()")

    def checkpoint(self):
        """What was written so far is in the tables' files, and its segments of the log are there to be used again."""
        self.psql("-c", "CHECKPOINT")

    def checkpoints(self):
        if self.ask("SHOW server_version_num") >= 170000:
            return self.ask("SELECT num_timed + num_requested FROM pg_stat_checkpointer")
        return self.ask("SELECT checkpoints_timed + checkpoints_req FROM pg_stat_bgwriter")

    def wal_segments(self):
        """The segments of the log that there are, by file: one that is used again has a new name and is the same file."""
        folder = self.server.folder / "data" / "pg_wal"
        return {entry.inode() for entry in os.scandir(folder) if len(entry.name) == WAL_SEGMENT_NAME}

    def wal_by_type(self, begin, end):
        """{record type: (records, bytes)} of the log between two positions; empty when that part of it is gone."""
        command = [postgres.programs() / "pg_waldump", "--stats=record", "-p", self.server.folder / "data" / "pg_wal",
                   "-s", lsn(begin), "-e", lsn(end)]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **self.server.identity)
        return wal_stats(done.stdout) if done.returncode == 0 else {}

    def close(self):
        if self.session is not None:
            self.session.stdin.close()
            self.session.stdout.close()
            self.session.wait()


def lsn(position):
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def wal_stats(text):
    """pg_waldump's table: a type, then count, record size, full page images and all together, each with its share in brackets."""
    rows = re.findall(r"^(\S+) +(\d+) +\([^)]*\) +\d+ +\([^)]*\) +\d+ +\([^)]*\) +(\d+) +\([^)]*\)$", text, re.M)
    return {name: (int(count), int(size)) for name, count, size in rows if int(count) > 0}


@contextlib.contextmanager
def database():
    with tempfile.TemporaryDirectory(prefix="tro-bench-", dir="/var/tmp") as folder:  # a disk; /tmp may be memory
        server = postgres.Postgres(pathlib.Path(folder), is_durable=True)
        server.settings += SETTINGS
        server.start()
        running = Database(server)
        try:
            running.prepare()
            yield running
        finally:
            running.close()
            server.crash()

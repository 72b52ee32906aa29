"""The three services as separate processes, any number of each, over one database and one broker."""

import pathlib
import subprocess

from harness import credentials
from harness.database import Database
from harness.server import Server, run_tro

API, WORKER, PUBLISHER = "tro-api", "tro-expiry-worker", "tro-outbox-publisher"


class Services:
    """`options` are environment variables of every process; those of add() come on top."""

    def __init__(self, folder: pathlib.Path, database: Database, rabbit_url: str, **options: str | None):
        self.folder, self.database = folder, database
        self.options = {
            "CRDB_DSN": database.uri,
            "RABBIT_URL": rabbit_url,
            "JWT_SECRET": credentials.JWT_SECRET,
            "PAYMENT_SECRET": credentials.PAYMENT_SECRET,
            "LOG_LEVEL": "warn",
            **options,
        }
        self.processes: list[Server] = []

    def add(self, program: str, **options: str | None) -> Server:
        """One that is not started yet."""
        number = sum(process.program == program for process in self.processes)
        added = Server(self.folder / f"{program}-{number}", program=program, operators=True, **{**self.options, **options})
        self.processes.append(added)
        return added

    def api(self, **options: str | None) -> Server:
        return self.add(API, **options).start()

    def worker(self, **options: str | None) -> Server:
        return self.add(WORKER, **options).start()

    def publisher(self, **options: str | None) -> Server:
        return self.add(PUBLISHER, **options).start()

    def tro(self, *arguments: str, timeout: float = 60.0, **options: str | None) -> subprocess.CompletedProcess:
        """Runs `tro` on the same database and broker."""
        return run_tro(*arguments, timeout=timeout, **{"DATA_DIR": str(self.folder / "data"), **self.options, **options})

    def migrate(self) -> None:
        done = self.tro("migrate", CRDB_DSN=self.database.uri)
        assert done.returncode == 0, f"tro migrate: {done.returncode}\n{done.stdout}\n{done.stderr}"

    def verify(self) -> None:
        done = self.tro("verify", timeout=300.0, CRDB_DSN=self.database.uri)
        assert done.returncode == 0, f"tro verify: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"

    def stop(self) -> None:
        """Everything that runs is told to end, all at once, and ends cleanly."""
        running = [process for process in self.processes if process.process is not None]
        for process in running:
            assert process.process.poll() is None, f"{process.program} had ended: {process.process.returncode}\n{process.stderr[-4000:]}"
            process.terminate()
        for process in running:
            process.wait_for_clean_exit()

    def kill(self) -> None:
        for process in self.processes:
            process.kill()

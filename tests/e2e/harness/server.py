"""Real servers on throw-away folders: started, waited for, stopped or killed, and their logs held to the promise of JSON lines.

Only processes started here are ever signalled, by their own handle; the kernel ends them when the test process dies."""

import contextlib
import ctypes
import datetime
import fcntl
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import tempfile
import time

from harness import credentials, database, machine, paths, prometheus, wire
from harness.api import Api
from harness.database import Database
from harness.waiting import PATIENCE, SLACK, eventually

START_TIMEOUT = 60.0
STOP_TIMEOUT = 10.0

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_INHERITED = re.compile(r"PATH|LANG|TMPDIR|LLVM_PROFILE_FILE|\w+SAN_OPTIONS")


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


# Byte PORT of the file is locked by the process that was given the port, until it ends: suites run beside each other, and a port that nobody listens on
# yet looks free to all of them.
_TAKEN_PORTS = os.open(pathlib.Path(tempfile.gettempdir()) / f"tro-test-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600)
_own_ports: set[int] = set()


def free_port() -> int:
    """A port that nobody listens on or was given before, below those that the kernel gives to clients."""
    for _ in range(1000):
        port = random.randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            fcntl.lockf(_TAKEN_PORTS, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            if port not in _own_ports:
                _own_ports.add(port)
                return port
    raise AssertionError("no free port")


def environment(options: dict[str, str | None]) -> dict[str, str]:
    """The variables of the caller's environment that a program needs to run, and these options. None leaves one out."""
    inherited = {name: value for name, value in os.environ.items() if _INHERITED.fullmatch(name)}
    # A process that was killed leaves counters of the MongoDB library under its number, of which the next one of that number complains.
    return inherited | {"MONGOC_DISABLE_SHM": "1"} | {name: value for name, value in options.items() if value is not None}


def run_tro(*arguments: str, program: str = "tro", timeout: float = 60.0, **options: str | None) -> subprocess.CompletedProcess:
    """Runs a program to its end; `options` are its whole configuration."""
    return subprocess.run(
        [paths.BIN_DIR / program, *map(str, arguments)],
        env=environment(options),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        preexec_fn=_die_with_parent,
    )


def spawn(folder: pathlib.Path, name: str, *arguments: str, program: str = "tro", **options: str | None) -> subprocess.Popen:
    """Starts a program that is no server; its output is in NAME.out and NAME.err of the folder."""
    with open(folder / f"{name}.out", "wb") as stdout, open(folder / f"{name}.err", "wb") as stderr:
        return subprocess.Popen(
            [paths.BIN_DIR / program, *map(str, arguments)],
            env=environment(options),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=folder,
            preexec_fn=_die_with_parent,
        )


class Server:
    """A program that serves HTTP, in its own folder and on its own port: `tro serve`, or one of the three services. `options` are
    environment variables; rate limits are off unless they say otherwise. `operators` gives it an ADMIN_ADDR. With TRO_TEST_POSTGRES `tro serve` has a database of its own."""

    def __init__(
        self,
        folder: pathlib.Path,
        *,
        program: str = "tro",
        wrapper: list[str] = (),
        flags: list[str] = (),
        operators: bool = False,
        **options: str | None,
    ):
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.admin_port = free_port() if operators else self.port
        self.options = {
            "DATA_DIR": str(folder / "data"),
            "LISTEN_ADDR": f"127.0.0.1:{self.port}",
            "ADMIN_ADDR": f"127.0.0.1:{self.admin_port}" if operators else None,
            "JWT_SECRET": credentials.JWT_SECRET,
            "PAYMENT_SECRET": credentials.PAYMENT_SECRET,
            "RATE_LIMIT_USER": "off",
            "RATE_LIMIT_IP": "off",
            **options,
        }
        self.program = program
        self.command = [*wrapper, str(paths.BIN_DIR / program), *(["serve"] if program == "tro" else []), *flags]
        self.process: subprocess.Popen | None = None
        self.was_killed = False
        self.database: Database | None = None
        if database.DSN is not None and program == "tro":
            self.database = Database(database.DSN)
            self.options["CRDB_DSN"] = self.database.uri
            done = self.tro("migrate")
            assert done.returncode == 0, f"tro migrate: {done.returncode}\n{done.stdout}\n{done.stderr}"

    @property
    def data_dir(self) -> pathlib.Path:
        return pathlib.Path(self.options["DATA_DIR"])

    @property
    def stdout(self) -> str:
        return (self.folder / "stdout").read_text()

    @property
    def stderr(self) -> str:
        return (self.folder / "stderr").read_text(errors="replace")

    def spawn(self) -> "Server":
        """Starts the process and does not wait for it."""
        assert paths.TRO.exists(), f"{paths.TRO} does not exist: build first, or say where it is with TRO_BIN_DIR"
        with open(self.folder / "stdout", "ab") as stdout, open(self.folder / "stderr", "ab") as stderr:
            self.process = subprocess.Popen(
                self.command,
                env=environment(self.options),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                cwd=self.folder,
                preexec_fn=_die_with_parent,
            )
        return self

    def start(self) -> "Server":
        self.spawn()
        deadline = time.monotonic() + START_TIMEOUT
        try:
            while not self.is_ready():
                assert self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.stderr[-4000:]}"
                assert time.monotonic() < deadline, f"not ready after {START_TIMEOUT} s:\n{self.stderr[-4000:]}"
                time.sleep(0.005)
        except BaseException:
            self.kill()
            raise
        return self

    def is_ready(self) -> bool:
        try:
            return wire.exchange(self.port, "GET", "/v1/readyz", timeout=5.0).status == 200
        except (OSError, wire.Closed):
            return False

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """SIGTERM, and everything that a clean end promises."""
        if self.process is None:
            return
        assert self.process.poll() is None, f"the server had ended with {self.process.returncode}:\n{self.stderr[-4000:]}"
        self.terminate()
        self.wait_for_clean_exit()

    def wait_for_clean_exit(self) -> None:
        began = time.monotonic()
        try:
            code = self.process.wait(max(PATIENCE, STOP_TIMEOUT * SLACK))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still there {time.monotonic() - began:.0f} s after SIGTERM:\n{self.stderr[-4000:]}") from None
        took = time.monotonic() - began
        self.process = None
        assert machine.is_in_time(took, STOP_TIMEOUT * SLACK), f"ended {took:.1f} s after SIGTERM:\n{self.stderr[-4000:]}"
        assert code == 0, f"exit code {code} after SIGTERM:\n{self.stderr[-4000:]}"
        self.log()

    def signal(self, number: int) -> None:
        """Returns when the process has taken it: one that comes before that would be the same."""
        self.process.send_signal(number)
        status = pathlib.Path(f"/proc/{self.process.pid}/status")
        eventually(lambda: self.process.poll() is not None or not int(re.search(r"ShdPnd:\s+(\w+)", status.read_text())[1], 16) >> number - 1 & 1, within=10)

    def pause(self) -> None:
        """The process stands still, as on a machine that hangs."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.was_killed = True

    def discard(self) -> None:
        """Nobody asks for it again: nothing of it stays but its log and its folder."""
        self.kill()
        if self.database is not None:
            self.database.drop()

    def restart(self) -> "Server":
        self.stop()
        return self.start()

    def ready(self) -> dict:
        """What it says of each thing that it depends on: {"status": …, NAME: {"state": …, "detail": …}}."""
        body = wire.exchange(self.admin_port, "GET", "/v1/readyz?verbose").json()
        return {"status": body["status"]} | {dependency["name"]: dependency for dependency in body["dependencies"]}

    def metrics(self) -> dict[str, prometheus.Family]:
        response = wire.exchange(self.admin_port, "GET", "/metrics")
        assert response.status == 200, response
        return prometheus.parse(response.body.decode())

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics()[name].total(**labels)

    def log(self) -> list[dict]:
        """Every line of stderr, each held to JSON with time, level and message. What a kill cut off does not count."""
        text = self.stderr
        assert text == "" or text.endswith("\n") or self.was_killed, f"the last line is cut off: {text[-300:]!r}"
        entries = []
        for line in text.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                assert self.was_killed and line.startswith("{"), f"not JSON on stderr: {line[:2000]!r}\n{text[-4000:]}"
                continue
            assert {"time", "level", "message"} <= entry.keys(), f"a log line lacks time, level or message: {line}"
            entries.append(entry)
        return entries

    def tro(self, *arguments: str, **options: str | None) -> subprocess.CompletedProcess:
        """Runs `tro` with the server's configuration."""
        return run_tro(*arguments, **{**self.options, **options})

    def verify(self) -> None:
        """`tro verify` must find nothing."""
        done = self.tro("verify", timeout=300.0)
        assert done.returncode == 0, f"tro verify: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"

    def operators(self) -> Api:
        """Somebody without a token at the address of operators."""
        return Api(self.admin_port, None)

    def api(self, user: str | None = "ada", scope: str | None = None, **claims) -> Api:
        return Api(self.port, user, scope, **claims)


def sleep_until(rfc3339: str) -> None:
    """Waits for a time that an answer named."""
    deadline = datetime.datetime.fromisoformat(rfc3339).timestamp()
    time.sleep(max(0.0, deadline - time.time()) + 0.002)

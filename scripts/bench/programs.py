"""The programs of build/bin as processes: started, loaded, sampled, stopped."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "build" / "bench"
BIN = ROOT / "build" / "bin"
SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
START_SECONDS_MAX = 10
STOP_SECONDS_MAX = 15
SECRETS = {"JWT_SECRET": "a-secret-of-make-bench-and-nobody-else", "PAYMENT_SECRET": "a-secret-of-make-bench-and-nobody-else"}


def say(text):
    print(text, file=sys.stderr, flush=True)


def processor_seconds(*pids):
    """What these processes have used, and those that they started and that have ended."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += sum(int(field) for field in fields[11:15])
    return total / os.sysconf("SC_CLK_TCK")


def written_bytes(pid):
    """Bytes of files that the process has made the system write; sockets are not counted."""
    return int(re.search(r"^write_bytes: (\d+)$", pathlib.Path(f"/proc/{pid}/io").read_text(), re.M).group(1))


class Server:
    """What can be loaded: has a `url`, and an `environment` for the load generator, with the secrets."""

    def start_load(self, scenario, connections, *flags, seconds=SECONDS, others=()):
        """`others`: more servers on the same store."""
        urls = ",".join(server.url for server in (self, *others))
        say(f"  {scenario}, {connections} connections {' '.join(flags)}")
        command = [BIN / "tro", "bench", scenario, "--url", urls, "--json", "--quiet", "--connections", str(connections),
                   "--duration", f"{seconds}s", "--warm-up", "2s", *flags]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True)

    def load(self, scenario, connections, *flags, seconds=SECONDS, others=()):
        """The report of one run of `tro bench`, which also checks every answer."""
        return report_of(self.start_load(scenario, connections, *flags, seconds=seconds, others=others))


class Program(Server):
    """A server on a free port and a fresh folder, without rate limits, logging warnings only. `settings` go to its environment."""

    def __init__(self, *command, **settings):
        self.folder = WORK / f"{command[0]}-{time.monotonic_ns()}"
        self.folder.mkdir(parents=True)
        self.environment = {
            **os.environ, **SECRETS, "DATA_DIR": str(self.folder), "LISTEN_ADDR": "127.0.0.1:0", "RATE_LIMIT_USER": "off",
            "RATE_LIMIT_IP": "off", "LOG_LEVEL": "warn", **settings}
        with open(self.folder / "stderr", "wb") as errors:
            self.process = subprocess.Popen([BIN / command[0], *command[1:]], env=self.environment, stdout=subprocess.PIPE,
                                            stderr=errors, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise SystemExit(f"{command[0]} did not become ready:\n{(self.folder / 'stderr').read_text()}")
            time.sleep(0.05)

    def is_ready(self):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"{self.url}/v1/readyz", timeout=5).status == 200
        return False

    def metric(self, name):
        """The sum over all labels."""
        text = urllib.request.urlopen(f"{self.url}/metrics", timeout=5).read().decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.M))

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS_MAX)
        finally:
            self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def report_of(load):
    output = load.communicate()[0]
    if load.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, load.args))}: exit code {load.returncode}\n{output}")
    return json.loads(output)


def lags_behind(api, publisher, seconds):
    """The report of an API at full speed, and how old the outbox's first row was at each look at the publisher meanwhile."""
    load, lags = api.start_load("holds", 256, "--check", "none", seconds=seconds), []
    while load.poll() is None:
        time.sleep(0.5)
        lags.append(publisher.metric("tro_outbox_age_seconds"))
    return report_of(load), lags


@contextlib.contextmanager
def program(*command, **settings):
    running = Program(*command, **settings)
    try:
        yield running
    finally:
        running.stop()


class Sampler(threading.Thread):
    """Looks, again and again, at how many holds a server was asked for and at figures that only grow: processor seconds, bytes.

    figures: {name: a function that answers a number}. What happens before the load and while it is checked is not counted."""

    PERIOD_SECONDS = 0.25

    def __init__(self, server, figures):
        super().__init__(daemon=True)
        self.server, self.figures = server, figures
        self.samples = []
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.wait(self.PERIOD_SECONDS):
            self.samples.append((self.server.metric("tro_holds_total"), {name: read() for name, read in self.figures.items()}))

    def window(self):
        """The first and the last sample of the load."""
        self.is_over.set()
        self.join()
        first = next(index for index, (holds, _) in enumerate(self.samples) if holds > self.samples[0][0])
        last = min(first + int(SECONDS / self.PERIOD_SECONDS), len(self.samples) - 1)
        if last <= first:
            raise SystemExit(f"{SECONDS} s are too short to see what a hold costs: set BENCH_SECONDS")
        return self.samples[first], self.samples[last]


def cost_of(window):
    """How much of each figure a hold has used, and how many holds there were."""
    (holds, figures), (holds_later, figures_later) = window
    count = holds_later - holds
    return {name: (figures_later[name] - figures[name]) / count for name in figures}, count


DISTURBED_FROM = 1.2


def disturbance(before, after):
    """What to say when the same work went so much faster before or after: then others used the machine, and the figures between are not its own.
    Empty: it was quiet."""
    ratio = max(before, after) / min(before, after)
    if ratio < DISTURBED_FROM:
        return ""
    return f"DISTURBED: the same work went at {before:,.0f}/s before and at {after:,.0f}/s after. Others used the machine: trust costs, not rates."

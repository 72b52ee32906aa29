"""Measures what README.md's table shows, against servers of its own on loopback, with the load generator on the same machine.

BENCH_SECONDS   how long each load is measured (10)

The limit comes first and last: what one thread commits to SQLite without HTTP, in batches of 64. Machines are noisy, so the ratios to it,
from the same run, say more than the figures. The table goes to standard output, everything to build/bench/results.json.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "bench"
TRO = ROOT / "build" / "bin" / "tro"
BENCH_STORE = ROOT / "build" / "release" / "tests" / "bench_store"
SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))


def say(text):
    print(text, file=sys.stderr, flush=True)


def limits(batches=1500):
    """What one thread commits, by the case: {"commit 1000 layout": {"rate": holds a second, "cpu_us": of a hold}, …}."""
    directory = WORK / "limit"
    directory.mkdir(parents=True, exist_ok=True)
    output = subprocess.run([BENCH_STORE, f"--batches={batches}", f"--directory={directory}"], check=True, capture_output=True, text=True).stdout
    say(output.rstrip())
    shutil.rmtree(directory)
    lines = re.findall(r"^(load, commit|commit) +of +(\d+) seats in (layout|random) order: +(\d+) holds/s, CPU ([\d.]+) us", output, re.M)
    return {f"{what} {seats} {order}": {"rate": int(rate), "cpu_us": float(cpu)} for what, seats, order, rate, cpu in lines}


class Server:
    """A fresh `tro serve` on a free port, without rate limits, logging warnings only."""

    def __init__(self, name):
        self.data = WORK / name
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True)
        self.environment = {
            **os.environ, "DATA_DIR": str(self.data), "LISTEN_ADDR": "127.0.0.1:0", "RATE_LIMIT_USER": "off", "RATE_LIMIT_IP": "off",
            "LOG_LEVEL": "warn"}
        with open(self.data / "stderr", "wb") as errors:
            self.process = subprocess.Popen([TRO, "serve"], env=self.environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(f"{self.url}/v1/readyz").status == 200:
                    return
            time.sleep(0.05)
        raise SystemExit("the server did not become ready")

    def bench(self, scenario, *flags):
        """The report of one run of `tro bench`, which also checks every answer."""
        say(f"{scenario} {' '.join(flags)}")
        command = [TRO, "bench", scenario, "--url", self.url, "--json", "--quiet", *flags]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(15)
        shutil.rmtree(self.data, ignore_errors=True)


@contextlib.contextmanager
def server(name):
    running = Server(name)
    try:
        yield running
    finally:
        running.stop()


def load(running, scenario, connections, *flags):
    return running.bench(scenario, "--connections", str(connections), "--duration", f"{SECONDS}s", "--warm-up", "2s", *flags)


def rate_of(report, step):
    return report["steps"][step]["per_second"]


def measure_holds():
    results = {}
    with server("holds") as running:
        for connections in (1, 16, 64, 256):
            results[connections] = load(running, "holds", connections)
        half = int(rate_of(results[256], "hold") / 2)
        results["half"] = load(running, "holds", 256, "--rate", str(half))
    return results


def measure_idle(count=10000):
    """The memory of a fresh server that keeps this many idle connections, after it has served some requests."""
    with server("idle") as running:
        say(f"{count} idle connections")
        flags = ["--connections", "16", "--duration", f"{SECONDS}s", "--idle", str(count), "--json", "--quiet", "--url", running.url, "--rate", "100"]
        process = subprocess.Popen([TRO, "bench", "read", *flags], env=running.environment, stdout=subprocess.PIPE, text=True)
        highest = 0
        while process.poll() is None:
            highest = max(highest, running.resident_kib())
            time.sleep(0.2)
        report = json.loads(process.stdout.read())
        if process.returncode != 0 or report["idle_open"] < count:
            raise SystemExit(f"only {report['idle_open']} of {count} idle connections stayed open")
        return highest / 1024


def measure_all():
    before = limits()
    holds = measure_holds()
    with server("soldout") as running:
        soldout = load(running, "soldout", 256)
    with server("read") as running:
        read = load(running, "read", 256)
    with server("flow") as running:
        flow = load(running, "flow", 256)
    idle_mib = measure_idle()
    after = limits()
    return {"limit_before": before, "limit_after": after, "holds": holds, "soldout": soldout, "read": read, "flow": flow, "idle_mib": idle_mib}


def rows(results):
    """(what, seen, wanted) for each line of the table."""
    runs = (results["limit_before"], results["limit_after"])

    def limit(case, figure):
        return sum(run[case][figure] for run in runs) / len(runs)

    def cost(order):
        return limit(f"commit 1000000 {order}", "cpu_us") / limit("commit 1000 layout", "cpu_us")

    holds = {key: report["steps"]["hold"] for key, report in results["holds"].items()}
    full = holds[256]["per_second"]
    top = limit("commit 1000 layout", "rate")
    yield "the limit: the same rows written by one thread in batches of 64, without HTTP", f"{top:,.0f} holds/s", ""
    for connections in (16, 64, 256):
        step = holds[connections]
        yield (f"holds over HTTP, authenticated and idempotent, at {connections} connections",
               f"{step['per_second']:,.0f}/s, p50 {step['p50_ms']:.1f} ms, p99 {step['p99_ms']:.1f} ms",
               "")
    yield "the same at 256 connections, as a share of the limit", f"{full / top:.0%}", "50 %"
    yield f"p99 of a hold at half of that load ({full / 2:,.0f}/s)", f"{holds['half']['p99_ms']:.1f} ms", "10 ms"
    yield "p50 of a hold on an idle server", f"{holds[1]['p50_ms']:.2f} ms", "1.5 ms"
    yield "whole purchases: hold, order and payment", f"{results['flow']['steps']['flow']['per_second']:,.0f}/s", ""
    yield "refusals of a sold-out event", f"{results['soldout']['steps']['hold']['per_second']:,.0f}/s", "40,000/s"
    yield "`GET` of a hold", f"{results['read']['steps']['read']['per_second']:,.0f}/s", "40,000/s"
    yield "memory with 10,000 idle connections", f"{results['idle_mib']:.0f} MiB", "40 MiB"
    yield "CPU of a hold with 1,000,000 seats, compared with 1,000: neighbours", f"{cost('layout'):.1f} times", "1.2 times"
    yield "the same: seats all over the house", f"{cost('random'):.1f} times", "1.2 times"


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    results = measure_all()
    (WORK / "results.json").write_text(json.dumps(results, indent=1))
    print("| what | seen | wanted |\n| --- | --- | --- |")
    for row in rows(results):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()

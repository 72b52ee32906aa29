"""What `tro serve` does on its own, on SQLite.

The limit comes first and last: what one thread commits to SQLite without HTTP, in batches of 64."""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import time

import large_event
from programs import BIN, ROOT, WORK, Sampler, cost_of, disturbance, processor_seconds, program, report_of, say, written_bytes

BENCH_STORE = ROOT / "build" / "release" / "tests" / "bench_store"
IDLE_CONNECTIONS = 10000


def limits(batches=1500):
    """What one thread commits, by the case: {"commit 1000 layout": {"rate": holds a second, "cpu_us": of a hold}, …}."""
    folder = WORK / "limit"
    folder.mkdir(parents=True, exist_ok=True)
    output = subprocess.run([BENCH_STORE, f"--batches={batches}", f"--directory={folder}"], check=True, capture_output=True, text=True).stdout
    say(output.rstrip())
    shutil.rmtree(folder)
    lines = re.findall(r"^(load, commit|commit) +of +(\d+) seats in (layout|random) order: +(\d+) holds/s, CPU ([\d.]+) us", output, re.M)
    return {f"{what} {seats} {order}": {"rate": int(rate), "cpu_us": float(cpu)} for what, seats, order, rate, cpu in lines}


def stored_bytes(server):
    """The size of the store with what its log has and the file has not yet."""
    with contextlib.closing(sqlite3.connect(f"file:{server.folder}/tro.db?mode=ro", uri=True)) as store:
        return store.execute("PRAGMA page_count").fetchone()[0] * store.execute("PRAGMA page_size").fetchone()[0]


def sampled(server, connections, *flags):
    """The report of a load, with what a hold has cost: processor time, bytes given to the system to write, bytes by which the file has grown."""
    sampler = Sampler(server, {
        "processor": lambda: processor_seconds(server.process.pid), "written": lambda: written_bytes(server.process.pid),
        "stored": lambda: stored_bytes(server), "batches": lambda: server.metric("tro_commit_batches_total")})
    sampler.start()
    report = server.load("holds", connections, *flags)
    cost, _ = cost_of(sampler.window())
    return {**report, "cost_us": cost["processor"] * 1e6, "written_bytes": cost["written"], "stored_bytes": cost["stored"],
            "batch_holds": 1 / cost["batches"]}


def holds():
    with program("tro", "serve") as server:
        results = {connections: sampled(server, connections) for connections in (1, 16, 64, 256)}
        half = int(results[256]["steps"]["hold"]["per_second"] / 2)
        return {**results, "half": server.load("holds", 256, "--rate", str(half))}


def one(scenario):
    with program("tro", "serve") as server:
        return server.load(scenario, 256)


def idle_mib():
    """The memory of a fresh server that keeps many idle connections, while it serves some requests."""
    with program("tro", "serve", CONNECTIONS_PER_ADDRESS=str(2 * IDLE_CONNECTIONS)) as server:
        load = server.start_load("read", 16, "--idle", str(IDLE_CONNECTIONS), "--rate", "100")
        highest = 0
        while load.poll() is None:
            highest = max(highest, server.resident_mib())
            time.sleep(0.2)
        report = report_of(load)
        if report["idle_open"] < IDLE_CONNECTIONS:
            raise SystemExit(f"only {report['idle_open']} of {IDLE_CONNECTIONS} idle connections stayed open")
        return highest


def large():
    """An event of 1,000,000 seats beside small commits, on a store of its own."""
    folder = WORK / "large"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([BIN / "tro", "migrate"], env={**os.environ, "DATA_DIR": str(folder)}, check=True, capture_output=True)
    report = large_event.making(f"--path={folder}/tro.db")
    shutil.rmtree(folder)
    return report


def measure():
    say("SQLite")
    results = {
        "limit_before": limits(), "holds": holds(), "soldout": one("soldout"), "read": one("read"), "flow": one("flow"),
        "idle_mib": idle_mib(), "large": large(), "limit_after": limits()}
    before, after = (results[name]["commit 1000 layout"]["rate"] for name in ("limit_before", "limit_after"))
    return {**results, "disturbance": disturbance(before, after)}


def rows(results):
    """(what, seen, wanted) for each line of the table."""
    runs = (results["limit_before"], results["limit_after"])

    def limit(case, figure):
        return sum(run[case][figure] for run in runs) / len(runs)

    def cost(order):
        return limit(f"commit 1000000 {order}", "cpu_us") / limit("commit 1000 layout", "cpu_us")

    steps = {key: report["steps"]["hold"] for key, report in results["holds"].items()}
    full = steps[256]["per_second"]
    top = limit("commit 1000 layout", "rate")
    yield "the limit: the same rows written by one thread in batches of 64, without HTTP", f"{top:,.0f} holds/s", ""
    for connections in (16, 64, 256):
        step = steps[connections]
        yield (f"holds over HTTP, authenticated and idempotent, at {connections} connections",
               f"{step['per_second']:,.0f}/s, p50 {step['p50_ms']:.1f} ms, p99 {step['p99_ms']:.1f} ms", "")
    yield "the same at 256 connections, as a share of the limit", f"{full / top:.0%}", "50 %"
    yield f"p99 of a hold at half of that load ({full / 2:,.0f}/s)", f"{steps['half']['p99_ms']:.1f} ms (p99 of the machine's timers {results['holds']['half']['timer_late_p99_ms']:.1f} ms)", "10 ms"
    cost_of_hold = results["holds"][256]
    yield "a hold at 256 connections: processor time of the server", f"{cost_of_hold['cost_us']:.0f} µs", ""
    yield ("the same: bytes written, bytes by which the file grows, holds in a batch",
           f"{cost_of_hold['written_bytes']:,.0f}, {cost_of_hold['stored_bytes']:,.0f}, {cost_of_hold['batch_holds']:.0f}", "")
    yield "p50 of a hold on an idle server", f"{steps[1]['p50_ms']:.2f} ms", "1.5 ms"
    yield "whole purchases: hold, order and payment", f"{results['flow']['steps']['flow']['per_second']:,.0f}/s", ""
    yield "refusals of a sold-out event", f"{results['soldout']['steps']['hold']['per_second']:,.0f}/s", "40,000/s"
    yield "`GET` of a hold", f"{results['read']['steps']['read']['per_second']:,.0f}/s", "40,000/s"
    yield "memory with 10,000 idle connections", f"{results['idle_mib']:.0f} MiB", "40 MiB"
    yield "CPU of a hold with 1,000,000 seats, compared with 1,000: neighbours", f"{cost('layout'):.1f} times", "1.2 times"
    yield "the same: seats all over the house", f"{cost('random'):.1f} times", "1.2 times"
    yield from large_event.rows(results["large"])

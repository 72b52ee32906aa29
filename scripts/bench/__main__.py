"""Measures what README.md's tables show, against servers of its own on loopback, with the load generator on the same machine.

BENCH_SECONDS   how long each load is measured (10)
BENCH_ONLY      sqlite, postgres, broker, everything, traces or peer: only that one
BENCH_PEER_URL  another server that takes the same load (on_peer.py says what else it needs)

Machines are noisy: what is compared is measured in one run, and ratios say more than figures. The tables go to standard output, everything
to build/bench/results.json, and the chart to build/bench/bench.svg."""

import json
import os
import shutil
import signal
import sys

import chart
import database
import on_broker
import on_everything
import on_peer
import on_postgres
import on_sqlite
import on_traces
from programs import WORK


def print_table(heads, rows):
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def print_disturbance(results):
    if results["disturbance"]:
        print(results["disturbance"] + "\n")


def main():
    chosen = os.environ.get("BENCH_ONLY", "")
    peer = on_peer.from_environment()
    if chosen == "peer" and peer is None:
        raise SystemExit("BENCH_ONLY=peer needs BENCH_PEER_URL")
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    results = {}
    if chosen in ("", "postgres"):
        results["postgres"] = on_postgres.measure()
        print(f"On PostgreSQL with {', '.join(database.SETTINGS)}:\n")
        print_table(("connections", "holds/s", "p50", "p99", "compared with a", "share of b"), on_postgres.rows_of_connections(results["postgres"]))
        print_table(("what", "seen", "wanted"), on_postgres.rows(results["postgres"]))
        print_disturbance(results["postgres"])
        (WORK / "bench.svg").write_text(chart.draw(results["postgres"]))
    if chosen in ("", "sqlite"):
        results["sqlite"] = on_sqlite.measure()
        print("On SQLite:\n")
        print_table(("what", "seen", "wanted"), on_sqlite.rows(results["sqlite"]))
        print_disturbance(results["sqlite"])
    if chosen in ("", "broker"):
        results["broker"] = on_broker.measure()
        print("Publishing from PostgreSQL to RabbitMQ:\n")
        print_table(("what", "seen", "wanted"), on_broker.rows(results["broker"]))
    if chosen in ("", "everything"):
        results["everything"] = on_everything.measure()
        print("With Redis, and with everything on, beside PostgreSQL alone:\n")
        print_table(("what", "seen", "wanted"), on_everything.rows(results["everything"]))
    if chosen in ("", "traces"):
        results["traces"] = on_traces.measure()
        print("With traces, beside the same without:\n")
        print_table(("what", "seen", "wanted"), on_traces.rows(results["traces"]))
    if chosen in ("", "peer") and peer is not None:
        results["peer"] = on_peer.measure(peer)
        print("Beside a peer, in turns:\n")
        print_table(("load", "on SQLite", "on PostgreSQL", "the peer"), on_peer.rows(results["peer"]))
    (WORK / "results.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # what was started is stopped
    main()

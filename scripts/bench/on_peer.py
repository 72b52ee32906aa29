"""What another server that speaks the API of api/openapi.yaml does under the same load, in turns with ours on SQLite and on PostgreSQL.

BENCH_PEER_URL             where it listens; its limits of requests must be off
BENCH_PEER_JWT_SECRET      with which it verifies tokens (HS256): each buyer's, and an operator's for the events. JWT_ISSUER and JWT_AUDIENCE, when set,
                           are in the tokens
BENCH_PEER_PAYMENT_SECRET  with which it verifies the payment provider's callbacks"""

import contextlib
import os
import urllib.parse

from database import database
from programs import Server, program, say

LOADS = (("holds", 64), ("holds", 256), ("flow", 64))


class Peer(Server):
    def __init__(self, url, jwt_secret, payment_secret):
        if urllib.parse.urlsplit(url).scheme != "http":
            raise SystemExit("BENCH_PEER_URL must be an http:// URL")
        self.url = url.rstrip("/")
        self.environment = {**os.environ, "JWT_SECRET": jwt_secret, "PAYMENT_SECRET": payment_secret}


def from_environment():
    """None when there is no peer."""
    url = os.environ.get("BENCH_PEER_URL", "")
    if not url:
        return None
    missing = [name for name in ("BENCH_PEER_JWT_SECRET", "BENCH_PEER_PAYMENT_SECRET") if not os.environ.get(name)]
    if missing:
        raise SystemExit(f"BENCH_PEER_URL needs {' and '.join(missing)}, too")
    return Peer(url, os.environ["BENCH_PEER_JWT_SECRET"], os.environ["BENCH_PEER_PAYMENT_SECRET"])


def measure(peer, *flags, loads=LOADS):
    """{(scenario, connections): {server: its report, or why there is none}}"""
    say("A peer")
    with contextlib.ExitStack() as stack:
        db = stack.enter_context(database())
        servers = {
            "SQLite": stack.enter_context(program("tro", "serve")),
            "PostgreSQL": stack.enter_context(program("tro-api", CRDB_DSN=db.dsn)),
            "peer": peer}
        return {f"{scenario} {connections}": {name: outcome(server, scenario, connections, *flags) for name, server in servers.items()}
                for scenario, connections in loads}


def outcome(server, *load):
    """A load that a peer does not pass, be it because what it answered is not true any more, is an outcome; of our own servers it ends the run."""
    if not isinstance(server, Peer):
        return server.load(*load)
    try:
        return server.load(*load)
    except SystemExit as failure:
        return {"failure": str(failure)}


def cell(load, report):
    if "failure" in report:
        return "failed: " + " ".join(report["failure"].split())[-200:]
    step = report["steps"]["flow" if load.startswith("flow") else "hold"]
    return f"{step['per_second']:,.0f}/s, p50 {step['p50_ms']:.1f} ms, p99 {step['p99_ms']:.1f} ms"


def rows(results):
    """(load, SQLite, PostgreSQL, peer)"""
    for load, reports in results.items():
        scenario, connections = load.split()
        what = "whole purchases" if scenario == "flow" else "holds"
        yield (f"{what} at {connections} connections", *(cell(load, reports[name]) for name in ("SQLite", "PostgreSQL", "peer")))

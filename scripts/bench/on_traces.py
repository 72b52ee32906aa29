"""What traces cost: the same holds on servers that record none, one in a hundred, and every one, and send them to a receiver that throws them away.

The servers run all the time and the loads take turns, in short runs, as in on_everything.py; of each round the rates are compared, and the
processor time of a hold, which a busy machine changes least."""

import contextlib
import http.server
import os
import re
import statistics
import threading

import on_everything
from database import database
from programs import program, say

KINDS = {"plain": {}, "one": {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}, "all": {}}
CONNECTIONS = 256


class Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        left = int(self.headers["Content-Length"])
        while left > 0 and (part := self.rfile.read(min(left, 1 << 20))):
            left -= len(part)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def sink():
    """The URL of a receiver that takes everything and keeps nothing."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def spans_of(server):
    return {outcome: server.metric(re.escape(f'tro_trace_spans_total{{outcome="{outcome}"}}')) for outcome in ("exported", "dropped_queue_full", "dropped_not_sent")}


def compared(url, *command, **settings):
    """The reports of each kind, and what became of the spans."""
    with contextlib.ExitStack() as stack:
        servers = {}
        for kind, sampler in KINDS.items():
            traced = {} if kind == "plain" else {"OTEL_EXPORTER_OTLP_ENDPOINT": url, **sampler}
            servers[kind] = stack.enter_context(program(*command, **settings, **traced))
        reports = on_everything.in_turns(servers, "holds", CONNECTIONS, tuple(KINDS))
        return {"reports": reports, "spans": {kind: spans_of(server) for kind, server in servers.items() if kind != "plain"}}


def measure():
    say("Traces")
    with sink() as url, database() as db:
        return {"SQLite": compared(url, "tro", "serve"), "PostgreSQL": compared(url, "tro-api", CRDB_DSN=db.dsn), "load_average": os.getloadavg()[1]}


def _median_ratio(reports, kind, figure):
    return statistics.median(figure(one) / figure(other) for one, other in zip(reports[kind], reports["plain"]))


def _rate(report):
    return report["steps"]["hold"]["per_second"]


def _cost_us(report):
    return report["cpu_us"]


def rows(results):
    """(what, seen, wanted) for each line of the table."""
    for store in ("SQLite", "PostgreSQL"):
        reports, spans = results[store]["reports"], results[store]["spans"]
        plain, plain_us = (statistics.median(map(figure, reports["plain"])) for figure in (_rate, _cost_us))
        yield f"{store}: holds at {CONNECTIONS} connections without traces", f"{plain:,.0f}/s, {plain_us:.0f} µs of the server's processor time each", ""
        for kind, what, wanted in (("one", "one trace in a hundred", "99 %"), ("all", "every trace", "95 %")):
            rate, cost = (_median_ratio(reports, kind, figure) for figure in (_rate, _cost_us))
            yield f"{store}: the same, {what} recorded and sent", f"{rate:.1%} of the rate, {cost:.1%} of the processor time", wanted
            dropped = spans[kind]["dropped_queue_full"] + spans[kind]["dropped_not_sent"]
            yield f"{store}: the same: spans sent, dropped", f"{spans[kind]['exported']:,.0f}, {dropped:,.0f}", ""
    yield "load average of the machine at the end", f"{results['load_average']:.1f}", ""

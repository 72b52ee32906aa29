"""What Redis and the rest cost: the same loads on an API that has a PostgreSQL alone, on one that has Redis, and on one that has all of them.

The servers run all the time and the loads take turns, in short runs, so that what the machine does besides falls on all of them alike. What is
told is the median over the rounds of what is compared within a round."""

import contextlib
import os
import re
import statistics
import subprocess
import sys

import broker
from database import database
from programs import ROOT, SECONDS, processor_seconds, program, say

sys.path.append(str(ROOT / "tests" / "peers"))
import mongodb  # noqa: E402
import redis  # noqa: E402

BENCH_ADMISSION = ROOT / "build" / "release" / "tests" / "bench_admission"
ROUNDS = 3
RUN_SECONDS = max(2, SECONDS // 3)
# What a user may do is counted, as in production; nobody reaches it.
LIMITS = {"RATE_LIMIT_USER": "1000000/1m"}
FLAGS = {"holds": ("--seats", "1000", "--check", "none"), "flow": ("--check", "none"), "page": ()}


def admissions(server, limits):
    """Of one process, in a second: the best of some runs, the share that Redis judged in time, and what an admission costs Redis of its one
    processor, in microseconds, which a busy machine changes least."""
    found = []
    for _ in range(ROUNDS):
        before = processor_seconds(server.process.pid)
        run = subprocess.run([BENCH_ADMISSION, server.address, str(RUN_SECONDS), limits], check=True, capture_output=True, text=True).stdout
        rate, share = map(float, re.match(r"(\d+) admissions/s, ([\d.]+)", run).groups())
        found.append((rate, share, (processor_seconds(server.process.pid) - before) / (rate * RUN_SECONDS) * 1e6))
        server.command("FLUSHALL")
    say(f"  {max(found)[0]:,.0f} admissions/s of one process, limits: {limits}; {max(found)[1]:.1%} judged by Redis")
    return max(found)


def loaded(server, beside, scenario, connections):
    """The report of one run, with the processor time of a hold: of the API, and of what admits beside it."""
    pids = (server.process.pid, *beside)
    before, holds = processor_seconds(*pids), server.metric("tro_holds_total")
    report = server.load(scenario, connections, *FLAGS[scenario], seconds=RUN_SECONDS)
    report["cpu_us"] = (processor_seconds(*pids) - before) / max(server.metric("tro_holds_total") - holds, 1) * 1e6
    return report


def in_turns(servers, scenario, connections, kinds, beside=()):
    """{kind: [report of each round]}; each round begins with another kind. `beside`: processes that work for those that are not plain."""
    reports = {kind: [] for kind in kinds}
    for turn in range(ROUNDS):
        for kind in kinds[turn % len(kinds):] + kinds[:turn % len(kinds)]:
            reports[kind].append(loaded(servers[kind], () if kind == "plain" else beside, scenario, connections))
    return reports


def measure():
    say("Everything")
    with contextlib.ExitStack() as stack:
        db = stack.enter_context(database())
        url = stack.enter_context(broker.broker())
        cache, catalog = stack.enter_context(redis.server()), stack.enter_context(mongodb.server())
        results = {f"admissions_{limits}": admissions(cache, limits) for limits in ("user", "both")}
        settings = {"plain": {}, "redis": {"REDIS_ADDR": cache.address}, "everything": {"REDIS_ADDR": cache.address, "MONGO_URI": catalog.uri}}
        servers = {kind: stack.enter_context(program("tro-api", CRDB_DSN=db.dsn, **LIMITS, **settings[kind])) for kind in ("plain", "redis")}
        results |= {"holds": in_turns(servers, "holds", 256, ("plain", "redis"), (cache.process.pid,)), "idle": in_turns(servers, "holds", 1, ("plain", "redis")),
                    "judged_by_redis": servers["redis"].metric(re.escape('tro_admission_judged_total{scope="shared"}'))
                    / servers["redis"].metric("tro_admission_judged_total")}
        servers["everything"] = stack.enter_context(program("tro-api", CRDB_DSN=db.dsn, **LIMITS, **settings["everything"]))
        pair = ("plain", "everything")
        results["page"] = [servers["everything"].load("page", 64, seconds=RUN_SECONDS) for _ in range(ROUNDS)]
        stack.enter_context(program("tro-outbox-publisher", CRDB_DSN=db.dsn, RABBIT_URL=url))
        db.psql("-c", "TRUNCATE outbox")
        results |= {"all_holds": in_turns(servers, "holds", 256, pair), "all_idle": in_turns(servers, "holds", 1, pair),
                    "all_flow": in_turns(servers, "flow", 256, pair), "load_average": os.getloadavg()[1]}
        return results


def _rates(reports, step="hold"):
    return [report["steps"][step]["per_second"] for report in reports]


def _ratio(reports, kind, step="hold"):
    return statistics.median(one / other for one, other in zip(_rates(reports[kind], step), _rates(reports["plain"], step)))


def _extra_ms(reports, kind):
    medians = {name: [report["steps"]["hold"]["p50_ms"] for report in found] for name, found in reports.items()}
    return statistics.median(one - other for one, other in zip(medians[kind], medians["plain"]))


def rows(results):
    """(what, seen, wanted) for each line of the table."""
    rate = statistics.median(_rates(results["holds"]["plain"]))
    yield "holds at 256 connections with admission by Redis, as a share of those without", f"{_ratio(results['holds'], 'redis'):.0%} of {rate:,.0f}/s", "90 %"
    yield "the same, p50 on an idle server", f"{_extra_ms(results['idle'], 'redis'):+.2f} ms", "+0.3 ms"
    plain_us, redis_us = (statistics.median(report["cpu_us"] for report in results["holds"][kind]) for kind in ("plain", "redis"))
    yield "processor time of a hold in the API, and with admission by Redis in both", f"{plain_us:.0f} µs and {redis_us:.0f} µs", ""
    yield "of those, judged by Redis within its 20 ms", f"{results['judged_by_redis']:.1%}", ""
    for limits, what, wanted in (("user", "the user's limit and a key", "40,000/s"), ("both", "the limits of user and address and a key", "")):
        rate, share, cost_us = results[f"admissions_{limits}"]
        yield f"admissions of one process by Redis: {what}", f"{rate:,.0f}/s, {share:.1%} in time; {cost_us:.0f} µs of Redis's processor each", wanted
    yield "the page of an event from the cache, the catalog in MongoDB", f"{max(_rates(results['page'], 'page')):,.0f}/s", "40,000/s"
    yield "everything on (PostgreSQL, RabbitMQ, Redis, MongoDB, a publisher beside): holds at 256 connections", f"{_ratio(results['all_holds'], 'everything'):.0%} of {statistics.median(_rates(results['all_holds']['plain'])):,.0f}/s", ""
    yield "the same, p50 on an idle server", f"{_extra_ms(results['all_idle'], 'everything'):+.2f} ms", ""
    yield "the same, whole purchases", f"{_ratio(results['all_flow'], 'everything', 'flow'):.0%} of {statistics.median(_rates(results['all_flow']['plain'], 'flow')):,.0f}/s", ""
    yield "load average of the machine at the end", f"{results['load_average']:.1f}", ""

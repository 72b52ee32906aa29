"""What the services do on PostgreSQL, with the database and the load generator on the same machine.

In one run, so that they can be compared: (a) one hold as a plain transaction, by pgbench; (b) the rows of many holds written in batches, by
pgbench, which is the limit; (c) tro-api over HTTP. (a) and (b) are measured before and after (c)."""

import contextlib
import re
import time

import broker
import distance
import large_event
from database import BATCH_CLIENTS, PLAIN_CLIENTS, database
from programs import SECONDS, Sampler, cost_of, disturbance, lags_behind, processor_seconds, program, say

APIS = (1, 2, 4)
CONNECTIONS = (1, 16, 64, 256, 1024)
PUBLISHING_SECONDS = 6 * SECONDS
WAL_TYPES_SHOWN = 4
DRAINING_SECONDS = SECONDS


def sampled(db, api, scenario, connections, *flags):
    """The report of a load, with what a hold has cost: microseconds of processor time, bytes of the write-ahead log and of what kind, and how
    often a batch of how many holds went to the database."""
    sampler = Sampler(api, {
        "database": db.processor_seconds, "api": lambda: processor_seconds(api.process.pid), "wal": db.wal_position,
        "round_trips": db.transactions, "batches": lambda: api.metric("tro_commit_batches_total")})
    sampler.start()
    report = api.load(scenario, connections, *flags)
    window = sampler.window()
    cost, count = cost_of(window)
    step = report["steps"]["hold"]
    report["cost_us"] = {name: cost[name] * 1e6 for name in ("database", "api")}
    report["cost_us"]["generator"] = report["generator_cores"] * report["seconds"] / step["count"] * 1e6
    report["wal_bytes"] = cost["wal"]
    types = db.wal_by_type(window[0][1]["wal"], window[1][1]["wal"])
    report["wal_bytes_by_type"] = {name: size / count for name, (_, size) in sorted(types.items(), key=lambda item: -item[1][1])}
    report["batch_holds"] = 1 / cost["batches"]
    report["round_trips"] = cost["round_trips"] / cost["batches"]
    return report


def half_loaded(db, api, rate):
    """The report of a load of that many holds a second, with what the database did beside writing them."""
    db.checkpoint()
    checkpoints, segments = db.checkpoints(), db.wal_segments()
    report = api.load("holds", 256, "--rate", str(rate))
    report["checkpoints"] = db.checkpoints() - checkpoints
    report["segments_made"] = len(db.wal_segments() - segments)
    return report


def comparison(db):
    """(a), (b) and (c)."""
    plain = {clients: db.plain(clients) for clients in PLAIN_CLIENTS}
    best = max(plain, key=plain.get)
    batches = {clients: db.batches(clients) for clients in BATCH_CLIENTS}
    with program("tro-api", CRDB_DSN=db.dsn) as api:
        holds = {connections: sampled(db, api, "holds", connections) for connections in CONNECTIONS}
        half = half_loaded(db, api, int(rate_of(holds[256]) / 2))
    with program("tro-api", CRDB_DSN=db.dsn, COMMITS_IN_FLIGHT="1") as api:
        one_in_flight = {connections: api.load("holds", connections) for connections in (64, 256)}
    plain_after = db.plain(best)
    batches_after = {clients: db.batches(clients) for clients in BATCH_CLIENTS}
    return {
        "plain_clients": best, "plain": (plain[best] + plain_after) / 2, "plain_by_clients": plain,
        "disturbance": disturbance(plain[best], plain_after),
        "batches": max((batches[clients] + batches_after[clients]) / 2 for clients in BATCH_CLIENTS),
        "holds": holds, "half": half, "one_in_flight": one_in_flight}


def sizes(db):
    """The same load on one large event and on small ones."""
    with program("tro-api", CRDB_DSN=db.dsn) as api:
        return {
            "small": sampled(db, api, "holds", 256, "--seats", "1000", "--check", "none"),
            "large": sampled(db, api, "holds", 256, "--events", "1", "--seats", "1000000", "--check", "none"),
            "large_scattered": sampled(db, api, "holds", 256, "--events", "1", "--seats", "1000000", "--scatter", "--check", "none")}


def crowd(db):
    """Many look at one event whose seats are being held: pages of its map, compressed, and what its sections have left."""
    with program("tro-api", CRDB_DSN=db.dsn) as api:
        looks = {name: api.load(name, 64, "--scatter", "--seats-per-hold", "1", "--check", "none") for name in ("map", "availability")}
        counts = {bound: api.metric(re.escape(f'tro_seat_map_lag_seconds_bucket{{le="{bound}"}}')) for bound in ("0.1", "0.25", "+Inf")}
    return looks | {"lag": counts}


def by_apis(db, scenario):
    """The report of a load on 1, 2 and 4 APIs, by their number."""
    results = {}
    for count in APIS:
        with contextlib.ExitStack() as stack:
            first, *others = [stack.enter_context(program("tro-api", CRDB_DSN=db.dsn)) for _ in range(count)]
            results[count] = first.load(scenario, 256, others=others)
    return results


def hot_seats(db):
    """Buyers who all want the same seats; no answer may be a 5xx."""
    results = by_apis(db, "onsale")
    for count, report in results.items():
        refused = [status for step in report["steps"].values() for status in step["statuses"] if status.startswith("5")]
        if refused:
            raise SystemExit(f"{count} APIs on hot seats: {refused}")
    return results


def reads(db):
    """Holds read by their owners, the database beside the API and 5 ms away from it."""
    results = {}
    with distance.far_from(db.server.port) as port:
        for name, dsn in (("near", db.dsn), ("far", db.dsn_at(port))):
            with program("tro-api", CRDB_DSN=dsn) as api:
                results[name] = api.load("read", 256)
    return results


def draining(publisher):
    """Events a second that are published of what waits, and nothing else goes on."""
    first, began = publisher.metric("tro_published_events_total"), time.monotonic()
    time.sleep(DRAINING_SECONDS)
    rate = (publisher.metric("tro_published_events_total") - first) / (time.monotonic() - began)
    if publisher.metric("tro_outbox_entries") == 0:
        raise SystemExit("too little waited to be published")
    return rate


def publishing(db):
    """How fast what waits is published alone, and how far it lags behind the API at full speed."""
    with broker.broker() as url:
        settings = {"CRDB_DSN": db.dsn, "RABBIT_URL": url}
        with program("tro-outbox-publisher", **settings) as publisher:
            drained = draining(publisher)
        say(f"  {drained:,.0f} events/s published alone")
        db.psql("-c", "TRUNCATE outbox")
        with program("tro-api", CRDB_DSN=db.dsn) as api, program("tro-outbox-publisher", **settings) as publisher:
            report, lags = lags_behind(api, publisher, PUBLISHING_SECONDS)
    say(f"  {rate_of(report):,.0f} holds/s with the publisher beside, which lags by {lags[-1]:.2f} s at the end")
    return {"drained": drained, "beside": report, "lag": lags[-1], "lags": lags}


def measure():
    say("PostgreSQL")
    with database() as db:
        results = comparison(db)
        with program("tro-api", CRDB_DSN=db.dsn) as api:
            results |= {"flow": api.load("flow", 256), "soldout": api.load("soldout", 256)}
        return results | {
            "reads": reads(db), "crowd": crowd(db), "many_events": by_apis(db, "holds"), "hot_seats": hot_seats(db), "sizes": sizes(db),
            "large": large_event.making(f"--dsn={db.dsn}"), "publishing": publishing(db)}


def rate_of(report, step="hold"):
    return report["steps"][step]["per_second"]


def rows_of_connections(results):
    """One line for each number of connections."""
    for connections, report in results["holds"].items():
        step = report["steps"]["hold"]
        rate = step["per_second"]
        yield (f"{connections:,}", f"{rate:,.0f}", f"{step['p50_ms']:.2f} ms", f"{step['p99_ms']:.2f} ms", f"{rate / results['plain']:.1f} × a",
               f"{rate / results['batches']:.0%} of b")


def said_of_half(report):
    """The figure, and what it may be of that is not the server."""
    step = report["steps"]["hold"]
    return (f"{step['p99_ms']:.1f} ms, p90 {step['p90_ms']:.1f} (p99 of the machine's timers {report['timer_late_p99_ms']:.1f} ms; segments of the log made anew: "
            f"{report['segments_made']}, checkpoints: {report['checkpoints']})")


def rows(results):
    """(what, seen, wanted) for each line of the table."""
    holds = results["holds"]
    full, at_64 = rate_of(holds[256]), holds[64]["steps"]["hold"]
    cost, sizes_cost = holds[256]["cost_us"], {name: sum(report["cost_us"].values()) for name, report in results["sizes"].items()}
    lagging = results["publishing"]
    yield f"a: one hold as a plain transaction of five statements (`pgbench`, {results['plain_clients']} clients)", f"{results['plain']:,.0f} holds/s", ""
    yield "b: the limit: the same rows written in batches of 64 (`pgbench`)", f"{results['batches']:,.0f} holds/s", ""
    yield "c: holds over HTTP, authenticated and idempotent, at 256 connections, compared with a", f"{full / results['plain']:.1f} times", "7 times"
    yield "the same, as a share of b", f"{full / results['batches']:.0%}", "65 %"
    yield "at 64 connections, as a share of that at 256", f"{at_64['per_second'] / full:.0%}", "85 %"
    yield "p99 at 64 connections", f"{at_64['p99_ms']:.1f} ms", "10 ms"
    for connections, report in results["one_in_flight"].items():
        step = report["steps"]["hold"]
        yield (f"with COMMITS_IN_FLIGHT=1, at {connections} connections",
               f"{step['per_second']:,.0f}/s, {step['per_second'] / results['batches']:.0%} of b, p99 {step['p99_ms']:.1f} ms", "")
    yield f"p99 of a hold at half of the load of 256 ({full / 2:,.0f}/s)", said_of_half(results["half"]), "10 ms"
    yield "p50 of a hold on an idle server", f"{holds[1]['steps']['hold']['p50_ms']:.2f} ms", "1.5 ms"
    yield "whole purchases: hold, order and payment", f"{rate_of(results['flow'], 'flow'):,.0f}/s", "4,000/s"
    yield "refusals of a sold-out event", f"{rate_of(results['soldout']):,.0f}/s", "30,000/s"
    yield "`GET` of a hold at 256 connections", f"{rate_of(results['reads']['near'], 'read'):,.0f}/s", "20,000/s"
    yield "the same, with 5 ms of network to the database each way", f"{rate_of(results['reads']['far'], 'read'):,.0f}/s", "10,000/s"
    crowd_of = results["crowd"]
    for name, step, wanted in (("map", "seats", "20,000/s"), ("availability", "availability", "40,000/s")):
        report, what = crowd_of[name], {"map": "compressed pages of a seat map, 1,000 seats each", "availability": "availability answers"}[name]
        yield f"{what}, while {rate_of(report):,.0f} holds/s change the event", f"{rate_of(report, step):,.0f}/s", wanted
    lag = crowd_of["lag"]
    yield "changes of seats that are in the map within 100 ms and 250 ms", f"{lag['0.1'] / lag['+Inf']:.1%} and {lag['0.25'] / lag['+Inf']:.1%}", "all within 250 ms"
    for count in APIS[1:]:
        yield (f"holds on many events by {count} APIs on the same two processors, as a share of what one does",
               f"{rate_of(results['many_events'][count]) / rate_of(results['many_events'][1]):.0%}", "90 %")
    alone = results["hot_seats"][1]["steps"]["hold"]
    for count, report in results["hot_seats"].items():
        step = report["steps"]["hold"]
        wanted = {1: "", 2: "85 %, p99 5 times", 4: "70 %, p99 5 times"}[count]
        yield (f"holds decided on hot seats by {count} API{'s' if count > 1 else ''}",
               f"{step['per_second']:,.0f}/s, {step['per_second'] / alone['per_second']:.0%}, p99 {step['p99_ms'] / alone['p99_ms']:.1f} times", wanted)
    yield "cost of a hold with 1,000,000 seats, compared with 1,000: neighbours", f"{sizes_cost['large'] / sizes_cost['small']:.2f} times", "1.2 times"
    yield "the same: seats all over the house", f"{sizes_cost['large_scattered'] / sizes_cost['small']:.2f} times", "1.2 times"
    yield from large_event.rows(results["large"])
    yield "events published with confirms, the publisher alone", f"{lagging['drained']:,.0f}/s", "20,000/s"
    yield f"lag of the publisher after {PUBLISHING_SECONDS} s at full speed ({rate_of(lagging['beside']):,.0f} holds/s)", f"{lagging['lag']:.2f} s", "2 s"
    yield "processor time of a hold at 256 connections", " + ".join(f"{name} {us:.0f} µs" for name, us in cost.items()), "database 32 µs, api 25 µs"
    yield from rows_of_writing(holds[256])


def rows_of_writing(report):
    """What a hold writes, and how it gets to the database."""
    by_type = ", ".join(f"{name} {size:.0f}" for name, size in list(report["wal_bytes_by_type"].items())[:WAL_TYPES_SHOWN])
    yield "bytes of WAL a hold at 256 connections, with the largest record types", f"{report['wal_bytes']:,.0f} ({by_type or 'the log is gone'})", "800"
    yield "holds in a batch, round trips to the database for each batch", f"{report['batch_holds']:.0f}, {report['round_trips']:.1f}", ""

"""What the publisher makes of RabbitMQ: beside a loop that does nothing but publish the same messages, and behind the API at full speed.

Loop and publisher take turns on one broker, with one durable queue, confirms and persistent messages, so that what the machine does besides falls on
both; what is told is the median of the rounds' ratios. What waits in the outbox is the same in each round."""

import os
import statistics
import subprocess
import time

import broker
from database import database
from programs import ROOT, SECONDS, lags_behind, program, say

BARE_LOOP = ROOT / "build" / "release" / "tests" / "bench_bare_publish"
ROUNDS = 3
BATCHES = ("0", "16")  # of RABBIT_BATCH
LAG_SECONDS = 6 * SECONDS
DRAINED_SECONDS_MAX = 300


def fill(db):
    """Sells for a while; what was published of it, that is all, can be put into the outbox again. Answers how many events."""
    with program("tro-api", CRDB_DSN=db.dsn) as api:
        api.load("holds", 256, "--check", "none")
    db.psql("-c", "CREATE TABLE outbox_again AS SELECT * FROM outbox")
    return int(db.psql("-c", "SELECT sum(length(events)) / 16 FROM outbox_again"))


def drained(db, publisher, events):
    """Events a second that go out of a full outbox."""
    before = publisher.metric("tro_published_events_total")
    db.psql("-c", "TRUNCATE outbox", "-c", "INSERT INTO outbox SELECT * FROM outbox_again")
    began = time.monotonic()
    while publisher.metric("tro_published_events_total") < before + events:
        if time.monotonic() > began + DRAINED_SECONDS_MAX:
            raise SystemExit("the outbox is not drained")
        time.sleep(0.05)
    return events / (time.monotonic() - began)


def bare(url, data_bytes):
    return float(subprocess.run([BARE_LOOP, url, str(SECONDS), str(data_bytes)], check=True, capture_output=True, text=True).stdout)


def in_turns(db, url, events):
    data_bytes = round(float(db.psql("-c", "SELECT avg(length(data)) FROM (SELECT data FROM events WHERE type <> 1 LIMIT 1000) AS sample")))
    rates = {kind: [] for kind in ("bare", *BATCHES)}
    for _ in range(ROUNDS):
        rates["bare"].append(bare(url, data_bytes))
        for batch in BATCHES:
            with program("tro-outbox-publisher", CRDB_DSN=db.dsn, RABBIT_URL=url, RABBIT_BATCH=batch) as publisher:
                rates[batch].append(drained(db, publisher, events))
        say("  " + ", ".join(f"{kind}: {found[-1]:,.0f} events/s" for kind, found in rates.items()))
    return rates


def behind(db, url, batch):
    """How far a publisher lags behind the API at full speed."""
    db.psql("-c", "TRUNCATE outbox")
    with program("tro-api", CRDB_DSN=db.dsn) as api, \
            program("tro-outbox-publisher", CRDB_DSN=db.dsn, RABBIT_URL=url, RABBIT_BATCH=batch) as publisher:
        report, lags = lags_behind(api, publisher, LAG_SECONDS)
    say(f"  RABBIT_BATCH={batch}: lags by {lags[-1]:.2f} s at the end")
    return {"report": report, "lags": lags}


def measure():
    say("RabbitMQ")
    with database() as db, broker.broker() as url:
        events = fill(db)
        rates = in_turns(db, url, events)
        return {"rates": rates, "events": events, "behind": {batch: behind(db, url, batch) for batch in BATCHES},
                "load_average": os.getloadavg()[1]}


def rows(results):
    """(what, seen, wanted) for each line of the table."""
    rates = results["rates"]
    ratio = {batch: statistics.median(one / other for one, other in zip(rates[batch], rates["bare"])) for batch in BATCHES}
    yield "a loop that publishes the same messages with confirms, and does nothing else", f"{statistics.median(rates['bare']):,.0f}/s", ""
    yield "events published out of the outbox, the publisher alone, as a share of that", f"{ratio['0']:.0%}, {statistics.median(rates['0']):,.0f}/s", "85 %"
    yield "the same with RABBIT_BATCH=16", f"{ratio['16']:.0%}, {statistics.median(rates['16']):,.0f}/s", "40,000/s"
    for batch, found in results["behind"].items():
        rate = found["report"]["steps"]["hold"]["per_second"]
        yield f"lag after {LAG_SECONDS} s of the API at full speed ({rate:,.0f} holds/s), RABBIT_BATCH={batch}", f"{found['lags'][-1]:.2f} s", "2 s" if batch != "0" else ""
    yield "load average of the machine at the end", f"{results['load_average']:.1f}", ""

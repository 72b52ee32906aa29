"""A real Prometheus scrapes the services: every query of the dashboards finds something, and every alert fires when that happens which it is for."""

import contextlib
import glob
import json
import os
import pathlib
import re
import subprocess
import threading
import time

import pytest
import yaml
from harness import paths
from harness.problems import expect, problem
from harness.server import Server, eventually
from harness.services import API, Services
from peers import prometheus as prometheus_peer
from peers import rabbitmq as rabbitmq_peer

ROOT = pathlib.Path(__file__).resolve().parents[2]
ALERTS = [rule["alert"] for group in yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"] for rule in group["rules"]]
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
IMPATIENT = {"HOLD_TTL": "300ms", "FAKETIME": "+3", "DONT_FAKE_MONOTONIC": "1"}
pytestmark = [
    pytest.mark.skipif(not FAKETIME, reason="libfaketime is not installed"),
    pytest.mark.skipif(paths.TRO.exists() and paths.is_sanitized(), reason="libfaketime cannot start beneath a sanitizer"),
]


class Scene:
    """The three services, a second API whose clock is wrong, `tro serve` on a small disk with a log that cannot be written, and a Prometheus."""

    def __init__(self, folder, database, broker, disk):
        self.database, self.disk = database, disk
        self.services = Services(folder, database, broker.url, HOLD_TTL="1h", ORDER_TTL="1h")
        self.services.migrate()
        self.server, self.worker, self.publisher = self.services.api(), self.services.worker(), self.services.publisher()
        self.impatient = self.services.add(API, LD_PRELOAD=FAKETIME[0], **IMPATIENT).start()
        self.embedded = Server(folder / "embedded", DATA_DIR=str(disk / "data"), wrapper=["sh", "-c", 'exec "$@" 2>/dev/full', "sh"]).start()
        self.targets = [(process.program, process.admin_port) for process in self.services.processes] + [("tro", self.embedded.port)]
        self.api = self.server.api("ada")
        self.fired: dict[str, float] = {}

    def end(self):
        self.embedded.kill()
        self.services.kill()


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(scope="module")
def broker():
    """One of its own: a queue that another test has left would take the events that are to go to none."""
    with rabbitmq_peer.server() as running:
        yield running


@pytest.fixture(scope="module")
def scene(tmp_path_factory, server, broker, disk):
    from harness.database import Database

    database = Database(server.dsn)
    scene = Scene(tmp_path_factory.mktemp("scene"), database, broker, disk)
    try:
        with prometheus_peer.server(scene.targets) as scene.prometheus:
            yield scene
    finally:
        scene.end()
        database.drop()


def dashboards():
    return {path.name: json.loads(path.read_text()) for path in sorted((ROOT / "deploy/grafana").glob("*.json"))}


def expressions(dashboard):
    return [(panel["title"], target["expr"], target["legendFormat"]) for panel in dashboard["panels"] for target in panel["targets"]]


def filled_in(expression):
    """As Grafana would send it, but for a rate over less."""
    return re.sub(r"\[\d+[mhd]\]", "[15s]", expression.replace("$__rate_interval", "15s"))


def sell(scene, number):
    """A little of everything that a dashboard shows."""
    api, till = scene.api, scene.server.api("till", scope="tro:service")
    event_id = api.create_event(rows=2, seats_per_row=10)["event_id"]
    api.get(f"/v1/events/{event_id}")
    api.seats(event_id)
    order = api.confirmed(event_id, "A-1-1", "A-1-2")
    problem(api.hold(event_id, ["A-1-1"]), "seats-taken")
    problem(api.order(hold_id=order["hold_id"]), "hold-converted")
    expect(api.pay(order["order_id"], "SUCCEEDED", f"tx-twice-{number}"), 200)
    refund = till.get(f"/v1/refunds?event_id={event_id}").json()["data"][0]
    expect(till.request("POST", f"/v1/refunds/{refund['refund_id']}/done"), 200)
    theirs = scene.impatient.api("bob").hold(event_id, ["A-2-1"])
    assert theirs.status in (201, 409), theirs
    scene.embedded.api().get("/v1/events")


def picture(scene, dashboard):
    """What the panels say, in lines for people."""
    lines = []
    for title, expression, legend in expressions(dashboard):
        for labels, value in scene.prometheus.query(filled_in(expression))[:4]:
            name = re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend)
            lines.append(f"{title:<42} {name:<44} {value:.4g}")
    return "\n".join(lines)


def test_every_query_of_the_dashboards_finds_something(scene):
    missing = {(name, title, expression) for name, dashboard in dashboards().items() for title, expression, _ in expressions(dashboard)}
    assert len(missing) > 40
    deadline, number = time.monotonic() + 60, 0
    while missing and time.monotonic() < deadline:
        number += 1
        sell(scene, number)
        time.sleep(0.5)
        missing = {query for query in missing if not scene.prometheus.query(filled_in(query[2]))}
    assert not missing
    if "TRO_PICTURES" in os.environ:
        for name, dashboard in dashboards().items():
            (pathlib.Path(os.environ["TRO_PICTURES"]) / f"{name}.txt").write_text(picture(scene, dashboard) + "\n")


def test_a_slow_bucket_leads_to_a_trace(scene):
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"

    def exemplars():
        """A bucket keeps the trace that it has for a second."""
        scene.api.request("GET", "/v1/refunds?limit=1", headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"})
        found = scene.prometheus.ask("query_exemplars", query="tro_http_request_duration_seconds_bucket", start=time.time() - 60, end=time.time() + 1)
        return {exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]}

    eventually(lambda: trace_id in exemplars(), within=20, every=0.5)


@contextlib.contextmanager
def watched(scene):
    """Writes down which alerts have fired, and when first."""
    is_over = threading.Event()

    def watch():
        while not is_over.wait(0.3):
            for name in scene.prometheus.firing():
                scene.fired.setdefault(name, time.monotonic())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield
    is_over.set()
    thread.join(30)


def await_alert(scene, *names, within=150.0, again=None):
    """`again` causes them once more: events before the first scrape are no increase."""
    deadline = time.monotonic() + within
    while missing := set(names) - scene.fired.keys():
        assert time.monotonic() < deadline, f"{missing} did not fire, {scene.fired.keys()} did"
        if again is not None:
            again()
        time.sleep(0.5)


def lock_seats(scene, seconds):
    """A lock in the database: all holds wait for it."""
    event_id = scene.api.create_event()["event_id"]
    locker = threading.Thread(target=scene.database.query, args=(f"BEGIN; LOCK TABLE seats IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({seconds}); COMMIT",))
    locker.start()
    held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'seats'::regclass"
    eventually(lambda: scene.database.query(held) == [["1"]], within=10)
    holders = [threading.Thread(target=scene.server.api(f"user-{number}").hold, args=(event_id, [f"A-1-{number}"])) for number in range(1, 9)]
    for thread in holders:
        thread.start()
    for thread in [locker, *holders]:
        thread.join(60)


def damage(scene):
    """Rows that no program of ours would write: an order that was sold twice, a seat whose holder is not there, a refund of yesterday."""
    event_id = scene.api.create_event(rows=1, seats_per_row=5)["event_id"]
    scene.api.seats(event_id)
    order = scene.api.confirmed(event_id, "A-1-1")
    expect(scene.api.pay(order["order_id"], "SUCCEEDED", "tx-never-given-back"), 200)
    scene.database.query("UPDATE refunds SET created_at = created_at - 90000000 WHERE status = 1")
    scene.database.query(
        "INSERT INTO orders SELECT (jsonb_populate_record(o, jsonb_build_object('order_id', gen_random_uuid()))).* FROM orders o"
        f" WHERE o.order_id = '{order['order_id']}'"
    )
    scene.database.query(
        "UPDATE seats SET status = 2, holder_id = '01a00000-0000-7000-8000-000000000001', version = version + 1"
        f" WHERE event_id = '{event_id}' AND seat = 'A-1-5'"
    )
    problem(scene.api.hold(event_id, ["A-1-5"]), "internal")
    return event_id


def age_outbox(scene):
    """The ids of waiting entries, which begin with their time, become a minute older."""
    then = "(extract(epoch FROM clock_timestamp()) * 1000)::int8 - 62000"
    scene.database.query(f"UPDATE outbox SET id = (lpad(to_hex({then}), 12, '0') || substr(replace(id::text, '-', ''), 13))::uuid WHERE partition >= 0")


def fill(disk):
    with open(disk / "ballast", "wb") as ballast, contextlib.suppress(OSError):
        status = os.statvfs(disk)
        ballast.write(bytes(int(status.f_bavail * status.f_frsize - status.f_blocks * status.f_frsize * 0.05)))


@pytest.mark.timeout(900)
def test_every_alert_fires_when_that_happens_which_it_is_for(scene, server):
    """All on one system: slow alerts go on while the others are tried."""
    with watched(scene):
        await_alert(scene, "TroClockSkew", "TroEventsUnroutable", again=scene.api.create_event)  # and nobody has bound a queue
        scene.publisher.kill()
        event_id = scene.api.create_event()["event_id"]
        scene.worker.pause()
        eventually(lambda: scene.impatient.api("bob").hold(event_id, ["A-1-1"]).status == 201, within=10)
        time.sleep(7)
        scene.worker.resume()
        await_alert(scene, "TroExpiryLate", "TroNoPublisher", "TroDown")
        problem(scene.api.pay("019aae7d-6b60-7c42-9a55-7e3390c1d7e4", "SUCCEEDED", "tx-unknown"), "order-unknown")
        scene.embedded.api().create_event()
        fill(scene.disk)
        busy_id = damage(scene)
        lock_seats(scene, 4.2)
        await_alert(scene, "TroPaymentForUnknownOrder", "TroLogLinesDropped", "TroDiskNearlyFull", "TroInconsistent", "TroLaneSaturated", "TroLatencyBurn")
        scene.api.seats(busy_id)
        await_alert(scene, "TroRefundsDue", "TroOversold")
        server.stop()
        try:
            for _ in range(20):
                scene.api.hold(event_id, ["A-1-2"])
            await_alert(scene, "TroBreakerOpen", "TroAvailabilityBurn")
        finally:
            server.start()
        age_outbox(scene)
        await_alert(scene, "TroOutboxOld")
    assert set(ALERTS) == scene.fired.keys()

"""What the manifests say, done: the migration, pods with their environment, probes and signals, an Ingress before them, and a rolling update
under load. The pods are local processes; see kubelet.py for what that leaves out."""

import contextlib
import signal
import time
import types

import pytest
from harness.api import Api
from harness.credentials import JWT_SECRET, PAYMENT_SECRET
from harness.database import Database
from harness.load import Load, settle
from harness.server import eventually, run_tro
from peers import postgres, rabbitmq
from ship.kubelet import PROXY, Deployment, Ingress, Pod, stop_all
from ship.manifests import of_kind

EVENTS = 24
LIMITS = {"RATE_LIMIT_USER": "off"}  # a buyer of the load does more than people do; of addresses the limit stays


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The plain start, with PostgreSQL and RabbitMQ for the backends of the Secret."""
    folder = tmp_path_factory.mktemp("cluster")
    with contextlib.ExitStack() as stack:
        machine = stack.enter_context(postgres.server())
        broker = stack.enter_context(rabbitmq.server())
        database = Database(machine.dsn)
        stack.callback(database.drop)
        secret = {"CRDB_DSN": database.uri, "RABBIT_URL": broker.url, "JWT_SECRET": JWT_SECRET, "PAYMENT_SECRET": PAYMENT_SECRET, **LIMITS}
        settings = dict(of_kind("plain", "ConfigMap")["tro"]["data"])
        settings["TRUSTED_PROXIES"] += f",{PROXY}/32"  # no pod of a cluster has such an address
        sources = {("configMapRef", "tro"): settings, ("secretRef", "tro"): secret}
        job = of_kind("plain", "Job")["tro-migrate"]["spec"]["template"]["spec"]
        Pod("tro-migrate", job, sources, folder).run_to_the_end()
        ingress = Ingress(folder, of_kind("plain", "Ingress").values(), of_kind("plain", "Service"))
        stack.callback(ingress.stop)
        deployments = {}
        for name, document in of_kind("plain", "Deployment").items():
            scaler = of_kind("plain", "HorizontalPodAutoscaler").get(name)
            replicas = scaler["spec"]["minReplicas"] if scaler else document["spec"]["replicas"]
            changed = {"changed": ingress.changed} if name == "tro-api" else {}
            deployments[name] = Deployment(document, replicas, sources, folder, **changed)
            stack.callback(deployments[name].kill)
            deployments[name].start()
        for deployment in deployments.values():
            deployment.wait(deployment.replicas)
        yield types.SimpleNamespace(deployments=deployments, ingress=ingress, database=database, secret=secret)
        stop_all(deployments.values())
        done = run_tro("verify", **{**secret, "DATA_DIR": str(folder)})
        assert done.returncode == 0, done.stdout + done.stderr


def api(cluster, scope=None):
    return Api(cluster.ingress.port, "alice", scope)


def on_sale(cluster, **shape):
    return Api(cluster.ingress.port).create_event(**shape)["event_id"]


@pytest.mark.timeout(240)
def test_requests_for_an_event_go_to_one_pod(cluster):
    events = [on_sale(cluster, rows=1, seats_per_row=1) for _ in range(EVENTS)]
    pods = {}
    for event_id in events:
        answers = [api(cluster).get(f"/v1/events/{event_id}{page}") for page in ("", "/seats", "/availability", "/seats?limit=1")]
        assert {answer.status for answer in answers} == {200}
        pods[event_id] = {answer.headers["X-Pod"] for answer in answers}
    assert all(len(names) == 1 for names in pods.values()), pods
    assert len(set.union(*pods.values())) == 2, "all events are at one pod"
    holds = {api(cluster).hold(event_id, ["A-1-1"]).headers["X-Pod"] for event_id in events}
    assert len(holds) == 2, "holds have no event in their path, and are for all"


@pytest.mark.timeout(240)
def test_buyers_behind_the_ingress_do_not_share_a_limit(cluster):
    """More requests than one address may make in a minute, at the one pod that has the event."""
    event_id = on_sale(cluster, rows=1, seats_per_row=1)
    buyer = api(cluster)
    assert {buyer.get(f"/v1/events/{event_id}").status for _ in range(1100)} == {200}


@pytest.mark.timeout(240)
def test_a_rolling_update_loses_no_request(cluster):
    """A balancer sends requests to a pod for seconds after it was told to end: SHUTDOWN_DELAY is longer than that."""
    event_id = on_sale(cluster, rows=20, seats_per_row=30)
    deployment = cluster.deployments["tro-api"]
    old = set(deployment.pods)
    load = Load(cluster.ingress.port, event_id, list(api(cluster).seats(event_id)), seed=int(time.time()), buyers=3, keep_alive=0.9)
    load.await_answers(50)
    took = deployment.roll()
    load.await_answers(110)
    journals = load.journals()
    entries = [entry for journal in journals for entry in journal]
    assert not old & set(deployment.pods) and deployment.ready_count == deployment.replicas
    assert len(entries) > 100, "there was no load to speak of"
    lost = [entry for entry in entries if entry.answer is None or entry.answer.status >= 500]
    assert lost == [], f"{len(lost)} of {len(entries)}: {lost[:3]}"
    assert all(seconds >= 5 for seconds in took), "they did not wait"
    ledger = settle(cluster.ingress.port, journals)
    ledger.check(cluster.ingress.port)
    ledger.check_seats(cluster.ingress.port, event_id)
    print(f"{len(entries)} requests, none lost; the old pods ended in {', '.join(f'{seconds:.1f} s' for seconds in took)}")


@pytest.mark.timeout(240)
def test_a_hung_pod_is_started_again(cluster):
    deployment = cluster.deployments["tro-expiry-worker"]
    pod = deployment.pods[0]
    pod.patience = 1.0
    pod.process.send_signal(signal.SIGSTOP)
    eventually(lambda: pod.restarts == 1, within=120, every=0.1)
    eventually(lambda: pod.is_ready, within=60, every=0.05)


@pytest.mark.timeout(240)
def test_sales_are_published(cluster):
    buyer = api(cluster)
    event_id = on_sale(cluster, rows=1, seats_per_row=2)
    assert buyer.ordered(event_id, "A-1-1")["status"] == "PENDING"
    eventually(lambda: cluster.database.query("SELECT count(*) FROM outbox") == [["0"]], within=60, every=0.1)

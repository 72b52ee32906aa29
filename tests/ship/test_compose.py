"""compose.yaml and compose.minimal.yaml: valid, with settings that exist, and started in their order with local programs and servers. No Docker
engine was tried: PostgreSQL stands for CockroachDB, FerretDB for MongoDB, and those who only watch are left out."""

import contextlib
import os
import pathlib
import re
import subprocess
import urllib.parse

import pytest
import yaml
from harness.api import Api
from harness.database import Database
from harness.paths import BIN_DIR as BINARIES
from harness.server import environment, eventually, free_port, spawn
from peers import go_program, mongodb, postgres, rabbitmq, redis
from ship.conftest import ROOT, run

FILES = ["compose.yaml", "compose.minimal.yaml"]
PROGRAMS = {"api": "tro-api", "expiry-worker": "tro-expiry-worker", "outbox-publisher": "tro-outbox-publisher"}
ONCE = {"migrate", "demo"}
WATCHERS = {"otel-collector", "jaeger", "prometheus", "grafana"}
SERVERS = {"CRDB_DSN": {"cockroach", "postgres"}, "MONGO_URI": {"mongo"}, "REDIS_ADDR": {"redis"}, "RABBIT_URL": {"rabbitmq"},
           "OTEL_EXPORTER_OTLP_ENDPOINT": {"otel-collector"}}


@pytest.fixture(scope="module", params=FILES)
def model(request):
    """A whole file, merged and interpolated, as the library of the Compose specification reads it."""
    program = go_program.build("compose")
    said = subprocess.run([program, ROOT / request.param], capture_output=True, text=True, env={"PATH": os.environ["PATH"], "HOME": "/"})
    assert said.returncode == 0, said.stderr
    return yaml.safe_load(said.stdout)


@pytest.fixture(scope="module")
def broker():
    with rabbitmq.server() as running:
        yield running


@pytest.fixture(scope="module")
def machine():
    with postgres.server() as running:
        yield running


def own(model):
    return {name: service for name, service in model["services"].items() if name in PROGRAMS or name in ONCE}


def test_every_setting_exists_and_has_a_right_value(model):
    """A wrong value stops `tro config` with one line that names it."""
    known = set(re.findall(r"^\| `(\w+)` \|", run(BINARIES / "tro", "config", "--markdown"), re.M))
    assert set(own(model)) == {*PROGRAMS, *ONCE}
    for name, service in own(model).items():
        assert set(service["environment"]) <= known, name
        done = subprocess.run([BINARIES / "tro", "config"], env=environment(service["environment"]), capture_output=True, text=True)
        assert done.returncode == 0, f"{name}: {done.stderr}"


def test_every_server_that_is_named_is_there(model):
    for name, service in own(model).items():
        for setting, servers in SERVERS.items():
            value = service["environment"].get(setting)
            host = None if value is None else urllib.parse.urlsplit(value if "://" in value else f"//{value}").hostname
            assert host is None or (host in servers and host in model["services"]), (name, setting, value)


def test_all_services_are_pinned_limited_and_checked(model):
    version = re.search(r'TRO_VERSION "(.*)"', (ROOT / "src" / "base" / "version.h").read_text())[1]
    for name, service in model["services"].items():
        tag = service["image"].rpartition(":")[2]
        assert re.match(r"v?\d+\.\d+", tag), service["image"]
        assert int(service["deploy"]["resources"]["limits"]["memory"]) > 0, name
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", [])), name
        if name in own(model):
            assert tag == version and service["read_only"] and service["cap_drop"] == ["ALL"]
            assert any(entry.startswith("/tmp") for entry in service["tmpfs"]), "`tro verify` has no room there"
        for volume in service.get("volumes", []):
            if volume["type"] == "bind":
                source = pathlib.Path(volume["source"])
                assert source.is_relative_to(ROOT / "deploy") and (source.exists() or source.parent == ROOT / "deploy"), volume
            else:
                assert volume["source"] in model["volumes"]
        for other, condition in service.get("depends_on", {}).items():
            assert condition["condition"] != "service_healthy" or model["services"][other]["healthcheck"], (name, other)


def test_each_image_is_built_once(model):
    """Current versions of Compose build side by side, and the second export of a tag fails; what is not built here is in no registry."""
    builders = {}
    for name, service in own(model).items():
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).exists()
            assert builders.setdefault(service["image"], name) == name, f"{name} builds what {builders[service['image']]} does"
    assert set(builders.values()) == set(PROGRAMS)
    for name in ONCE:
        service = model["services"][name]
        assert service["image"] == model["services"]["api"]["image"] and service["pull_policy"] == "never"


def test_prometheus_understands_its_configuration():
    text = (ROOT / "deploy" / "compose" / "prometheus.yml").read_text()
    model = yaml.safe_load((ROOT / "compose.yaml").read_text())
    targets = {target for job in yaml.safe_load(text)["scrape_configs"] for group in job["static_configs"] for target in group["targets"]}
    assert targets == {f"{name}:9090" for name in PROGRAMS} and targets <= {f"{name}:9090" for name in model["services"]}
    run("promtool", "check", "config", "--syntax-only", ROOT / "deploy" / "compose" / "prometheus.yml")


def order(services):
    """The order in which Compose starts them: each after all that it depends on."""
    waiting, started = dict(services), []
    while waiting:
        ready = [name for name, service in waiting.items() if set(service.get("depends_on", {})) <= set(started)]
        assert ready, f"they wait for each other: {waiting}"
        started += sorted(ready)
        for name in ready:
            del waiting[name]
    return started


class Graph:
    """The services of a file as local processes. Addresses become those of the local servers, and nothing else is changed."""

    def __init__(self, folder, model, places):
        self.folder, self.model, self.places = folder, model, places
        self.processes, self.ports = {}, {}

    def settings(self, name):
        given = dict(self.model["services"][name]["environment"])
        given.pop("OTEL_EXPORTER_OTLP_ENDPOINT", None)  # nobody listens there
        for setting in SERVERS:
            if setting in given:
                given[setting] = self.places[setting]
        for setting in ("LISTEN_ADDR", "ADMIN_ADDR"):
            if setting in given:
                port = self.ports.setdefault((name, given[setting].rpartition(":")[2]), free_port())
                given[setting] = f"127.0.0.1:{port}"
        return {**given, "DATA_DIR": str(self.folder / name)}

    def start(self, name):
        service = self.model["services"][name]
        if name in ONCE:
            program, *words = service["entrypoint"]
            done = subprocess.run([BINARIES / os.path.basename(program), *words], env=environment(self.settings(name)), capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done
        elif name in PROGRAMS:
            self.processes[name] = spawn(self.folder, name, program=PROGRAMS[name], **self.settings(name))

    def is_healthy(self, name):
        """What its health check says."""
        verb, program, *words = self.model["services"][name]["healthcheck"]["test"]
        assert verb == "CMD" and program == "/usr/bin/tro"
        url = urllib.parse.urlsplit(words[-1])
        words[-1] = f"http://127.0.0.1:{self.ports[(name, str(url.port))]}"
        return subprocess.run([BINARIES / "tro", *words], env=environment({}), capture_output=True, timeout=30).returncode == 0

    def stop(self):
        for name in reversed(self.processes):
            self.processes[name].terminate()
            assert self.processes[name].wait(30) == 0, name

    def kill(self):
        for process in self.processes.values():
            process.kill()
            process.wait()


@pytest.mark.timeout(180)
def test_the_graph_starts_in_its_order_and_sells(model, broker, machine, tmp_path):
    names = order(model["services"])
    database = Database(machine.dsn)
    with contextlib.ExitStack() as stack:
        stack.callback(database.drop)
        places = {"CRDB_DSN": database.uri, "RABBIT_URL": broker.url, "REDIS_ADDR": stack.enter_context(redis.server()).address}
        if "mongo" in names:
            places["MONGO_URI"] = stack.enter_context(mongodb.server()).uri
        graph = Graph(tmp_path, model, places)
        stack.callback(graph.kill)
        for name in names:
            graph.start(name)
        for name in PROGRAMS:
            eventually(lambda: graph.is_healthy(name), within=60, every=0.2)  # noqa: B023
        port = int(graph.settings("api")["LISTEN_ADDR"].rpartition(":")[2])
        tro = [BINARIES / "tro"]
        token = subprocess.run([*tro, "token", "--user", "alice"], env=environment(graph.settings("api")), capture_output=True, text=True, check=True)
        api = Api(port, "alice")
        api.token = token.stdout.strip()
        event = eventually(lambda: api.get("/v1/events").json()["data"], within=20)[0]  # that of `demo`
        seat = next(label for label, seat in api.seats(event["event_id"]).items() if seat["status"] == "available")
        order_id = api.ordered(event["event_id"], seat)["order_id"]
        words = ["pay", order_id, "--succeed", "--url", f"http://127.0.0.1:{port}"]
        run(*tro, *words, **graph.settings("api"))
        assert api.get_order(order_id).json()["status"] == "CONFIRMED"
        eventually(lambda: database.query("SELECT count(*) FROM outbox") == [["0"]], within=30, every=0.1)
        graph.stop()
        run(*tro, "verify", **graph.settings("api"))

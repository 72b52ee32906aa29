"""The Kubernetes manifests: valid for every version, with settings that exist, and with probes and signals that the programs answer to."""

import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
import yaml
from harness.paths import BIN_DIR as BINARIES
from harness.server import free_port
from ship.conftest import ROOT, run

MANIFESTS = sorted((ROOT / "deploy").glob("*.yaml"))
PROGRAMS = {"tro-api": "tro-api", "tro-worker": "tro-expiry-worker", "tro-publisher": "tro-outbox-publisher"}


def documents():
    return [document for path in MANIFESTS for document in yaml.safe_load_all(path.read_text())]


def deployments():
    return {document["metadata"]["name"]: document["spec"]["template"]["spec"]["containers"][0] for document in documents() if document["kind"] == "Deployment"}


@pytest.mark.parametrize("version", ["1.29", "1.33", "1.37"])
def test_they_are_valid(version):
    said = subprocess.run([sys.executable, "-m", "kubernetes_validate", "-k", version, "--strict", *map(str, MANIFESTS)], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    assert (said.stdout + said.stderr).count("passed for resource") == len(documents())


def test_every_setting_exists():
    known = set(re.findall(r"^\| `(\w+)` \|", run(BINARIES / "tro", "config", "--markdown"), re.M))
    given = {name for document in documents() if document["kind"] == "ConfigMap" for name in document["data"]}
    given |= {setting["name"] for container in deployments().values() for setting in container["env"]}
    assert given <= known, given - known


def test_the_images_are_of_this_version():
    version = re.search(r'TRO_VERSION "(.*)"', (ROOT / "src" / "base" / "version.h").read_text())[1]
    images = {container["image"] for container in deployments().values()}
    assert images == {f"{image}:{version}" for image in PROGRAMS}
    job = next(document for document in documents() if document["kind"] == "Job")
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == f"tro-api:{version}"


def test_everything_runs_unprivileged():
    for document in documents():
        if document["kind"] not in ("Deployment", "Job"):
            continue
        pod = document["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"]


def status(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code
    except (urllib.error.URLError, ConnectionError):
        return None


def eventually(port, path, wanted, within):
    deadline = time.monotonic() + within
    while (seen := status(port, path)) != wanted:
        assert time.monotonic() < deadline, f"{path}: {seen}"
        time.sleep(0.05)


@pytest.mark.timeout(60)
def test_the_api_answers_its_probes_and_stops_as_they_say(tmp_path):
    container, config = deployments()["tro-api"], next(document for document in documents() if document["kind"] == "ConfigMap")["data"]
    port, admin = free_port(), free_port()
    settings = {**config, "LISTEN_ADDR": f"127.0.0.1:{port}", "ADMIN_ADDR": f"127.0.0.1:{admin}", "DATA_DIR": str(tmp_path)}
    process = subprocess.Popen([BINARIES / "tro", "serve"], env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"]["port"] == "admin"
            eventually(admin, container[probe]["httpGet"]["path"], 200, within=20)
        process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        eventually(admin, "/v1/readyz", 503, within=2)
        assert status(port, "/v1/events") == 200  # whoever has not noticed is still served
        assert process.wait(30) == 0
        assert time.monotonic() - told >= 5
    finally:
        process.kill()

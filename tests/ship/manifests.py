"""The Kubernetes manifests as they reach a cluster: those of a plain start, and what kustomize builds of the overlays."""

import functools
import subprocess

import yaml
from peers import go_program
from ship.conftest import ROOT

DEPLOY = ROOT / "deploy"
OVERLAYS = ["dev", "production"]
VARIANTS = ["plain", *OVERLAYS]
PROGRAMS = {"tro-api": "tro-api", "tro-worker": "tro-expiry-worker", "tro-publisher": "tro-outbox-publisher"}


@functools.cache
def kustomized(folder):
    said = subprocess.run([go_program.build("kustomize"), folder], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    return list(yaml.safe_load_all(said.stdout))


@functools.cache
def documents(variant):
    """What `kubectl apply -f deploy/` reads, or what `kubectl apply -k` does of an overlay."""
    if variant != "plain":
        return kustomized(DEPLOY / "kustomize" / "overlays" / variant)
    return [document for path in sorted(DEPLOY.glob("*.yaml")) for document in yaml.safe_load_all(path.read_text())]


def of_kind(variant, kind):
    """name → resource"""
    return {document["metadata"]["name"]: document for document in documents(variant) if document["kind"] == kind}


def image_name(container):
    return container["image"].rpartition("/")[2].rpartition(":")[0]


def own_pods(variant):
    """The pods of TRO's own programs: name of the Deployment or Job → specification."""
    pods = {}
    for kind in ("Deployment", "Job"):
        for name, document in of_kind(variant, kind).items():
            pod = document["spec"]["template"]["spec"]
            if image_name(pod["containers"][0]) in PROGRAMS:
                pods[name] = pod
    return pods

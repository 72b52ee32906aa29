"""The Kubernetes manifests: valid for every version, with settings that exist, and the same wherever they are said twice. What they say of
processes is in test_rollout.py."""

import base64
import ipaddress
import json
import re
import subprocess

import jsonschema
import kubernetes_validate
import pytest
import yaml
from harness.paths import BIN_DIR as BINARIES
from harness.server import environment
from ship.conftest import ROOT, run
from ship.manifests import DEPLOY, OVERLAYS, PROGRAMS, VARIANTS, documents, image_name, kustomized, of_kind, own_pods

VERSIONS = [f"1.{minor}" for minor in range(29, 38)]
OPERATOR = "monitoring.coreos.com/v1"
SERVERS = set(PROGRAMS.values())


def strict(schema):
    """Of an object that names its members no other is right: a cluster drops it and says nothing."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(each) for name, each in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and schema["properties"]:
        closed.setdefault("additionalProperties", False)
    if isinstance(closed.get("pattern"), str):
        closed["pattern"] = closed["pattern"].replace("^(?i)", "(?i)^")  # Go lets flags stand behind the start
    return closed


def operators_schema(kind):
    schema = strict(json.loads((ROOT / "tests" / "ship" / "schemas" / f"{kind.lower()}.json").read_text()))
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


@pytest.mark.parametrize("variant", VARIANTS)
def test_they_are_valid(variant):
    for document in documents(variant):
        if document["apiVersion"] == OPERATOR:
            jsonschema.validate(document, operators_schema(document["kind"]))
            continue
        for version in VERSIONS:
            assert kubernetes_validate.validate(document, version, strict=True) == version


def test_the_newest_schemas_are_used():
    assert kubernetes_validate.latest_version().startswith(VERSIONS[-1])


def test_fields_that_the_operator_would_drop_are_found():
    monitor = json.loads(json.dumps(of_kind("production", "ServiceMonitor")["tro"]))
    monitor["spec"]["endpoints"][0]["intervall"] = "15s"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(monitor, operators_schema("ServiceMonitor"))


def test_the_plain_start_is_the_base():
    """`kubectl apply -f` takes every .yaml of the folder, so that there is none but manifests; each is a link, and so no copy."""
    paths = sorted(DEPLOY.glob("*.yaml"))
    listed = yaml.safe_load((DEPLOY / "kustomize" / "base" / "kustomization.yaml").read_text())["resources"]
    assert [path.name for path in paths] == listed
    assert all(path.is_symlink() and path.resolve() == DEPLOY / "kustomize" / "base" / path.name for path in paths)
    assert not [path for path in DEPLOY.iterdir() if path.suffix in (".yml", ".json") or path.name.lower() == "kustomization"]
    key = lambda document: (document["kind"], document["metadata"]["name"])  # noqa: E731
    assert sorted(kustomized(DEPLOY / "kustomize" / "base"), key=key) == sorted(documents("plain"), key=key)


def test_rules_and_dashboards_are_those_of_prometheus_and_grafana():
    for name in ("recording", "alerts"):
        own = yaml.safe_load((DEPLOY / "prometheus" / f"{name}.yml").read_text())
        assert of_kind("production", "PrometheusRule")[f"tro-{name}"]["spec"] == own, "run `make manifests`"
    assert (DEPLOY / "prometheus" / "rules.yaml").read_text() == run(ROOT / "scripts" / "prometheus-rule.sh"), "run `make manifests`"
    dashboards = of_kind("production", "ConfigMap")["tro-dashboards"]["data"]
    assert dashboards == {path.name: path.read_text() for path in (DEPLOY / "grafana").glob("*.json")}


def test_the_monitor_finds_the_servers_under_their_names():
    """The Service behind it selects all pods that serve; what they are called is the job of the rules."""
    service, monitor = of_kind("production", "Service")["tro-operators"], of_kind("production", "ServiceMonitor")["tro"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,), (port,) = monitor["spec"]["endpoints"], service["spec"]["ports"]
    assert endpoint["port"] == port["name"]
    found = set()
    for name, document in {**of_kind("production", "Deployment"), **of_kind("production", "Job")}.items():
        template = document["spec"]["template"]
        if service["spec"]["selector"].items() <= template["metadata"]["labels"].items():
            assert port["targetPort"] in {each["name"] for each in template["spec"]["containers"][0]["ports"]}
            found.add(template["metadata"]["labels"]["app.kubernetes.io/name"])
            assert template["metadata"]["labels"]["app.kubernetes.io/name"] == name
    assert found == SERVERS


def settings(variant, container):
    """What a container finds in its environment, without secrets that others make."""
    given = {}
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            given |= of_kind(variant, "ConfigMap")[source["configMapRef"]["name"]]["data"]
        else:
            secret = of_kind(variant, "Secret").get(source["secretRef"]["name"], {})
            given |= {name: base64.b64decode(value).decode() for name, value in secret.get("data", {}).items()}
    return given | {each["name"]: each["value"] for each in container.get("env", [])}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_setting_exists_and_has_a_right_value(variant):
    known = set(re.findall(r"^\| `(\w+)` \|", run(BINARIES / "tro", "config", "--markdown"), re.M))
    for name, pod in own_pods(variant).items():
        given = settings(variant, pod["containers"][0])
        assert set(given) <= known, (name, set(given) - known)
        done = subprocess.run([BINARIES / "tro", "config"], env=environment(given), capture_output=True, text=True)
        assert done.returncode == 0, f"{name}: {done.stderr}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_secrets_are_named_and_only_those_of_dev_are_told(variant):
    assert set(of_kind(variant, "Secret")) == ({"tro"} if variant == "dev" else set())
    for pod in own_pods(variant).values():
        assert {"secretRef": {"name": "tro"}} in pod["containers"][0]["envFrom"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_images_are_of_this_version(variant):
    version = re.search(r'TRO_VERSION "(.*)"', (ROOT / "src" / "base" / "version.h").read_text())[1]
    containers = {name: pod["containers"][0] for name, pod in own_pods(variant).items()}
    assert {name: image_name(container) for name, container in containers.items()} == {
        **{program: image for image, program in PROGRAMS.items()}, "tro-migrate": "tro-api"}
    assert {container["image"].rpartition(":")[2] for container in containers.values()} == {version}


def test_dev_has_the_servers_of_the_small_compose_file():
    composed = yaml.safe_load((ROOT / "compose.minimal.yaml").read_text())["services"]
    for name in ("postgres", "rabbitmq", "redis"):
        assert of_kind("dev", "Deployment")[name]["spec"]["template"]["spec"]["containers"][0]["image"] == composed[name]["image"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_everything_runs_unprivileged(variant):
    for document in documents(variant):
        if document["kind"] not in ("Deployment", "Job"):
            continue
        pod = document["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0 and not pod["automountServiceAccountToken"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_store_can_be_verified_in_a_pod_of_the_api(variant):
    pod = own_pods(variant)["tro-api"]
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"] if not mount.get("readOnly")}
    assert {"name": mounts["/tmp"], "emptyDir": {}} in pod["volumes"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_pods_of_an_ingress_controller_are_trusted(variant):
    """Whatever private network they are in; the operator narrows it."""
    trusted = [ipaddress.ip_network(network) for network in of_kind(variant, "ConfigMap")["tro"]["data"]["TRUSTED_PROXIES"].split(",")]
    for address in ("10.42.0.7", "172.17.0.2", "192.168.9.9", "100.64.1.1", "fd00::1"):
        assert any(ipaddress.ip_address(address) in network for network in trusted), address
    assert not any(ipaddress.ip_address(address) in network for network in trusted for address in ("8.8.8.8", "2001:db8::1"))


def test_the_namespace_comes_before_the_secret_in_it():
    text = (DEPLOY / "20-config.yaml").read_text()
    assert 0 < text.index("apply -f deploy/10-namespace.yaml") < text.index("create secret")


@pytest.mark.parametrize("variant", ["plain", "production"])
def test_no_update_or_drain_takes_all_of_a_service(variant):
    for name in SERVERS:
        deployment = of_kind(variant, "Deployment")[name]["spec"]
        assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        assert of_kind(variant, "PodDisruptionBudget")[name]["spec"]["maxUnavailable"] == 1
        assert deployment["template"]["spec"]["topologySpreadConstraints"]
        scaler = of_kind(variant, "HorizontalPodAutoscaler").get(name)
        assert (deployment.get("replicas") is None) == (scaler is not None), "two say how many there are"
        assert (scaler["spec"]["minReplicas"] if scaler else deployment["replicas"]) >= 2
    assert set(of_kind("production", "HorizontalPodAutoscaler")) == SERVERS


@pytest.mark.parametrize("variant", OVERLAYS)
def test_an_overlay_changes_what_it_says_and_no_more(variant):
    """Every resource of the base is there, except those that one pod does not need."""
    base = {(document["kind"], document["metadata"]["name"]) for document in documents("plain")}
    built = {(document["kind"], document["metadata"]["name"]) for document in documents(variant)}
    missing = {kind for kind, _ in base - built}
    assert missing == ({"HorizontalPodAutoscaler", "PodDisruptionBudget"} if variant == "dev" else set())

"""A small kubelet, and what stands around it: runs the containers of the manifests as local processes, probes them as they say, stops them as a
cluster would, and tells an HAProxy, configured by the Ingresses, which pods are ready.

Faithful: command, environment, user, ports, probes with their thresholds, SIGTERM, grace period, SIGKILL, surge and unavailability of a rolling
update, and that balancers hear of a pod's end later than the pod. Not: images, memory limits, networks. Periods of probes are shortened."""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

from harness.paths import BIN_DIR as BINARIES
from harness.server import _die_with_parent, environment, eventually, free_port
from ship.manifests import image_name

PROBE_SCALE = 0.2  # of the periods
PATIENCE = 10.0  # seconds for an answer to a probe: a pod on a machine that runs other tests beside this one does not hang
ENDPOINTS_LAG = 2.0  # seconds until balancers have heard that a pod is to end
SLOTS = 6  # pods that the balancer has room for
ENTRYPOINTS = {"tro-api": "tro-api", "tro-worker": "tro-expiry-worker", "tro-publisher": "tro-outbox-publisher"}
NOBODY = 65532
PROXY = "127.0.0.2"  # whence the balancer reaches the pods


def variables(container, sources):
    """The environment of a container: `sources` are the data of ConfigMaps and Secrets by kind and name."""
    given = {}
    for source in container.get("envFrom", []):
        (kind, reference), = source.items()
        given |= sources[kind, reference["name"]]
    return given | {each["name"]: each["value"] for each in container.get("env", [])}


def may_be_nobody():
    """Whether the user of the manifests can reach the programs, as it can in an image."""
    return os.geteuid() == 0 and all(folder.stat().st_mode & 0o1 for folder in pathlib.Path(BINARIES).resolve().parents)


class Pod:
    """One container, from its start to its end. `changed` is called when it becomes ready, or is so no more."""

    def __init__(self, name, spec, sources, folder, changed=lambda pod: None):
        (self.container,), self.spec = spec["containers"], spec
        assert "lifecycle" not in self.container, "the programs wait by themselves: SHUTDOWN_DELAY"
        self.name, self.changed, self.log = name, changed, folder / f"{name}.log"
        self.ports = {port["containerPort"]: free_port() for port in self.container.get("ports", [])}
        self.by_name = {port["name"]: self.ports[port["containerPort"]] for port in self.container.get("ports", [])}
        self.environment = {variable: self.local(value) for variable, value in variables(self.container, sources).items()}
        self.is_ready, self.restarts, self.patience = False, 0, PATIENCE
        self.is_ending, self.is_unprobed, self.is_gone = threading.Event(), threading.Event(), threading.Event()
        self.process = self.thread = None

    def local(self, value):
        """Pods have addresses of their own; here they share one, and differ by port."""
        found = re.fullmatch(r"0\.0\.0\.0:(\d+)", value)
        return f"127.0.0.1:{self.ports[int(found[1])]}" if found else value

    def spawn(self):
        path, *words = self.container.get("command") or [f"/usr/bin/{ENTRYPOINTS[image_name(self.container)]}"]
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if may_be_nobody() else {}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([BINARIES / os.path.basename(path), *words], env={**environment(self.environment), "DATA_DIR": "/data"}, cwd="/",
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_parent, **user)

    def run_to_the_end(self, timeout_s=60):
        """A Job's pod: started again while it fails."""
        deadline = time.monotonic() + timeout_s
        while True:
            self.spawn()
            if self.process.wait(timeout_s) == 0:
                return
            assert self.spec["restartPolicy"] == "OnFailure" and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.2)

    def start(self):
        self.thread = threading.Thread(target=self.look_after)
        self.thread.start()
        return self

    def probe(self, name):
        target = self.container[name]["httpGet"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.by_name[target['port']]}{target['path']}", timeout=self.patience) as answer:
                return 200 <= answer.status < 400
        except (urllib.error.URLError, OSError):
            return False

    def tell(self, is_ready):
        if is_ready != self.is_ready:
            self.is_ready = is_ready
            self.changed(self)

    def restart(self):
        self.tell(False)
        self.process.kill()
        self.process.wait()
        self.restarts += 1
        self.spawn()

    def look_after(self):
        """The thread stays as long as the process: the kernel ends what a thread has started with the thread."""
        self.spawn()
        try:
            self.probe_until_the_end()
        finally:
            self.is_unprobed.set()
            self.is_gone.wait()

    def probe_until_the_end(self):
        """Startup, then liveness and readiness, each with its own period and threshold, until the pod is told to end."""
        names = ("startupProbe", "livenessProbe", "readinessProbe")
        failures, due, has_started = dict.fromkeys(names, 0), dict.fromkeys(names, 0.0), False
        while not self.is_ending.wait(0.02):
            for name in names[1:] if has_started else names[:1]:
                if time.monotonic() < due[name]:
                    continue
                failures[name] = 0 if self.probe(name) else failures[name] + 1
                due[name] = time.monotonic() + self.container[name]["periodSeconds"] * PROBE_SCALE
                is_over = failures[name] >= self.container[name].get("failureThreshold", 3)
                if name == "startupProbe" and failures[name] == 0:
                    has_started = True
                elif name == "readinessProbe" and (failures[name] == 0 or is_over):
                    self.tell(failures[name] == 0)
                elif is_over:
                    self.restart()
                    failures, has_started = dict.fromkeys(names, 0), False
                    break

    def stop(self):
        """SIGTERM at once, the news for balancers later, SIGKILL when the grace period has passed. Seconds that it took."""
        self.is_ending.set()
        self.is_unprobed.wait()
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        time.sleep(ENDPOINTS_LAG)
        self.tell(False)
        code = self.process.wait(self.spec["terminationGracePeriodSeconds"])
        assert code == 0, f"{self.name}: exit code {code}\n{self.log.read_text()[-2000:]}"
        took = time.monotonic() - began
        self.is_gone.set()
        self.thread.join()
        return took

    def kill(self):
        self.is_ending.set()
        if self.thread is not None and self.thread.is_alive():
            self.is_unprobed.wait()
            self.process.kill()
            self.process.wait()
            self.is_gone.set()
            self.thread.join()


CONFIGURATION = """
global
    maxconn 200
    stats socket {folder}/control level admin
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    retries 0
    source {proxy}
frontend in
    bind 127.0.0.1:{port}
    # Buyers have addresses of their own; here they share one, which a controller would put in the header.
    http-request set-header X-Forwarded-For 203.0.113.%[rand(250)]
{rules}
"""


class Ingress:
    """HAProxy with the paths and the balancing that the manifests name. A pod that is ready is a server of every Service that selects it."""

    def __init__(self, folder, ingresses, services):
        self.folder, self.port, self.lock, self.slots = folder, free_port(), threading.Lock(), {}
        paths = [path for ingress in ingresses for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
        paths.sort(key=lambda path: (path["pathType"] != "Exact", -len(path["path"])))
        rules = [f"    use_backend {self.backend(path)} if {{ path{'' if path['pathType'] == 'Exact' else '_beg'} {path['path']} }}" for path in paths]
        self.backends = sorted({self.backend(path) for path in paths})
        text = CONFIGURATION.format(folder=folder, proxy=PROXY, port=self.port, rules="\n".join(rules))
        for name in self.backends:
            balance = services[name]["metadata"].get("annotations", {}).get("haproxy.org/load-balance", "roundrobin")
            text += f"backend {name}\n    balance {balance}\n    hash-type consistent\n    http-response set-header X-Pod %s\n"
            text += "".join(f"    server s{slot} 127.0.0.1:1 disabled\n" for slot in range(SLOTS))
        (folder / "haproxy.cfg").write_text(text)
        with open(folder / "haproxy.log", "wb") as log:
            self.process = subprocess.Popen(["haproxy", "-db", "-f", folder / "haproxy.cfg"], env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_parent)
        eventually(self.listens, within=30)

    def listens(self):
        assert self.process.poll() is None, (self.folder / "haproxy.log").read_text()
        try:
            self.command("show", "version")
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except OSError:
            return False
        return True

    @staticmethod
    def backend(path):
        return path["backend"]["service"]["name"]

    def command(self, *words):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as control:
            control.connect(f"{self.folder}/control")
            control.sendall(" ".join(words).encode() + b"\n")
            said = b"".join(iter(lambda: control.recv(4096), b"")).decode().strip()
        return said

    def set_server(self, *words):
        said = self.command("set server", *words)
        assert said == "" or "changed" in said or "no need" in said, said

    def changed(self, pod):
        with self.lock:
            slot = self.slots.setdefault(pod.name, next(n for n in range(SLOTS) if n not in self.slots.values()) if pod.name not in self.slots else 0)
            for backend in self.backends:
                if pod.is_ready:
                    self.set_server(f"{backend}/s{slot}", "addr 127.0.0.1 port", str(pod.by_name["http"]))
                self.set_server(f"{backend}/s{slot}", "state", "ready" if pod.is_ready else "maint")
            if not pod.is_ready:
                del self.slots[pod.name]

    def stop(self):
        self.process.kill()
        self.process.wait()


class Deployment:
    """Its pods, and how they are replaced by others."""

    def __init__(self, document, replicas, sources, folder, changed=lambda pod: None):
        self.name, self.spec, self.replicas = document["metadata"]["name"], document["spec"], replicas
        self.sources, self.folder, self.changed, self.generation = sources, folder, changed, 0
        self.pods = []

    def add(self):
        pod = Pod(f"{self.name}-{self.generation}", self.spec["template"]["spec"], self.sources, self.folder, self.changed)
        self.generation += 1
        self.pods.append(pod)
        return pod.start()

    def start(self):
        for _ in range(self.replicas):
            self.add()

    @property
    def ready_count(self):
        return sum(pod.is_ready for pod in self.pods)

    def wait(self, count, within=60):
        deadline = time.monotonic() + within
        while self.ready_count < count:
            assert time.monotonic() < deadline, "".join(pod.log.read_text()[-2000:] for pod in self.pods)
            time.sleep(0.02)

    def roll(self):
        """One more than wanted at most, none less than wanted that is ready; the seconds that each took to end."""
        strategy = self.spec["strategy"]["rollingUpdate"]
        assert (strategy["maxSurge"], strategy["maxUnavailable"]) == (1, 0)
        took = []
        for old in list(self.pods):
            self.add()
            self.wait(self.replicas + 1)
            took.append(old.stop())
            self.pods.remove(old)
        return took

    def kill(self):
        for pod in self.pods:
            pod.kill()


def stop_all(deployments):
    """Every pod of them, at the same time."""
    pods = [pod for deployment in deployments for pod in deployment.pods]
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(pods)) as pool:
        list(pool.map(Pod.stop, pods))

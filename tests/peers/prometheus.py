"""A real Prometheus in a folder, with the rules of deploy/prometheus, whose patience is cut short where a test cannot wait for minutes."""

import contextlib
import ctypes
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RULES = ROOT / "deploy" / "prometheus"
START_SECONDS_MAX = 30
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
SHORT, LONG = "4s", "15s"


def hurried(rules):
    """The same rules with nothing to wait for: short windows, and no `for`. Thresholds stay."""
    rules = rules.replace("[1m]", f"[{SHORT}]")
    rules = re.sub(r"\[\d+[mhd]\]", f"[{LONG}]", rules)
    rules = re.sub(r"offset \d+[mhd]", f"offset {LONG}", rules)
    return re.sub(r"(?m)^( +for: ).*$", r"\g<1>0s", rules)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    """`targets`: (job, port) of each process."""

    def __init__(self, folder, targets):
        self.folder, self.port, self.process = pathlib.Path(folder), free_port(), None
        for name in ("recording.yml", "alerts.yml"):
            (self.folder / name).write_text(hurried((RULES / name).read_text()))
        jobs = "".join(
            f'  - job_name: "{job}"\n    static_configs: [{{targets: [{", ".join(f"127.0.0.1:{port}" for other, port in targets if other == job)}]}}]\n'
            for job in sorted({job for job, _ in targets})
        )
        (self.folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [recording.yml, alerts.yml]\nscrape_configs:\n" + jobs
        )

    def start(self):
        words = ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}", "--enable-feature=exemplar-storage"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5).status == 200:
                    return self
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-4000:])
            time.sleep(0.05)

    def ask(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}", timeout=30) as answer:
            body = json.load(answer)
        assert body["status"] == "success", body
        return body["data"]

    def query(self, expression):
        """The samples: (labels, value)."""
        return [(sample["metric"], float(sample["value"][1])) for sample in self.ask("query", query=expression)["result"]]

    def firing(self):
        """The names of the alerts that fire."""
        return {alert["labels"]["alertname"] for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"}

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextlib.contextmanager
def server(targets):
    folder = tempfile.mkdtemp(prefix="tro-prometheus-")
    prometheus = Prometheus(folder, targets)
    try:
        yield prometheus.start()
    finally:
        prometheus.stop()
        shutil.rmtree(folder)

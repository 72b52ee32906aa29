"""A real OpenTelemetry collector, which hands spans on to a real Jaeger, both built once from their public modules.

`traces.py` alone builds them, if they are not in the cache: with empty caches 430 s of processor time, of which Jaeger takes 300, 1.8 GB of
memory for a moment, and 23 s of downloads; eight minutes at the lowest priority beside other suites on two processors. `make test` begins with it in the
background (scripts/test.py), and what needs the programs earlier waits.
"""

import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from peers import go_program  # noqa: E402

BUILD_SECONDS_MAX = 1800  # of both, on a machine that does much else
START_SECONDS_MAX = 60
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
JAEGER = "github.com/jaegertracing/jaeger/cmd/jaeger"

COLLECTOR_CONFIG = """
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{grpc}"}}, http: {{endpoint: "127.0.0.1:{http}"}}}}}}
exporters:
  otlp: {{endpoint: "127.0.0.1:{to}", tls: {{insecure: true}}, sending_queue: {{enabled: false}}}}
service:
  telemetry: {{logs: {{level: warn}}, metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp]}}}}
"""

JAEGER_CONFIG = """
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines: {{traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}}}
  telemetry: {{logs: {{level: error}}, metrics: {{level: none}}}}
extensions:
  jaeger_query: {{storage: {{traces: memory}}, http: {{endpoint: "127.0.0.1:{query}"}}, grpc: {{endpoint: "127.0.0.1:{query_grpc}"}}}}
  jaeger_storage: {{backends: {{memory: {{memory: {{max_traces: 10000}}}}}}}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{grpc}"}}}}}}
exporters:
  jaeger_storage_exporter: {{trace_storage: memory}}
"""


def free_ports(*names):
    """Different ones, all free just now."""
    with contextlib.ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in names]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return {name: probe.getsockname()[1] for name, probe in zip(names, sockets)}


def build():
    return go_program.build("otelcol"), go_program.build("jaeger", package=JAEGER)


@dataclasses.dataclass
class Span:
    service: str
    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    start_us: int
    end_us: int
    attributes: dict
    resource: dict
    links: list[tuple[str, str]]


def span_of(found, processes):
    references = [(one["refType"], one["traceID"].zfill(32), one["spanID"].zfill(16)) for one in found["references"]]
    trace_id, process = found["traceID"].zfill(32), processes[found["processID"]]
    parents = [span for kind, trace, span in references if kind == "CHILD_OF" and trace == trace_id]
    return Span(
        service=process["serviceName"],
        trace_id=trace_id,
        span_id=found["spanID"].zfill(16),
        parent_id=parents[0] if parents else None,
        name=found["operationName"],
        start_us=found["startTime"],
        end_us=found["startTime"] + found["duration"],
        attributes={tag["key"]: tag["value"] for tag in found["tags"]},
        resource={tag["key"]: tag["value"] for tag in process["tags"]},
        links=[(trace, span) for kind, trace, span in references if kind == "FOLLOWS_FROM"],
    )


class Traces:
    """`http`, `grpc`: the collector's endpoints. What it is sent, Jaeger shows."""

    def __init__(self, folder):
        self.folder, self.processes = pathlib.Path(folder), {}
        self.ports = free_ports("http", "grpc", "to", "query", "query_grpc")
        self.http, self.grpc = (f"http://127.0.0.1:{self.ports[name]}" for name in ("http", "grpc"))

    def start(self):
        self.collector, jaeger = build()
        self._run("jaeger", jaeger, JAEGER_CONFIG.format(**{**self.ports, "grpc": self.ports["to"]}), ("to", "query"))
        return self.start_collector()

    def start_collector(self):
        self._run("collector", self.collector, COLLECTOR_CONFIG.format(**self.ports), ("http", "grpc"))
        return self

    def kill_collector(self):
        process = self.processes.pop("collector")
        process.kill()
        process.wait()

    def pause_collector(self):
        """It keeps its connections and answers nothing."""
        self.processes["collector"].send_signal(signal.SIGSTOP)

    def resume_collector(self):
        self.processes["collector"].send_signal(signal.SIGCONT)

    def _run(self, name, program, config, ports):
        (self.folder / f"{name}.yaml").write_text(config)
        with open(self.folder / f"{name}.log", "ab") as log:
            process = self.processes[name] = subprocess.Popen([program, "--config", self.folder / f"{name}.yaml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                   env={**os.environ, "OTEL_TRACES_SAMPLER": "always_off"},
                                                   preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        deadline = time.monotonic() + START_SECONDS_MAX
        for port in ports:
            while not self._listens(self.ports[port]):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / f"{name}.log").read_text(errors="replace")[-4000:])
                time.sleep(0.05)

    @staticmethod
    def _listens(port):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
        return False

    def tell(self, trace_id, span_id, name, start_ns, end_ns):
        """Sends the collector a span of the service "buyer", in which a trace begins."""
        span = {"traceId": trace_id, "spanId": span_id, "name": name, "kind": 3, "startTimeUnixNano": str(start_ns), "endTimeUnixNano": str(end_ns)}
        service = {"key": "service.name", "value": {"stringValue": "buyer"}}
        body = {"resourceSpans": [{"resource": {"attributes": [service]}, "scopeSpans": [{"spans": [span]}]}]}
        request = urllib.request.Request(f"{self.http}/v1/traces", json.dumps(body).encode(), {"Content-Type": "application/json"})
        assert urllib.request.urlopen(request, timeout=30).status == 200

    def _ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.ports['query']}/api/traces{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                found = json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            found = []
        return [span_of(span, trace["processes"]) for trace in found or [] for span in trace["spans"]]

    def of_trace(self, trace_id):
        """Its spans, as far as they are there."""
        return self._ask(f"/{trace_id}")

    def of_service(self, service, operation):
        """The spans of the latest traces in which the service did that."""
        return self._ask("", service=service, operation=operation, limit=100)

    def stop(self):
        for process in self.processes.values():
            process.kill()
            process.wait()


@contextlib.contextmanager
def server():
    """Both, running, as long as the context."""
    folder = tempfile.mkdtemp(prefix="tro-traces-")
    traces = Traces(folder)
    try:
        yield traces.start()
    finally:
        traces.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    build()

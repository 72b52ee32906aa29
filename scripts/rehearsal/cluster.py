"""The hosts of the rehearsal: the backends, two of each service, HAProxy before the APIs, and a client."""

import os
import pathlib
import signal
import subprocess

from backends import ROOT, Postgres, Rabbit, RedisCluster, wait_for
from network import Host

BIN = pathlib.Path(os.environ.get("TRO_BIN_DIR") or ROOT / "build" / "bin")
SECRETS = {"JWT_SECRET": "rehearsal-rehearsal-rehearsal-jwt", "PAYMENT_SECRET": "rehearsal-rehearsal-rehearsal-pay"}
PORT, ADMIN_PORT = 8080, 9090
STOP_SECONDS_MAX = 30

# A request is tried at another API when its connection was refused, and never when it may have arrived: that is the client's business, who
# has its key. What HAProxy says itself is 503 with Retry-After.
HAPROXY = """
global
    maxconn 2000
    log stdout format raw local0
defaults
    mode http
    log global
    log-format "R %[date(0,ms)] %Ta %ST %ts %s %HM %HPO"
    option http-keep-alive
    option dontlognull
    option http-ignore-probes
    option forwardfor
    option redispatch 1
    retries 2
    retry-on conn-failure
    timeout connect 700ms
    timeout client 30s
    timeout server 7s
    timeout check 3s
    errorfile 502 {folder}/unavailable.http
    errorfile 503 {folder}/unavailable.http
    errorfile 504 {folder}/unavailable.http
frontend in
    bind {address}:{port}
    default_backend apis
backend apis
    option httpchk GET /v1/readyz
    default-server check port {admin} inter 250ms fall 2 rise 1
{servers}
"""
UNAVAILABLE = "HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\nCache-Control: no-store\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Service:
    """One of TRO's programs on a host of its own."""

    def __init__(self, program, host, **settings):
        self.program, self.host, self.process = program, host, None
        self.settings = {**settings, "LISTEN_ADDR": f"{host.address}:{PORT}", "ADMIN_ADDR": f"{host.address}:{ADMIN_PORT}", "DATA_DIR": str(host.folder / "data")}

    def start(self):
        self.process = self.host.spawn(BIN / self.program, log="tro.log", env=environment(self.settings))
        wait_for(self.is_ready, f"{self.program} on {self.host.name}")

    def is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.program} ended: {(self.host.folder / 'tro.log').read_text()[-2000:]}")
        return subprocess.run(self.host.inside(BIN / "tro", "health", "--url", f"http://{self.host.address}:{ADMIN_PORT}"), env=environment({}),
                              capture_output=True).returncode == 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS_MAX)
        if code != 0:
            raise RuntimeError(f"{self.program} on {self.host.name} ended with {code}: {(self.host.folder / 'tro.log').read_text()[-2000:]}")

    def restart(self):
        self.stop()
        self.start()


def environment(settings):
    return {"PATH": os.environ["PATH"], **settings}


class Cluster:
    def __init__(self, is_synchronous):
        self.is_synchronous = is_synchronous
        self.client, self.balancer = Host("client", 1), Host("balancer", 2)
        self.postgres = [Postgres(Host("postgres-1", 41)), Postgres(Host("postgres-2", 42))]
        self.primary, self.standby = self.postgres
        self.redis = RedisCluster([Host(f"redis-{n}", 50 + n) for n in (1, 2, 3)])
        self.rabbit = Rabbit(Host("rabbit", 61))
        addresses = ",".join(server.host.address for server in self.postgres)
        self.settings = {
            "CRDB_DSN": f"host={addresses} port={Postgres.PORT} user=tro dbname=tro target_session_attrs=read-write connect_timeout=2 sslmode=disable",
            "RABBIT_URL": self.rabbit.url, "REDIS_ADDR": self.redis.address, "HOLD_TTL": "5s", "ORDER_TTL": "5s", "LOG_LEVEL": "warn",
            "RATE_LIMIT_USER": "1000000/1m", "RATE_LIMIT_IP": "1000000/1m", "TRUSTED_PROXIES": self.balancer.address, **SECRETS}
        self.apis = self.services("tro-api", 10, SHUTDOWN_DELAY="2s")
        self.workers = self.services("tro-expiry-worker", 20)
        self.publishers = self.services("tro-outbox-publisher", 30)

    def services(self, program, number, **more):
        return [Service(program, Host(f"{program.rpartition('-')[2]}-{n}", number + n), **self.settings, **more) for n in (1, 2)]

    @property
    def every_service(self):
        return [*self.apis, *self.workers, *self.publishers]

    def start(self):
        self.rabbit.start()
        self.primary.initialise()
        self.primary.start()
        self.primary.query("CREATE DATABASE tro")
        self.standby.follow(self.primary, self.is_synchronous)
        self.redis.start()
        self.tro("migrate")
        self.rabbit.wait()
        for service in self.every_service:
            service.start()
        self.start_balancer()

    def start_balancer(self):
        folder = self.balancer.folder
        servers = "\n".join(f"    server {api.host.name} {api.host.address}:{PORT}" for api in self.apis)
        (folder / "unavailable.http").write_text(UNAVAILABLE)
        (folder / "haproxy.cfg").write_text(HAPROXY.format(folder=folder, address=self.balancer.address, port=PORT, admin=ADMIN_PORT, servers=servers))
        self.balancer.spawn("haproxy", "-db", "-f", folder / "haproxy.cfg", log="haproxy.log")
        url = f"http://{self.balancer.address}:{PORT}"
        wait_for(lambda: subprocess.run(self.client.inside("curl", "-sf", "-o", "/dev/null", f"{url}/v1/events")).returncode == 0, "HAProxy")

    def tro(self, *words, timeout_s=300):
        return self.client.run(BIN / "tro", *words, env=environment({**self.settings, "DATA_DIR": str(self.client.folder / "data"), "TMPDIR": str(self.client.folder)}),
                               timeout_s=timeout_s)

    def start_load(self, rate, seconds, events):
        """Buyers at a steady rate, who ask again, with the same key, when they get no answer, or 503; and in the end a check of all that they were told."""
        words = ["--url", f"http://{self.balancer.address}:{PORT}", "--connections", 32, "--rate", rate, "--duration", f"{seconds}s", "--warm-up", "0s",
                 "--events", events, "--seats", 2000, "--timeout", "4s", "--patience", "120s", "--json", "--quiet", "--journal", self.client.folder / "journal"]
        return self.client.spawn(BIN / "tro", "bench", "onsale", *words, log="bench.log", env=environment(self.settings))

    def outbox(self):
        return int(self.primary.query("SELECT count(*) FROM outbox", "tro"))

    def settle(self):
        """What lapses has lapsed, and what happened is published."""
        pending = "SELECT (SELECT count(*) FROM holds WHERE status = 1) + (SELECT count(*) FROM orders WHERE status = 1)"
        wait_for(lambda: self.primary.query(pending, "tro") == "0", "the end of all holds and orders", every=0.3)
        wait_for(lambda: self.outbox() == 0, "an empty outbox", every=0.3)

    def stop(self):
        for service in self.every_service:
            service.process.send_signal(signal.SIGTERM)
        for service in self.every_service:
            service.stop()

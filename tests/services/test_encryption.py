"""TLS to PostgreSQL, RabbitMQ, Redis and MongoDB: real servers that show each kind of certificate, one after the other, to a process that says
which is wrong, and works again when it is mended."""

import contextlib
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile

import pytest
from harness import paths
from harness.authority import Authority
from harness.server import Server, environment, eventually, run_tro
from harness.tcp_proxy import TcpProxy
from peers import mongodb as mongodb_peer
from peers import postgres as postgres_peer
from peers import rabbitmq as rabbitmq_peer
from peers import redis as redis_peer

PASSWORD = "gWuq7-never-in-a-log"
GOOD, OTHER_NAME, UNKNOWN, EXPIRED, NO_TLS = "good", "other name", "unknown authority", "expired", "no TLS"
VERIFIED = {
    OTHER_NAME: "hostname mismatch",
    UNKNOWN: "unable to get local issuer certificate",
    EXPIRED: "certificate has expired",
}


@pytest.fixture(scope="module")
def folder():
    """Where PostgreSQL's user may look, too."""
    made = pathlib.Path(tempfile.mkdtemp(prefix="tro-tls-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def authority(folder):
    return Authority(folder)


@pytest.fixture(scope="module")
def certificates(folder, authority):
    """For each kind the certificate and the key of a server."""
    return {
        GOOD: authority.issue("good", "localhost", "127.0.0.1", "192.0.2.10"),
        OTHER_NAME: authority.issue("other", "elsewhere.example"),
        UNKNOWN: Authority(folder, "stranger").issue("strange", "localhost", "127.0.0.1"),
        EXPIRED: authority.issue("old", "localhost", "127.0.0.1", is_expired=True),
    }


@pytest.fixture(scope="module")
def client(authority):
    return authority.issue("client")


@pytest.fixture
def start(tmp_path):
    """Servers whose every line of log is looked at in the end."""
    started = []

    def start_one(**options) -> Server:
        server = Server(tmp_path / str(len(started)), operators=True, **options)
        started.append(server)
        server.spawn()
        eventually(lambda: is_listening(server), within=30)
        return server

    yield start_one
    for server in started:
        server.stop()
        assert PASSWORD not in server.stderr + server.stdout
        server.discard()


def is_listening(server: Server) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.admin_port), timeout=5):
        return True
    return False


def told(server: Server, dependency: str) -> list[dict]:
    return [entry for entry in server.log() if entry.get("dependency") == dependency]


def expect_refusal(server: Server, dependency: str, words: str) -> None:
    """Readiness says so."""

    def detail():
        return server.ready().get(dependency, {}).get("detail", "")

    try:
        eventually(lambda: words in detail(), within=20)
    except AssertionError:
        raise AssertionError(f"{words!r} is not in {detail()!r}") from None


def expect_service(server: Server, dependency: str) -> None:
    eventually(lambda: server.ready().get(dependency, {}).get("state") == "up", within=30)


def go_through(server: Server, dependency: str, words: dict, show) -> None:
    """Each kind of trouble, and after each the server as it should be."""
    for kind, said in words.items():
        before = len(told(server, dependency))
        show(kind)
        expect_refusal(server, dependency, said)
        show(GOOD)
        expect_service(server, dependency)
        lines = [entry for entry in told(server, dependency)[before:] if said in entry.get("reason", "")]
        assert len(lines) <= 1 and "\n" not in str(lines), lines


class Postgres(postgres_peer.Postgres):
    """One that asks for a client certificate, if it speaks TLS."""

    def show(self, certificates, authority, kind: str) -> None:
        self.stop()
        for name, path in zip(("server.crt", "server.key"), certificates[GOOD if kind == NO_TLS else kind]):
            target = self.folder / "data" / name
            shutil.copy(path, target)
            target.chmod(0o600)
            if self.identity:
                os.chown(target, self.identity["user"], self.identity["group"])
        access = "hostssl all all 0.0.0.0/0 trust clientcert=verify-ca" if kind != NO_TLS else "host all all 0.0.0.0/0 trust"
        (self.folder / "data" / "pg_hba.conf").write_text(f"local all all trust\n{access}\n")
        self.settings = [word for word in self.settings if not word.startswith("ssl")]
        self.settings += [f"ssl={'off' if kind == NO_TLS else 'on'}", f"ssl_ca_file={authority.certificate}"]
        self.start()


@contextlib.contextmanager
def postgres_with_tls():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tro-postgres-"))
    server = None
    try:
        server = Postgres(folder)
        yield server
    finally:
        if server is not None:
            server.crash()
        shutil.rmtree(folder)


def test_postgresql(start, folder, authority, certificates, client):
    with postgres_with_tls() as server:
        server.show(certificates, authority, GOOD)
        dsn = f"host=localhost port={server.port} user=tro dbname=postgres password={PASSWORD} sslmode=verify-full"
        shown = f" sslcert={client[0]} sslkey={client[1]}"
        options = {"CRDB_DSN": dsn + shown, "SSL_CERT_FILE": str(authority.certificate)}
        migrated = subprocess.run([paths.BIN_DIR / "tro", "migrate"], env=environment(options), capture_output=True, text=True, timeout=60)
        assert migrated.returncode == 0, migrated.stderr
        words = {
            OTHER_NAME: 'does not match host name "localhost"',
            UNKNOWN: "certificate verify failed: unable to get local issuer certificate",
            EXPIRED: "certificate verify failed: certificate has expired",
            NO_TLS: "server does not support SSL",
        }
        process = start(**options)
        expect_service(process, "store")
        go_through(process, "store", words, lambda kind: server.show(certificates, authority, kind))
        without = start(**{**options, "CRDB_DSN": f"{dsn} sslrootcert={authority.certificate}", "SSL_CERT_FILE": None})
        expect_refusal(without, "store", "requires a valid client certificate")


def test_postgresql_elsewhere_is_verified_without_being_told(folder, authority, certificates):
    """In a network of its own, whose loopback interface has an address that is not of loopback."""
    script = 'ip link set lo up && ip address add 192.0.2.10/32 dev lo && echo ready && exec sleep 600'
    network = subprocess.Popen(["unshare", "--net", "sh", "-c", script], stdout=subprocess.PIPE, text=True, preexec_fn=postgres_peer.Postgres.end_with_parent)
    try:
        assert network.stdout.readline() == "ready\n"

        def inside(*words, **options):
            return subprocess.run(["nsenter", f"--net=/proc/{network.pid}/ns/net", *map(str, words)], env=environment(options),
                                  capture_output=True, text=True, timeout=60)

        with postgres_with_tls() as server:
            entered = ["nsenter", f"--net=/proc/{network.pid}/ns/net", "setpriv", f"--reuid={server.identity['user']}",
                       f"--regid={server.identity['group']}", "--clear-groups"]
            for kind, is_on in ((GOOD, "on"), (NO_TLS, "off")):
                for name, path in zip(("server.crt", "server.key"), certificates[GOOD]):
                    target = server.folder / "data" / name
                    shutil.copy(path, target)
                    os.chown(target, server.identity["user"], server.identity["group"])
                    target.chmod(0o600)
                (server.folder / "data" / "pg_hba.conf").write_text("local all all trust\nhost all all 0.0.0.0/0 trust\n")
                program = postgres_peer.programs() / "postgres"
                with open(server.folder / "log", "ab") as log:
                    running = subprocess.Popen([*entered, program, "-D", server.folder / "data", "-k", server.folder, "-p", str(server.port), "-c", f"ssl={is_on}",
                                                "-c", "listen_addresses=127.0.0.1,192.0.2.10"], cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                               preexec_fn=server.end_with_parent)
                try:
                    eventually(lambda: subprocess.run(["pg_isready", "-q", "-h", server.folder, "-p", str(server.port)]).returncode == 0, within=30)
                    place = f"port={server.port} user=tro dbname=postgres"
                    trusted = {"SSL_CERT_FILE": str(authority.certificate)}
                    here = inside(paths.BIN_DIR / "tro", "migrate", CRDB_DSN=f"host=127.0.0.1 {place}")
                    assert here.returncode == 0, here.stderr
                    socket_too = inside(paths.BIN_DIR / "tro", "migrate", CRDB_DSN=f"host={server.folder} {place}")
                    assert socket_too.returncode == 0, socket_too.stderr
                    there = inside(paths.BIN_DIR / "tro", "migrate", CRDB_DSN=f"host=192.0.2.10 {place}", **trusted)
                    doubted = inside(paths.BIN_DIR / "tro", "migrate", CRDB_DSN=f"host=192.0.2.10 {place}")
                    told = inside(paths.BIN_DIR / "tro", "migrate", CRDB_DSN=f"host=192.0.2.10 {place} sslmode=disable")
                    assert told.returncode == 0, told.stderr
                    if kind == GOOD:
                        assert there.returncode == 0, there.stderr
                        assert doubted.returncode == 1 and "certificate verify failed: " in doubted.stderr, doubted.stderr
                    else:
                        assert there.returncode == 1 and "server does not support SSL" in there.stderr, there.stderr
                finally:
                    running.terminate()
                    running.wait(60)
    finally:
        network.kill()
        network.wait()
        network.stdout.close()


class Broker(rabbitmq_peer.Broker):
    """One that asks for a client certificate."""

    def __init__(self, folder, authority):
        super().__init__(folder)
        settings = folder / "rabbitmq.conf"
        text = settings.read_text().replace("verify = verify_none", f"verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\nssl_options.cacertfile = {authority.certificate}")
        settings.write_text(text)

    def show(self, certificates, kind: str) -> None:
        for path, source in zip((self.certificate, self.folder / "key.pem"), certificates[kind]):
            shutil.copy(source, path)
        self.control("eval", "ssl:clear_pem_cache().")
        self.close_connections()


def test_rabbitmq(start, authority, certificates, client):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tro-rabbitmq-"))
    broker = None
    try:
        broker = Broker(folder, authority)
        broker.start()
        with TcpProxy(broker.tls_port) as proxy:

            def show(kind):
                proxy.upstream = broker.port if kind == NO_TLS else broker.tls_port
                broker.show(certificates, GOOD if kind == NO_TLS else kind)

            show(GOOD)
            options = {"RABBIT_URL": f"amqps://tro:{rabbitmq_peer.PASSWORD}@localhost:{proxy.port}", "RABBIT_CA_FILE": str(authority.certificate)}
            shown = {"RABBIT_CERT_FILE": str(client[0]), "RABBIT_KEY_FILE": str(client[1])}
            process = start(**options, **shown)
            expect_service(process, "bus")
            go_through(process, "bus", {**VERIFIED, NO_TLS: "does not speak TLS"}, show)
            by_address = start(**{**options, "RABBIT_URL": options["RABBIT_URL"].replace("localhost", "127.0.0.1")}, **shown)
            expect_service(by_address, "bus")
            expect_refusal(start(**options), "bus", "ertificate")
            expect_refusal(start(**options, RABBIT_CERT_FILE="/nowhere.pem"), "bus", "the certificate /nowhere.pem cannot be used: No such file")
    finally:
        if broker is not None:
            broker.close()
        shutil.rmtree(folder)


def test_redis(start, authority, certificates, client):
    port = redis_peer.free_port()
    words = {"--tls-port": port, "--tls-ca-cert-file": authority.certificate, "--tls-auth-clients": "yes",
             "--tls-cert-file": certificates[GOOD][0], "--tls-key-file": certificates[GOOD][1]}
    with redis_peer.server(redis_peer.Redis, *[str(word) for pair in words.items() for word in pair]) as redis, TcpProxy(port) as proxy:
        redis.command("CONFIG", "SET", "requirepass", PASSWORD)
        redis.password = PASSWORD

        def show(kind):
            proxy.upstream = redis.port if kind == NO_TLS else port
            certificate, key = certificates[GOOD if kind == NO_TLS else kind]
            assert redis.command("CONFIG", "SET", "tls-cert-file", certificate, "tls-key-file", key) == "OK"
            redis.command("CLIENT", "KILL", "TYPE", "normal")

        options = {"REDIS_ADDR": f"rediss://:{PASSWORD}@localhost:{proxy.port}", "REDIS_CA_FILE": str(authority.certificate), "RATE_LIMIT_USER": "100/1m"}
        shown = {"REDIS_CERT_FILE": str(client[0]), "REDIS_KEY_FILE": str(client[1])}
        process = start(**options, **shown)
        expect_service(process, "admission")
        api = process.api()
        api.held(api.create_event()["event_id"], "A-1-1")
        assert process.metric("tro_admission_judged_total", scope="shared") > 0
        go_through(process, "admission", {**VERIFIED, NO_TLS: "does the server speak TLS"}, show)
        by_address = start(**{**options, "REDIS_ADDR": options["REDIS_ADDR"].replace("localhost", "127.0.0.1"), "REDIS_KEY_FILE": None, "REDIS_CERT_FILE": str(client[0].with_suffix(".both"))})
        expect_service(by_address, "admission")
        expect_refusal(start(**options), "admission", "ertificate")


@pytest.mark.parametrize("setting", ["RABBIT_CA_FILE", "RABBIT_CERT_FILE", "RABBIT_KEY_FILE"])
def test_files_of_tls_are_refused_beside_a_broker_without_it(tmp_path, setting):
    options = {"DATA_DIR": str(tmp_path), "LISTEN_ADDR": "127.0.0.1:0", "RABBIT_URL": f"amqp://tro:{PASSWORD}@broker.example/", setting: "/etc/tro/tls/broker.pem"}
    done = run_tro("serve", **options)
    assert done.returncode == 1 and "RABBIT_URL must begin with amqps://" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and PASSWORD not in done.stderr


class TlsFront(TcpProxy):
    """A server that lets in who shows a certificate, in front of one without TLS."""

    def __init__(self, upstream: int, authority: Authority):
        super().__init__(upstream)
        self.authority, self.context = authority, None

    def show(self, certificate, key) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(self.authority.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
        self.context = context

    def _serve(self, client: socket.socket) -> None:
        if self.context is None:
            super()._serve(client)
            return
        shown = self.context
        with client, contextlib.suppress(OSError):
            client.settimeout(10)
            with shown.wrap_socket(client, server_side=True) as encrypted, socket.create_connection(("127.0.0.1", self.upstream), timeout=10) as server:
                for each in (encrypted, server):
                    each.settimeout(0.02)
                while not self.over.is_set() and self.context is shown:
                    for source, target in ((encrypted, server), (server, encrypted)):
                        with contextlib.suppress(TimeoutError):
                            piece = source.recv(65536)
                            if not piece:
                                return
                            target.settimeout(10)
                            target.sendall(piece)
                            target.settimeout(0.02)


def test_mongodb(start, folder, authority, certificates, client):
    with mongodb_peer.server() as mongo, TlsFront(mongo.port, authority) as front:

        def show(kind):
            if kind == NO_TLS:
                front.context = None
            else:
                front.show(*certificates[kind])

        show(GOOD)
        both = folder / "client.both"
        uri = f"mongodb://localhost:{front.port}/tro?tls=true&tlsCAFile={authority.certificate}"
        process = start(MONGO_URI=f"{uri}&tlsCertificateKeyFile={both}")
        expect_service(process, "catalog")
        process.api().create_event()
        refused = "certificate verify failed"
        go_through(process, "catalog", {OTHER_NAME: refused, UNKNOWN: refused, EXPIRED: refused, NO_TLS: "TLS"}, show)
        expect_refusal(start(MONGO_URI=uri), "catalog", "MongoDB: ")

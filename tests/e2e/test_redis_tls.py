"""`rediss://`: TLS to Redis, with the certificate verified against SSL_CERT_FILE."""

import datetime
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from harness.server import eventually, free_port
from peers import redis as redis_peer

PASSWORD = "never-in-a-log-2f1"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A folder with cert.pem, of 127.0.0.1 and localhost, and key.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(names, critical=False).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256()))
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return folder


@pytest.fixture(scope="module")
def tls_port(certificate):
    """Of a Redis that speaks TLS there."""
    port = free_port()
    words = {"--tls-port": port, "--tls-cert-file": certificate / "cert.pem", "--tls-key-file": certificate / "key.pem",
             "--tls-ca-cert-file": certificate / "cert.pem", "--tls-auth-clients": "no"}
    with redis_peer.server(redis_peer.Redis, *[str(word) for pair in words.items() for word in pair]) as running:
        running.command("CONFIG", "SET", "requirepass", PASSWORD)
        yield port


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_admission_by_tls(start_server, tls_port, certificate, host):
    server = start_server(operators=True, REDIS_ADDR=f"rediss://:{PASSWORD}@{host}:{tls_port}", SSL_CERT_FILE=str(certificate / "cert.pem"), RATE_LIMIT_USER="100/1m")
    eventually(lambda: server.ready()["admission"]["state"] == "up", within=10)
    api = server.api()
    event_id = api.create_event()["event_id"]
    api.held(event_id, "A-1-1")
    assert server.metric("tro_admission_judged_total", scope="shared") > 0


def test_a_certificate_that_is_not_trusted_is_named(start_server, tls_port):
    server = start_server(operators=True, REDIS_ADDR=f"rediss://:{PASSWORD}@127.0.0.1:{tls_port}")
    eventually(lambda: "self-signed certificate" in server.ready()["admission"].get("detail", ""), within=10)
    assert server.ready()["admission"]["state"] == "degraded" and PASSWORD not in server.stderr
    server.api().held(server.api().create_event()["event_id"], "A-1-1")


def test_a_server_without_tls_is_named(start_server):
    with redis_peer.server() as plain:
        server = start_server(operators=True, REDIS_ADDR=f"rediss://{plain.address}")
        eventually(lambda: "no TLS" in server.ready()["admission"].get("detail", ""), within=10)

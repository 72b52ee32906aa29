"""Tokens by public keys: from PEM, and from a key set that an issuer publishes. The tokens are made by PyJWT."""

import base64
import concurrent.futures
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from harness import wire
from harness.authority import Authority
from harness.credentials import base64url
from harness.machine import is_in_time
from harness.server import SLACK, Server, eventually
from test_authentication import assert_refused, claims, problem, with_token

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def pem(key) -> str:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def jwk(key, **members) -> dict:
    algorithm = {rsa.RSAPrivateKey: "RS256", ec.EllipticCurvePrivateKey: "ES256"}
    name = next((value for kind, value in algorithm.items() if isinstance(key, kind)), "EdDSA")
    made = json.loads(jwt.get_algorithm_by_name(name).to_jwk(key.public_key()))
    made.pop("key_ops", None)
    return {**made, **members}


def accepted(server, token: str) -> None:
    problem(with_token(server, token), "hold-unknown")


class Issuer:
    """Publishes `answer` at /jwks; a callable answers by itself."""

    def __init__(self, port: int = 0, certificate=None):
        self.answer = b""
        self.fetches = []
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.fetches.append(time.monotonic())
                if callable(issuer.answer):
                    return issuer.answer(self)
                self.send_response(200)
                self.send_header("Content-Length", str(len(issuer.answer)))
                self.end_headers()
                self.wfile.write(issuer.answer)

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.http.server_address[1]}/jwks"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def publish(self, *keys) -> None:
        self.answer = json.dumps({"keys": keys}).encode()


@pytest.fixture
def issuer():
    issuer = Issuer()
    yield issuer
    issuer.http.shutdown()


@pytest.fixture(scope="module")
def pem_server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("pem"), JWT_PUBLIC_KEY=pem(RSA) + pem(EC) + pem(ED), JWT_SECRET=None).start()
    yield server
    server.stop()


class Running(Server):
    """One with keys of its own beside the issuer's, as long as the context lives."""

    def __init__(self, folder, **options):
        super().__init__(folder, operators=True, **options)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *error):
        if kind is None:
            self.stop()
        self.discard()


def serve_keys(folder, issuer) -> Server:
    return Server(folder, operators=True, JWT_SECRET=None, JWT_JWKS_URL=issuer.url).start()


@pytest.mark.parametrize("algorithm, key", [("RS256", RSA), ("PS256", RSA), ("ES256", EC), ("EdDSA", ED)])
def test_each_pem_key_is_taken_by_its_algorithms(pem_server, algorithm, key):
    accepted(pem_server, jwt.encode(claims(), key, algorithm))
    accepted(pem_server, jwt.encode(claims(), key, algorithm, headers={"kid": "../../../../dev/null"}))
    made = jwt.encode(claims(), key, algorithm)
    head, _, signature = made.rpartition(".")
    assert_refused(with_token(pem_server, f"{head}.{'A' * len(signature)}"))
    for parameter in ({"crit": ["b64"]}, {"jku": "http://127.0.0.1/"}, {"x5u": "http://127.0.0.1/"}, {"zip": "DEF"}):
        assert_refused(with_token(pem_server, jwt.encode(claims(), key, algorithm, headers=parameter)))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS384", "PS512"])
def test_other_algorithms_of_the_same_key_are_refused(pem_server, algorithm):
    assert_refused(with_token(pem_server, jwt.encode(claims(), RSA, algorithm)))


def test_another_key_of_the_same_kind_is_refused(pem_server):
    assert_refused(with_token(pem_server, jwt.encode(claims(), OTHER_RSA, "RS256")))


@pytest.mark.parametrize("key", [RSA, EC, ED])
def test_a_public_key_is_no_secret(pem_server, key):
    for secret in (pem(key).encode(), pem(key).strip().encode(), pem(key).replace("\n", "").encode()):
        head = f"{base64url(json.dumps({'alg': 'HS256'}).encode())}.{base64url(json.dumps(claims()).encode())}"
        mac = hmac.new(secret, head.encode(), hashlib.sha256).digest()
        assert_refused(with_token(pem_server, f"{head}.{base64url(mac)}"))


def test_b64_is_refused_on_a_properly_signed_token(pem_server):
    # PyJWT leaves b64 out of the header, so this token is put together here.
    head = f"{base64url(json.dumps({'alg': 'EdDSA', 'b64': True}).encode())}.{base64url(json.dumps(claims()).encode())}"
    assert_refused(with_token(pem_server, f"{head}.{base64url(ED.sign(head.encode()))}"))


def test_zero_is_no_signature(pem_server):
    head = jwt.encode(claims(), EC, "ES256").rpartition(".")[0]
    assert_refused(with_token(pem_server, f"{head}.{base64url(bytes(64))}"))


def test_keys_come_from_a_file(tmp_path):
    path = tmp_path / "keys.pem"
    path.write_text(pem(RSA) + pem(EC))
    server = Server(tmp_path / "server", JWT_PUBLIC_KEY_FILE=str(path)).start()
    accepted(server, jwt.encode(claims(), EC, "ES256"))
    accepted(server, jwt.encode(claims(), server.options["JWT_SECRET"], "HS256"))
    server.stop()


def test_secrets_overlap_while_one_replaces_another(tmp_path):
    old, new = "o" * 32, "n" * 32
    server = Server(tmp_path, JWT_SECRET=f"{new}, {old}").start()
    accepted(server, jwt.encode(claims(), old, "HS256"))
    accepted(server, jwt.encode(claims(), new, "HS256"))
    assert_refused(with_token(server, jwt.encode(claims(), "x" * 32, "HS256")))
    server.stop()


@pytest.mark.parametrize("leeway, ago, is_in", [(None, 20, True), (None, 40, False), ("0s", 2, False), ("60s", 50, True)])
def test_clocks_may_differ_by_the_leeway(tmp_path, leeway, ago, is_in):
    server = Server(tmp_path, JWT_LEEWAY=leeway).start()
    made = jwt.encode(claims(exp=int(time.time()) - ago), server.options["JWT_SECRET"], "HS256")
    accepted(server, made) if is_in else assert_refused(with_token(server, made))
    server.stop()


def test_a_published_key_allows_its_alg_alone(tmp_path, issuer):
    oct_key = {"kty": "oct", "kid": "o", "k": base64.urlsafe_b64encode(b"s" * 32).decode().rstrip("="), "alg": "HS256"}
    issuer.publish(jwk(RSA, kid="r"), jwk(OTHER_RSA, kid="p", alg="PS256"), jwk(EC, kid="e"), jwk(ED, kid="d"), oct_key)
    server = serve_keys(tmp_path, issuer)
    for kid, key, algorithm in (("r", RSA, "RS256"), ("p", OTHER_RSA, "PS256"), ("e", EC, "ES256"), ("d", ED, "EdDSA")):
        accepted(server, jwt.encode(claims(), key, algorithm, headers={"kid": kid}))
    assert_refused(with_token(server, jwt.encode(claims(), RSA, "PS256", headers={"kid": "r"})))
    assert_refused(with_token(server, jwt.encode(claims(), OTHER_RSA, "RS256", headers={"kid": "p"})))
    assert_refused(with_token(server, jwt.encode(claims(), RSA, "RS256", headers={"kid": "p"})))
    assert_refused(with_token(server, jwt.encode(claims(), "s" * 32, "HS256", headers={"kid": "o"})))
    server.stop()


@pytest.mark.waits(10)
def test_an_unknown_kid_fetches_once_in_ten_seconds_and_keys_that_left_are_void(tmp_path, issuer):
    issuer.publish(jwk(RSA, kid="old"))
    server = Server(tmp_path, operators=True, JWT_SECRET=None, JWT_PUBLIC_KEY=pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)), JWT_JWKS_URL=issuer.url).start()
    old = jwt.encode(claims(), RSA, "RS256", headers={"kid": "old"})
    new = jwt.encode(claims(), OTHER_RSA, "RS256", headers={"kid": "new"})
    eventually(lambda: with_token(server, old).status == 404, within=20)  # with a key of its own the server does not wait for the issuer's
    accepted(server, old)
    issuer.publish(jwk(OTHER_RSA, kid="new"))
    deadline = time.monotonic() + 60
    while with_token(server, new).status != 404:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert_refused(with_token(server, old))
    assert len(issuer.fetches) == 2 and issuer.fetches[1] - issuer.fetches[0] >= 9.9
    server.stop()


def stall(request):
    request.send_response(200)
    request.end_headers()
    for _ in range(200):
        request.wfile.write(b" ")
        time.sleep(0.1)


def flood(request):
    request.send_response(200)
    request.end_headers()
    for _ in range(1000):
        request.wfile.write(b" " * 65536)


def redirect(request):
    request.send_response(302)
    request.send_header("Location", "/elsewhere")
    request.end_headers()


def keeps_the_old_keys(folder, answer) -> None:
    issuer = Issuer()
    try:
        issuer.publish(jwk(RSA, kid="old"))
        server = serve_keys(folder, issuer)
        old = jwt.encode(claims(), RSA, "RS256", headers={"kid": "old"})
        issuer.answer = answer
        deadline = time.monotonic() + 60
        while len(issuer.fetches) < 2 or "token keys cannot be fetched" not in server.stderr:
            assert_refused(with_token(server, jwt.encode(claims(), OTHER_RSA, "RS256", headers={"kid": "new"})))
            assert time.monotonic() < deadline
            time.sleep(0.1)
        accepted(server, old)
        server.stop()
    except BaseException as problem:
        problem.add_note(f"answer: {answer!r:.60}")
        raise
    finally:
        issuer.http.shutdown()


@pytest.mark.waits(10)
def test_a_bad_key_set_keeps_the_old_keys(tmp_path):
    """Each with a server of its own, side by side: all of them wait ten seconds for the next fetch."""
    answers = [b"", b"{}", b'{"keys":[]}', b"[" * 60000, b"\xff\xfe", flood, redirect]
    with concurrent.futures.ThreadPoolExecutor(len(answers)) as pool:
        for done in [pool.submit(keeps_the_old_keys, tmp_path / str(number), answer) for number, answer in enumerate(answers)]:
            done.result()


def token_keys(server) -> dict:
    answer = wire.exchange(server.admin_port, "GET", "/v1/readyz?verbose")
    found = next(item for item in answer.json()["dependencies"] if item["name"] == "token keys")
    return {"status": answer.status, **found}


def await_alive(server) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if wire.exchange(server.port, "GET", "/v1/healthz").status == 200:
                return
        except OSError:
            pass
        assert server.process.poll() is None and time.monotonic() < deadline, server.stderr
        time.sleep(0.01)


def await_state(server, state: str) -> dict:
    deadline = time.monotonic() + 60
    while (found := token_keys(server))["state"] != state:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def test_a_slow_key_set_delays_neither_the_start_nor_the_stop(tmp_path, issuer):
    issuer.answer = stall
    server = Server(tmp_path, operators=True, JWT_SECRET=None, JWT_JWKS_URL=issuer.url)
    begun = time.monotonic()
    server.spawn()
    await_alive(server)
    assert is_in_time(time.monotonic() - begun, 2 * SLACK)
    found = await_state(server, "down")
    assert found["status"] == 503 and "has not been fetched yet" in found["detail"]
    assert_refused(with_token(server, jwt.encode(claims(), RSA, "RS256")))
    assert len(issuer.fetches) == 1
    begun = time.monotonic()
    server.stop()
    assert is_in_time(time.monotonic() - begun, 3 * SLACK)


@pytest.mark.waits(11)
def test_an_issuer_that_is_away_at_the_start_is_said_and_waited_for(tmp_path, issuer):
    url, port = issuer.url, issuer.http.server_address[1]
    issuer.http.shutdown()
    issuer.http.server_close()
    server = Server(tmp_path, operators=True, JWT_SECRET=None, JWT_JWKS_URL=url).spawn()
    await_alive(server)
    while "cannot be fetched" not in (found := await_state(server, "down"))["detail"]:
        time.sleep(0.05)
    assert found["status"] == 503
    eventually(lambda: any("token keys cannot be fetched" in line and '"problem"' in line for line in server.stderr.splitlines()), within=5)
    again = Issuer(port)
    again.publish(jwk(RSA, kid="r"))
    assert await_state(server, "up")["status"] == 200
    eventually(lambda: "token keys are fetched again" in server.stderr, within=5)
    accepted(server, jwt.encode(claims(), RSA, "RS256", headers={"kid": "r"}))
    server.stop()
    again.http.shutdown()


def test_a_server_with_other_keys_serves_while_the_issuer_is_away(tmp_path, issuer):
    issuer.answer = b"{}"
    server = Server(tmp_path, operators=True, JWT_JWKS_URL=issuer.url).start()
    assert await_state(server, "degraded")["status"] == 200
    accepted(server, jwt.encode(claims(), server.options["JWT_SECRET"], "HS256"))
    server.stop()


def test_a_loopback_key_set_is_not_fetched_through_a_proxy(tmp_path, issuer):
    issuer.publish(jwk(RSA, kid="r"))
    server = Server(tmp_path, JWT_SECRET=None, JWT_JWKS_URL=issuer.url, http_proxy="http://127.0.0.1:1", all_proxy="http://127.0.0.1:1").start()
    accepted(server, jwt.encode(claims(), RSA, "RS256", headers={"kid": "r"}))
    server.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def encrypted(authority):
    """Makes issuers that speak TLS with the certificate of this name."""
    made = []

    def make(name: str, *hosts: str, **options) -> Issuer:
        made.append(Issuer(certificate=authority.issue(name, *hosts, **options)))
        made[-1].publish(jwk(RSA, kid="r"))
        return made[-1]

    yield make
    for issuer in made:
        issuer.http.shutdown()
        issuer.http.server_close()


def await_refusal(server, words: str) -> None:
    """Readiness names the key set, and one line of the log says its fault."""
    eventually(lambda: "cannot be fetched" in token_keys(server).get("detail", ""), within=20)
    assert token_keys(server)["state"] == "degraded"
    said = lambda: [entry["problem"] for entry in server.log() if entry["message"] == "token keys cannot be fetched"]  # noqa: E731
    eventually(said, within=20)  # it is written a moment after readiness knows
    assert len(said()) == 1 and words in said()[0], said()
    assert_refused(with_token(server, jwt.encode(claims(), RSA, "RS256", headers={"kid": "r"})))


@pytest.mark.parametrize("setting", ["JWT_JWKS_CA_FILE", "SSL_CERT_FILE"])
def test_an_issuer_whose_certificate_is_trusted_is_believed(tmp_path, authority, encrypted, setting):
    issuer = encrypted("issuer", "127.0.0.1")
    with Running(tmp_path, JWT_JWKS_URL=issuer.url, **{setting: str(authority.certificate)}) as server:
        await_state(server, "up")
        accepted(server, jwt.encode(claims(), RSA, "RS256", headers={"kid": "r"}))


@pytest.mark.parametrize(
    "case, words",
    [("unknown", "certificate"), ("expired", "expired"), ("other", "127.0.0.1"), ("system", "certificate"), ("plain", "SSL")],
)
def test_an_issuer_whose_certificate_is_doubtful_is_not_believed(tmp_path, authority, encrypted, case, words):
    names = {"other": ("elsewhere.example",)}.get(case, ("127.0.0.1",))
    issuer = encrypted("doubtful", *names, is_expired=case == "expired")
    url = issuer.url
    if case == "plain":
        plain = Issuer()
        plain.publish(jwk(RSA, kid="r"))
        url = plain.url.replace("http:", "https:")
    trusted = {"unknown": Authority(tmp_path, "another").certificate, "system": None}.get(case, authority.certificate)
    with Running(tmp_path, JWT_JWKS_URL=url, JWT_JWKS_CA_FILE=trusted and str(trusted)) as server:
        await_refusal(server, words)
    assert case == "plain" or issuer.fetches == []


def test_an_issuer_that_sends_elsewhere_or_too_much_is_not_believed(tmp_path, authority, encrypted):
    elsewhere, endless = encrypted("elsewhere", "127.0.0.1"), encrypted("endless", "127.0.0.1")
    target = encrypted("target", "127.0.0.1")

    def redirect(request):
        request.send_response(302)
        request.send_header("Location", target.url)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def flood(request):
        request.send_response(200)
        request.end_headers()
        piece = b" " * 65536
        try:
            for _ in range(4096):  # 256 MiB, if they were taken
                request.wfile.write(piece)
                endless.answered = getattr(endless, "answered", 0) + len(piece)
        except OSError:
            pass

    elsewhere.answer, endless.answer = redirect, flood
    for issuer, words in ((elsewhere, "status is not 200"), (endless, "larger than 64 KiB")):
        with Running(tmp_path / words, JWT_JWKS_URL=issuer.url, JWT_JWKS_CA_FILE=str(authority.certificate)) as server:
            await_refusal(server, words)
    assert target.fetches == [] and endless.answered < 32 << 20


@pytest.mark.parametrize(
    "options",
    [
        {"JWT_JWKS_URL": "http://issuer.example/jwks"},
        {"JWT_JWKS_URL": "http://127.0.0.1.example/jwks"},
        {"JWT_JWKS_URL": "http://127.0.0.1@issuer.example/jwks"},
        {"JWT_PUBLIC_KEY": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"},
        {"JWT_PUBLIC_KEY": pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))},
        {"JWT_PUBLIC_KEY": pem(ec.generate_private_key(ec.SECP384R1()))},
        {"JWT_PUBLIC_KEY_FILE": "/nowhere/keys.pem"},
    ],
)
def test_keys_that_cannot_be_used_stop_the_start(tmp_path, options):
    server = Server(tmp_path, **options).spawn()
    assert server.process.wait(timeout=20) == 1
    assert next(iter(options)) in server.stderr

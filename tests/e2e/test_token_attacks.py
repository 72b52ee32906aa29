"""Forged tokens: each is refused though all but one thing about it is right. They are put together here, because libraries refuse to."""

import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from harness.credentials import base64url
from harness.server import Server
from test_authentication import assert_refused, claims, with_token
from test_token_keys import EC, ED, OTHER_RSA, RSA, Issuer, accepted, jwk, pem

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SECRET = "s" * 32


def es256_der(covered: bytes) -> bytes:
    return EC.sign(covered, ec.ECDSA(hashes.SHA256()))


def es256(covered: bytes) -> bytes:
    r, s = decode_dss_signature(es256_der(covered))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def pss(salt: int, key=RSA):
    return lambda covered: key.sign(covered, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())


def hs256(secret: bytes):
    return lambda covered: hmac.new(secret, covered, hashlib.sha256).digest()


SIGN = {
    "HS256": hs256(SECRET.encode()),
    "RS256": lambda covered: RSA.sign(covered, padding.PKCS1v15(), hashes.SHA256()),
    "PS256": pss(32),
    "ES256": es256,
    "EdDSA": ED.sign,
}


def text(value) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def signed(header, payload=None, sign=None) -> str:
    """header, payload: values to be written as JSON, or bytes as they are. sign: by default as `alg` says."""
    head = f"{base64url(text(header))}.{base64url(text(claims() if payload is None else payload))}"
    sign = sign or SIGN[header["alg"]]
    return f"{head}.{base64url(sign(head.encode()))}"


@pytest.fixture(scope="module")
def keys_server(tmp_path_factory):
    """Has a key of every kind: a secret, PEM, and published ones without a name."""
    issuer = Issuer()
    issuer.publish(jwk(RSA, kid="r"), jwk(EC, kid="e"), jwk(ED, kid="d"))
    folder = tmp_path_factory.mktemp("keys")
    server = Server(folder, JWT_SECRET=SECRET, JWT_PUBLIC_KEY=pem(RSA) + pem(EC) + pem(ED), JWT_JWKS_URL=issuer.url).start()
    yield server
    server.stop()
    issuer.http.shutdown()


@pytest.fixture(scope="module")
def public_server(tmp_path_factory):
    """Has published keys alone, each with its name."""
    issuer = Issuer()
    issuer.publish(jwk(RSA, kid="r"), jwk(EC, kid="e"), jwk(ED, kid="d"))
    server = Server(tmp_path_factory.mktemp("public"), JWT_SECRET=None, JWT_JWKS_URL=issuer.url).start()
    yield server
    server.stop()
    issuer.http.shutdown()


ALGORITHMS = list(SIGN)
KIDS = {"RS256": "r", "ES256": "e", "EdDSA": "d"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_tokens_that_forgeries_are_made_of_are_accepted(keys_server, algorithm):
    accepted(keys_server, signed({"alg": algorithm}))
    accepted(keys_server, signed({"alg": algorithm, "typ": "JWT", "x": [1, {"y": None}]}))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    "parameter",
    [
        {"jku": "http://127.0.0.1:1/jwks"},
        {"x5u": "http://127.0.0.1:1/chain"},
        {"jwk": jwk(OTHER_RSA)},
        {"jwk": None},
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": True},
        {"b64": False},
        {"zip": "DEF"},
        {"zip": None},
    ],
    ids=" ".join,  # the keys of a run are new, and must not be in a test's name
)
def test_headers_that_ask_for_more_are_refused_on_a_good_signature(keys_server, algorithm, parameter):
    assert_refused(with_token(keys_server, signed({"alg": algorithm, **parameter})))


def test_a_key_that_the_token_brings_along_is_not_used(keys_server):
    own = signed({"alg": "RS256", "jwk": jwk(OTHER_RSA), "kid": "r"}, sign=lambda covered: OTHER_RSA.sign(covered, padding.PKCS1v15(), hashes.SHA256()))
    assert_refused(with_token(keys_server, own))


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", " none", "HS256 ", "hs256", "RS1", "HS384", "RS256\u0000", None, 1, ["HS256"], {}])
def test_algorithms_that_are_none_are_refused(keys_server, name):
    for sign in (lambda covered: b"", SIGN["HS256"], SIGN["RS256"]):
        assert_refused(with_token(keys_server, signed({"alg": name, "typ": "JWT"}, sign=sign)))
    assert_refused(with_token(keys_server, signed({"typ": "JWT"}, sign=SIGN["HS256"])))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_algorithm_is_what_the_key_says(keys_server, algorithm):
    for other in ALGORITHMS:
        if other != algorithm:
            assert_refused(with_token(keys_server, signed({"alg": algorithm}, sign=SIGN[other])))


@pytest.mark.parametrize("key", [RSA, EC, ED])
def test_a_public_key_is_no_secret_whatever_form_it_has(keys_server, public_server, key):
    public = key.public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    forms = [pem(key).encode(), pem(key).encode().strip(), pem(key).replace("\n", "\r\n").encode(), der, base64url(der).encode(), json.dumps(jwk(key)).encode()]
    for server in (keys_server, public_server):
        for secret in forms:
            assert_refused(with_token(server, signed({"alg": "HS256"}, sign=hs256(secret))))
            assert_refused(with_token(server, signed({"alg": "HS256", "kid": "r"}, sign=hs256(secret))))


@pytest.mark.parametrize("kid", ["../../../../dev/null", "x' UNION SELECT 's'--", "http://127.0.0.1:1/", "r\x00", "R", "r ", "e", "k" * 128, "|id", "%s%n", "\u00e9"])
def test_a_kid_is_a_name_and_nothing_else(public_server, kid):
    assert_refused(with_token(public_server, signed({"alg": "RS256", "kid": kid})))
    assert_refused(with_token(public_server, signed({"alg": "HS256", "kid": kid}, sign=hs256(b""))))
    assert_refused(with_token(public_server, signed({"alg": "HS256", "kid": kid}, sign=hs256(b"\x00"))))


@pytest.mark.parametrize("kid", ["", "k" * 129, 1, None, ["r"], {"r": 1}, True])
def test_a_kid_of_another_form_is_refused(keys_server, kid):
    for algorithm in ALGORITHMS:
        assert_refused(with_token(keys_server, signed({"alg": algorithm, "kid": kid})))


def test_the_key_of_a_kid_is_not_taken_for_another(public_server):
    for algorithm, kid in KIDS.items():
        accepted(public_server, signed({"alg": algorithm, "kid": kid}))
        for other in set(KIDS.values()) - {kid}:
            assert_refused(with_token(public_server, signed({"alg": algorithm, "kid": other})))


@pytest.mark.parametrize(
    "r, s",
    [(0, 0), (0, 1), (1, 0), (1, 1), (P256_ORDER, 1), (1, P256_ORDER), (P256_ORDER, P256_ORDER), (0, P256_ORDER), (2**256 - 1, 2**256 - 1)],
)
def test_psychic_signatures_are_refused(keys_server, r, s):
    assert_refused(with_token(keys_server, signed({"alg": "ES256"}, sign=lambda _: r.to_bytes(32, "big") + s.to_bytes(32, "big"))))


def s_beyond_the_order(covered: bytes) -> bytes:
    """The same number modulo the order, one byte longer."""
    made = es256(covered)
    return made[:32] + (int.from_bytes(made[32:], "big") + P256_ORDER).to_bytes(33, "big")


@pytest.mark.parametrize(
    "change",
    [
        es256_der,
        lambda covered: es256(covered)[:63],
        lambda covered: es256(covered) + b"\x00",
        lambda covered: b"\x00" + es256(covered),
        lambda covered: es256(covered)[:32],
        lambda covered: es256(covered)[32:] + es256(covered)[:32],
        lambda covered: es256(covered) * 2,
        lambda covered: b"",
        s_beyond_the_order,
    ],
    ids=["DER", "short", "long", "led by 0", "half", "turned", "twice", "empty", "beyond the order"],
)
def test_es256_signatures_have_one_form(keys_server, change):
    assert_refused(with_token(keys_server, signed({"alg": "ES256"}, sign=change)))


@pytest.mark.parametrize("salt", [0, 20, 31, 33, 64])
def test_a_ps256_salt_is_as_long_as_the_hash(keys_server, salt):
    assert_refused(with_token(keys_server, signed({"alg": "PS256"}, sign=pss(salt))))


@pytest.mark.parametrize(
    "sign",
    [
        lambda covered: RSA.sign(covered, padding.PKCS1v15(), hashes.SHA512()),
        lambda covered: RSA.sign(covered, padding.PKCS1v15(), hashes.SHA1()),
        lambda covered: b"\x00" + SIGN["RS256"](covered),
        lambda covered: SIGN["RS256"](covered) + b"\x00",
        lambda covered: SIGN["RS256"](covered)[:-1],
        lambda covered: bytes(256),
        lambda covered: b"\x00" * 255 + b"\x01",
        lambda covered: (RSA.public_key().public_numbers().n - 1).to_bytes(256, "big"),
        lambda covered: (int.from_bytes(SIGN["RS256"](covered), "big") + RSA.public_key().public_numbers().n).to_bytes(257, "big"),
    ],
    ids=["SHA-512", "SHA-1", "led by 0", "long", "short", "0", "1", "n - 1", "plus n"],
)
def test_rs256_signatures_have_one_form(keys_server, sign):
    assert_refused(with_token(keys_server, signed({"alg": "RS256"}, sign=sign)))


@pytest.mark.parametrize("sign", [lambda _: bytes(64), lambda _: b"\x01" + bytes(63), lambda covered: ED.sign(covered) + b"\x00", lambda covered: ED.sign(covered)[:63]])
def test_eddsa_signatures_have_one_form(keys_server, sign):
    assert_refused(with_token(keys_server, signed({"alg": "EdDSA"}, sign=sign)))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_base64url_is_strict(keys_server, algorithm):
    made = signed({"alg": algorithm})
    head, payload, signature = made.split(".")
    for forged in (
        f"{head}.{payload}.{signature}=",
        f"{head}.{payload}.{signature}==",
        f"{head}=.{payload}.{signature}",
        f"{head}.{payload}=.{signature}",
        f"{head}.{payload}.{signature}.",
        f".{head}.{payload}.{signature}",
        f"{head}.{payload}.{signature[:-2]}+/",
        f"{head}.{payload}.",
        f"{head}.{payload}",
        f"{head}..{signature}",
        f".{payload}.{signature}",
        f"{head}.{payload}.{signature}A",
        f"{head}.{payload}.{signature[:10]}%00{signature[10:]}",
    ):
        assert_refused(with_token(keys_server, forged))
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    unused_bit = last[last.index(signature[-1]) ^ 1]
    assert_refused(with_token(keys_server, f"{head}.{payload}.{signature[:-1]}{unused_bit}"))


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "EdDSA"])
def test_a_name_that_is_repeated_is_refused(keys_server, algorithm):
    body = json.dumps(claims())[1:-1].encode()
    for payload in (b"{%b,\"sub\":\"root\"}" % body, b"{\"exp\":9999999999,%b}" % body, b"{%b,\"s\\u0075b\":\"root\"}" % body, b"{%b,\"x\":{\"a\":1,\"a\":2}}" % body):
        assert_refused(with_token(keys_server, signed({"alg": algorithm}, payload)))
    for header in (b'{"alg":"none","alg":"%b"}', b'{"alg":"%b","a\\u006cg":"none"}', b'{"alg":"%b","kid":"r","kid":"e"}'):
        assert_refused(with_token(keys_server, signed(header % algorithm.encode(), sign=SIGN[algorithm])))


@pytest.mark.parametrize("time", [1.5, "9999999999", None, True, [9999999999], {}, -1, 0, b"9999999999.0", b"1e12", b"99999999999999999999"])
def test_times_are_whole_seconds(keys_server, time):
    payload = json.dumps(claims(exp="TIME")).encode().replace(b'"TIME"', time if isinstance(time, bytes) else json.dumps(time).encode())
    assert_refused(with_token(keys_server, signed({"alg": "EdDSA"}, payload)))


@pytest.mark.parametrize("algorithm", ["HS256", "RS256"])
def test_a_token_beyond_8_kib_is_refused(keys_server, algorithm):
    made = signed({"alg": algorithm}, claims(x="x" * 4000))
    accepted(keys_server, made)
    made = signed({"alg": algorithm}, claims(x="x" * 6200))
    assert len(made) > 8192
    assert_refused(with_token(keys_server, made))
    made = signed({"alg": algorithm, "x": "x" * 1100})
    assert_refused(with_token(keys_server, made))

"""What a caller proves itself with: JSON Web Tokens and callback signatures, made here from the standards alone."""

import base64
import hashlib
import hmac
import json
import time

JWT_SECRET = "e2e-jwt-secret-of-at-least-32-bytes!"
PAYMENT_SECRET = "e2e-payment-secret-of-at-least-32-bytes!"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign_jwt(header, claims, secret: str = JWT_SECRET, digest: str = "sha256") -> str:
    """A token of exactly this header and these claims; either may be bytes that are not JSON."""

    def encode(part):
        return base64url(part if isinstance(part, bytes) else json.dumps(part).encode())

    signed = f"{encode(header)}.{encode(claims)}"
    return f"{signed}.{base64url(hmac.new(secret.encode(), signed.encode(), digest).digest())}"


def token(user: str = "ada", scope: str | None = None, *, without: tuple[str, ...] = (), secret: str = JWT_SECRET, **claims) -> str:
    """A good HS256 token for ten days. Keyword arguments replace claims, `without` leaves some out."""
    now = int(time.time())
    content = {"sub": user, "iat": now, "exp": now + 864000, **claims}
    if scope is not None:
        content["scope"] = scope
    content = {name: value for name, value in content.items() if name not in without}
    return sign_jwt({"alg": "HS256", "typ": "JWT"}, content, secret)


def callback_mac(body: bytes, at: int, secret: str = PAYMENT_SECRET) -> str:
    return hmac.new(secret.encode(), str(at).encode() + b"." + body, hashlib.sha256).hexdigest()


def callback_signature(body: bytes, at: int | None = None, secret: str = PAYMENT_SECRET) -> str:
    """The value of TRO-Signature."""
    at = int(time.time()) if at is None else at
    return f"t={at},v1={callback_mac(body, at, secret)}"

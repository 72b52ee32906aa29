"""Requests as raw bytes, for the tests of HTTP itself."""

import json

from harness.api import Api, new_key

CRLF = b"\r\n"


def head(*lines: bytes) -> bytes:
    return CRLF.join(lines) + CRLF * 2


HEALTH = head(b"GET /v1/healthz HTTP/1.1", b"Host: a")


def hold_head(api: Api, *lines: bytes, version: bytes = b"HTTP/1.1", host: bool = True) -> bytes:
    """The head of a good POST of a hold, without its length; `lines` come last."""
    fields = [
        b"POST /v1/holds " + version,
        b"Authorization: Bearer " + api.token.encode(),
        b"Content-Type: application/json",
        b"Idempotency-Key: " + new_key().encode(),
    ]
    return head(*fields, *([b"Host: a"] if host else []), *lines)


def hold_body(event: dict, seat: str = "A-1-1") -> bytes:
    return json.dumps({"event_id": event["event_id"], "seats": [seat]}).encode()


def whole_hold(api: Api, event: dict, seat: str = "A-1-1") -> bytes:
    body = hold_body(event, seat)
    return hold_head(api, b"Content-Length: %d" % len(body)) + body


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"

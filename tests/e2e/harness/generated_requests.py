"""Hooks of schemathesis, which draws requests from api/openapi.yaml: what JSON Schema cannot say about a request, and the callbacks' signature.

Schemathesis loads this file by its name (SCHEMATHESIS_HOOKS)."""

import os
import re

import schemathesis
from schemathesis.core.failures import Failure

from harness import credentials

# Purchases begin with a hold that succeeds: no generator guesses which seats of which event there are.
FREE_SEATS = [f"A-{row}-{number}" for row in range(1, 6) for number in range(1, 21)] if "TRO_EVENT" in os.environ else []
SIGNED_WHEN_SENT = "signed-when-sent"  # stands in TRO-Signature until the body's bytes are known

# Rules that api/openapi.yaml states in words, because JSON Schema has none for them: by the detail of the refusal, which must be about nothing else.
BEYOND_SCHEMA = re.compile(
    "|".join(
        (
            r"must be a next_cursor of this list",  # the list's own text, with a check
            r"must not be in the past, unless backdated is true",  # a clock
            r"must be after on_sale_from|must not be after starts_at",  # two members compared
            r"tells of every status: leave out status",  # two parameters that exclude each other
            r"repeats an earlier one",  # seats of an event are told apart by one of their members
            r"must be a three-letter ISO 4217 code such as EUR",  # the codes are the standard's, which adds and withdraws some each year
            r"more than 1000000 seats in all",  # rows times seats_per_row, added up
        )
    )
)
# What the links of the document say in words: common generators of clients refuse a document in which a link has a body that is no text.
LINK_BODIES = {
    "HoldOrder": {"hold_id": "$response.body#/hold_id", "payment_method": "card"},
    "OrderPayment": {
        "order_id": "$response.body#/order_id",
        "status": "SUCCEEDED",
        "transaction_id": "$response.body#/order_id",
        "amount": "$response.body#/total",
        "currency": "$response.body#/currency",
    },
    "OrderPaymentAgain": {"order_id": "$response.body#/order_id", "status": "SUCCEEDED", "transaction_id": "$response.body#/hold_id"},
}
# maxLength counts characters: what is refused for its bytes must have more of them than that.
BYTES = re.compile(r"must (?:have|be text of) (?:from )?\d+ to (\d+) bytes")


def sign(request):
    if request.headers.get("TRO-Signature") == SIGNED_WHEN_SENT:
        body = request.body or b""
        request.headers["TRO-Signature"] = credentials.callback_signature(body.encode() if isinstance(body, str) else body)
    return request


@schemathesis.hook
def before_load_schema(context, raw_schema):
    for name, body in LINK_BODIES.items():
        raw_schema["components"]["links"][name] |= {"requestBody": body, "x-schemathesis": {"merge_body": False}}


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.operation.path == "/v1/payments/callback":
        kwargs["auth"] = sign
    if FREE_SEATS and case.operation.definition.raw["operationId"] == "createHold":
        case.body = {"event_id": os.environ["TRO_EVENT"], "seats": [FREE_SEATS.pop()]}


def digits_alone(value):
    """To JSON Schema 9500.0 is an integer. The service wants digits: who writes a fraction computes money in floating point."""
    if isinstance(value, dict):
        return {name: digits_alone(member) for name, member in value.items()}
    if isinstance(value, list):
        return [digits_alone(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@schemathesis.hook
def map_body(context, body):
    return digits_alone(body)


def refused_value(error: dict, case):
    """What the client had sent there."""
    if "parameter" in error:
        return case.query.get(error["parameter"])
    value = case.body
    for step in error["pointer"].split("/")[1:]:
        value = value[int(step)] if isinstance(value, list) else value[step.replace("~1", "/").replace("~0", "~")]
    return value


def is_beyond_schema(error: dict, case) -> bool:
    if bound := BYTES.fullmatch(error["detail"]):
        value = refused_value(error, case)
        return isinstance(value, str) and len(value.encode()) > int(bound[1]) >= len(value)
    return BEYOND_SCHEMA.fullmatch(error["detail"]) is not None


def is_released_hold(response) -> bool:
    """DELETE ends a hold and keeps it: it reads RELEASED from then on, and its history says so."""
    body = response.json()
    events = [event["type"] for event in body.get("data", [])]
    return response.status_code == 200 and (body.get("status") == "RELEASED" or "hold.created" in events)


@schemathesis.hook
def filter_failure(context, failure: Failure, case, response) -> bool:
    """Drops what is no failure: the description allows it, in words that JSON Schema does not have."""
    if failure.title == "Deleted resource still available":
        return not (case.operation.path.startswith("/v1/holds/") and is_released_hold(response))
    if failure.title != "Schema-valid request rejected" or response.status_code != 400:
        return True
    errors = response.json().get("errors", [])
    return not errors or not all(is_beyond_schema(error, case) for error in errors)

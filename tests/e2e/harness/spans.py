"""Spans out of OTLP messages: what opentelemetry-proto's ExportTraceServiceRequest has of them."""

import dataclasses
import struct


def fields(message: bytes):
    """Number and value of each field of a protobuf message."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 1:
            yield key >> 3, struct.unpack_from("<Q", message, at)[0]
            at += 8
        elif key & 7 == 5:
            yield key >> 3, struct.unpack_from("<I", message, at)[0]
            at += 4
        else:
            length = varint()
            yield key >> 3, message[at : at + length]
            at += length
    assert at == len(message), "cut off"


@dataclasses.dataclass
class Span:
    service: str
    trace_id: str = ""
    span_id: str = ""
    parent_id: str = ""
    name: str = ""
    kind: int = 0
    start_ns: int = 0
    end_ns: int = 0
    attributes: dict = dataclasses.field(default_factory=dict)
    links: list = dataclasses.field(default_factory=list)
    trace_state: str = ""


def attribute(message: bytes) -> tuple[str, object]:
    pair = dict(fields(message))
    values = list(dict(fields(pair[2])).values())
    value = values[0] if values else None
    return pair[1].decode(), value.decode() if isinstance(value, bytes) else value


def span_of(message: bytes, service: str) -> Span:
    span = Span(service)
    for number, value in fields(message):
        if number in (1, 2, 4):
            setattr(span, {1: "trace_id", 2: "span_id", 4: "parent_id"}[number], value.hex())
        elif number in (3, 5):
            setattr(span, {3: "trace_state", 5: "name"}[number], value.decode())
        elif number in (6, 7, 8):
            setattr(span, {6: "kind", 7: "start_ns", 8: "end_ns"}[number], value)
        elif number == 9:
            span.attributes.update([attribute(value)])
        elif number == 13:
            link = dict(fields(value))
            span.links.append((link[1].hex(), link[2].hex()))
    return span


def spans_of(body: bytes) -> list[Span]:
    found = []
    for _, resource_spans in fields(body):
        parts = list(fields(resource_spans))
        resource = next(value for number, value in parts if number == 1)
        service = dict(attribute(value) for number, value in fields(resource) if number == 1)["service.name"]
        for _, scope_spans in (part for part in parts if part[0] == 2):
            found += [span_of(value, service) for number, value in fields(scope_spans) if number == 2]
    return found

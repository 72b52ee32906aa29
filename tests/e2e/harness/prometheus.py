"""Reads the Prometheus text format 0.0.4, and refuses what the format does not allow."""

import dataclasses
import math
import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{((?:{_LABEL},?)*)\}})? (\S+)")
_KINDS = ("counter", "gauge", "histogram", "summary", "untyped")


@dataclasses.dataclass
class Family:
    kind: str = "untyped"
    help: str | None = None
    samples: dict[tuple[str, frozenset], float] = dataclasses.field(default_factory=dict)

    def total(self, **labels: str) -> float:
        """The sum of the samples that have these labels."""
        return sum(value for (_, found), value in self.samples.items() if set(labels.items()) <= found)


def parse(text: str) -> dict[str, Family]:
    assert text.endswith("\n"), "the last line must end with a line feed"
    families: dict[str, Family] = {}
    for line in text.splitlines():
        if not line:
            continue
        if line.startswith("#"):
            if found := re.fullmatch(rf"# HELP ({_NAME}) (.*)", line):
                family = families.setdefault(found[1], Family())
                assert family.help is None and not family.samples, f"a second or late HELP: {line}"
                family.help = found[2]
            elif found := re.fullmatch(rf"# TYPE ({_NAME}) (\w+)", line):
                family = families.setdefault(found[1], Family())
                assert found[2] in _KINDS and not family.samples and family.kind == "untyped", f"a second, late or unknown TYPE: {line}"
                family.kind = found[2]
            continue
        found = _SAMPLE.fullmatch(line)
        assert found, f"not a sample: {line!r}"
        name, labels = found[1], re.findall(_LABEL, found[2] or "")
        assert len(labels) == len({label for label, _ in labels}), f"a label twice: {line}"
        family = families.get(name) or families.get(re.sub(r"_(bucket|sum|count)$", "", name))
        assert family, f"a sample without TYPE: {line}"
        key = (name, frozenset(labels))
        assert key not in family.samples, f"a sample twice: {line}"
        family.samples[key] = float(found[5].replace("Inf", "inf"))
    for name, family in families.items():
        _check_family(name, family)
    return families


def _check_family(name: str, family: Family) -> None:
    assert family.help, f"{name} has no HELP"
    for (sample, _), value in family.samples.items():
        assert not math.isnan(value), f"{sample} is NaN"
        if family.kind == "counter":
            assert value >= 0, f"{sample} is negative"
    if family.kind == "histogram":
        _check_histogram(name, family)


def _check_histogram(name: str, family: Family) -> None:
    series: dict[frozenset, dict[float, float]] = {}
    for (sample, labels), value in family.samples.items():
        if sample == f"{name}_bucket":
            bound = dict(labels)["le"]
            rest = frozenset(pair for pair in labels if pair[0] != "le")
            series.setdefault(rest, {})[float(bound.replace("Inf", "inf"))] = value
    for labels, buckets in series.items():
        counts = [buckets[bound] for bound in sorted(buckets)]
        assert counts == sorted(counts), f"the buckets of {name}{set(labels)} are not cumulative"
        assert math.inf in buckets, f"{name}{set(labels)} lacks the bucket +Inf"
        assert buckets[math.inf] == family.samples[(f"{name}_count", labels)]
        assert (f"{name}_sum", labels) in family.samples

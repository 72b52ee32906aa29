"""Rules and dashboards as files: Prometheus' own tool accepts them, each alert has its runbook, and nothing is asked that nobody tells."""

import json
import pathlib
import re
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
RULES = [rule for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
RECORDED = {rule["record"] for group in yaml.safe_load((PROMETHEUS / "recording.yml").read_text())["groups"] for rule in group["rules"]}
OPERATIONS = (ROOT / "docs/operations.md").read_text()


def promtool(*words: str) -> None:
    done = subprocess.run(["promtool", *words], cwd=PROMETHEUS, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_accepted_and_do_what_they_say():
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "recording.yml", "alerts.yml")
    promtool("test", "rules", "tests/alerts_test.yml", "tests/recording_test.yml")


def test_every_alert_is_tried_on_its_series():
    tried = {test["name"] for test in yaml.safe_load((PROMETHEUS / "tests/alerts_test.yml").read_text())["tests"]}
    assert tried == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_has_its_runbook(rule):
    name = rule["alert"]
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
    assert rule["labels"]["severity"] in ("page", "ticket") and rule["annotations"]["summary"]
    [section] = re.findall(rf"(?ms)^### {name}$(.*?)^##", OPERATIONS)
    for part in ("People see", "Check", "Do"):
        [text] = re.findall(rf"(?m)^- \*\*{part}:\*\* (.+)$", section)
        assert text, (name, part)


def asked(expression: str) -> set[str]:
    """The metrics that an expression names, without the ends that a histogram's series have."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\b(?:tro|process)_\w+", re.sub(r'"[^"]*"', '""', expression))}


def expressions() -> list[str]:
    found = [rule["expr"] for rule in RULES]
    found += [rule["expr"] for group in yaml.safe_load((PROMETHEUS / "recording.yml").read_text())["groups"] for rule in group["rules"]]
    for path in (ROOT / "deploy/grafana").glob("*.json"):
        found += [target["expr"] for panel in json.loads(path.read_text())["panels"] for target in panel["targets"]]
    return found


def test_only_metrics_that_are_documented_are_asked_for():
    documented = set(re.findall(r"`((?:tro|process)_\w+)`", OPERATIONS))
    for expression in expressions():
        assert asked(expression) <= documented, expression
        assert set(re.findall(r"\btro:[\w:]+", expression)) <= RECORDED, expression

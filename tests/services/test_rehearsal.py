"""The rehearsal on several hosts, its short version: scripts/rehearsal says what it does. Where network namespaces cannot be made it is skipped."""

import pathlib
import subprocess
import sys

import pytest
from harness import paths
from harness.server import eventually

REHEARSAL = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "rehearsal"
pytestmark = pytest.mark.skipif(subprocess.run([sys.executable, REHEARSAL, "--check"], capture_output=True).returncode != 0,
                                reason="needs root, network namespaces and nftables")


def rehearse(*words):
    return subprocess.Popen([sys.executable, "-u", REHEARSAL, "--short", *words], env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TRO_BIN_DIR": str(paths.BIN_DIR)},
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.timeout(600)
def test_nothing_acknowledged_is_lost_and_only_what_was_in_flight_fails():
    process = rehearse()
    try:
        said, _ = process.communicate(timeout=500)
    finally:
        process.kill()
    print(said)
    assert process.returncode == 0, said
    assert "0 differences" in said and '"violations":0' in said


def descendants(pid):
    """Of a process: pid → when it started, so that another of the same number is told apart."""
    found = {}
    for line in subprocess.run(["ps", "-eo", "pid=,ppid=,lstart="], capture_output=True, text=True, check=True).stdout.splitlines():
        own, parent, started = line.split(None, 2)
        found[int(own)] = (int(parent), started)
    below = {pid}
    while more := {own for own, (parent, _) in found.items() if parent in below} - below:
        below |= more
    return {own: found[own][1] for own in below - {pid} if own in found}


def started(pid):
    return subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()


@pytest.mark.timeout(120)
def test_it_leaves_nothing_when_it_is_killed():
    names = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    process = rehearse()
    eventually(lambda: len(descendants(process.pid)) > 10, within=60, every=0.2)
    below = descendants(process.pid)
    process.kill()
    process.wait()
    process.stdout.close()
    eventually(lambda: not any(started(pid) == start for pid, start in below.items()), within=30, every=0.2)
    assert subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout == names

"""What the making of an event of 1,000,000 seats does to small commits of others: bench_seating, on either store."""

import re
import subprocess

from programs import ROOT, say

BENCH_SEATING = ROOT / "build" / "release" / "tests" / "bench_seating"


def making(where):
    """where: --path=FILE or --dsn=DSN, migrated. Milliseconds: {"beside": {"p50", "p99", "longest"}, "alone": …, "chunks": …, "met"}, and "seconds"."""
    output = subprocess.run([BENCH_SEATING, where], check=True, capture_output=True, text=True).stdout
    say(output.rstrip())
    spans = re.findall(r"^(.+?) +\d+: p50 +([\d.]+) ms, p99 +([\d.]+) ms, longest +([\d.]+) ms$", output, re.M)
    names = {"commits beside the large event": "beside", "commits alone": "alone", "chunks, while nobody could write": "chunks"}
    found = {names[what]: {"p50": float(p50), "p99": float(p99), "longest": float(longest)} for what, p50, p99, longest in spans if what in names}
    met = re.search(r"met of chunks: ([\d.]+) ms", output)
    seconds = re.search(r"seats in ([\d.]+) s", output)
    return found | {"met": float(met.group(1)), "seconds": float(seconds.group(1))}


def rows(report):
    """(what, seen, wanted) for each line of the table."""
    yield (f"an event of 1,000,000 seats is made in {report['seconds']:.0f} s: the most that a commit meets of its chunks", f"{report['met']:.0f} ms", "50 ms")
    beside, alone = report["beside"], report["alone"]
    yield ("the same: p99 and longest of small commits beside it, and of those without it in the same run",
           f"{beside['p99']:.0f} and {beside['longest']:.0f} ms, {alone['p99']:.0f} and {alone['longest']:.0f} ms", "")

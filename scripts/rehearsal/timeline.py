"""What happened when: HAProxy's log of each request, put beside the phases of the rehearsal."""

import collections
import dataclasses

# What may become of a request while a phase lasts, and for a moment after it.
NOTHING = "nothing"  # every one is answered by a service, and none with 5xx
IN_FLIGHT = "in flight"  # those that were on the way to what was killed or cut off are not answered; the client asks again
REFUSED = "refused"  # 503 with Retry-After, while no database takes writes


@dataclasses.dataclass
class Phase:
    title: str
    may_fail: str
    began: float
    ended: float = 0.0

    def covers(self, request, slack):
        return request.began <= self.ended + slack and self.began <= request.ended


@dataclasses.dataclass
class Request:
    ended: float  # seconds since the epoch
    took_ms: int
    status: int
    end: str  # HAProxy's two letters; "--" is an ordinary end
    server: str
    method: str
    path: str

    @property
    def began(self):
        return self.ended - self.took_ms / 1000

    @property
    def has_failed(self):
        return self.status >= 500 or self.status < 100 or self.end != "--"


def read(path):
    """HAProxy's lines, of the log-format of cluster.py."""
    requests = []
    for line in path.read_text(errors="replace").splitlines():
        words = line.split()
        if len(words) == 8 and words[0] == "R":
            requests.append(Request(int(words[1]) / 1000, int(words[2]), int(words[3]), words[4], words[5], words[6], words[7]))
    return requests


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0


def print_seconds(requests, phases, began):
    """A line for each second."""
    by_second = collections.defaultdict(list)
    for request in requests:
        by_second[int(request.ended - began)].append(request)
    starts = collections.defaultdict(list)
    for phase in phases:
        starts[int(phase.began - began)].append(phase.title)
    print("\n second  requests/s   p50 ms   p99 ms   failed  what")
    for second in range(max(by_second, default=0) + 1):
        inside = by_second[second]
        took = [request.took_ms for request in inside if not request.has_failed]
        failed = sum(request.has_failed for request in inside)
        print(f"{second:7d} {len(inside):11d} {quantile(took, 0.5):8d} {quantile(took, 0.99):8d} {failed or '':>8}  {'; '.join(starts[second])}".rstrip())


def print_phases(requests, phases, began, slack):
    """A line for each phase: how many requests a second were answered, how fast, and how many were not."""
    print(f"\n{'phase':<64} {'seconds':>12} {'answered/s':>11} {'p50 ms':>7} {'p99 ms':>7} {'failed':>7}  may fail")
    for phase in phases:
        inside = [request for request in requests if phase.began <= request.ended < phase.ended]
        took = [request.took_ms for request in inside if not request.has_failed]
        failed = sum(request.has_failed for request in requests if phase.covers(request, slack))
        seconds = f"{phase.began - began:.1f}-{phase.ended - began:.1f}"
        rate = len(took) / max(0.001, phase.ended - phase.began)
        print(f"{phase.title:<64} {seconds:>12} {rate:11.0f} {quantile(took, 0.5):7d} {quantile(took, 0.99):7d} {failed:7d}  {phase.may_fail}")


def groundless(requests, phases, slack):
    """Requests that failed while nothing went on for which they may."""
    excuses = [phase for phase in phases if phase.may_fail != NOTHING]
    return [request for request in requests if request.has_failed and not any(phase.covers(request, slack) for phase in excuses)]


def wrong(requests, phases, slack):
    """Of those with an excuse, such that were answered with something else than it allows: only an end without answer, or 503."""
    return [request for request in requests if request.has_failed and request.status >= 500 and request.status not in (502, 503, 504)]


def outage_s(requests, phase, slack):
    """How long no write was answered, at the longest, around a phase."""
    served = [request.ended for request in requests if request.method == "POST" and not request.has_failed]
    around = [moment for moment in served if phase.began - 1 <= moment <= phase.ended + slack + 10]
    return max((after - before for before, after in zip(around, around[1:])), default=0.0)

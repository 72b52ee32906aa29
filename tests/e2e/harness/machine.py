"""How slow the machine was while a test measured. What else runs on it may have had its processors, and then a time says little of the program."""

import collections
import hashlib
import threading
import time

PAUSE = 0.02
KEPT = 100_000  # half an hour of pauses
PIECE = bytes(1 << 22)


class Sleeper(threading.Thread):
    """Sleeps for a moment, again and again, and notes by how much it woke too late: for so long everybody else stood still, too."""

    def __init__(self):
        super().__init__(daemon=True)
        self.late = collections.deque(maxlen=KEPT)  # (when it woke, how much too late)

    def run(self) -> None:
        while True:
            began = time.monotonic()
            time.sleep(PAUSE)
            woke = time.monotonic()
            self.late.append((woke, woke - began - PAUSE))


SLEEPER = Sleeper()
SLEEPER.start()


def stood_still(seconds: float) -> float:
    """How much of the last seconds nobody got on."""
    since = time.monotonic() - seconds
    return sum(late for woke, late in list(SLEEPER.late) if woke > since)


def slowness() -> float:
    """How many times as long as its processor time a piece of work takes just now; 1 on a machine that nothing else loads."""
    began, worked = time.monotonic(), time.thread_time()
    for _ in range(5):
        hashlib.sha256(PIECE)
    return max(1.0, (time.monotonic() - began) / max(time.thread_time() - worked, 1e-6))


def is_in_time(took: float, limit: float, watched: float = 0.0) -> bool:
    """Whether something that took so many seconds had taken less than the limit on a machine that nothing else loads. It has just ended, or did so
    within the last `watched` seconds."""
    return took < limit or took - stood_still(max(took, watched)) < limit * slowness()

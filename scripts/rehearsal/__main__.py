"""A rehearsal on several hosts: an on-sale through HAProxy, on two APIs, two workers, two publishers, PostgreSQL with a synchronous standby, a
Redis cluster and RabbitMQ, each in a network namespace of its own, while services are restarted and killed, hosts are cut off, packets get lost
and the database fails over. It ends with a timeline and 0 when nothing acknowledged was lost, and no request failed but those that had to.

	python3 scripts/rehearsal [--short] [--asynchronous] [--rate N] [--seconds N]     as root; the programs are those of build/bin, or of TRO_BIN_DIR
	python3 scripts/rehearsal --check                                 exit code 0 when the machine can do it

Data are in memory. Logs and the balancer's account of each request: build/rehearsal/."""

import argparse
import json
import pathlib
import shutil
import sys
import time

import network
import timeline
import troubles

SLACK = 4.0  # seconds after a phase in which its troubles may still be felt
OUT = pathlib.Path(__file__).resolve().parent.parent.parent / "build" / "rehearsal"


def options():
    parser = argparse.ArgumentParser(prog="rehearsal", description="An on-sale on several hosts while things go wrong.")
    parser.add_argument("--short", action="store_true", help="a minute, with the half of the troubles")
    parser.add_argument("--rate", type=int, default=0, help="buyers that come in a second (150; 60 with --short)")
    parser.add_argument("--seconds", type=float, default=0, help="how long each trouble lasts (8; 3 with --short)")
    parser.add_argument("--asynchronous", action="store_true", help="with a standby that the primary does not wait for: what is lost has to be found")
    parser.add_argument("--check", action="store_true", help="only say whether the machine can do it")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.rate = given.rate or (60 if given.short else 150)
    given.seconds = given.seconds or (3 if given.short else 8)
    return given


def say(what):
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


def go_through(cluster, plan, seconds, load):
    phases = []
    for title, may_fail, method in plan:
        say(title)
        phase = timeline.Phase(title, may_fail, time.time())
        method(cluster, seconds)
        phase.ended = time.time()
        phases.append(phase)
        if load.poll() is not None:
            raise RuntimeError(f"the load ended: {(cluster.client.folder / 'bench.log').read_text()}")
    return phases


def finish_load(cluster, load, phases):
    """The buyers have come; the checker reads all that was acknowledged."""
    say("the rest of the load, and the check of every answer")
    phase = timeline.Phase("the check of every answer", timeline.NOTHING, time.time())
    code = load.wait(600)
    phase.ended = time.time()
    phases.append(phase)
    return code


def judge(requests, phases, code, report):
    """What is wrong, a line each."""
    failed = timeline.groundless(requests, phases, SLACK)
    faults = [f"{len(failed)} requests failed without a reason, such as {failed[:3]}"] if failed else []
    strange = timeline.wrong(requests, phases, SLACK)
    faults += [f"{len(strange)} requests were answered with something else than 503, such as {strange[:3]}"] if strange else []
    if code != 0:
        faults.append(f"the check of the buyers' answers found: {report}")
    return faults


def rehearse(given):
    from cluster import Cluster  # which looks for the programs

    network.prepare()
    cluster = Cluster(not given.asynchronous)
    say("starting the hosts")
    cluster.start()
    plan = troubles.SHORT if given.short else troubles.WHOLE
    load = cluster.start_load(given.rate, int(len(plan) * given.seconds + 14), 20)  # a restart of all takes longer than a trouble
    began = time.time()
    phases = go_through(cluster, plan, given.seconds, load)
    code = finish_load(cluster, load, phases)
    report = (cluster.client.folder / "bench.log").read_text()
    say("the end of what is left, and tro verify")
    cluster.settle()
    cluster.stop()
    verified = cluster.tro("verify")
    requests = timeline.read(cluster.balancer.folder / "haproxy.log")
    timeline.print_seconds(requests, phases, began)
    timeline.print_phases(requests, phases, began, 0)
    for phase in phases:
        if phase.may_fail == timeline.REFUSED:
            print(f"{phase.title}: no write was answered for {timeline.outage_s(requests, phase, SLACK):.1f} s")
    print(f"\n{len(requests)} requests, {sum(request.has_failed for request in requests)} of them not answered or refused\ntro bench: {report.strip()}\ntro verify: {verified}")
    faults = judge(requests, phases, code, report)
    print("\n".join(faults) if faults else "nothing acknowledged was lost, and no request failed but those that had to")
    return 1 if faults else 0


def keep_logs():
    for path in network.WORK.glob("*/*.log"):
        (OUT / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, OUT / path.parent.name / path.name)


def main():
    given = options()
    if given.inside:
        try:
            return rehearse(given)
        finally:
            keep_logs()
    if not network.may_be_made():
        print("rehearsal: needs root, network namespaces (iproute2) and nftables", file=sys.stderr)
        return 2
    if given.check:
        return 0
    shutil.rmtree(OUT, ignore_errors=True)
    words = [*(["--short"] if given.short else []), *(["--asynchronous"] if given.asynchronous else []), "--rate", given.rate, "--seconds", given.seconds]
    return network.run_inside([sys.executable, "-u", str(pathlib.Path(__file__).parent), "--inside", *map(str, words)])


if __name__ == "__main__":
    sys.exit(main())

"""Runs the suites, side by side as far as the processors reach, and ends with `N passed, N failed, N skipped`; exit 1 when anything failed
or nothing ran. Each suite has a line, printed when it ends.

TRO_TEST_ONLY   the suites to run, comma separated, by kind or in full: "unit,e2e", "unit-asan" (all)
FUZZ_SECONDS    how long each fuzz target runs (5)
SERVICES_SECONDS    how long the services are under load while everything fails (60)
TRO_TEST_ALONE  set: one suite after the other

A suite that crashes, hangs, does not start or has no tests counts as failed. Logs: build/test-logs/.

A few tests that failed run once more when all else has ended, alone: what passes then, on a machine that nothing else loads, is named before the
last line and counts as passed. There is no second try for what judges the promises (ONE_TRY, ONE_TRY_FILES), nor after a crash or a sanitizer's report.
"""

import concurrent.futures
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import typing
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "test-logs"
TAIL_LINES = 60
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", "5"))
WORKERS = {"e2e": 2, "fault": 1, "services": 1, "ship": 1}  # for each processor: much of what they do is to wait
IN_BACKGROUND = ["nice", "-n", "19"]  # what nobody measures leaves the processors to what runs beside it
BY_FILE = {"fault", "services", "ship"}  # a worker takes whole files: their servers are started once for each
ALONE = ("hot_seats", "proof", "replay")  # of the services: they measure, or load the machine, and run by themselves
SANITIZED_PROOF_SECONDS = "20"
ONE_TRY = {"proof", "sim", "defects", "corpus", "fuzz", "lint"}
ONE_TRY_FILES = r"test_(crash|disk_full)\.py"
TRIED_AGAIN_MAX = 5  # more than these were not bad luck
CRASHES = r"Sanitizer|runtime error:|SEGFAULT|Subprocess aborted|Segmentation fault|Assertion `"
SUITE_SECONDS_MAX = 7200  # a backstop: every test has a limit of its own

SANITIZERS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "second_deadlock_stack=1:die_after_fork=0",  # a test forks a process that has threads
}


@dataclasses.dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclasses.dataclass
class Suite:
    name: str  # "unit-asan"; also the name of its log
    preset: str | None  # what has to be built first
    run: typing.Callable[["Suite"], Counts]
    share: float = 0.5  # of the processors that it keeps busy; 1: it measures or loads the machine, and runs alone
    after: str | None = None  # the name of a suite that ends before it begins
    is_second_try: bool = False  # only what failed is run

    @property
    def log(self):
        return LOGS / f"{self.name}.log"

    @property
    def junit(self):
        return LOGS / f"{self.name}.xml"

    @property
    def cache(self):
        return LOGS / f"{self.name}.cache"  # pytest's: which tests failed


def execute(command, log, timeout_s=SUITE_SECONDS_MAX, **environment):
    """The exit code of a command whose output is appended to the log; at the time limit it is ended with all its children."""
    with open(log, "ab") as output:
        process = subprocess.Popen(
            [str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env={**SANITIZERS, **os.environ, **environment}, start_new_session=True)
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            output.write(f"\nStopped after {timeout_s} s.\n".encode())
            return -1
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def checked(counts, exit_code):
    """An exit code that says failure while no test does is a failure of its own, and so is having run nothing."""
    if counts.failed == 0 and (exit_code != 0 or counts.passed + counts.skipped == 0):
        counts.failed += 1
    return counts


def count_cmocka(text):
    """What a cmocka program announced to run and did not pass or skip has failed: a crash leaves the rest of the group undone. Newer
    versions of cmocka name the group in between. More than was announced is not understood, and so a failure."""
    announced = sum(int(n) for n in re.findall(r"^\[=+\] (?:.*: )?Running (\d+) test", text, re.M))
    passed = len(re.findall(r"^\[ +OK \]", text, re.M))
    skipped = sum(int(n) for n in re.findall(r"^\[ +SKIPPED +\] (\d+) test", text, re.M))
    return Counts(passed, abs(announced - passed - skipped), skipped)


def failures(log):
    """The tests that a log calls failed: cmocka's and pytest's names, or those of the gates."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return sorted({a or b for a, b in re.findall(r"^\[  FAILED  \] (\w+)$|^(?:FAILED|ERROR) (\S+)", text, re.M)})


def failed_programs(junit):
    return [case.get("name") for case in xml.parse(junit).getroot().iter("testcase") if case.get("status") != "run"] if junit.exists() else []


def settled(preset):
    """What to run a command with: the thread sanitizer's shadow memory does not fit every random layout."""
    is_possible = preset == "tsan" and subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode == 0
    return ["setarch", "-R"] if is_possible else []


def run_ctest(suite, label=None, around=()):
    """The programs with one label: cmocka programs count by test function, others as one test each."""
    label, preset = label or suite.name.split("-")[0], suite.preset
    command = [*around, "ctest", "--test-dir", f"build/{preset}", "-L", f"^{label}$", "-j", os.cpu_count(), "--output-on-failure", "--no-tests=error",
               "--test-output-size-passed", 10_000_000, "--test-output-size-failed", 10_000_000, "--output-junit", suite.junit]
    if suite.is_second_try:
        command += ["-R", f"^({'|'.join(failed_programs(suite.junit))})$"]
    command = [*settled(preset), *command]
    exit_code = execute(command, suite.log)
    counts = Counts()
    for case in xml.parse(suite.junit).getroot().iter("testcase") if suite.junit.exists() else ():
        has_passed = case.get("status") == "run"
        cmocka = count_cmocka(case.findtext("system-out") or "")
        if cmocka == Counts():
            cmocka = Counts(passed=1) if has_passed else Counts(failed=1)
        counts.add(checked(cmocka, 0 if has_passed else 1))
    return checked(counts, exit_code)


def run_over_postgres(suite):
    """The contracts of the store's ports over a server that lives as long as the suite."""
    return run_ctest(suite, "postgres", [sys.executable, "tests/peers/postgres.py"])


def run_over_redis(suite):
    """The contract of admission over a Redis and a cluster of three."""
    return run_ctest(suite, "redis", [sys.executable, "tests/peers/redis.py"])


def run_over_mongodb(suite):
    """The contract of the catalog over a MongoDB-compatible server, and what its adapter alone promises."""
    return run_ctest(suite, "mongodb", [sys.executable, "tests/peers/mongodb.py"])


def run_over_rabbitmq(suite):
    """The same of the bus's port, and what a broker does to its adapter."""
    return run_ctest(suite, "rabbitmq", [sys.executable, "tests/peers/rabbitmq.py"])


def run_lines(command):
    """A program that says "ok …" or "FAILED …" in a line for each test."""
    def run(suite):
        exit_code = execute(command, suite.log)
        text = suite.log.read_text(errors="replace")
        return checked(Counts(len(re.findall(r"^ok ", text, re.M)), len(re.findall(r"^FAILED ", text, re.M))), exit_code)
    return run


def fuzz_one(target, log):
    name = target.name.removeprefix("fuzz_")
    grown = ROOT / "build" / "fuzz" / "corpus" / name  # what earlier runs have found
    grown.mkdir(parents=True, exist_ok=True)
    seeds = ROOT / "tests" / "fuzz" / "corpus" / name
    dictionary = ROOT / "tests" / "fuzz" / f"{name}.dict"
    command = [*IN_BACKGROUND, target, f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-rss_limit_mb=2048", f"-artifact_prefix={LOGS}/{target.name}-",
               *([f"-dict={dictionary}"] if dictionary.exists() else []), grown, *([seeds] if seeds.is_dir() else [])]
    return execute(command, log, timeout_s=FUZZ_SECONDS + 120)


def run_fuzz(suite):
    targets = sorted(path for path in (ROOT / "build" / "fuzz" / "tests").glob("fuzz_*") if path.is_file())
    logs = [LOGS / f"{target.name}.log" for target in targets]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        exit_codes = list(pool.map(fuzz_one, targets, logs))
    counts = Counts()
    with open(suite.log, "w") as output:
        for target, log, exit_code in zip(targets, logs, exit_codes):
            output.write(f"{target.name}: exit code {exit_code}\n")
            if exit_code != 0:
                output.write(tail(log))
            counts.add(Counts(passed=1) if exit_code == 0 else Counts(failed=1))
    return checked(counts, 0)


def python_environment(log):
    """The interpreter of a virtual environment with tests/requirements.txt, made once; None when that fails."""
    requirements = ROOT / "tests" / "requirements.txt"
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = cache / "tro" / f"venv-{digest}"
    is_whole = folder / "whole"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one suite makes it, the others wait
        if not is_whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            for command in ([sys.executable, "-m", "venv", folder],
                            [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]):
                if execute(command, log) != 0:
                    return None
            is_whole.touch()
    return folder / "bin" / "python"


def run_pytest(suite, files=None, around=(), **environment):
    folder = suite.name.split("-")[0]
    python = python_environment(suite.log)
    if python is None:
        return Counts(failed=1)
    binaries = ROOT / "build" / "bin" if suite.preset == "release" else ROOT / "build" / suite.preset / "bin"
    distribution = ["--dist", "loadfile"] if folder in BY_FILE else ["--dist", "load", "--maxschedchunk", 1]
    parallel = ["-n", WORKERS[folder] * os.cpu_count(), *distribution] if folder in WORKERS else []
    chosen = ["--last-failed", "--last-failed-no-failures=none"] if suite.is_second_try else parallel
    exit_code = execute([*settled(suite.preset), *around, python, "-m", "pytest", *(files or [f"tests/{folder}"]), *chosen, f"--junitxml={suite.junit}",
                         "-o", f"cache_dir={suite.cache}", "-o", "addopts=-ra --strict-markers --import-mode=importlib"], suite.log,
                        TRO_BIN_DIR=str(binaries), PYTHONDONTWRITEBYTECODE="1", **environment)
    counts = Counts()
    for result in xml.parse(suite.junit).getroot().iter("testsuite") if suite.junit.exists() else ():
        failed = int(result.get("failures")) + int(result.get("errors"))
        skipped = int(result.get("skipped"))
        counts.add(Counts(int(result.get("tests")) - failed - skipped, failed, skipped))
    return checked(counts, exit_code)


def run_e2e_over_postgres(suite):
    """What the store has a part in, each server on a database of its own."""
    names = ("cancelled_events", "cli", "concurrency", "events", "expiry", "history", "holds", "idempotency", "orders", "ownership", "payments",
             "refunds", "service", "upgrade")
    return run_pytest(suite, [f"tests/e2e/test_{name}.py" for name in names], [sys.executable, "tests/peers/postgres.py"])


def run_sanitized_e2e(suite):
    """All but the tests of the documents, and of clients that generators make of them: most of their time goes to Python and Java, and what they
    ask of a server others ask, too."""
    return run_pytest(suite, ["tests/e2e", *[f"--ignore=tests/e2e/test_{name}.py" for name in ("clients", "documents")]])


def run_raced_e2e(suite):
    """Those in which threads of one program meet: many requests at once, timers beside them, the end of a server. What a request says and what a
    command does is judged by one thread, and e2e-release and e2e-asan ask for all of it."""
    names = ("cancelled_events", "concurrency", "connections", "crowds", "expiry", "holds", "idempotency", "listeners", "logs", "metrics", "monitoring",
             "orders", "ownership", "payments", "rate_limits", "seat_maps", "seat_stream", "service", "tls", "token_keys", "traces", "unreachable")
    return run_pytest(suite, [f"tests/e2e/test_{name}.py" for name in names])


def services(*names):
    return [f"tests/services/test_{name}.py" for name in names]


def run_services(suite):
    return run_pytest(suite, ["tests/services", *[f"--ignore={path}" for path in services(*ALONE)]])


def run_proof(suite):
    return run_pytest(suite, services(*ALONE))


def run_sanitized_proof(suite):
    return run_pytest(suite, services("proof"), SERVICES_SECONDS=SANITIZED_PROOF_SECONDS)


def run_raced_services(suite):
    """Those with several threads at work on one store."""
    return run_pytest(suite, services("purchase", "services", "expiry", "hung_store"))


def run_sanitized_faults(suite):
    """Those of a shared database are left to fault-release: services-asan has sanitized programs on one, too."""
    return run_pytest(suite, ["tests/fault", *[f"--ignore=tests/fault/test_{name}.py" for name in ("postgres_faults", "failures")]])


def run_sanitized_services(suite):
    """Each program from its start to its end, through good times and bad: a leak is found at the end."""
    return run_pytest(suite, services("purchase", "services", "tools", "expiry"))


def build_peers():
    """What takes minutes on a machine that has never done it is built while suites run; those that need it wait for it."""
    return Counts(failed=0 if execute([*IN_BACKGROUND, sys.executable, "tests/peers/traces.py"], LOGS / "build-peers.log") == 0 else 1)


SUITES = [
    *[Suite(f"{label}-{preset}", preset, run_ctest) for preset in ("release", "asan", "tsan") for label in ("unit", "contract", "sim")
      if (label, preset) != ("sim", "tsan")],  # the simulator has one thread
    Suite("services-release", "release", run_services),
    Suite("ship", "release", lambda suite: run_pytest(suite, around=IN_BACKGROUND)),  # the longest: others run beside it to its end
    Suite("e2e-release", "release", run_pytest),
    Suite("e2e-asan", "asan", run_sanitized_e2e),
    Suite("e2e-tsan", "tsan", run_raced_e2e),
    Suite("contract-rabbitmq", "asan", run_over_rabbitmq, share=0.25),
    Suite("contract-postgres", "asan", run_over_postgres, share=0.25),
    Suite("contract-redis", "asan", run_over_redis, share=0.25),
    Suite("contract-mongodb", "asan", run_over_mongodb, share=0.25),
    Suite("sql-asan", "asan", run_pytest, share=0.25),
    Suite("corpus-asan", "asan", run_ctest, share=0.25),
    Suite("lint", None, run_lines([*IN_BACKGROUND, "scripts/lint.sh"])),
    Suite("defects", None, run_lines([*IN_BACKGROUND, "scripts/sim-defects.sh"])),
    Suite("fuzz", "fuzz", run_fuzz),
    Suite("fault-release", "release", run_pytest),
    Suite("fault-asan", "asan", run_sanitized_faults),
    Suite("e2e-postgres", "release", run_e2e_over_postgres),
    Suite("services-asan", "asan", run_sanitized_services),
    Suite("services-tsan", "tsan", run_raced_services),
    Suite("proof-release", "release", run_proof, share=1),
    Suite("proof-asan", "asan", run_sanitized_proof, after="proof-release"),  # beside each other: most of their time is that of the troubles
    Suite("proof-tsan", "tsan", run_sanitized_proof, after="proof-release"),
]


def build(preset):
    """Warnings are errors here; `make build` and `make run` go on with those of a compiler that nobody has tried yet."""
    log = LOGS / f"build-{preset}.log"
    commands = (["cmake", "--preset", preset, "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON"], ["cmake", "--build", "--preset", preset])
    return all(execute([*IN_BACKGROUND, *command], log) == 0 for command in commands)


def tail(log):
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "".join(f"    | {line}\n" for line in lines[-TAIL_LINES:])


@dataclasses.dataclass
class Step:
    """A build or a suite: it may begin when the builds that it needs are done and the processors have a share for it."""
    name: str
    log: pathlib.Path
    run: typing.Callable[[], Counts]
    share: float
    needs: str | None = None  # the name of a build
    after: str | None = None
    counts: Counts | None = None  # when it is done

    def report(self):
        """Runs the step; one line with its counts and duration, and the end of its log when it failed."""
        start = time.monotonic()
        try:
            counts = self.run()
        except (OSError, ValueError, xml.ParseError) as problem:
            self.log.open("a").write(f"{problem}\n")
            counts = Counts(failed=1)
        said = "done" if counts == Counts() else str(counts)
        end = f"{tail(self.log)}    {self.log.relative_to(ROOT)}\n" if counts.failed > 0 else ""
        print(f"{self.name:<18} {said:<41}{time.monotonic() - start:7.1f} s\n{end}", end="", flush=True)
        self.counts = counts


def steps_of(suites):
    """The suites in their order, each build before the first suite that needs it; the peers before all, if they are needed."""
    is_needed = any(suite.name == "services-release" for suite in suites)
    steps = [Step("build-peers", LOGS / "build-peers.log", build_peers, 0)] if is_needed else []
    for suite in suites:
        name = None if suite.preset is None else f"build-{suite.preset}"
        if name is not None and name not in [step.name for step in steps]:
            steps.append(Step(name, LOGS / f"{name}.log", lambda preset=suite.preset: Counts(failed=0 if build(preset) else 1), 0.5))
        steps.append(Step(suite.name, suite.log, lambda suite=suite: suite.run(suite), suite.share, name, suite.after))
    return steps


def next_step(waiting, running, done):
    """The first step that may begin beside those that run; None: none may. What needs a build that failed fails with it."""
    alone = bool(os.environ.get("TRO_TEST_ALONE"))
    free = 1 - sum(1 if alone else step.share for step in running)
    unfinished = {step.name for step in [*waiting, *running]}
    for step in waiting:
        if step.after in unfinished:
            continue
        needed = done.get(step.needs)
        if needed is not None and needed.counts.failed > 0:
            step.run = lambda: Counts(failed=1)
        if (step.needs is None or needed is not None) and (step.share <= free or not running):
            return step
    return None


def run_all(steps):
    """Runs them all and answers them by name. A step that fills the machine comes when nothing else is left."""
    if not steps:
        return {}
    waiting, running, done = list(steps), {}, {}
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(steps)) as pool:
        while waiting or running:
            while (step := next_step(waiting, list(running.values()), done)) is not None:
                waiting.remove(step)
                running[pool.submit(step.report)] = step
            finished, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in finished:
                future.result()
                step = running.pop(future)
                done[step.name] = step
    return done


def may_try_again(suite, step):
    text = step.log.read_text(errors="replace") if step.log.exists() else ""
    failed = failures(step.log)
    judges_promises = suite.name.split("-")[0] in ONE_TRY or any(re.search(ONE_TRY_FILES, test) for test in failed)
    return step.counts.failed > 0 and failed and not judges_promises and not re.search(CRASHES, text)


def try_again(suites, done):
    """What a few failed tests say on a quiet machine; the names of all that failed, and how their second try ended."""
    names = {step.name: failures(step.log) or ["?"] for step in done.values() if step.counts.failed > 0}
    chosen = [suite for suite in suites if may_try_again(suite, done[suite.name])]
    if sum(step.counts.failed for step in done.values()) > TRIED_AGAIN_MAX:
        chosen = []
    for suite in chosen:
        step, suite.is_second_try = Step(f"{suite.name} again", suite.log, lambda suite=suite: suite.run(suite), 1), True
        step.report()
        if step.counts.failed == 0:
            done[suite.name].counts = Counts(done[suite.name].counts.passed + done[suite.name].counts.failed, 0, done[suite.name].counts.skipped)
    for name, tests in names.items():
        for test in tests:
            print(f"{'FAILED' if done[name].counts.failed > 0 else 'passed at its second try, alone:'} {name} {test}")


def main():
    only = [word for word in os.environ.get("TRO_TEST_ONLY", "").split(",") if word]
    suites = [suite for suite in SUITES if not only or suite.name in only or suite.name.split("-")[0] in only]
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    done = run_all(steps_of(suites))
    try_again(suites, done)
    total = Counts()
    for step in done.values():
        total.add(step.counts)
    print(total)
    return 1 if total.failed > 0 or total.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())

"""The hardening of the programs and of their processes, seen from outside: in the files, in /proc, and by another program of the same user."""

import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import tempfile

import pytest
from harness import paths
from harness.server import Server

PROGRAMS = ["tro", "tro-api", "tro-expiry-worker", "tro-outbox-publisher", "tro-bench"]
NOBODY = 65534


def readelf(program: str, *flags: str) -> str:
    done = subprocess.run(["readelf", "-W", *flags, paths.BIN_DIR / program], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_hardened(program):
    assert re.search(r"Type:\s+DYN", readelf(program, "-h")), "not position-independent"
    segments = readelf(program, "-l")
    assert "GNU_RELRO" in segments
    assert re.search(r"GNU_STACK.* RW +0x", segments), "an executable stack"
    dynamic = readelf(program, "-d")
    assert "BIND_NOW" in dynamic and re.search(r"FLAGS_1.*NOW.*PIE", dynamic), "relocations stay writable"
    symbols = readelf(program, "--dyn-syms")
    assert "__stack_chk_fail" in symbols


def test_our_own_code_is_compiled_with_the_flags():
    if paths.is_sanitized():
        pytest.skip("the sanitizers' builds are for tests")
    symbols = readelf("tro", "--dyn-syms")
    assert {"__memcpy_chk", "__snprintf_chk"} <= set(re.findall(r"__\w+_chk", symbols)), "not fortified"
    recorded = readelf("tro", "-p", ".debug_str")
    producers = [line for line in recorded.splitlines() if re.search(r"GNU C17 .*-fPIE", line)]
    assert producers, "built without -g or with another compiler: this build cannot be judged"
    for producer in producers:
        assert "-fstack-clash-protection" in producer and "-fstack-protector-strong" in producer, producer
        assert platform.machine() != "x86_64" or "-fcf-protection" in producer, producer


def test_secret_codes_are_compared_in_constant_time():
    """How long a comparison takes must not tell how much of a forged code is right. Marks of public keys are no secret."""
    sources = {path.name: path.read_text() for path in (paths.REPOSITORY / "src" / "auth").glob("*.c")}
    compared = {name: re.findall(r"(?<!\w)memcmp\(([^;]*)", text) for name, text in sources.items()}
    assert all("mark" in call for calls in compared.values() for call in calls), compared
    for name in ("callback_signature.c", "jwt.c"):
        assert re.search(r"CRYPTO_memcmp\([^;]*, code, sizeof code\)", sources[name]), name
    assert "slice_equal" not in sources["callback_signature.c"].replace('slice_equal(name, SLICE(', "")


def status(pid: int) -> dict[str, str]:
    lines = open(f"/proc/{pid}/status").read().splitlines()
    return dict(line.split(":\t", 1) for line in lines)


def test_a_server_can_gain_no_privilege(server):
    assert status(server.process.pid)["NoNewPrivs"] == "1"


@pytest.fixture
def unprivileged_server(tmp_path_factory):
    """A server that an ordinary user runs, who allows core dumps of any size."""
    if os.geteuid() != 0:
        pytest.skip("only root can start programs as others")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tro-nobody-"))
    shutil.copy(paths.TRO, folder / "tro")
    server = Server(folder, wrapper=["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"])
    server.options["CRDB_DSN"] = None
    server.command[-2:] = ["sh", "-c", f"ulimit -c unlimited; exec {folder}/tro serve"]
    for path in (folder, folder / "tro"):
        os.chown(path, NOBODY, NOBODY)
    yield server.start()
    server.discard()
    shutil.rmtree(folder)


def as_nobody(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True)


def test_another_program_of_the_same_user_reads_no_secret(unprivileged_server):
    folder = f"/proc/{unprivileged_server.process.pid}"
    assert as_nobody("cat", f"{folder}/stat").returncode == 0
    for name in ("environ", "maps", "mem"):
        assert as_nobody("head", "-c1", f"{folder}/{name}").returncode != 0, name
    process_metrics = unprivileged_server.metrics()
    assert process_metrics["process_open_fds"].total() > 0, "its own folder in /proc is still its own to read"


def test_a_crash_leaves_no_core(unprivileged_server):
    process = unprivileged_server.process
    process.send_signal(signal.SIGSEGV)
    ended = os.waitpid(process.pid, 0)[1]
    unprivileged_server.process = None
    assert not os.WCOREDUMP(ended)
    if not paths.is_sanitized():  # a sanitizer ends the process itself
        assert os.WTERMSIG(ended) == signal.SIGSEGV
    assert not list(unprivileged_server.folder.glob("core*"))


def test_a_server_is_confined(server):
    if paths.is_sanitized():
        pytest.skip("the sanitizers' builds are not confined")
    serving = next(line for line in server.log() if line["message"] == "serving")
    assert serving["system_calls_are_confined"] and status(server.process.pid)["Seccomp"] == "2"
    assert serving["files_are_confined"], "the kernel has no Landlock: tests/unit/runtime/test_confine.c is skipped, too"


def test_a_server_need_not_be_confined(start_server):
    server = start_server(CONFINE="false")
    assert status(server.process.pid)["Seccomp"] == "0"

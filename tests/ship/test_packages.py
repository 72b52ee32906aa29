"""The Debian packages: they install, start on SQLite, upgrade an existing store, and are purged cleanly; lintian finds no error."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from harness.server import free_port
from peers.debian import System
from ship.conftest import ROOT, run

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for debootstrap and chroot"),
    pytest.mark.skipif("VERSION_CODENAME=bookworm" not in open("/etc/os-release").read(), reason="the packages are those of this machine's release"),
]


@pytest.fixture(scope="module")
def packages(copy):
    """name → .deb"""
    folder = copy("deb")
    run("git", "init", "-q", cwd=folder)
    run("make", "deb", cwd=folder)
    return {path.name.split("_")[0]: path for path in (folder / "build").glob("*.deb")}


def test_there_are_two_and_lintian_finds_no_error(packages):
    assert sorted(packages) == ["tro", "tro-tools"]
    for package in packages.values():
        run("lintian", "--allow-root", "--fail-on", "error", package)


def test_the_versions_are_one(packages):
    version = re.search(r'TRO_VERSION "(.*)"', (ROOT / "src" / "base" / "version.h").read_text())[1]
    assert run("dpkg-deb", "--field", packages["tro"], "Version") == f"{version}-1\n"


def test_the_programs_are_hardened(packages, tmp_path):
    run("dpkg-deb", "--extract", packages["tro"], tmp_path)
    programs = sorted((tmp_path / "usr/bin").iterdir())
    assert [program.name for program in programs] == ["tro", "tro-api", "tro-expiry-worker", "tro-outbox-publisher"]
    for program in programs:
        text = run("readelf", "--wide", "--file-header", "--program-headers", "--dynamic", "--symbols", "--dyn-syms", program)
        assert "DYN (Position-Independent Executable file)" in text
        assert "GNU_RELRO" in text and "BIND_NOW" in text and "NOW PIE" in text
        assert re.search(r"GNU_STACK.* RW ", text)
        assert "__stack_chk_fail" in text and "__memcpy_chk" in text


def newer(package, folder):
    """The same package with a higher version."""
    run("dpkg-deb", "--raw-extract", package, folder)
    control = folder / "DEBIAN" / "control"
    control.write_text(re.sub(r"^(Version: .*)$", r"\1+upgrade", control.read_text(), flags=re.M))
    run("dpkg-deb", "--root-owner-group", "--build", folder, f"{folder}.deb")
    return f"{folder}.deb"


class Service:
    """tro.service's command as its user, in the system."""

    def __init__(self, system):
        self.system, self.port = system, free_port()
        unit = (system.folder / "lib/systemd/system/tro.service").read_text()
        self.command = re.search(r"^ExecStart=(.*)$", unit, re.M)[1].split()
        self.environment = re.findall(r"^Environment=(.*)$", unit, re.M)

    def __enter__(self):
        words = ["setpriv", "--reuid=tro", "--regid=tro", "--clear-groups", "--no-new-privs", "env", *self.environment, f"LISTEN_ADDR=127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(self.system.command(*words, *self.command), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 20
        while not self.is_ready():
            assert self.process.poll() is None and time.monotonic() < deadline, self.process.stderr.read()
            time.sleep(0.05)
        return self

    def is_ready(self):
        try:
            return self.get("/v1/readyz")[0] == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return answer.status, json.loads(answer.read())

    def __exit__(self, *_):
        for child in pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGTERM)  # unshare itself ignores it
        self.process.wait(20)
        self.process.stderr.close()


def test_install_start_upgrade_purge(packages, tmp_path):
    system = System(tmp_path / "system")
    for package in [*packages.values(), newer(packages["tro"], tmp_path / "newer")]:
        shutil.copy(package, system.folder / "root")
    system.run("dpkg", "--install", f"/root/{packages['tro'].name}", f"/root/{packages['tro-tools'].name}")
    assert "0700 tro tro" in "0" + system.run("stat", "--format=%a %U %G", "/var/lib/tro").stdout
    assert "640 root tro" in system.run("stat", "--format=%a %U %G", "/etc/tro/tro.env").stdout
    commit = (packages["tro"].parent.parent / "COMMIT").read_text().strip()
    assert f"(commit {commit})" in system.run("tro", "version").stdout
    assert system.run("tro-bench", "--help").stdout.startswith("usage:")
    assert (system.folder / "usr/share/man/man1/tro.1.gz").exists()
    tro, settings = ["setpriv", "--reuid=tro", "--regid=tro", "--clear-groups", "tro"], ["--env-file", "/etc/tro/tro.env"]
    with Service(system):
        event_id = system.run(*tro, "event", "create", "--demo", *settings).stdout.split()[0]
    with open(system.folder / "etc/tro/tro.env", "a") as file:
        file.write("HOLD_TTL=2m\n")
    assert "HOLD_TTL=2m\n" in system.run(*tro, "config", *settings).stdout
    # Root's backup, and root's restore: the service has its store again.
    system.run("tro", "backup", "/root/backup.db", *settings)
    system.run("tro", "restore", "/root/backup.db", "--force", *settings)
    system.run("dpkg", "--remove", "tro-tools")  # it wants the very version of tro
    system.run("dpkg", "--install", "/root/newer.deb")
    assert "HOLD_TTL=2m" in (system.folder / "etc/tro/tro.env").read_text()
    with Service(system) as service:
        assert [event["event_id"] for event in service.get("/v1/events")[1]["data"]] == [event_id]
    assert system.run(*tro, "verify", *settings).returncode == 0
    system.run("dpkg", "--purge", "tro")
    left = system.run("find", "/", "-xdev", "-name", "*tro*", "-not", "-path", "/proc/*", "-not", "-path", "/root/*", "-newer", "/root/newer.deb").stdout
    assert not re.findall(r"^/(?:etc|usr|lib|var/lib)/(?:\S*/)?tro(?:[-./]\S*)?$", left, re.M), left


def test_the_completions_know_every_command(packages, tmp_path):
    run("dpkg-deb", "--extract", packages["tro"], tmp_path)
    script = tmp_path / "usr/share/bash-completion/completions/tro"

    def complete(*words):
        listed = " ".join(f"'{word}'" for word in words)
        return run("bash", "-c", f"source {script}; COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; _tro; printf '%s\\n' \"${{COMPREPLY[@]}}\"").split()

    tro = str(tmp_path / "usr/bin/tro")
    assert {"serve", "event", "verify", "token"} <= set(complete(tro, ""))
    assert complete(tro, "event", "p") == ["pause"]
    assert complete(tro, "token", "--sc") == ["--scope"]
    assert complete(tro, "refund", "list", "--st") == ["--status"]
    assert "--hold-ttl" in complete(tro, "serve", "--ho")

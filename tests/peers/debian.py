"""A minimal Debian in a folder, made once with debootstrap and kept in the cache, to be unpacked for each test. Needs root."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from peers.go_program import alone, cache

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SUITE = "bookworm"
# What the programs need to run: with it, a test needs no network. No ca-certificates: Debian's own images have none either.
PACKAGES = "adduser libcurl4 libhiredis0.14 libmongoc-1.0-0 libpq5 libprotobuf-c1 librabbitmq4 libsqlite3-0 libssl3 init-system-helpers"


def mirror():
    found = subprocess.run([ROOT / "scripts" / "debian-mirror.sh"], capture_output=True, text=True).stdout.strip()
    return found or "http://deb.debian.org/debian"


def archive():
    """A tar file of the system."""
    packages = ",".join(PACKAGES.split())
    path = cache() / f"{SUITE}-{hashlib.sha256(packages.encode()).hexdigest()[:16]}.tar"
    with alone(path.name):
        if not path.exists():
            with tempfile.TemporaryDirectory(prefix="tro-debian-") as folder:
                system = pathlib.Path(folder) / "system"
                subprocess.run(["debootstrap", "--variant=minbase", f"--include={packages}", SUITE, system, mirror()], check=True, stdout=subprocess.DEVNULL)
                shutil.rmtree(system / "var/cache/apt/archives")
                subprocess.run(["tar", "-C", system, "--exclude=./dev/*", "-cf", f"{path}.new", "."], check=True)
            os.rename(f"{path}.new", path)
    return path


class System:
    """An unpacked one."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        subprocess.run(["tar", "-C", folder, "-xf", archive()], check=True)
        (folder / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")  # no service is started here
        (folder / "usr/sbin/policy-rc.d").chmod(0o755)

    def command(self, *words):
        """In a mount and process namespace that ends with it; its /dev is the machine's."""
        script = 'mount --make-rprivate /; mount -t proc proc "$0/proc"; mount --rbind /dev "$0/dev"; root=$0; exec chroot "$root" "$@"'
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", script, str(self.folder),
                "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", *map(str, words)]

    def run(self, *words, check=True):
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=300)
        assert not check or done.returncode == 0, f"{words}: exit code {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

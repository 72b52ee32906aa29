"""What is built and shipped beside the programs of build/bin: the Bazel build, packages, images, manifests."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def run(*command, cwd=ROOT, timeout_s=900, **environment):
    """The command's output; a command that fails ends the test with its output."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=timeout_s, env={**os.environ, **environment})
    assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def copy(tmp_path_factory):
    """Makes a copy of what git knows of this tree, as a user would have it, in a folder of its own."""
    def make(name):
        folder = tmp_path_factory.mktemp(name) / "tro"
        folder.mkdir()
        with open(folder.parent / "tree.tar", "wb") as tree:
            subprocess.run([ROOT / "scripts" / "checkout-tar.sh"], stdout=tree, check=True)
        run("tar", "-xf", folder.parent / "tree.tar", cwd=folder)
        return folder
    return make

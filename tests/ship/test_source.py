"""The source tarball, and the commit that every program names: from a clone, from the tarball, with changes, and without either."""

import hashlib
import os
import re

import pytest
from harness.paths import BIN_DIR as BINARIES
from ship.conftest import ROOT, run

pytestmark = pytest.mark.timeout(300)
WHO = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@tro.example", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@tro.example"}


@pytest.fixture(scope="module")
def clone(copy):
    """A repository with this tree as its one commit."""
    folder = copy("source")
    (folder / "COMMIT").unlink()
    run("git", "init", "-q", cwd=folder)
    run("git", "add", "--all", cwd=folder)
    run("git", "commit", "-q", "-m", "all", cwd=folder, **WHO)
    return folder


@pytest.fixture(scope="module")
def commit(clone):
    return run("git", "rev-parse", "HEAD", cwd=clone).strip()


@pytest.fixture(scope="module")
def tarball(clone):
    run("make", "tarball", cwd=clone)
    (path,) = (clone / "build").glob("tro-*.tar.gz")
    return path


@pytest.fixture(scope="module")
def unpacked(tarball, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    run("tar", "-xf", tarball, cwd=folder)
    return folder / tarball.name.removesuffix(".tar.gz")


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_programs_and_tarball_name_the_commit(clone, commit, unpacked):
    assert run("scripts/commit.sh", cwd=clone) == run("scripts/commit.sh", cwd=unpacked) == f"{commit}\n"
    assert (unpacked / "COMMIT").read_text() == f"{commit}\n"
    built = "unknown" if run("scripts/commit.sh") == "unknown\n" else "[0-9a-f]{40}(-dirty)?"  # there may have been a commit since
    for program in ("tro", "tro-api", "tro-expiry-worker", "tro-outbox-publisher", "tro-bench"):
        assert re.fullmatch(rf"{program} \d+\.\d+\.\d+ \(commit {built}\)\n", run(BINARIES / program, "--version"))
    assert run(BINARIES / "tro", "version") == run(BINARIES / "tro", "--version")


def test_changes_are_told(clone, commit):
    readme = clone / "README.md"
    text = readme.read_text()
    os.utime(readme)
    assert run("scripts/commit.sh", cwd=clone) == f"{commit}\n"
    readme.write_text(text + "more\n")
    assert run("scripts/commit.sh", cwd=clone) == f"{commit}-dirty\n"
    readme.write_text(text)


def test_without_git_or_the_file_nothing_is_claimed(unpacked, tmp_path):
    run("cp", "-r", unpacked / "scripts", tmp_path)
    assert run("scripts/commit.sh", cwd=tmp_path) == "unknown\n"


def test_one_commit_gives_one_tarball(clone, tarball, unpacked, tmp_path):
    """From a clone elsewhere, at another time, and from the tarball itself."""
    run("git", "clone", "-q", clone, tmp_path / "a-clone-in-another-folder")
    for folder in (tmp_path / "a-clone-in-another-folder", unpacked):
        for path in folder.rglob("*.md"):
            os.utime(path, follow_symlinks=False)
        run("make", "tarball", cwd=folder)
    assert digest(tmp_path / "a-clone-in-another-folder" / "build" / tarball.name) == digest(tarball)
    names = run("tar", "-tf", tarball).split()
    assert sorted(run("tar", "-tf", unpacked / "build" / tarball.name).split()) == sorted(names)
    assert {name.removeprefix(f"{unpacked.name}/") for name in names} == {"COMMIT", *run("git", "ls-files", cwd=clone).split()}


def test_the_commit_is_one_small_object_and_the_same_in_every_folder(clone, commit, unpacked):
    """What names the commit is compiled alone, so that a cache of compilations serves all else; libraries have the same bytes from everywhere."""
    digests = []
    for folder in (clone, unpacked):
        run("cmake", "--preset", "release", cwd=folder)
        run("cmake", "--build", "--preset", "release", "--target", "tro_commit", "tro_base", cwd=folder)
        digests.append([digest(folder / "build" / "release" / name) for name in ("libtro_commit.a", "libtro_base.a")])
    assert digests[0] == digests[1]
    (named,) = [path for path in (clone / "build" / "release").rglob("*.o") if commit.encode() in path.read_bytes()]
    assert named.stat().st_size < 20_000
    run("git", "commit", "-q", "--allow-empty", "-m", "another", cwd=clone, **WHO)
    said = run("cmake", "--build", "--preset", "release", "--target", "tro_commit", "tro_base", cwd=clone)
    assert re.findall(r"Building C object \S+/(\w+)\.c\.o", said) == ["tro_commit"], said

"""The Bazel build: the targets that its users know, the same modules, files and unit tests as CMake's, and the same programs from any folder."""

import hashlib
import re

import pytest
from ship.conftest import ROOT, run

PROGRAMS = ["//cmd/api:api", "//cmd/expiry-worker:expiry_worker", "//cmd/outbox-publisher:outbox_publisher"]

pytestmark = pytest.mark.timeout(900)


class Bazel:
    """Bazel in one folder. Without a server that would go on running, and with an output base of its own."""

    def __init__(self, folder, output_base, cache=None):
        self.folder, self.output_base = folder, output_base
        self.options = [f"--disk_cache={cache}"] if cache else []

    def __call__(self, command, *words):
        options = self.options if command in ("build", "test", "run") else []
        symlinks = ["--symlink_prefix=/"] if command in ("build", "test", "run") else []
        return run("bazel", "--batch", f"--output_base={self.output_base}", command, *options, *symlinks, *words, cwd=self.folder)

    def program(self, label):
        folder, name = label.removeprefix("//").split(":")
        return next(self.output_base.glob(f"execroot/tro/bazel-out/*/bin/{folder}/{name}"))


@pytest.fixture(scope="module")
def bazel(copy, tmp_path_factory):
    made = Bazel(copy("bazel"), tmp_path_factory.mktemp("base"))
    yield made
    run("chmod", "-R", "u+w", made.output_base)


def test_the_targets_that_users_know_are_built_and_run(bazel):
    bazel("build", *PROGRAMS)
    for label in PROGRAMS:
        assert re.fullmatch(rf"\S+ \d+\.\d+\.\d+ \(commit {(bazel.folder / 'COMMIT').read_text().strip()}\)\n", run(bazel.program(label), "--version"))
    assert "--hold-ttl" in bazel("run", "//cmd/api:api", "--", "--help")
    assert "//src/base:base" in bazel("query", "deps(//cmd/api:api)")


def test_everything_is_built_and_every_unit_test_passes(bazel):
    bazel("build", "//...")
    said = bazel("test", "//...")
    count = len(list((ROOT / "tests" / "unit").rglob("test_*.c")))
    assert f"Executed {count} out of {count} tests: {count} tests pass." in said, said[-2000:]
    tests = {label.split(":unit_")[1] for label in bazel("query", "kind(cc_test, //...)").split()}
    assert tests == {re.sub(r"/(test_)?", "_", str(path.relative_to(ROOT / "tests" / "unit"))[: -len(".c")]) for path in (ROOT / "tests" / "unit").rglob("test_*.c")}


def cmake_modules():
    """module → the modules that it may include."""
    text = (ROOT / "CMakeLists.txt").read_text()
    found = re.findall(r"^tro_\w+\(([\w/]+)(?: SEES ([\w/ ]*?))?(?: LINK [^)]*)?\)$", text, re.M)
    return {folder: set(sees.split()) for folder, sees in found if (ROOT / "src" / folder).is_dir()}


def test_a_module_may_include_with_bazel_what_it_may_with_cmake(bazel):
    modules = cmake_modules()
    assert set(modules) == {str(path.parent.relative_to(ROOT / "src")) for path in (ROOT / "src").rglob("BUILD.bazel")}
    for folder, sees in modules.items():
        text = (ROOT / "src" / folder / "BUILD.bazel").read_text()
        listed = re.search(r"\bsees = \[(.*?)\]", text, re.S)
        assert set(re.findall(r'"//src/([\w/]+)"', listed[1] if listed else "")) == sees, folder


def test_both_builds_hold_the_same_files(bazel):
    known = bazel("query", 'kind("source file", deps(//src/... + //cmd/... + //tests/...))').split()
    held = {label.removeprefix("//").replace(":", "/") for label in known if label.startswith("//")}
    kept = set(run("git", "ls-files", "--cached", "--others", "--exclude-standard", "src", "cmd", "api", "db", "tests/unit", "tests/support").split())
    wanted = {name for name in kept if re.search(r"\.(c|h|def|sql|lua|yaml|proto)$", name) and (ROOT / name).exists()}
    assert {name for name in held if re.match(r"(src|cmd|api|db|tests)/", name) and not name.endswith("BUILD.bazel")} == wanted


def test_two_builds_in_two_folders_give_the_same_programs(bazel, copy, tmp_path_factory):
    other = Bazel(copy("elsewhere-in-a-longer-path"), tmp_path_factory.mktemp("another-base"))
    for each in (bazel, other):
        each("build", *PROGRAMS)
    for label in PROGRAMS:
        first, second = (hashlib.sha256(each.program(label).read_bytes()).hexdigest() for each in (bazel, other))
        assert first == second, label
    run("chmod", "-R", "u+w", other.output_base)


def test_the_version_is_one(bazel):
    version = re.search(r'TRO_VERSION "(.*)"', (ROOT / "src" / "base" / "version.h").read_text())[1]
    assert f'version = "{version}"' in (ROOT / "MODULE.bazel").read_text()

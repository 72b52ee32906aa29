"""`make install` without packages: what lands where, for two prefixes, with the programs that are built already."""

import re
import shutil
import subprocess

import pytest
from harness.paths import BIN_DIR as BINARIES
from ship.conftest import ROOT, run

PAGES = {"tro": 1, "tro-bench": 1, "tro-api": 8, "tro-expiry-worker": 8, "tro-outbox-publisher": 8}
UNITS = ["tro", "tro-api", "tro-expiry-worker", "tro-outbox-publisher"]

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("help2man") is None, reason="help2man is not installed"),
]


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """A folder of CMake's with every man page; its programs are those of build/bin."""
    folder = tmp_path_factory.mktemp("build")
    configure(folder, "/usr/local")
    for program, section in PAGES.items():
        run(ROOT / "packaging" / "man.sh", BINARIES / program, section, "a program", folder / "man" / f"{program}.{section}")
    return folder


def configure(folder, prefix):
    run("cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DTRO_MAN=ON", f"-DTRO_BIN_DIR={BINARIES}", f"-DCMAKE_INSTALL_PREFIX={prefix}", "-DCMAKE_INSTALL_SYSCONFDIR=/etc")


def install(folder, system):
    run("cmake", "--install", folder, DESTDIR=str(system))


@pytest.mark.parametrize("prefix", ["/usr/local", "/opt/tro"])
def test_everything_is_below_the_prefix_and_settings_where_documents_say(build, tmp_path, prefix):
    configure(build, prefix)
    install(build, tmp_path)
    below = tmp_path / prefix.removeprefix("/")
    for program, section in PAGES.items():
        assert (below / "bin" / program).exists() and (below / f"share/man/man{section}/{program}.{section}").exists()
    assert (below / "share/bash-completion/completions/tro").exists() and list((below / "share").glob("fish/vendor_completions.d/*"))
    for unit in UNITS:
        text = (below / f"lib/systemd/system/{unit}.service").read_text()
        assert f"ExecStart={prefix}/bin/{unit}" in text and "EnvironmentFile=-/etc/tro/tro.env" in text
    assert (tmp_path / "etc/tro/tro.env").stat().st_mode & 0o777 == 0o640
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(below)]
    assert outside == [tmp_path / "etc/tro/tro.env"]


def test_settings_that_are_there_stay(build, tmp_path):
    settings = tmp_path / "etc/tro/tro.env"
    settings.parent.mkdir(parents=True)
    settings.write_text("HOLD_TTL=2m\n")
    install(build, tmp_path)
    assert settings.read_text() == "HOLD_TTL=2m\n"


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd-sysusers is not installed")
def test_the_user_of_the_units_is_made(build, tmp_path):
    install(build, tmp_path)
    (made,) = tmp_path.rglob("sysusers.d/tro.conf")
    for unit in UNITS:
        text = next(tmp_path.rglob(f"{unit}.service")).read_text()
        assert "User=tro\nGroup=tro\n" in text
    run("systemd-sysusers", f"--root={tmp_path}", made)
    assert re.search(r"^tro:x:\d+:\d+:.*:/var/lib/tro:\S*/nologin$", (tmp_path / "etc/passwd").read_text(), re.M)


def test_make_installs_the_same():
    """The target itself, as far as it goes without building."""
    said = subprocess.run(["make", "--dry-run", "install"], cwd=ROOT, capture_output=True, text=True).stdout
    assert "-DTRO_MAN=ON" in said and "CMAKE_INSTALL_SYSCONFDIR=${SYSCONFDIR:-/etc}" in said and "programs man" in said

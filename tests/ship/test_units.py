"""The systemd units, as they are installed and as systemd reads them."""

import shutil

import pytest
from ship.conftest import ROOT, run

UNITS = sorted((ROOT / "packaging" / "systemd").glob("*.service"))
EXPOSURE_MAX = 1.1  # of 10, as systemd 252 counts it; what is left is the network, sockets, and the root directory

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_service_is_confined(unit, tmp_path):
    text = unit.read_text().replace("@CMAKE_INSTALL_FULL_BINDIR@", "/usr/bin").replace("@CMAKE_INSTALL_FULL_SYSCONFDIR@", "/etc")
    (tmp_path / unit.name).write_text(text)
    said = run("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={round(EXPOSURE_MAX * 10)}", tmp_path / unit.name)
    assert f"Overall exposure level for {unit.name}" in said

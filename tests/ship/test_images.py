"""The three images: built from their Dockerfiles on a Debian of the test's own, then their programs run from the images' files alone."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time

import pytest
from harness.database import Database
from harness.server import free_port
from peers import debian, postgres, rabbitmq
from ship.conftest import ROOT, run



def driver():
    """Layers share their files where the file system can do that; else each is a copy, which takes minutes."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("lower", "upper", "work", "merged"):
            os.mkdir(f"{folder}/{name}")
        options = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
        done = subprocess.run(["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", options, f"{folder}/merged"], capture_output=True)
    return "overlay" if done.returncode == 0 else "vfs"


IMAGES = {"tro-api": "tro-api", "tro-worker": "tro-expiry-worker", "tro-publisher": "tro-outbox-publisher"}
BUILDAH = {"STORAGE_DRIVER": driver(), "BUILDAH_ISOLATION": "chroot", "BUILDAH_FORMAT": "docker"}
IMAGE_BYTES_MAX = 70 * 1024 * 1024  # in all: less than a Debian alone; 30 MiB are ICU, for the client library of MongoDB
OVER_BASE_BYTES_MAX = 60 * 1000 * 1000  # of what the base, Debian's slim image, has not

pytestmark = [pytest.mark.timeout(1200), pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for buildah in a chroot")]


@pytest.fixture(scope="module")
def images(copy, tmp_path_factory):
    """image → (its root file system, its configuration, the bill of materials that was put beside it)"""
    storage = tmp_path_factory.mktemp("storage")
    environment = {**BUILDAH, "CONTAINERS_STORAGE_CONF": str(storage / "storage.conf")}
    (storage / "storage.conf").write_text(f'[storage]\ndriver = "{BUILDAH["STORAGE_DRIVER"]}"\nrunroot = "{storage}/run"\ngraphroot = "{storage}/graph"\n')

    def buildah(*words, **more):
        return run("buildah", *words, **environment, **more).strip()

    base = buildah("from", "scratch")
    buildah("add", base, debian.archive(), "/")
    buildah("commit", base, "localhost/base")
    folder = copy("images")
    run("sh", "-c", "PATH=$(dirname $(command -v buildah)):/usr/bin:/bin packaging/images.sh", cwd=folder, **environment, BASE="localhost/base",
        IMAGE_FLAGS="--pull-never --layers")
    made = {}
    for image in IMAGES:
        container = buildah("from", "--pull-never", image)
        root = tmp_path_factory.mktemp(image) / "root"
        shutil.copytree(buildah("mount", container), root, symlinks=True)
        os.chown(root / "data", 65532, 65532)  # copies are root's
        made[image] = root, json.loads(buildah("inspect", "--type", "image", image))["Docker"]["config"], folder / f"build/images/{image}.spdx.json"
    buildah("umount", "--all")
    buildah("rm", "--all")
    yield made
    run("rm", "-rf", storage)


def inside(root, *words, **environment):
    """The command of a program in an image, as the image's user."""
    settings = [f"{name}={value}" for name, value in environment.items()]
    return ["env", "-i", *settings, shutil.which("chroot"), "--userspec=65532:65532", root, *words]


def merged(path):
    """/lib is /usr/lib."""
    return path if path.startswith("/usr/") else f"/usr{path}"


def files_of_the_base():
    """Those of the packages that every Debian has, of apt, and of what these need: so much is in Debian's slim image."""
    with tarfile.open(debian.archive()) as system:
        def text(name):
            return system.extractfile(f"./var/lib/dpkg/{name}").read().decode()
        packages = {}
        for paragraph in text("status").strip().split("\n\n"):
            fields = dict(re.findall(r"^([\w-]+): (.*)$", paragraph, re.M))
            needs = re.findall(r"(?:^|[,|])\s*([\w.+-]+)", f"{fields.get('Depends', '')},{fields.get('Pre-Depends', '')}")
            packages[fields["Package"]] = (fields, [need for need in needs if need])
        base, more = set(), {name for name, (fields, _) in packages.items() if fields["Priority"] == "required" or "Essential" in fields} | {"apt"}
        while more:
            base |= more
            more = {need for name in more for need in packages[name][1] if need in packages} - base
        lists = {name.split("/")[-1].removesuffix(".list").split(":")[0]: name for name in system.getnames() if name.endswith(".list")}
        return {merged(path) for name in base for path in text(lists[name].removeprefix("./var/lib/dpkg/")).split("\n")}


def test_they_hold_the_programs_and_no_shell(images):
    version = re.search(r'TRO_VERSION "(.*)"', (ROOT / "src" / "base" / "version.h").read_text())[1]
    based = files_of_the_base()
    for image, (root, config, _) in images.items():
        files = {merged(f"/{path.relative_to(root)}"): path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink()}
        assert sum(files.values()) < IMAGE_BYTES_MAX, image
        assert sum(size for path, size in files.items() if path not in based) < OVER_BASE_BYTES_MAX, image
        assert {path.name for path in (root / "usr/bin").iterdir()} == {"tro", IMAGES[image]}
        assert not any((root / folder / "sh").exists() for folder in ("bin", "usr/bin", "sbin"))
        assert config["User"] == "65532:65532"
        assert config["Entrypoint"] == [f"/usr/bin/{IMAGES[image]}"]
        assert config["Healthcheck"]["Test"][:3] == ["CMD", "/usr/bin/tro", "health"]
        labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
        assert (labels["title"], labels["version"], labels["licenses"]) == (image, version, "MIT")
        assert labels["description"] and f"(commit {labels['revision']})" in run(*inside(root, "/usr/bin/tro", "version"))


def test_each_has_a_bill_of_what_it_is_made_of(images):
    for image, (root, _, beside) in images.items():
        assert beside.read_text() == (root / f"usr/share/sbom/{IMAGES[image]}.spdx.json").read_text()
        bill = json.loads(beside.read_text())
        assert bill["spdxVersion"] == "SPDX-2.3"
        names = {package["name"] for package in bill["packages"]}
        assert {IMAGES[image], "libc6", "libpq5", "libssl3", "ca-certificates"} <= names
        assert all(package["versionInfo"] for package in bill["packages"])
        known = {package["SPDXID"] for package in bill["packages"]} | {"SPDXRef-DOCUMENT"}
        assert {end for each in bill["relationships"] for end in (each["spdxElementId"], each["relatedSpdxElement"])} <= known


class Running:
    def __init__(self, images, image, **environment):
        self.root, self.config, _ = images[image]
        self.port = free_port()
        own = dict(setting.split("=", 1) for setting in self.config["Env"])
        self.environment = {**own, **environment, "LISTEN_ADDR": f"127.0.0.1:{self.port}"}
        self.program = self.config["Entrypoint"][0]

    def __enter__(self):
        self.process = subprocess.Popen(inside(self.root, self.program, **self.environment), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 30
        check = [f"http://127.0.0.1:{self.port}" if word.startswith("http://") else word for word in self.config["Healthcheck"]["Test"][1:]]
        while subprocess.run(inside(self.root, *check), capture_output=True).returncode != 0:
            assert self.process.poll() is None and time.monotonic() < deadline, self.process.stderr.read()
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0, self.process.stderr.read()
        self.process.stderr.close()


def test_their_programs_run_on_real_servers(images):
    api_root = images["tro-api"][0]
    with postgres.server() as server, rabbitmq.server() as broker:
        database = Database(server.dsn)
        secrets = {"JWT_SECRET": "j" * 32, "PAYMENT_SECRET": "p" * 32}
        settings = {"CRDB_DSN": database.uri, "RABBIT_URL": broker.url, **secrets}
        run(*inside(api_root, "/usr/bin/tro", "migrate", **settings))
        with Running(images, "tro-api", **settings), Running(images, "tro-worker", **settings), Running(images, "tro-publisher", **settings):
            event = run(*inside(api_root, "/usr/bin/tro", "event", "create", "--demo", **settings)).split()[0]
            assert event in run(*inside(api_root, "/usr/bin/tro", "event", "list", **settings))
        run(*inside(api_root, "/usr/bin/tro", "verify", **settings))
        database.drop()


def test_the_dockerfiles_differ_in_the_program_alone():
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    texts = [(root / "cmd" / folder / "Dockerfile").read_text().splitlines() for folder in ("api", "expiry-worker", "outbox-publisher")]
    for lines in zip(*texts, strict=True):
        assert len({re.sub(r"tro-[a-z-]+|808\d|cmd/\S+|: [^\"]*\"|, with .*:", "", line) for line in lines}) == 1, lines

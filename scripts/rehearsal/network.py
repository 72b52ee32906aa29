"""Hosts: network namespaces on one bridge, all inside a namespace of the rehearsal's own, so that this machine's network has no part in it.

The kernel takes all of it away when the rehearsal ends, however it ends: its processes are in a PID namespace, whose first process dies with the
one that was started by hand; with the last process go the mounts, and with them the names of the network namespaces."""

import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import sys

WORK = pathlib.Path("/mnt")  # a file system in memory there, which only the rehearsal sees
BRIDGE = "bridge"
PREFIX = "10.77.0"
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
UNSHARE = ["unshare", "--net", "--pid", "--mount", "--mount-proc", "--fork", "--kill-child=SIGKILL"]


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def may_be_made():
    """Whether this user, on this kernel, may make all that it needs: namespaces, a bridge, a pair of interfaces, rules that drop packets."""
    script = ("mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip link add name b0 type bridge"
              " && ip netns add a && ip link add name x0 type veth peer name y0 netns a && nft add table inet t && nft add chain inet t c"
              " && nft add rule inet t c numgen random mod 100 '<' 1 drop")
    return os.geteuid() == 0 and subprocess.run([*UNSHARE, "sh", "-c", script], stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


def run_inside(command):
    """Runs the command in namespaces of its own; its exit code. SIGTERM here is its end."""
    child = subprocess.Popen([*UNSHARE, *command], preexec_fn=die_with_parent)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        return child.wait()
    finally:
        child.kill()
        child.wait()


def prepare():
    """Once, inside: the bridge, and a place for the files and names that go with the namespaces."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", WORK], check=True)
    pathlib.Path("/run/netns").mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run/netns"], check=True)
    for words in (["link", "set", "lo", "up"], ["link", "add", "name", BRIDGE, "type", "bridge"], ["link", "set", BRIDGE, "up"]):
        subprocess.run(["ip", *words], check=True)


class Host:
    """A machine with an address, an interface and processes."""

    def __init__(self, name, number):
        self.name, self.address, self.processes = name, f"{PREFIX}.{number}", []
        self.folder = WORK / name
        self.folder.mkdir()
        self.folder.chmod(0o755)
        for words in (["netns", "add", name],
                      ["link", "add", "name", name, "type", "veth", "peer", "name", "eth0", "netns", name],
                      ["link", "set", name, "master", BRIDGE, "up"],
                      ["-n", name, "link", "set", "lo", "up"],
                      ["-n", name, "link", "set", "eth0", "up"],
                      ["-n", name, "address", "add", f"{self.address}/24", "dev", "eth0"]):
            subprocess.run(["ip", *words], check=True)

    def inside(self, *words):
        return ["ip", "netns", "exec", self.name, *[str(word) for word in words]]

    def spawn(self, *words, log, **options):
        """A process that runs on; what it prints is added to the log, a file of the host's folder."""
        with open(self.folder / log, "ab") as output:
            process = subprocess.Popen(self.inside(*words), stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", **options)
        self.processes.append(process)
        return process

    def run(self, *words, timeout_s=60, **options):
        """What the command prints; one that fails ends the rehearsal."""
        done = subprocess.run(self.inside(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, cwd="/", **options)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def kill(self):
        """As when its power fails; its disk stays."""
        for pid in subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=True).stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        for process in self.processes:
            process.wait()
        self.processes.clear()

    def rules(self, *rules):
        """nftables' rules for all that comes in and goes out, but for what stays on the host."""
        text = "".join(f"chain {way} {{ type filter hook {way} priority 0; {face} lo accept; {'; '.join(rules)}; }}\n" for way, face in (("input", "iif"), ("output", "oif")))
        self.run("nft", f"table inet trouble {{ {text} }}")

    def cut(self):
        """The cable is out: nothing comes in, nothing goes out, and nobody is told."""
        self.rules("drop")

    def lose(self, percent):
        self.rules(f"numgen random mod 100 < {percent} drop")

    def heal(self):
        self.run("nft", "delete table inet trouble")

"""Runs a command with a throw-away RabbitMQ: `rabbitmq.py command…`. Its exit code is the command's.

The broker listens on a free port of the loopback address, has its data, its home and its epmd to itself, and ends with the command, and
so does everything it started. The command finds its URL in TRO_TEST_RABBIT; in TRO_TEST_RABBIT_TLS the same with TLS, and in
TRO_TEST_RABBIT_CERTIFICATE the file of its certificate. A program that is no Python tells the broker what to do
through the socket named in TRO_TEST_RABBIT_CONTROL: a line such as "kill" or "control list_queues name", answered by what it printed
and a last line, "ok" or "failed".
"""

import contextlib
import os
import pathlib
import random
import shlex
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

PROGRAMS = pathlib.Path("/usr/lib/rabbitmq/bin")  # those on the path are wrappers that change the user
PASSWORD = "gWuq7-never-in-a-log"  # a word that a test can look for
START_SECONDS_MAX = 90
STOP_SECONDS_MAX = 60
CONTROL_SECONDS_MAX = 150


def free_ports(count):
    """Ports that are free and stay so while the broker is down: no other peer or program of the tests looks for its own there, and the system
    gives none of them to whoever connects."""
    with contextlib.ExitStack() as probes:
        ports = []
        while len(ports) < count:
            probe = probes.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", random.randrange(12000, 20000)))
                ports.append(probe.getsockname()[1])
        return ports


class Broker:
    """A RabbitMQ in a folder of its own. Each method returns when it is done."""

    def __init__(self, folder):
        self.folder = folder
        self.port, self.tls_port, self.distribution_port, self.epmd_port = free_ports(4)
        self.url = f"amqp://tro:{PASSWORD}@127.0.0.1:{self.port}"
        self.tls_url = f"amqps://tro:{PASSWORD}@localhost:{self.tls_port}"
        self.certificate = folder / "certificate.pem"
        self.process = None
        (folder / "home").mkdir()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem",
                        "-out", self.certificate], check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nlisteners.ssl.1 = 127.0.0.1:{self.tls_port}\n"
            f"ssl_options.certfile = {self.certificate}\nssl_options.keyfile = {folder / 'key.pem'}\nssl_options.verify = verify_none\n"
            f"default_user = tro\ndefault_pass = {PASSWORD}\n"
            "log.console = false\nlog.file.level = info\ndisk_free_limit.absolute = 50MB\n")
        (folder / "plugins").write_text("[].\n")
        self.environment = {
            **os.environ, "HOME": str(folder / "home"), "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_NODENAME": "tro@localhost",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"), "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"), "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"), "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_DIST_PORT": str(self.distribution_port), "ERL_EPMD_PORT": str(self.epmd_port), "ERL_EPMD_ADDRESS": "127.0.0.1",
            # Schedulers that spin while they wait would take the processor from what is tested.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none",
            "RUNNING_UNDER_SYSTEMD": "1",  # the shell becomes the broker
        }
        self.epmd = self.start_epmd()

    def start_epmd(self):
        """Another program may have taken its port meanwhile: then it ends at once, and no command reaches the broker."""
        for _ in range(5):
            epmd = subprocess.Popen(["epmd"], env=self.environment, cwd="/", stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                epmd.wait(0.5)
            except subprocess.TimeoutExpired:
                return epmd
            self.epmd_port, = free_ports(1)
            self.environment["ERL_EPMD_PORT"] = str(self.epmd_port)
        raise RuntimeError("epmd does not start")

    def start(self):
        assert self.process is None
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen([PROGRAMS / "rabbitmq-server"], env=self.environment, cwd="/", start_new_session=True,
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"RabbitMQ does not start:\n{self.log()}")
            time.sleep(0.05)

    def answers(self):
        """Its listener opens when all else is ready."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"AMQP\0\0\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    def log(self):
        files = [self.folder / "output", *sorted(self.folder.glob("log/*.log"))]
        return "\n".join(path.read_text(errors="replace") for path in files if path.exists())

    def end(self, number):
        if self.process is None:
            return
        self.process.send_signal(number)
        self.process.send_signal(signal.SIGCONT)  # it may be paused
        try:
            self.process.wait(STOP_SECONDS_MAX)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)  # its helpers too, or all of it when it does not end
            self.process.wait()
            self.process = None

    def stop(self):
        self.end(signal.SIGTERM)

    def kill(self):
        self.end(signal.SIGKILL)

    def restart(self):
        self.stop()
        self.start()

    def pause(self):
        """It keeps its connections and answers nothing. Its threads stop one after the other, and not before the signal is sent."""
        self.process.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while not self.is_paused():
            if time.monotonic() > deadline:
                raise RuntimeError("the broker does not stop at SIGSTOP")
            time.sleep(0.001)

    def is_paused(self):
        """Every thread of it is."""
        try:
            stats = [path.read_text() for path in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/stat")]
        except OSError:  # one has just ended
            return False
        return all(stat.rsplit(")", 1)[1].split()[0] == "T" for stat in stats)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def control(self, *words):
        """What `rabbitmqctl words…` prints. It names a node of its own at random, and cannot start when another one has that name."""
        for _ in range(5):
            result = subprocess.run([PROGRAMS / "rabbitmqctl", "--silent", *words], env=self.environment, cwd="/", timeout=CONTROL_SECONDS_MAX,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if result.returncode == 0:
                return result.stdout
            if "Distribution failed" not in result.stdout:
                break
            time.sleep(1)
        raise RuntimeError(f"rabbitmqctl {' '.join(words)}: {result.stdout}")

    def stop_app(self):
        self.control("stop_app")

    def start_app(self):
        self.control("start_app")

    def raise_alarm(self):
        """It has too little memory: it reads no more from publishers and tells them "connection.blocked"."""
        self.control("set_vm_memory_high_watermark", "absolute", "1")

    def clear_alarm(self):
        self.control("set_vm_memory_high_watermark", "0.4")

    def delete_exchange(self, name):
        self.control("eval", f'rabbit_exchange:delete(rabbit_misc:r(<<"/">>, exchange, <<"{name}">>), false, <<"test">>).')

    def close_connections(self):
        self.control("close_all_connections", "closed by the test")

    def close(self):
        try:
            self.kill()
        finally:
            self.epmd.terminate()
            self.epmd.wait()


@contextlib.contextmanager
def server():
    """A running Broker that lives as long as the context."""
    if not (PROGRAMS / "rabbitmq-server").exists():
        raise RuntimeError("RabbitMQ is not installed (scripts/install-deps.sh test)")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tro-rabbitmq-"))
    broker = None
    try:
        broker = Broker(folder)
        broker.start()
        yield broker
    finally:
        if broker:
            broker.close()
        shutil.rmtree(folder)


COMMANDS = ("start", "stop", "kill", "restart", "pause", "resume", "control", "stop_app", "start_app", "raise_alarm", "clear_alarm",
            "delete_exchange", "close_connections")


@contextlib.contextmanager
def control_socket(broker):
    """The path of a socket through which another program calls the broker's methods, a line each."""
    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                words = shlex.split(line.decode())
                try:
                    if words[0] not in COMMANDS:
                        raise ValueError(f"unknown: {words[0]}")
                    self.wfile.write(f"{getattr(broker, words[0])(*words[1:]) or ''}ok\n".encode())
                except Exception as problem:  # whatever it is, the test is told and fails
                    self.wfile.write(f"{problem}\nfailed\n".encode())

    path = broker.folder / "control"
    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as listener:
        listener.daemon_threads = True
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield path
        finally:
            listener.shutdown()
            thread.join()


def main():
    with server() as broker, control_socket(broker) as path:
        environment = {**os.environ, "TRO_TEST_RABBIT": broker.url, "TRO_TEST_RABBIT_TLS": broker.tls_url,
                       "TRO_TEST_RABBIT_CERTIFICATE": str(broker.certificate), "TRO_TEST_RABBIT_CONTROL": str(path)}
        return subprocess.run(sys.argv[1:], env=environment).returncode


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())

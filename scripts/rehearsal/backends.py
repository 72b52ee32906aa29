"""PostgreSQL with a synchronous standby, a Redis cluster, RabbitMQ: each on hosts of its own."""

import os
import pathlib
import pwd
import shutil
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests" / "peers"))
import postgres  # noqa: E402
import rabbitmq  # noqa: E402
import redis  # noqa: E402

START_SECONDS_MAX = 90
PASSWORD = "rehearsal"
SLOTS = 16384


def wait_for(condition, what, within=START_SECONDS_MAX, every=0.05):
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {within} s")
        time.sleep(every)


class Postgres:
    """One server, on its host; `follow` makes it a standby of another."""

    PORT = 5432

    def __init__(self, host):
        self.host, self.data, self.generation = host, None, 0
        account = pwd.getpwnam("postgres")
        self.identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        os.chown(host.folder, account.pw_uid, account.pw_gid)

    def new_folder(self):
        self.generation += 1
        self.data = self.host.folder / f"data-{self.generation}"

    def program(self, name):
        return postgres.programs() / name

    def as_postgres(self, *words):
        return ["setpriv", f"--reuid={self.identity['user']}", f"--regid={self.identity['group']}", "--clear-groups", *words]

    def initialise(self):
        self.new_folder()
        self.host.run(*self.as_postgres(self.program("initdb"), "-D", self.data, "-U", "tro", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"))
        with open(self.data / "pg_hba.conf", "a") as file:
            file.write("host all all samenet trust\nhost replication all samenet trust\n")

    def start(self):
        settings = [f"listen_addresses={self.host.address}", "max_connections=200", "wal_level=replica", "hot_standby=on", "wal_sender_timeout=5s",
                    "wal_receiver_timeout=5s", "wal_keep_size=256MB"]
        words = [word for setting in settings for word in ("-c", setting)]
        self.host.spawn(*self.as_postgres(self.program("postgres"), "-D", self.data, "-k", self.host.folder, "-p", self.PORT, *words), log="postgres.log")
        wait_for(self.answers, f"PostgreSQL on {self.host.name}")

    def answers(self):
        try:
            return self.query("SELECT 1") == "1"
        except RuntimeError:
            return False

    def query(self, statement, database="postgres"):
        return self.host.run("psql", "-h", self.host.address, "-p", self.PORT, "-U", "tro", "-d", database, "-XAtc", statement,
                             env={**os.environ, "PGCONNECT_TIMEOUT": "5"})

    def follow(self, primary, is_synchronous):
        """A copy of the primary that goes on with what it writes; synchronous: without which the primary acknowledges nothing from now on."""
        self.new_folder()
        source = f"host={primary.host.address} port={self.PORT} user=tro application_name=standby"
        self.host.run(*self.as_postgres(self.program("pg_basebackup"), "-d", source, "-D", self.data, "-R", "-X", "stream", "-c", "fast", "--no-sync"))
        self.start()
        wanted = "sync" if is_synchronous else "async"
        primary.set("synchronous_standby_names", "standby" if is_synchronous else "")
        wait_for(lambda: primary.query("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'") == wanted, "a standby")

    def set(self, name, value):
        self.query(f"ALTER SYSTEM SET {name} = '{value}'")
        self.query("SELECT pg_reload_conf()")

    def promote(self):
        """It follows no longer, and takes writes. What it says of its own standby is that it has none."""
        self.query("SELECT pg_promote(true, 60)")
        wait_for(lambda: self.query("SELECT pg_is_in_recovery()") == "f", "the promotion")


class RedisCluster:
    """One node a host, no replicas."""

    PORT = 6379

    def __init__(self, hosts):
        self.hosts = hosts

    @property
    def address(self):
        return ",".join(f"{host.address}:{self.PORT}" for host in self.hosts)

    def start_node(self, host):
        host.spawn(redis.program(), "--port", self.PORT, "--bind", host.address, "--protected-mode", "no", "--save", "", "--appendonly", "no",
                   "--dir", host.folder, "--daemonize", "no", "--cluster-enabled", "yes", "--cluster-require-full-coverage", "no",
                   "--cluster-node-timeout", "2000", log="redis.log")
        wait_for(lambda: "PONG" in self.command(host, "PING"), f"Redis on {host.name}")

    def command(self, host, *words):
        try:
            return host.run(redis.program("cli"), "-h", host.address, "-p", self.PORT, *words)
        except RuntimeError:
            return ""

    def start(self):
        share = -(-SLOTS // len(self.hosts))
        for index, host in enumerate(self.hosts):
            self.start_node(host)
            self.command(host, "CLUSTER", "ADDSLOTSRANGE", index * share, min((index + 1) * share, SLOTS) - 1)
            self.command(host, "CLUSTER", "SET-CONFIG-EPOCH", index + 1)
        for host in self.hosts[1:]:
            self.command(host, "CLUSTER", "MEET", self.hosts[0].address, self.PORT)
        wait_for(lambda: all(f"cluster_slots_assigned:{SLOTS}" in self.command(host, "CLUSTER", "INFO") for host in self.hosts), "the Redis cluster")


class Rabbit:
    PORT = 5672

    def __init__(self, host):
        self.host = host
        self.url = f"amqp://tro:{PASSWORD}@{host.address}:{self.PORT}"
        folder = host.folder
        (folder / "home").mkdir()
        (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = {host.address}:{self.PORT}\ndefault_user = tro\ndefault_pass = {PASSWORD}\n"
                                              "log.console = false\nlog.file.level = info\ndisk_free_limit.absolute = 1MB\n")
        (folder / "plugins").write_text("[].\n")
        self.environment = {
            **os.environ, "HOME": str(folder / "home"), "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_NODENAME": "tro@localhost",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"), "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"), "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"), "RABBITMQ_PID_FILE": str(folder / "pid"), "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none",
            "RUNNING_UNDER_SYSTEMD": "1",
        }

    def start(self):
        self.host.spawn("epmd", log="epmd.log", env=self.environment)
        self.host.spawn(rabbitmq.PROGRAMS / "rabbitmq-server", log="rabbitmq.log", env=self.environment, start_new_session=True)

    def wait(self):
        wait_for(self.answers, "RabbitMQ", every=0.2)

    def answers(self):
        probe = f"exec 3<>/dev/tcp/{self.host.address}/{self.PORT} && printf 'AMQP\\0\\0\\011\\001' >&3 && head -c 1 <&3 | od -An -tx1"
        try:
            return "01" in self.host.run("timeout", "5", shutil.which("bash"), "-c", probe)
        except RuntimeError:
            return False

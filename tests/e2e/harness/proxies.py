"""Debian's HAProxy and nginx in front of a server, with connections that they keep and share among their clients."""

import pathlib
import socket
import subprocess
import time

from harness.server import _die_with_parent, free_port

START_TIMEOUT = 20.0

HAPROXY = """
global
    maxconn 200
    log stdout format raw local0
defaults
    log global
    option httplog
    mode http
    option http-keep-alive
    http-reuse always
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout http-request 5s
frontend in
    bind 127.0.0.1:{port}
    default_backend tro
backend tro
    server tro 127.0.0.1:{server}
"""

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 200; }}
http {{
    access_log {folder}/output;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_header_timeout 5s;
    client_body_timeout 5s;
    upstream tro {{ server 127.0.0.1:{server}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://tro;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_request_buffering off;
        }}
    }}
}}
"""


class Proxy:
    """`kind` is haproxy or nginx. Serves until it is stopped."""

    def __init__(self, kind: str, folder: pathlib.Path, server_port: int):
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.log = folder / "output"  # a line for each request that the proxy has seen
        text = {"haproxy": HAPROXY, "nginx": NGINX}[kind].format(port=self.port, server=server_port, folder=folder)
        (folder / "configuration").write_text(text)
        command = {"haproxy": ["haproxy", "-db", "-f"], "nginx": ["nginx", "-e", f"{folder}/nginx.log", "-p", str(folder), "-c"]}[kind]
        with open(folder / "output", "wb") as output:
            self.process = subprocess.Popen(
                [*command, str(folder / "configuration")],
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._listens():
            assert self.process.poll() is None, (folder / "output").read_text()
            assert time.monotonic() < deadline, (folder / "output").read_text()
            time.sleep(0.02)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

"""A receiver of OTLP over HTTP that does as it is told: takes spans, refuses them, says nothing, talks nonsense, goes away."""

import contextlib
import gzip
import http.server
import threading


class Receiver:
    """Listens on a port of its own. `mode`: a status to answer with, or "garbage", "hang", "close", "cut", "drip"."""

    def __init__(self):
        self.mode: int | str = 200
        self.fields: dict[str, str] = {}
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.released = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                mode = receiver.mode  # before a test sees the request, and may change it
                receiver.requests.append((self.path, dict(self.headers), body))
                receiver.answer(self, mode)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler, mode: int | str) -> None:
        if mode == "hang":
            self.released.wait()
        if mode in ("hang", "close"):
            handler.close_connection = True
            return
        if mode == "garbage":
            handler.wfile.write(b"\x00\xff\x13garbage\r\n\r\n" * 100)
            handler.close_connection = True
            return
        if mode in ("cut", "drip"):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while mode == "drip" and not self.released.wait(0.01):
                with contextlib.suppress(OSError):
                    handler.wfile.write(b"x")
            handler.close_connection = True
            return
        handler.send_response(mode)
        for name, value in self.fields.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    @property
    def bodies(self) -> bytes:
        return b"".join(body for _, _, body in self.requests)

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

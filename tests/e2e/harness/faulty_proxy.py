"""What stands between a process and a server of any protocol, and brings every trouble that a network has: see TROUBLES."""

import contextlib
import select
import socket
import struct
import threading
import time

LATENCY = 1.0  # seconds, of each answer
DRIP = 0.02  # seconds, between two bytes of an answer

TROUBLES = {
    "latency": "each piece of an answer comes a second late",
    "cut": "connections are reset, and new ones at once",
    "stall": "nothing is read any more, of old connections and of new ones",
    "drip": "answers come a byte at a time",
    "half-open": "what is sent disappears, and nobody says so: as with a machine that lost its power",
}


class _Pair:
    """A connection of each side. What was lost on it cannot come back: it is reset when the trouble ends."""

    def __init__(self, client: socket.socket, server: socket.socket):
        self.sockets = (client, server)
        self.is_broken = False
        self.is_over = threading.Event()

    def reset(self) -> None:
        self.is_over.set()
        for end in self.sockets:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()


class FaultyProxy:
    """Listens on `port` of 127.0.0.1 as long as the context lives, and is in no trouble at first."""

    def __init__(self, upstream: int):
        self.upstream, self.trouble = upstream, None
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.over = threading.Event()
        self.pairs: list[_Pair] = []
        self.acceptor = threading.Thread(target=self._accept, daemon=True)

    @contextlib.contextmanager
    def in_trouble(self, trouble: str):
        assert trouble in TROUBLES
        self.trouble = trouble
        if trouble == "cut":
            self._reset(self.pairs)
        try:
            yield
        finally:
            self.trouble = None
            self._reset([pair for pair in self.pairs if pair.is_broken])

    def _reset(self, pairs) -> None:
        for pair in list(pairs):
            pair.reset()

    def _accept(self) -> None:
        while not self.over.is_set():
            if self.trouble in ("stall", "half-open") or not select.select([self.listener], [], [], 0.05)[0]:
                time.sleep(0.01)
                continue
            client, _ = self.listener.accept()
            try:
                server = socket.create_connection(("127.0.0.1", self.upstream), timeout=5)
            except OSError:
                server = socket.socket()
            pair = _Pair(client, server)
            server.settimeout(None)
            if self.trouble == "cut":
                pair.reset()
                continue
            self.pairs = [known for known in self.pairs if not known.is_over.is_set()] + [pair]
            for source, target, is_answer in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pump, args=(pair, source, target, is_answer), daemon=True).start()

    def _pump(self, pair: _Pair, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        with contextlib.suppress(OSError, ValueError):
            while not self.over.is_set() and not pair.is_over.is_set():
                if self.trouble == "stall" or not select.select([source], [], [], 0.05)[0]:
                    time.sleep(0.02 if self.trouble == "stall" else 0)
                    continue
                if self.trouble == "stall":
                    continue
                piece = source.recv(65536)
                if not piece:
                    break
                self._pass_on(pair, target, piece, is_answer)
        pair.reset()

    def _pass_on(self, pair: _Pair, target: socket.socket, piece: bytes, is_answer: bool) -> None:
        if self.trouble == "half-open":
            pair.is_broken = True
            return
        if self.trouble == "latency" and is_answer:
            time.sleep(LATENCY)
        while self.trouble == "drip" and is_answer and piece:
            target.sendall(piece[:1])
            piece = piece[1:]
            time.sleep(DRIP)
        target.sendall(piece)

    def __enter__(self) -> "FaultyProxy":
        self.acceptor.start()
        return self

    def __exit__(self, *error) -> None:
        self.over.set()
        self.acceptor.join()
        self._reset(self.pairs)
        self.listener.close()

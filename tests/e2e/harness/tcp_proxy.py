"""What stands between a process and a server of any protocol: it lets bytes through, and is slow when it is told to be."""

import contextlib
import select
import socket
import threading
import time


class TcpProxy:
    """Listens on `port` as long as the context lives. What the server says is held back by `delay_s` for each piece of it."""

    def __init__(self, upstream: int):
        self.upstream, self.delay_s = upstream, 0.0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._accept)]

    def _accept(self) -> None:
        while not self.over.is_set():
            if not select.select([self.listener], [], [], 0.05)[0]:
                continue
            client, _ = self.listener.accept()
            thread = threading.Thread(target=self._serve, args=(client,))
            self.threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", self.upstream), timeout=5) as server:
                server.settimeout(None)
                while not self.over.is_set():
                    for source in select.select([client, server], [], [], 0.05)[0]:
                        piece = source.recv(65536)
                        if not piece:
                            return
                        if source is server:
                            time.sleep(self.delay_s)
                        (client if source is server else server).sendall(piece)

    def __enter__(self) -> "TcpProxy":
        self.threads[0].start()
        return self

    def __exit__(self, *error) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()
        self.listener.close()

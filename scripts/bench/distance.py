"""A network between a program and its database: what either says reaches the other a while later."""

import asyncio
import contextlib
import threading

ONE_WAY_SECONDS = 0.005


async def _carry(reader, writer):
    """Passes on what is read; pieces keep their order, because each is as late as all others."""
    loop = asyncio.get_running_loop()
    while data := await reader.read(1 << 16):
        loop.call_later(ONE_WAY_SECONDS, writer.write, data)
    loop.call_later(ONE_WAY_SECONDS, writer.close)


async def _serve(upstream, started, over):
    async def join(reader, writer):
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", upstream)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(_carry(reader, inner_writer), _carry(inner_reader, writer))

    async with await asyncio.start_server(join, "127.0.0.1", 0) as server:
        started(server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().run_in_executor(None, over.wait)


@contextlib.contextmanager
def far_from(upstream):
    """The port of a proxy that is 5 ms away from the port `upstream`."""
    ports, is_there, over = [], threading.Event(), threading.Event()

    def started(port):
        ports.append(port)
        is_there.set()

    thread = threading.Thread(target=lambda: asyncio.run(_serve(upstream, started, over)), daemon=True)
    thread.start()
    is_there.wait()
    try:
        yield ports[0]
    finally:
        over.set()
        thread.join()

"""One thread of a process that stands still while the others run, as if it hung."""

import contextlib
import ctypes
import os
import pathlib

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.argtypes = [ctypes.c_ulong, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000


def _ptrace(request: int, thread: int) -> None:
    if _LIBC.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")


def of_name(process: int, name: str) -> list[int]:
    found = [path for path in pathlib.Path(f"/proc/{process}/task").iterdir() if (path / "comm").read_text().strip() == name]
    return [int(path.name) for path in found]


@contextlib.contextmanager
def halted(process: int, name: str):
    """The threads of that name stand still. The process must be a child of this one, or this one root."""
    threads = of_name(process, name)
    assert threads, f"no thread {name}"
    for thread in threads:
        _ptrace(_SEIZE, thread)
        _ptrace(_INTERRUPT, thread)
        os.waitpid(thread, _WALL)
    try:
        yield
    finally:
        for thread in threads:
            _ptrace(_DETACH, thread)

"""Where the things under test are."""

import os
import pathlib

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
OPENAPI = REPOSITORY / "api" / "openapi.yaml"
BIN_DIR = pathlib.Path(os.environ.get("TRO_BIN_DIR", REPOSITORY / "build" / "bin")).resolve()
TRO = BIN_DIR / "tro"


def is_sanitized() -> bool:
    """Whether the binary was built with a sanitizer: it is slower then, and cannot be preloaded with libraries."""
    return any(mark in TRO.read_bytes() for mark in (b"__asan_init", b"__tsan_init", b"__msan_init"))

"""Prints how many lines of each parser its fuzz target reaches from the kept corpus (tests/fuzz/corpus), and which functions it does not.

--grown adds what earlier runs of `make fuzz` have found (build/fuzz/corpus).
"""

import gzip
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "fuzz-coverage"
# What each target is for.
PARSERS = {
    "amqp_frames": ["adapters/rabbitmq/session.c"],
    "bson": ["adapters/mongodb/document.c"],
    "callback_signature": ["auth/callback_signature.c"],
    "cidr": ["base/cidr.c"],
    "config": ["config/config_load.c", "config/config_value.c", "config/config_file.c", "config/config_env_file.c"],
    "cursor": ["app/cursor.c"],
    "duration": ["base/time.c", "base/rate.c"],
    "event_file": ["codec/event_file.c", "codec/json_locate.c", "codec/sale_json.c"],
    "http": ["http/head.c", "http/chunked.c", "http/router.c", "http/percent.c", "http/response_head.c"],
    "idempotency_key": ["auth/idempotency_key.c"],
    "json": ["codec/json_reader.c", "codec/json_fields.c"],
    "jwks": ["auth/jwt_jwks.c", "auth/jwt_keys.c"],
    "jwt": ["auth/jwt.c", "auth/jwt_claims.c", "auth/base64url.c"],
    "proxy_header": ["http/proxy_header.c"],
    "redis_replies": ["adapters/redis/call.c", "adapters/redis/address.c", "adapters/redis/nodes.c"],
    "seat_csv": ["codec/seat_csv.c"],
    "stored_rows": ["adapters/sql/stored.c", "adapters/sql/stored_audit.c", "codec/event_data_read.c"],
    "traceparent": ["base/trace_context.c"],
}


def run(*command):
    done = subprocess.run([str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"fuzz-coverage: {' '.join(map(str, command))}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def build(targets):
    run("cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_C_COMPILER=gcc", "-DCMAKE_C_FLAGS=--coverage -O0")
    run("cmake", "--build", BUILD, "--target", *targets)


def measure(source):
    """Lines reached, lines, and the names of functions that were not entered."""
    found = sorted(BUILD.glob(f"CMakeFiles/*.dir/src/{source}.gcda"))
    if not found:
        return None
    text = subprocess.run(["gcov", "--json-format", "--stdout", found[0]], cwd=BUILD, capture_output=True, check=True).stdout
    if text[:2] == b"\x1f\x8b":
        text = gzip.decompress(text)
    files = [each for each in json.loads(text)["files"] if each["file"].endswith(f"src/{source}")]
    counts = {}
    for line in files[0]["lines"]:
        counts[line["line_number"]] = counts.get(line["line_number"], 0) + line["count"]
    missed = [function["name"] for function in files[0]["functions"] if function["execution_count"] == 0]
    return sum(count > 0 for count in counts.values()), len(counts), missed


def main():
    names = sorted(path.stem.removeprefix("fuzz_") for path in (ROOT / "tests" / "fuzz").glob("fuzz_*.c"))
    if sorted(PARSERS) != names:
        sys.exit(f"fuzz-coverage: of these targets it is not said what they are for, or they are gone: {sorted(set(names) ^ set(PARSERS))}")
    build([f"fuzz_{name}" for name in names])
    grown = "--grown" in sys.argv[1:]
    reached = lines = 0
    for name in names:
        for old in BUILD.rglob("*.gcda"):
            old.unlink()
        corpora = [ROOT / "tests" / "fuzz" / "corpus" / name]
        if grown and (ROOT / "build" / "fuzz" / "corpus" / name).is_dir():
            corpora.append(ROOT / "build" / "fuzz" / "corpus" / name)
        run(BUILD / "tests" / f"fuzz_{name}", *corpora)
        for source in PARSERS[name]:
            if (measured := measure(source)) is None:
                sys.exit(f"fuzz-coverage: {source} is not part of fuzz_{name}")
            reached, lines = reached + measured[0], lines + measured[1]
            not_entered = f"  not entered: {', '.join(measured[2])}" if measured[2] else ""
            print(f"{name:20} {source:36} {measured[0]:4} of {measured[1]:4} lines {measured[0] / measured[1]:4.0%}{not_entered}", flush=True)
    print(f"{'all':57} {reached:4} of {lines:4} lines {reached / lines:4.0%}")


if __name__ == "__main__":
    main()

#!/bin/sh
# `make images`: tro-api, tro-worker and tro-publisher, with docker, podman or buildah, whichever is there. BASE: another Debian 12 than the
# pinned one.
set -eu
cd "$(dirname "$0")/.."
if command -v docker >/dev/null; then
	build="docker build"
elif command -v podman >/dev/null; then
	build="podman build"
elif command -v buildah >/dev/null; then
	build="buildah build"
else
	echo "$0: needs docker, podman or buildah" >&2
	exit 1
fi
for image in tro-api:api tro-worker:expiry-worker tro-publisher:outbox-publisher; do
	folder=cmd/${image#*:}
	# shellcheck disable=SC2086 # words are meant
	$build ${BASE:+--build-arg BASE="$BASE"} ${IMAGE_FLAGS:-} -t "${image%%:*}" -f "$folder/Dockerfile" .
done

#!/bin/sh
# `make images`: tro-api, tro-worker and tro-publisher, with docker, podman or buildah, whichever is there. BASE: another Debian 12 than the
# pinned one. The bill of materials that is in each image is put beside it, too: build/images/IMAGE.spdx.json.
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
revision=$(scripts/commit.sh)
mkdir -p build/images

# bill IMAGE PROGRAM: takes a file out of an image that has no shell.
bill() {
	from=/usr/share/sbom/$2.spdx.json
	if [ "${build%% *}" = buildah ]; then
		container=$(buildah from --pull-never "$1")
		cp "$(buildah mount "$container")$from" "build/images/$1.spdx.json"
		buildah umount "$container" >/dev/null
	else
		container=$(${build%% *} create "$1")
		${build%% *} cp "$container:$from" "build/images/$1.spdx.json"
	fi
	${build%% *} rm "$container" >/dev/null
}

for image in tro-api:api tro-worker:expiry-worker tro-publisher:outbox-publisher; do
	folder=cmd/${image#*:}
	# shellcheck disable=SC2086 # words are meant
	$build ${BASE:+--build-arg BASE="$BASE"} --build-arg REVISION="$revision" ${IMAGE_FLAGS:-} -t "${image%%:*}" -f "$folder/Dockerfile" .
	bill "${image%%:*}" "tro-${image#*:}"
done

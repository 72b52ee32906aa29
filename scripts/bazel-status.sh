#!/bin/sh
# What Bazel may put into a build, by .bazelrc: the commit, and nothing of the machine or the moment.
set -eu
echo "STABLE_TRO_COMMIT $("$(dirname "$0")/commit.sh")"

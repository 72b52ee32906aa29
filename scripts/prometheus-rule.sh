#!/bin/sh
# Prints the recording rules and alerts of deploy/prometheus as resources of the Prometheus operator, their text unchanged but for its indentation.
set -eu
cd "$(dirname "$0")/../deploy/prometheus"
separator=""
for file in recording alerts; do
	printf '%s' "$separator"
	cat <<END
# Written by \`make manifests\` from $file.yml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: tro-$file
  namespace: tro
  labels:
    app.kubernetes.io/part-of: tro
spec:
END
	sed 's/^\(.\)/  \1/' "$file.yml"
	separator="---
"
done

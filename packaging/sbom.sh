#!/bin/sh
# sbom.sh PROGRAM PACKAGE...: a software bill of materials in SPDX 2.3 (spdx.github.io): the program, and the Debian packages it is linked with.
set -eu
program=$1
shift
version=$(sed -n 's/.*TRO_VERSION "\(.*\)".*/\1/p' src/base/version.h)
created=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%dT%H:%M:%SZ)
cat <<END
{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "$program-$version",
  "documentNamespace": "https://tro.example/sbom/$program-$version-$(sha256sum "build/bin/$program" | cut -c 1-16)",
  "creationInfo": {"created": "$created", "creators": ["Tool: packaging/sbom.sh"]},
  "documentDescribes": ["SPDXRef-$program"],
  "packages": [
    {"SPDXID": "SPDXRef-$program", "name": "$program", "versionInfo": "$version", "downloadLocation": "NOASSERTION", "filesAnalyzed": false, "licenseDeclared": "MIT"}
END
for package in "$@"; do
	dpkg-query -W -f ',    {"SPDXID": "SPDXRef-deb-${Package}", "name": "${Package}", "versionInfo": "${Version}", "downloadLocation": "NOASSERTION", "filesAnalyzed": false, "supplier": "Organization: Debian", "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:deb/debian/${Package}@${Version}?arch=${Architecture}"}]}\n' "$package"
done
printf '  ],\n  "relationships": [\n    {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-%s"}' "$program"
for package in "$@"; do
	printf ',\n    {"spdxElementId": "SPDXRef-%s", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "SPDXRef-deb-%s"}' "$program" "${package%%:*}"
done
printf '\n  ]\n}\n'

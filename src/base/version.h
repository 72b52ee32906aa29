/* version.h: the version of this program, by semver.org. CMakeLists.txt reads it here; CHANGELOG.md says what each brought. */
#pragma once

#define TRO_VERSION "0.2.0"

/* The commit that the program was built from, as scripts/commit.sh says it. In a library of its own (tro_commit), so that a new commit
 * compiles one file. */
extern const char version_commit[];

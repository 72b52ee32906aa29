/* version.h: the version of this program, by semver.org. CMakeLists.txt reads it here; CHANGELOG.md says what each brought. */
#pragma once

#define TRO_VERSION "0.2.0"

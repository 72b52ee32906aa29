# Writes the commit of a tree as a C file (src/base/version.h), unless it is in the file already.
# cmake -DOUTPUT=commit.c -DSOURCE=folder -P commit.cmake
execute_process(COMMAND ${SOURCE}/scripts/commit.sh OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "/* Written by cmake/commit.cmake. */
#include \"base/version.h\"

const char version_commit[] = \"${commit}\";
" @ONLY)

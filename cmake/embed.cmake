# Writes files as a table of C arrays (src/base/embedded.h).
# cmake -DOUTPUT=table.c -DTABLE=embedded_things -DFILES=a,b -P embed.cmake
string(REPLACE "," ";" files "${FILES}")
set(arrays "")
set(rows "")
set(index 0)
foreach(file IN LISTS files)
	get_filename_component(name "${file}" NAME)
	file(READ "${file}" bytes HEX)
	string(LENGTH "${bytes}" digits)
	math(EXPR length "${digits} / 2")
	string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
	string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${bytes}")
	string(REGEX REPLACE "([^\n]+)" "\"\\1\"" bytes "${bytes}")
	string(APPEND arrays "static const char file_${index}[] =\n${bytes}\"\";\n\n")
	string(APPEND rows "\t{.name = \"${name}\", .data = file_${index}, .length = ${length}},\n")
	math(EXPR index "${index} + 1")
endforeach()
file(WRITE "${OUTPUT}" "/* Written by cmake/embed.cmake. */
#include \"base/embedded.h\"

${arrays}const struct embedded_file ${TABLE}[] = {
${rows}\t{.name = NULL},
};
")

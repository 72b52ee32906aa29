# Modules: each folder of src/ is a library that sees only the modules it may include.
#
# The includes are written relative to src/ ("base/slice.h"), so the rule is made real with a folder of symbolic links for each
# module: it holds the module itself and the modules allowed to it, and is the only include path. A forbidden include does not compile.

# tro_module(<folder below src/> [SEES module...] [LINK library...])
# A module without .c files becomes an interface library, so that the modules above it can name it all the same.
function(tro_module folder)
	cmake_parse_arguments(PARSE_ARGV 1 module "" "" "SEES;LINK")
	tro_module_target(${folder} target)
	file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.c)
	set(libraries ${module_LINK})
	foreach(seen IN LISTS module_SEES)
		tro_module_target(${seen} seen_target)
		list(APPEND libraries ${seen_target})
	endforeach()
	if(sources)
		add_library(${target} STATIC ${sources})
		target_link_libraries(${target} PUBLIC ${libraries})
		tro_include_only(${target} ${folder} ${module_SEES})
	else()
		add_library(${target} INTERFACE)
		target_link_libraries(${target} INTERFACE ${libraries})
	endif()
endfunction()

# adapters/sqlite → tro_adapter_sqlite, http → tro_http
function(tro_module_target folder ret_target)
	string(REGEX REPLACE "^adapters/" "adapter_" name ${folder})
	set(${ret_target} tro_${name} PARENT_SCOPE)
endfunction()

# tro_include_only(<target> module...): the target's only include path leads to these modules.
function(tro_include_only target)
	set(root ${CMAKE_BINARY_DIR}/include/${target})
	file(REMOVE_RECURSE ${root})
	foreach(folder IN LISTS ARGN)
		get_filename_component(parent ${root}/${folder} DIRECTORY)
		file(MAKE_DIRECTORY ${parent})
		file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${folder} ${root}/${folder} SYMBOLIC)
	endforeach()
	target_include_directories(${target} PRIVATE ${root})
endfunction()

# tro_embed(<target> <table> file...): a library with the files as `table` of src/base/embedded.h.
function(tro_embed target table)
	set(output ${CMAKE_BINARY_DIR}/embedded/${target}.c)
	list(JOIN ARGN "," files)
	add_custom_command(
		OUTPUT ${output}
		COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DTABLE=${table} "-DFILES=${files}" -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
		DEPENDS ${ARGN} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
		VERBATIM)
	add_library(${target} STATIC ${output})
	tro_include_only(${target} base)
endfunction()

# tro_commit(<target>): a library with the commit that is built. Each build asks for it; what depends on it is built anew only when it is another.
function(tro_commit target)
	set(output ${CMAKE_BINARY_DIR}/embedded/${target}.c)
	add_custom_target(${target}_file
		COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DSOURCE=${CMAKE_SOURCE_DIR} -P ${CMAKE_SOURCE_DIR}/cmake/commit.cmake
		BYPRODUCTS ${output}
		VERBATIM)
	add_library(${target} STATIC ${output})
	add_dependencies(${target} ${target}_file)
	tro_include_only(${target} base)
endfunction()

# tro_messages(<target> <file>.proto): a library with what protobuf-c makes of the file; its header is "<file>.pb-c.h".
function(tro_messages target file)
	get_filename_component(folder ${CMAKE_SOURCE_DIR}/${file} DIRECTORY)
	get_filename_component(name ${file} NAME_WE)
	set(made ${CMAKE_BINARY_DIR}/messages/${name}.pb-c)
	file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/messages)
	# While configuring, because clang-tidy reads the header in folders where nothing is built.
	set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${file})
	if(NOT EXISTS ${made}.h OR ${CMAKE_SOURCE_DIR}/${file} IS_NEWER_THAN ${made}.h)
		execute_process(
			COMMAND ${PROTOC_C} --c_out=${CMAKE_BINARY_DIR}/messages -I${folder} ${CMAKE_SOURCE_DIR}/${file}
			COMMAND_ERROR_IS_FATAL ANY)
	endif()
	add_library(${target} STATIC ${made}.c ${made}.h)
	target_compile_options(${target} PRIVATE -w) # protobuf-c's code, not ours
	target_include_directories(${target} SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/messages)
	target_link_libraries(${target} PUBLIC PkgConfig::PROTOBUF_C)
endfunction()

# tro_program(<target> <folder> [module...]): main.c of the folder, which sees the runtime, what its headers name, and these modules.
function(tro_program target folder)
	file(GLOB main CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/main.c)
	if(NOT main)
		return()
	endif()
	add_executable(${target} ${main})
	target_link_libraries(${target} PRIVATE tro_runtime)
	foreach(module IN LISTS ARGN)
		tro_module_target(${module} module_target)
		target_link_libraries(${target} PRIVATE ${module_target})
	endforeach()
	tro_include_only(${target} base domain state ports config runtime ${ARGN})
	set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${TRO_BIN_DIR})
	add_dependencies(programs ${target})
endfunction()

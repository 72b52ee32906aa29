# How everything is compiled. Assertions stay on in every build type.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_compile_definitions(_GNU_SOURCE)
# No folder of the one who builds gets into a program: the same sources give the same bytes.
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -fPIE -fno-omit-frame-pointer -fstack-protector-strong -fstack-clash-protection)
include(CheckCCompilerFlag)
check_c_compiler_flag(-fcf-protection TRO_HAS_CF_PROTECTION) # of x86 alone
if(TRO_HAS_CF_PROTECTION)
	add_compile_options(-fcf-protection)
endif()
add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)

if(TRO_FUZZ)
	add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(TRO_SANITIZERS)
	add_compile_options(-fsanitize=${TRO_SANITIZERS} -fno-sanitize-recover=all)
	add_link_options(-fsanitize=${TRO_SANITIZERS})
endif()

find_program(CCACHE ccache)
mark_as_advanced(CCACHE)
if(CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
	set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()

# Compiler and linker flags for every target: warnings, hardening, sanitizers.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)
include(CheckPIESupported)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
check_pie_supported()

add_compile_definitions(_GNU_SOURCE VIRTMUX_VERSION="${PROJECT_VERSION}")
add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes
	-Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wpointer-arith
	-Wno-unused-parameter -fno-common)
# Statement expressions and typeof are ours by choice (GNU C); all else that
# -Wpedantic finds is an error of ours.
add_compile_options(-Wpedantic)
if(CMAKE_C_COMPILER_ID MATCHES Clang)
	add_compile_options(-Wno-gnu-statement-expression
		-Wno-gnu-zero-variadic-macro-arguments)
endif()
if(WERROR)
	add_compile_options(-Werror)
endif()

function(add_flag_if_known flag)
	string(MAKE_C_IDENTIFIER "has${flag}" name)
	check_c_compiler_flag("${flag}" ${name})
	if(${name})
		add_compile_options("${flag}")
	endif()
endfunction()

add_flag_if_known(-fstack-protector-strong)
add_flag_if_known(-fstack-clash-protection)
add_flag_if_known(-fcf-protection=full)
add_flag_if_known(-ftrivial-auto-var-init=zero)

if(SANITIZE)
	add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer
		-fno-sanitize-recover=all)
	add_link_options(-fsanitize=address,undefined)
elseif(FUZZ)
	add_compile_options(-fsanitize=fuzzer-no-link,address,undefined
		-fno-omit-frame-pointer -fno-sanitize-recover=all)
	add_link_options(-fsanitize=address,undefined)
elseif(NOT CMAKE_BUILD_TYPE STREQUAL Debug)
	add_compile_definitions(_FORTIFY_SOURCE=2)
endif()

# Relative relocations packed: a fifth of a command's size and what reading it takes.
foreach(flag -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed
		-Wl,-z,pack-relative-relocs)
	string(MAKE_C_IDENTIFIER "links${flag}" name)
	check_linker_flag(C "${flag}" ${name})
	if(${name})
		add_link_options("${flag}")
	endif()
endforeach()

# unit_test_alloc(ROOM FILE LIBS…): unit_test() with the allocator of
# base/alloc_fail.h. Any room may use it; base comes first.
function(unit_test_alloc room file)
	unit_test(${room} ${file} ${ARGN})
	target_sources(test_${room}_${file} PRIVATE base/alloc_fail.c)
	foreach(function malloc calloc realloc strdup strndup)
		target_link_options(test_${room}_${file} PRIVATE
			-Wl,--wrap=${function})
	endforeach()
endfunction()

unit_test(base base64 base)
unit_test_alloc(base buf base)
unit_test(base clock base)
unit_test_alloc(base error base)
unit_test_alloc(base file base)
unit_test(base glob base)
unit_test_alloc(base ini base)
unit_test(base log base)
unit_test_alloc(base options base)
unit_test(base peer base)
unit_test(base secret base)
unit_test(base sparse base)
unit_test(base utf8 base)

# The tests that inject allocation failures also fail json-c's constructors,
# which live in a shared library: see json_fail.c.
function(unit_test_json file)
	unit_test_alloc(api ${file} api)
	target_sources(test_api_${file} PRIVATE 
		${CMAKE_CURRENT_FUNCTION_LIST_DIR}/json_fail.c)
	foreach(function json_object_new_object json_object_new_array_ext
			json_object_new_string_len json_object_new_int64
			json_object_new_boolean json_object_object_add_ex
			json_object_array_add json_tokener_new_ex)
		target_link_options(test_api_${file} PRIVATE
			-Wl,--wrap=${function})
	endforeach()
endfunction()

unit_test_json(json)
unit_test_json(codec)
unit_test_json(message)
unit_test(api method api)
unit_test_alloc(api describe api)

# They talk to a host, which is a child process.
foreach(file call connection events stream)
	unit_test(library ${file} library)
	target_sources(test_library_${file} PRIVATE
		connect/fake_host.c library/fake_connection.c)
endforeach()
unit_test(library error library)

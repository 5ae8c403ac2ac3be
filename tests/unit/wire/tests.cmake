unit_test(wire h2 wire)
unit_test(wire h2_flow wire PkgConfig::NGHTTP2)
unit_test(wire tls wire PkgConfig::OPENSSL)
unit_test(wire tls_look wire PkgConfig::OPENSSL)
unit_test(wire conn wire PkgConfig::OPENSSL)
foreach(test tls tls_look conn)
	target_sources(test_wire_${test} PRIVATE
		${CMAKE_CURRENT_LIST_DIR}/certificates.c)
endforeach()

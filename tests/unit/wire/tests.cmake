unit_test(wire h2 wire)
unit_test(wire conn wire PkgConfig::OPENSSL)
target_sources(test_wire_conn PRIVATE ${CMAKE_CURRENT_LIST_DIR}/certificates.c)

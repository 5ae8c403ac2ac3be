# Tests that talk to a host have a child process for it (client/fake_host.h).
function(unit_test_host file)
	unit_test(client ${file} client PkgConfig::JSON)
	target_sources(test_client_${file} PRIVATE client/fake_host.c)
	target_include_directories(test_client_${file} PRIVATE
		${CMAKE_CURRENT_SOURCE_DIR}/client)
endfunction()

unit_test_host(channel)
unit_test_host(command)
unit_test(client channel_path client)
unit_test(client config client)
unit_test(client key client PkgConfig::OPENSSL)
unit_test(client output client PkgConfig::JSON)
unit_test(client profile client)
unit_test(client prompt client)
unit_test(client console_escape client)
unit_test(client local client)

# The agent's unit tests; test_ROOM_FILE.c tests daemon/ROOM/FILE.c.
foreach(file console domain domain_list domain_show host ops screenshot session speed)
	unit_test(daemon ops_${file} ops)
endforeach()
unit_test(daemon relay_in relay util)
unit_test(daemon relay_out relay util)
unit_test(daemon relay_relay relay)
unit_test(daemon relay_speed relay)
unit_test(daemon virt_virt virt base)

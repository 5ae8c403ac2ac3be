# The agent's unit tests; test_ROOM_FILE.c tests daemon/ROOM/FILE.c.
unit_test(daemon relay_in relay util)
unit_test(daemon relay_out relay util)
unit_test(daemon relay_relay relay)
unit_test(daemon relay_speed relay)
unit_test(daemon virt_virt virt base)

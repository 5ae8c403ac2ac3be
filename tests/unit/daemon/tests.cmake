# The agent's unit tests; test_ROOM_FILE.c tests daemon/ROOM/FILE.c.
foreach(file
		agent
		agent_exec
		block
		console
		content_range
		device
		domain
		domain_definition
		domain_guest
		domain_keys
		domain_list
		domain_saved
		domain_show
		event
		host
		job
		metrics
		migrate
		network
		ops
		pool
		reload
		screenshot
		session
		snapshot
		speed
		unknown
		volume)
	unit_test(daemon ops_${file} ops)
endforeach()
unit_test(daemon relay_in relay util)
unit_test(daemon relay_out relay util)
unit_test(daemon relay_relay relay)
unit_test(daemon relay_speed relay)
unit_test(daemon relay_tap relay util)
unit_test(daemon virt_virt virt base)
unit_test(daemon virt_xml virt base)
unit_test(daemon virt_xml_clone virt base)
unit_test(daemon virt_xml_select virt base)
unit_test(daemon virt_device virt base)
unit_test(daemon virt_picture virt base)
unit_test(daemon virt_stress virt base)
unit_test(daemon virt_storage_pool virt base)
unit_test(daemon virt_storage_volume virt base)
unit_test(daemon virt_restart virt base PkgConfig::LIBVIRT)
foreach(file access admit admit_journal audit event_log exchange idempotency job journal
		journal_record renew resource)
	unit_test(daemon rpc_${file} rpc)
endforeach()
unit_test(daemon virt_guest virt base)
foreach(file address config notify refusal source trust)
	unit_test(daemon core_${file} core)
endforeach()
unit_test(daemon virt_history virt)
unit_test(daemon virt_hub virt base PkgConfig::LIBVIRT)
unit_test(daemon virt_rpc virt base)
unit_test(daemon virt_inventory virt base PkgConfig::LIBVIRT)
unit_test(daemon virt_news virt base)
unit_test(daemon virt_rows virt base)
unit_test(daemon virt_watch virt base PkgConfig::LIBVIRT)

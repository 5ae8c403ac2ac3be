fuzz_target(rfb client)

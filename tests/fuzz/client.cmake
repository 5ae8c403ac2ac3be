fuzz_target(rfb consoles)

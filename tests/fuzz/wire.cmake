fuzz_target(h2 wire)

fuzz_target(record record)

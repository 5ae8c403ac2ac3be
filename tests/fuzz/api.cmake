fuzz_target(json api)

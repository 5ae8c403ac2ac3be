fuzz_target(config core rpc)

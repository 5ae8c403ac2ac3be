fuzz_target(config core rpc)
fuzz_target(journal rpc)

unit_test(wire h2 wire)

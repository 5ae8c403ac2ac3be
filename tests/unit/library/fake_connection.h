/*
 * A connection of the library to the host of the tests (connect/fake_host.h), by its
 * session's socket.
 */
#ifndef VIRTMUX_TESTS_FAKE_CONNECTION_H
#define VIRTMUX_TESTS_FAKE_CONNECTION_H

#include "client/library/virtmux-client.h"
#include "connect/fake_host.h"

struct fixture {
	struct fake_host host;
	virtmux_options *options;
	virtmux_connection *connection;
};

/* Of cmocka: *STATE is a struct fixture. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

#define WITH_HOST(test)                                                        \
	cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

/* That ERROR has this number and these words; frees it. */
void assert_error(virtmux_error *error, int number, const char *words);

#endif

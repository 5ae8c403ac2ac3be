/* The connection of the tests (fake_connection.h). Every test of the library has its own. */
#include "library/fake_connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	virtmux_error *error = NULL;
	char config[128];

	fake_host_start(&f->host);
	snprintf(config, sizeof(config), "%s/config", f->host.folder);
	f->options = virtmux_options_new();
	assert_int_equal(virtmux_options_set_config(f->options, config), 0);
	f->connection = virtmux_connect("fake", f->options, &error);
	if (!f->connection)
		fail_msg("%s", virtmux_error_words(error));
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	virtmux_close(f->connection);
	virtmux_options_free(f->options);
	fake_host_stop(&f->host);
	free(f);
	return 0;
}

void assert_error(virtmux_error *error, int number, const char *words)
{
	assert_non_null(error);
	if (virtmux_error_number(error) != number ||
	    !strstr(virtmux_error_words(error), words))
		fail_msg("%d: %s", virtmux_error_number(error),
			 virtmux_error_words(error));
	virtmux_error_free(error);
}

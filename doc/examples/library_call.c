/*
 * Calls a method of a host and prints its answer:
 *
 *	cc library_call.c $(pkg-config --cflags --libs virtmux-client) -o library_call
 *	./library_call myhost domain.list '{"all":true}'
 *
 * Where no session to the host is open and the key has a passphrase, that is the first
 * line of the file $PASSPHRASE_FILE. Ends with the exit status of the command virtmux.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtmux-client.h>

static int read_passphrase(void *context, const char *what, const char *name,
			   int again, char *to, size_t size)
{
	FILE *file = context ? fopen(context, "r") : NULL;
	int rc = -1;

	(void)what;
	(void)name;
	if (!again && file && fgets(to, (int)size, file)) {
		to[strcspn(to, "\n")] = '\0';
		rc = 0;
	}
	if (file)
		fclose(file);
	return rc;
}

static int fail(virtmux_error *error)
{
	int status = virtmux_error_exit_status(error);

	fprintf(stderr, "%s: %s\n", virtmux_error_name(error),
		virtmux_error_words(error));
	virtmux_error_free(error);
	return status;
}

static int call(virtmux_connection *connection, const char *method,
		const char *params)
{
	virtmux_error *error = NULL;
	char *result = NULL;

	if (virtmux_call(connection, method, params, &result, &error) < 0)
		return fail(error);
	printf("%s\n", result);
	virtmux_free(result);
	return 0;
}

int main(int argc, char **argv)
{
	virtmux_options *options = virtmux_options_new();
	virtmux_connection *connection;
	virtmux_error *error = NULL;
	int status;

	if (argc < 3 || !options) {
		fprintf(stderr, "usage: %s HOST METHOD [PARAMS]\n", argv[0]);
		return 2;
	}
	virtmux_options_set_config(options, getenv("VIRTMUX_CONFIG"));
	virtmux_options_set_passphrase(options, read_passphrase,
				       getenv("PASSPHRASE_FILE"));
	connection =
		virtmux_connect(argv[1][0] ? argv[1] : NULL, options, &error);
	virtmux_options_free(options);
	if (!connection)
		return fail(error);
	status = call(connection, argv[2], argc > 3 ? argv[3] : NULL);
	virtmux_close(connection);
	return status;
}

/*
 * virtmuxd.conf: defaults, faults with their words, what a reload may change, what
 * the other rooms get, and that the sample is the table's own.
 */
#include "daemon/core/config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/file.h"

static struct config *parse(const char *text)
{
	struct config *config = NULL;
	autoerror err = {0};

	if (config_parse(&config, text, strlen(text), "f", &err) < 0)
		fail_msg("%s", error_words(&err));
	return config;
}

static void assert_refused(const char *text, const char *words)
{
	struct config *config = NULL;
	autoerror err = {0};

	assert_int_equal(config_parse(&config, text, strlen(text), "f", &err),
			 -1);
	assert_int_equal(err.code, ERROR_CONFIG);
	if (!strstr(err.words, words))
		fail_msg("\"%s\" is not in \"%s\"", words, err.words);
}

/* The defaults are those that wire and rpc have themselves. */
static void test_defaults(void **state)
{
	autoptr(config) config = parse("");
	struct conn_limits conn;
	struct rpc_limits rpc;

	config_conn_limits(config, &conn);
	assert_int_equal(conn.grace_ms, conn_limits_default.grace_ms);
	assert_int_equal(conn.silence_ms, conn_limits_default.silence_ms);
	assert_int_equal(conn.pong_ms, conn_limits_default.pong_ms);
	assert_memory_equal(&conn.h2, &conn_limits_default.h2, sizeof(conn.h2));
	config_rpc_limits(config, &rpc);
	assert_memory_equal(&rpc, &rpc_limits_default, sizeof(rpc));
	assert_int_equal(config_log_level(config), LOG_LEVEL_INFO);
	assert_string_equal(config->daemon_listen[0], "[::]:16515");
	assert_string_equal(config->daemon_listen[1], "0.0.0.0:16515");
	assert_null(config->daemon_listen[2]);
	assert_null(config->tls_crl);
	assert_null(config->tls_keylog);
}

static void test_values_arrive(void **state)
{
	autoptr(config) config =
		parse("[daemon]\nlisten = [::1]:1\nlog-level = debug\n"
		      "[tls]\ntls-min=1.2\nidentity=cn\n"
		      "[limits]\ngrace=1s\ncalls=3\njson-depth=5\n"
		      "request-body=8K\nwindow-first=32K\n");
	struct conn_limits conn;
	struct rpc_limits rpc;

	config_conn_limits(config, &conn);
	config_rpc_limits(config, &rpc);
	assert_int_equal(conn.grace_ms, 1000);
	assert_int_equal(conn.h2.window_first, 32768);
	assert_int_equal(rpc.calls, 3);
	assert_int_equal(rpc.depth, 5);
	assert_int_equal(rpc.body, 8192);
	assert_int_equal(config_log_level(config), LOG_LEVEL_DEBUG);
}

static void test_faults(void **state)
{
	assert_refused("listen=x\n", "f:1: ");
	assert_refused("[deamon]\n", "did you mean [daemon]");
	assert_refused("[daemon]\n\nlisen=x\n", "f:3: ");
	assert_refused("[daemon]\nlisen=x\n", "did you mean \"listen\"");
	assert_refused("[daemon]\nlisten=\n", "listen");
	assert_refused("[daemon]\nlisten=localhost:1\n", "192.0.2.1:16515");
	assert_refused("[daemon]\naudit=audit.log\n", "absolute path");
	assert_refused("[daemon]\nlog-level=loud\n",
		       "error warning info debug");
	assert_refused("[libvirt]\nuri=\n", "uri is empty");
	assert_refused("[limits]\ncalls=0\n", "1..1024");
	assert_refused("[limits]\ncalls=many\n", "f:2: ");
	assert_refused("[limits]\nwindow-first=4M\nwindow-most=1M\n",
		       "window-first is above window-most");
	assert_refused("[limits]\nwindow-all=1M\n",
		       "window-most is above window-all");
}

static void test_low_tls_versions(void **state)
{
	assert_refused("[tls]\ntls-min=1.1\n", "RFC 8996");
	assert_refused("[tls]\ntls-min=1.0\n", "RFC 8996");
	assert_refused("[tls]\ntls-min=SSLv3\n", "RFC 8996");
	assert_refused("[tls]\ntls-min=1.4\n", "must be 1.3 or 1.2");
	config_free(parse("[tls]\ntls-min=1.2\n"));
}

static void assert_restart(const char *before, const char *after,
			   const char *expected)
{
	autoptr(config) a = parse(before);
	autoptr(config) b = parse(after);
	autobuf names = {0};
	autofree char *text = NULL;

	assert_int_equal(config_restart_needed(a, b, &names), 0);
	text = buf_steal_str(&names);
	assert_string_equal(text ? text : "", expected);
}

static void test_what_needs_a_restart(void **state)
{
	assert_restart("", "", "");
	assert_restart("", "[limits]\ncalls=1\n[tls]\ncrl=/x\n", "");
	assert_restart("", "[daemon]\nlisten=127.0.0.1:1\n", "[daemon] listen");
	assert_restart("[libvirt]\nuri=test:///default\n",
		       "[daemon]\naudit=journal\n",
		       "[daemon] audit, [libvirt] uri");
	assert_restart("", "[daemon]\nlisten=[::]:16515 0.0.0.0:16515\n", "");
}

static void test_the_sample_is_the_table_s(void **state)
{
	autobuf printed = {0};
	autobuf kept = {0};
	autoptr(config) config = NULL;
	autoerror err = {0};

	assert_int_equal(config_print_sample(&printed), 0);
	assert_int_equal(
		file_read("../../etc/virtmuxd.conf", 1 << 20, &kept, &err), 0);
	if (printed.len != kept.len ||
	    memcmp(buf_bytes(&printed), buf_bytes(&kept), kept.len) != 0)
		fail_msg("etc/virtmuxd.conf is not what virtmuxd "
			 "--print-config prints");
	assert_int_equal(config_load(&config, "../../etc/virtmuxd.conf", &err),
			 0);
}

/* Every line of the sample without its '#' is an option with its default. */
static void test_the_sample_holds_the_defaults(void **state)
{
	autobuf sample = {0};
	autobuf text = {0};
	autoptr(config) config = NULL;
	autoptr(config) defaults = parse("");
	autobuf names = {0};
	autoerror err = {0};
	autofree char *lines = NULL;

	config_print_sample(&sample);
	lines = buf_steal_str(&sample);
	for (char *line = strtok(lines, "\n"); line;
	     line = strtok(NULL, "\n")) {
		bool unset = line[strlen(line) - 1] == ' ';

		if (line[0] == '#' && line[1] != ' ' && !unset)
			line++;
		buf_appendf(&text, "%s\n", line);
	}
	if (config_parse(&config, (char *)buf_bytes(&text), text.len, "f",
			 &err) < 0)
		fail_msg("%s", error_words(&err));
	assert_int_equal(config_restart_needed(config, defaults, &names), 0);
	assert_int_equal(names.len, 0);
}

static void test_a_key_that_others_can_read(void **state)
{
	char path[] = "/tmp/test-config-XXXXXX";
	char text[128];
	autoptr(config) config = NULL;
	struct tls_context *tls = NULL;
	autoerror err = {0};
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	fchmod(fd, 0644);
	close(fd);
	snprintf(text, sizeof(text), "[tls]\nkey=%s\n", path);
	config = parse(text);
	assert_int_equal(config_tls_context(config, &tls, &err), -1);
	assert_int_equal(err.code, ERROR_KEY);
	assert_non_null(strstr(err.words, "chmod"));
	chmod(path, 0600);
	assert_int_equal(config_tls_context(config, &tls, &err), -1);
	assert_non_null(strstr(err.words, path));
	unlink(path);
	assert_int_equal(config_tls_context(config, &tls, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void test_a_key_with_a_passphrase(void **state)
{
	static const char pem[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
				  "AAAA\n"
				  "-----END ENCRYPTED PRIVATE KEY-----\n";
	char path[] = "/tmp/test-config-XXXXXX";
	char text[128];
	autoptr(config) config = NULL;
	struct tls_context *tls = NULL;
	autoerror err = {0};
	int fd = mkstemp(path);

	assert_int_equal(write(fd, pem, sizeof(pem) - 1), sizeof(pem) - 1);
	close(fd);
	snprintf(text, sizeof(text), "[tls]\nkey=%s\n", path);
	config = parse(text);
	assert_int_equal(config_tls_context(config, &tls, &err), -1);
	assert_int_equal(err.code, ERROR_KEY);
	assert_non_null(strstr(err.words, "needs a passphrase"));
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values_arrive),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_low_tls_versions),
		cmocka_unit_test(test_what_needs_a_restart),
		cmocka_unit_test(test_the_sample_is_the_table_s),
		cmocka_unit_test(test_the_sample_holds_the_defaults),
		cmocka_unit_test(test_a_key_that_others_can_read),
		cmocka_unit_test(test_a_key_with_a_passphrase),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

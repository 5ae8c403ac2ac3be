/*
 * The command line from words to exit status: parsing by the table, usage errors
 * with the nearest word, help and manual, and the table's own soundness. Verbs run
 * against a host of the test's own.
 */
#include "client/command.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/file.h"
#include "client/command_private.h"
#include "connect/fake_host.h"

#define ARGUMENTS_MAX 32

struct ran {
	int status;
	char *out;
	char *err;
};

/* Where one of our standard streams goes meanwhile. */
static int divert(int fd, FILE *to)
{
	int kept = dup(fd);

	fflush(fd == STDOUT_FILENO ? stdout : stderr);
	assert_true(dup2(fileno(to), fd) >= 0);
	return kept;
}

static char *restore(int fd, int kept, FILE *from)
{
	autobuf text = {0};

	fflush(fd == STDOUT_FILENO ? stdout : stderr);
	assert_true(dup2(kept, fd) >= 0);
	close(kept);
	lseek(fileno(from), 0, SEEK_SET);
	assert_int_equal(
		file_read_fd(fileno(from), "capture", 1 << 20, &text, NULL), 0);
	fclose(from);
	return buf_steal_str(&text);
}

/* Runs "virtmux LINE", words separated by one blank. */
static struct ran run(const char *line)
{
	char *argv[ARGUMENTS_MAX] = {(char *)"virtmux"};
	autofree char *words = strdup(line);
	char *save = NULL;
	struct ran r = {0};
	int argc = 1;
	FILE *out = tmpfile();
	FILE *err = tmpfile();
	int kept_out = 0;
	int kept_err = 0;

	for (char *w = strtok_r(words, " ", &save); w;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	kept_out = divert(STDOUT_FILENO, out);
	kept_err = divert(STDERR_FILENO, err);
	r.status = command_main(argc, argv);
	r.out = restore(STDOUT_FILENO, kept_out, out);
	r.err = restore(STDERR_FILENO, kept_err, err);
	return r;
}

static void assert_run(const char *line, int status, const char *out,
		       const char *err)
{
	struct ran r = run(line);

	if (r.status != status || (out && !strstr(r.out, out)) ||
	    (err && !strstr(r.err, err)))
		fail_msg("virtmux %s: status %d\nout: %s\nerr: %s", line,
			 r.status, r.out, r.err);
	if (out && !out[0])
		assert_string_equal(r.out, "");
	if (err && !err[0])
		assert_string_equal(r.err, "");
	free(r.out);
	free(r.err);
}

/* -- the table ------------------------------------------------------------- */

static void check_item(const struct command *c, const struct command_item *i)
{
	autobuf choices = {0};

	assert_non_null(i->name);
	if (!command_item_doc(c, i)[0])
		fail_msg("%s %s has no words", c->verb, i->name);
	if (i->param && !command_item_param(c, i))
		fail_msg("%s %s: the method has no %s", c->verb, i->name,
			 i->param);
	assert_int_equal(command_item_choices(c, i, &choices), 0);
	if (i->type == COMMAND_CHOICE && !choices.len)
		fail_msg("%s %s has nothing to choose", c->verb, i->name);
	for (const char *p = i->name; i->kind == COMMAND_OPTION && *p; p++)
		assert_true(islower((unsigned char)*p) ||
			    isdigit((unsigned char)*p) || *p == '-');
}

/*
 * No two options of a verb, the global ones included, are spelt alike; but for
 * virsh's --config of verbs that change a definition, its --format of volumes and
 * dumps, its --key of metadata and its --timeout of events, which are meant behind
 * them.
 */
static void check_options_differ(const struct command *c)
{
	for (const struct command_item *i = c->items; i->kind; i++) {
		if (i->kind != COMMAND_OPTION)
			continue;
		for (const struct command_item *k = i + 1; k->kind; k++)
			assert_false(k->kind == COMMAND_OPTION &&
				     (!strcmp(i->name, k->name) ||
				      (i->letter && i->letter == k->letter)));
		for (const struct command_item *k = command_globals; k->kind;
		     k++)
			if ((!strcmp(i->name, k->name) &&
			     strcmp(i->name, "config") != 0 &&
			     strcmp(i->name, "format") != 0 &&
			     strcmp(i->name, "key") != 0 &&
			     strcmp(i->name, "timeout") != 0) ||
			    (i->letter && i->letter == k->letter))
				fail_msg("%s --%s is also an option of every "
					 "verb",
					 c->verb, i->name);
	}
}

static void test_table(void **state)
{
	for (const struct command *c = command_table; c->verb; c++) {
		bool last = false;

		assert_ptr_equal(command_find(c->verb), c);
		if (c->alias)
			assert_ptr_equal(command_find(c->alias), c);
		if (c->method && !command_method(c))
			fail_msg("%s: no method %s", c->verb, c->method);
		assert_non_null(c->run);
		assert_true(command_summary(c)[0]);
		assert_true(command_doc(c)[0]);
		for (const struct command_item *i = c->items; i->kind; i++) {
			check_item(c, i);
			if (i->kind != COMMAND_ARGUMENT)
				continue;
			/* Nothing follows what takes all, or what may lack. */
			assert_false(last && i->need == COMMAND_REQUIRED);
			last = i->need != COMMAND_REQUIRED;
		}
		check_options_differ(c);
	}
	assert_null(command_find("nonesuch"));
}

/* -- usage ----------------------------------------------------------------- */

static void test_usage_errors(void **state)
{
	assert_run("", 2, "", "what is to be done");
	assert_run("lsit", 2, "", "did you mean 'list'");
	assert_run("xyzzy", 2, "", "\"virtmux help\"");
	assert_run("list --inactiv", 2, "", "did you mean '--inactive'");
	assert_run("--hsot x list", 2, "", "did you mean '--host'");
	assert_run("list -x", 2, "", "has no option '-x'");
	assert_run("list --host", 2, "", "--host needs a value");
	assert_run("list --all=yes", 2, "", "takes no value");
	assert_run("list extra", 2, "", "'extra' is too much");
	assert_run("start", 2, "", "virtmux start DOMAIN [--paused]");
	assert_run("start --domain", 2, "", "--domain needs a value");
	assert_run("start --domain a b", 2, "", "'b' is too much");
	assert_run("net-update --section ip lan", 2, "", "needs a command");
	assert_run("net-update --section ip lan shake x", 2, "", "shake");
	assert_run("screenshot x --screen=256", 2, "", "0..255");
	assert_run("shutdown x --mode=acip", 2, "", "acpi agent");
	assert_run("list --timeout=1y", 2, "", "timeout");
	assert_run("list --format=xml", 2, "", "table json jsonl csv");
	assert_run("list --host=", 2, "", "host is empty");
	assert_run("call domain.lst", 2, "", "did you mean 'domain.list'");
	assert_run("call domain.serial domain=x n=0", 2, "", "stream");
	assert_run("help domain.lst", 2, "", "did you mean 'domain.list'");
	assert_run("help strat", 2, "", "did you mean 'start'");
	assert_run("host", 2, "",
		   "'host' is not a whole verb; there are: host ");
	assert_run("host --json", 2, "", "is not a whole verb");
	assert_run("host lsit", 2, "", "did you mean 'host list'");
	assert_run("host xyzzy", 2, "", "\"virtmux help host\"");
	assert_run("host list extra", 2, "", "host list: 'extra' is too much");
}

static void test_errors_as_json(void **state)
{
	assert_run("list --json -H a/b", 2, "",
		   "{\"error\":{\"code\":\"usage\",\"number\":-32014,"
		   "\"status\":2,\"retry\":false,\"message\":\"'a/b' is not");
	assert_run("-f jsonl start", 2, "", "{\"error\":{\"code\":\"usage\"");
}

static void test_help(void **state)
{
	assert_run("help", 0, "  list  ", "");
	assert_run("--help", 0, "--passphrase-fd", "");
	assert_run("help start", 0, "Usage: virtmux start DOMAIN", "");
	assert_run("start --help", 0, "--paused", "");
	assert_run("-h shutdown", 0, "--mode=acpi|agent", "");
	assert_run("stop -h", 0, "--force", "");
	assert_run("help host", 0, "  host list ", "");
	assert_run("host --help", 0, "  host list ", "");
	assert_run("-h host", 0, "  host list ", "");
	assert_run("help host list", 0, "Usage: virtmux host list", "");
	assert_run("host list --help", 0, "Usage: virtmux host list", "");
	assert_run("help domain.start", 0, "domain.start", "");
	assert_run("call domain.start --help", 0, "force_boot", "");
	assert_run("--version", 0, "virtmux " VIRTMUX_VERSION "\n", "");
	assert_run("methods", 0, "domain.list", "");
	assert_run("methods -f csv", 0, "name,role,kind,summary\r\n", "");
}

static void test_help_fits(void **state)
{
	for (const struct command *c = command_table; c->verb; c++) {
		autobuf text = {0};
		autofree char *s = NULL;
		size_t column = 0;

		help_command(&text, c);
		s = buf_steal_str(&text);
		for (const char *p = s; *p; p++) {
			column = *p == '\n' ? 0 : column + 1;
			/* An example is whole, to be copied. */
			if (column == 1 && strncmp(p, "  virtmux ", 10) == 0)
				p += strcspn(p, "\n") - 1;
			else if (column > 79)
				fail_msg("%s: a line is too long", c->verb);
		}
	}
}

static void test_manual(void **state)
{
	autobuf text = {0};
	autofree char *s = NULL;

	help_manual(&text);
	s = buf_steal_str(&text);
	assert_non_null(strstr(s, ".TH VIRTMUX 1"));
	assert_non_null(strstr(s, ".SS virtmux start DOMAIN"));
	assert_non_null(strstr(s, "connect\\-timeout"));
	assert_non_null(strstr(s, ".SH EXIT STATUS"));
	/* Every hyphen of a table's text is a hyphen that can be copied. */
	assert_null(strstr(s, "connect-timeout"));
}

/* -- running --------------------------------------------------------------- */

static int setup(void **state)
{
	struct fake_host *host = calloc(1, sizeof(*host));
	char config[128];

	fake_host_start(host);
	snprintf(config, sizeof(config), "%s/config", host->folder);
	setenv("VIRTMUX_CONFIG", config, 1);
	*state = host;
	return 0;
}

static int teardown(void **state)
{
	fake_host_stop(*state);
	free(*state);
	unsetenv("VIRTMUX_CONFIG");
	return 0;
}

static void test_run(void **state)
{
	assert_run("resume x", 0, "Domain 'guest' resumed\n", "");
	assert_run("resume x -q", 0, "", "");
	assert_run("resume x --json", 0,
		   "{\"domain\":\"x\",\"name\":\"guest\"}\n", "");
	assert_run("-H fake resume x", 0, "resumed", "");
	assert_run("-f csv host list", 0,
		   "name,address,default,groups,certificate\r\n"
		   "fake,",
		   "");
	assert_run("call session.whoami", 0, "Identity:       tester\n", "");
	assert_run("whoami --json", 0, "{\"identity\":\"tester\",", "");
	assert_run("dompmsuspend x disk -j", 0, "\"target\":\"disk\"", "");
	assert_run("undefine x --managed-save --keep-nvram -j", 0,
		   "{\"domain\":\"x\",\"managed_save\":true,"
		   "\"keep_nvram\":true,\"name\":\"guest\"}",
		   "");
}

static void test_run_fails(void **state)
{
	assert_run("dominfo x", 3, "", "virtmux: no domain 'x'\n");
	assert_run("dominfo x --json", 3, "", "\"code\":\"not-found\"");
	assert_run("start x", 9, "", "is not known");
	assert_run("list --timeout=20ms", 7, "",
		   "domain.list: the host has not answered: the whole "
		   "command's --timeout of 20 ms is over");
	assert_run("destroy x", 130, "", "interrupted");
	assert_run("resume x -H nosuch", 2, "", "no host 'nosuch'");
	/* Overridden, the session does not serve, and there is no key. */
	assert_run("list --address=127.0.0.1:2", 6, "", "virtmux enroll");
}

static void test_run_with_files(void **state)
{
	static const char path[] = "/tmp/virtmux-test-command.xml";

	assert_int_equal(file_write_atomic(path, "<d/>\n", 5, 0600, NULL), 0);
	assert_run("define /tmp/virtmux-test-command.xml", 0,
		   "Domain 'guest' defined from /tmp/virtmux-test-command.xml",
		   "");
	assert_run("define /tmp/virtmux-test-command.xml --validate -j", 0,
		   "{\"xml\":\"<d/>\\n\",\"validate\":true,\"name\":\"guest\"}",
		   "");
	assert_int_equal(file_write_atomic(path, "<d\0/>", 5, 0600, NULL), 0);
	assert_run("define /tmp/virtmux-test-command.xml", 2, "", "NUL");
	unlink(path);
	assert_run("define /tmp/virtmux-test-command.xml", 3, "",
		   "/tmp/virtmux-test-command.xml");
}

#define WITH_HOST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_usage_errors),
		cmocka_unit_test(test_errors_as_json),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_help_fits),
		cmocka_unit_test(test_manual),
		WITH_HOST(test_run),
		WITH_HOST(test_run_fails),
		WITH_HOST(test_run_with_files),
	};

	unsetenv("VIRTMUX_HOST");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

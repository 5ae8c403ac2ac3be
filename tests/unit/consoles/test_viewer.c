/*
 * Which viewer is taken, with which arguments, and the .vv file: in folders of the
 * test's own, where "installed" programs are empty files.
 */
#include "client/consoles/viewer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

struct place {
	char folder[64];
	struct viewer_world world;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->folder, "/tmp/virtmux-viewer-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	p->world =
		(struct viewer_world){.path = p->folder, .has_display = true};
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"vncviewer", "xtigervncviewer",
					    "remote-viewer", "realvnc", "sub"};
	struct place *p = *state;
	char path[128];

	for (size_t i = 0; i < array_size(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", p->folder, names[i]);
		if (unlink(path) < 0)
			rmdir(path);
	}
	rmdir(p->folder);
	free(p);
	return 0;
}

static void install(const struct place *p, const char *name, mode_t mode)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", p->folder, name);
	fd = open(path, O_CREAT | O_WRONLY, mode);
	assert_true(fd >= 0);
	close(fd);
}

static void link_to(const struct place *p, const char *name, const char *target)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", p->folder, name);
	assert_int_equal(symlink(target, path), 0);
}

/* The arguments with a blank behind each, of the viewer that is chosen. */
static void assert_choice(const struct place *p, const char *command,
			  enum viewer_way way, const char *expected)
{
	const struct viewer_display display = {
		.domain = "web 1 {port}",
		.socket = "/run/a b.vnc",
		.port = 5999,
		.file = "/run/x.vv",
	};
	autoptr(viewer) viewer = NULL;
	autoerror err = {0};
	char **arguments = NULL;
	char text[512] = "";

	if (viewer_choose(&viewer, command, false, &p->world, &err) < 0)
		fail_msg("%s", error_words(&err));
	if (!expected) {
		assert_null(viewer);
		return;
	}
	assert_non_null(viewer);
	assert_int_equal(viewer_way(viewer), way);
	assert_int_equal(viewer_arguments(viewer, &display, &arguments, &err),
			 0);
	assert_string_equal(arguments[0], viewer_program(viewer));
	for (char **a = arguments; *a; a++) {
		strcat(text, *a);
		strcat(text, "|");
	}
	assert_string_equal(text, expected);
	viewer_free_arguments(arguments);
}

static void assert_refused(const struct place *p, const char *command,
			   const char *words)
{
	struct viewer *viewer = NULL;
	autoerror err = {0};

	assert_int_equal(
		viewer_choose(&viewer, command, false, &p->world, &err), -1);
	assert_int_equal(err.code, ERROR_USAGE);
	assert_non_null(strstr(error_words(&err), words));
	assert_null(viewer);
}

/* -- found ----------------------------------------------------------------- */

static void test_none(void **state)
{
	struct place *p = *state;

	assert_choice(p, NULL, 0, NULL);
	install(p, "remote-viewer", 0600); /* no program */
	assert_choice(p, NULL, 0, NULL);
}

static void test_no_screen(void **state)
{
	struct place *p = *state;

	install(p, "xtigervncviewer", 0700);
	p->world.has_display = false;
	assert_choice(p, NULL, 0, NULL);
	/* Asked for, it is started all the same. */
	assert_choice(p, "xtigervncviewer", VIEWER_SOCKET,
		      "xtigervncviewer|/run/a b.vnc|");
}

static void test_a_socket_before_a_port(void **state)
{
	struct place *p = *state;

	install(p, "realvnc", 0700);
	link_to(p, "vncviewer", "realvnc");
	assert_choice(p, NULL, VIEWER_PORT, "vncviewer|127.0.0.1::5999|");
	install(p, "remote-viewer", 0700);
	assert_choice(p, NULL, VIEWER_FILE, "remote-viewer|/run/x.vv|");
	install(p, "xtigervncviewer", 0700);
	assert_choice(p, NULL, VIEWER_SOCKET, "xtigervncviewer|/run/a b.vnc|");
}

static void test_what_a_link_leads_to(void **state)
{
	struct place *p = *state;

	install(p, "xtigervncviewer", 0700);
	link_to(p, "vncviewer", "xtigervncviewer");
	assert_choice(p, "vncviewer -Shared", VIEWER_SOCKET,
		      "vncviewer|-Shared|/run/a b.vnc|");
}

static void test_folders_of_the_path(void **state)
{
	struct place *p = *state;
	char path[256];

	install(p, "remote-viewer", 0700);
	snprintf(path, sizeof(path), ":/does/not/exist:%s/sub:%s:", p->folder,
		 p->folder);
	p->world.path = path;
	assert_choice(p, NULL, VIEWER_FILE, "remote-viewer|/run/x.vv|");
	p->world.path = "";
	assert_choice(p, NULL, 0, NULL);
}

/* -- asked for ------------------------------------------------------------- */

static void test_commands(void **state)
{
	struct place *p = *state;

	assert_choice(p, "show {socket}", VIEWER_SOCKET, "show|/run/a b.vnc|");
	assert_choice(p, "show --at=127.0.0.1:{port} -x", VIEWER_PORT,
		      "show|--at=127.0.0.1:5999|-x|");
	assert_choice(p, "show {file} {file}", VIEWER_FILE,
		      "show|/run/x.vv|/run/x.vv|");
	assert_choice(p, "show {port} {domain} {other} {", VIEWER_PORT,
		      "show|5999|web 1 {port}|{other}|{|");
	assert_choice(p, "/opt/remote-viewer --full", VIEWER_FILE,
		      "/opt/remote-viewer|--full|/run/x.vv|");
}

static void test_quotes(void **state)
{
	struct place *p = *state;

	assert_choice(p, "'my viewer'  \"{port}\"\t''", VIEWER_PORT,
		      "my viewer|5999||");
	assert_choice(p, "a\\ b 'c\\d' \"e\\\"f\" {port}", VIEWER_PORT,
		      "a b|c\\d|e\"f|5999|");
	assert_choice(p, "a'b c'd \"'\" {port}", VIEWER_PORT, "ab cd|'|5999|");
}

static void test_refused(void **state)
{
	struct place *p = *state;
	char many[512] = "x {port}";

	assert_refused(p, "", "empty");
	assert_refused(p, "  \t", "empty");
	assert_refused(p, "'a {port}", "quote");
	assert_refused(p, "gedit", "{socket}, {port} or {file}");
	for (int i = 0; i < 80; i++)
		strcat(many, " y");
	assert_refused(p, many, "words");
}

/* -- the .vv file ---------------------------------------------------------- */

static void assert_file(const char *domain, const char *title)
{
	const struct viewer_display display = {.domain = domain, .port = 5999};
	char expected[256];
	autobuf text = {0};

	snprintf(expected, sizeof(expected),
		 "[virt-viewer]\ntype=vnc\nhost=127.0.0.1\nport=5999\n"
		 "delete-this-file=1\ntitle=%s\n",
		 title);
	assert_int_equal(viewer_file_text(&display, &text), 0);
	assert_int_equal(text.len, strlen(expected));
	assert_memory_equal(buf_bytes(&text), expected, text.len);
}

static void test_file_of_spice(void **state)
{
	const struct viewer_display by_path = {.domain = "web-1",
					       .socket =
						       "/run/a\\b/web-1.spice",
					       .spice = true};
	const struct viewer_display by_port = {
		.domain = "web-1", .port = 5999, .spice = true};
	autobuf text = {0};

	viewer_file_text(&by_path, &text);
	viewer_file_text(&by_port, &text);
	assert_int_equal(buf_append_char(&text, '\0'), 0);
	assert_string_equal(buf_bytes(&text),
			    "[virt-viewer]\ntype=spice\n"
			    "unix-path=/run/a\\\\b/web-1.spice\n"
			    "delete-this-file=1\ntitle=web-1\n"
			    "[virt-viewer]\ntype=spice\nhost=127.0.0.1\n"
			    "port=5999\ndelete-this-file=1\ntitle=web-1\n");
}

/* TigerVNC, found first, does not show it. */
static void test_who_shows_spice(void **state)
{
	struct place *p = *state;
	autoptr(viewer) viewer = NULL;

	install(p, "xtigervncviewer", 0700);
	assert_int_equal(viewer_choose(&viewer, NULL, true, &p->world, NULL),
			 0);
	assert_null(viewer);
	install(p, "remote-viewer", 0700);
	assert_int_equal(viewer_choose(&viewer, NULL, true, &p->world, NULL),
			 0);
	assert_string_equal(viewer_program(viewer), "remote-viewer");
	assert_true(viewer_shows(viewer, true));
	viewer_free(steal(&viewer));
	assert_int_equal(viewer_choose(&viewer, "xtigervncviewer -Log=x", false,
				       &p->world, NULL),
			 0);
	assert_false(viewer_shows(viewer, true));
	assert_true(viewer_shows(viewer, false));
	viewer_free(steal(&viewer));
	assert_int_equal(viewer_choose(&viewer, "any {socket}", false,
				       &p->world, NULL),
			 0);
	assert_true(viewer_shows(viewer, true));
}

static void test_file(void **state)
{
	assert_file("web-1", "web-1");
	assert_file("a\nhost=evil\\n", "a host=evil\\\\n");
	assert_file("b\r\x01ö", "b  ö");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_none),
		TEST(test_no_screen),
		TEST(test_a_socket_before_a_port),
		TEST(test_what_a_link_leads_to),
		TEST(test_folders_of_the_path),
		TEST(test_commands),
		TEST(test_file_of_spice),
		TEST(test_who_shows_spice),
		TEST(test_quotes),
		TEST(test_refused),
		TEST(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

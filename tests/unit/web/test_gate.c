/*
 * Who is let in: the token once, the cookie always, and neither for a page from
 * elsewhere.
 */
#include "client/web/gate.h"

#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define HOST "127.0.0.1:8080"

struct fixture {
	struct gate *gate;
	char *cookie; /* "NAME=VALUE" */
};

static struct fixture make(unsigned port)
{
	struct fixture f = {0};
	autobuf text = {0};

	assert_int_equal(gate_new(&f.gate, port, NULL), 0);
	gate_cookie(f.gate, &text);
	f.cookie = buf_steal_str(&text);
	*strchr(f.cookie, ';') = '\0';
	return f;
}

static void clear(struct fixture *f)
{
	gate_free(f->gate);
	free(f->cookie);
}

static struct gate_request get(const char *path, const char *cookie)
{
	return (struct gate_request){
		.method = "GET", .path = path, .host = HOST, .cookie = cookie};
}

static void test_the_token_opens_once(void **state)
{
	struct fixture f = make(8080);
	struct gate_request r = get("/", NULL);

	assert_int_equal(strlen(gate_token(f.gate)), 64);
	assert_int_equal(gate_judge(f.gate, &r), GATE_STRANGER);
	r.token = gate_token(f.gate);
	r.path = "/main.js";
	assert_int_equal(gate_judge(f.gate, &r), GATE_STRANGER);
	r.path = "/";
	r.method = "HEAD";
	assert_int_equal(gate_judge(f.gate, &r), GATE_STRANGER);
	r.method = "GET";
	r.host = "evil.example";
	assert_int_equal(gate_judge(f.gate, &r), GATE_WRONG_HOST);
	r.host = HOST;
	assert_int_equal(gate_judge(f.gate, &r), GATE_ENTER);
	assert_int_equal(gate_judge(f.gate, &r), GATE_USED);
	r.cookie = f.cookie;
	assert_int_equal(gate_judge(f.gate, &r), GATE_IN);
	clear(&f);
}

static void test_nearly_the_token(void **state)
{
	struct fixture f = make(8080);
	char text[80];
	struct gate_request r = get("/", NULL);

	r.token = text;
	for (size_t i = 0; i < 64; i++) {
		strcpy(text, gate_token(f.gate));
		text[i] = text[i] == 'x' ? 'y' : 'x';
		assert_int_equal(gate_judge(f.gate, &r), GATE_STRANGER);
	}
	strcpy(text, gate_token(f.gate));
	strcat(text, "0");
	assert_int_equal(gate_judge(f.gate, &r), GATE_STRANGER);
	text[63] = '\0';
	assert_int_equal(gate_judge(f.gate, &r), GATE_STRANGER);
	clear(&f);
}

static void test_the_cookie_among_others(void **state)
{
	struct fixture f = make(8080);
	char text[256];
	struct gate_request r = get("/api/hosts", text);

	strcpy(text, "a=b; ");
	strcat(text, f.cookie);
	assert_int_equal(gate_judge(f.gate, &r), GATE_IN);
	strcat(text, ";c=d");
	assert_int_equal(gate_judge(f.gate, &r), GATE_IN);
	strcpy(text, "x");
	strcat(text, f.cookie);
	assert_int_equal(gate_judge(f.gate, &r), GATE_STRANGER);
	strcpy(text, f.cookie);
	strcat(text, "0");
	assert_int_equal(gate_judge(f.gate, &r), GATE_STRANGER);
	strcpy(text, "; ;=;virtmux-8080;virtmux-8080=;");
	assert_int_equal(gate_judge(f.gate, &r), GATE_STRANGER);
	clear(&f);
}

static void test_hosts(void **state)
{
	static const struct {
		const char *host;
		bool port, socket;
	} rows[] = {
		{"127.0.0.1:8080", true, true},
		{"localhost:8080", true, true},
		{"LOCALHOST:8080", true, true},
		{"localhost:9090", false, true},
		{"localhost", false, true},
		{"127.0.0.1", false, true},
		{"localhost:", false, false},
		{"localhost:8080x", false, false},
		{"localhost.evil.example:8080", false, false},
		{"127.0.0.1.evil.example", false, false},
		{"evil.example:8080", false, false},
		{"[::1]:8080", false, false},
		{"", false, false},
		{NULL, false, false},
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		struct fixture port = make(8080);
		struct fixture socket = make(0);
		struct gate_request r = get("/", port.cookie);

		r.host = rows[i].host;
		assert_int_equal(gate_judge(port.gate, &r),
				 rows[i].port ? GATE_IN : GATE_WRONG_HOST);
		r.cookie = socket.cookie;
		assert_int_equal(gate_judge(socket.gate, &r),
				 rows[i].socket ? GATE_IN : GATE_WRONG_HOST);
		clear(&port);
		clear(&socket);
	}
}

static void test_pages_from_elsewhere(void **state)
{
	static const struct {
		const char *method, *path, *origin, *site;
		bool upgrade;
		enum gate_verdict verdict;
	} rows[] = {
		{"POST", "/api/x", "http://" HOST, NULL, false, GATE_IN},
		{"POST", "/api/x", NULL, NULL, false, GATE_FOREIGN},
		{"POST", "/api/x", "null", NULL, false, GATE_FOREIGN},
		{"POST", "/api/x", "https://" HOST, NULL, false, GATE_FOREIGN},
		{"POST", "/api/x", "http://127.0.0.1:1", NULL, false,
		 GATE_FOREIGN},
		{"POST", "/api/x", "http://" HOST, "same-site", false,
		 GATE_FOREIGN},
		{"GET", "/api/x", "http://" HOST, "same-origin", true, GATE_IN},
		{"GET", "/api/x", NULL, NULL, true, GATE_FOREIGN},
		{"GET", "/", NULL, NULL, true, GATE_FOREIGN},
		{"GET", "/main.js", NULL, "same-origin", false, GATE_IN},
		{"GET", "/main.js", NULL, "cross-site", false, GATE_FOREIGN},
		{"GET", "/main.js", NULL, "same-site", false, GATE_FOREIGN},
		{"GET", "/", NULL, "cross-site", false, GATE_IN},
		{"GET", "/", NULL, "none", false, GATE_IN},
		{"GET", "/", "http://evil.example", NULL, false, GATE_FOREIGN},
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		struct fixture f = make(8080);
		struct gate_request r = get(rows[i].path, f.cookie);

		r.method = rows[i].method;
		r.origin = rows[i].origin;
		r.fetch_site = rows[i].site;
		r.upgrade = rows[i].upgrade;
		assert_int_equal(gate_judge(f.gate, &r), rows[i].verdict);
		clear(&f);
	}
}

static void test_words(void **state)
{
	assert_null(gate_words(GATE_IN));
	assert_null(gate_words(GATE_ENTER));
	for (int v = GATE_STRANGER; v <= GATE_FOREIGN; v++)
		assert_non_null(gate_words((enum gate_verdict)v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_token_opens_once),
		cmocka_unit_test(test_nearly_the_token),
		cmocka_unit_test(test_the_cookie_among_others),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_pages_from_elsewhere),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

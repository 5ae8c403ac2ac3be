/*
 * Tables of several hosts as one: columns that differ, quotes, and texts that are
 * no table.
 */
#include "client/many_private.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define HOSTS 3

struct room {
	struct many many;
	struct many_host hosts[HOSTS];
};

/* A run on as many hosts as there are texts. */
static void fill(struct room *room, const char *const *texts)
{
	static const char *const names[HOSTS] = {"a", "b", "c,\"d\""};

	*room = (struct room){.many.hosts = room->hosts};
	for (; texts[room->many.count]; room->many.count++) {
		struct many_host *host = &room->hosts[room->many.count];

		host->name = names[room->many.count];
		buf_append_str(&host->streams[MANY_RESULT].text,
			       texts[room->many.count]);
	}
}

static void empty(struct room *room)
{
	for (size_t i = 0; i < HOSTS; i++)
		buf_free(&room->hosts[i].streams[MANY_RESULT].text);
}

static void check(const char *const *texts, const char *expected)
{
	struct room room;
	autobuf out = {0};
	autofree char *text = NULL;

	fill(&room, texts);
	assert_int_equal(many_join_csv(&room.many, &out), 0);
	text = buf_steal_str(&out);
	assert_string_equal(text, expected);
	empty(&room);
}

static void test_same_columns(void **state)
{
	check((const char *const[]){"id,name\r\n1,x\r\n2,y\r\n",
				    "id,name\r\n,z\r\n", NULL},
	      "host,id,name\r\na,1,x\r\na,2,y\r\nb,,z\r\n");
}

static void test_columns_that_differ(void **state)
{
	check((const char *const[]){"name,title\r\nx,t\r\n",
				    "id,name\r\n7,y\r\n", NULL},
	      "host,name,title,id\r\na,x,t,\r\nb,y,,7\r\n");
}

static void test_quotes_and_names(void **state)
{
	check(
		(const char *const[]){
			"n,t\r\n\"a,b\",\"say \"\"hi\"\"\r\nagain\"\r\n", "",
			"n,t\r\n1,2\r\n", NULL},
		"host,n,t\r\na,\"a,b\",\"say \"\"hi\"\"\r\nagain\"\r\n"
		"\"c,\"\"d\"\"\",1,2\r\n");
}

/* Rows that are shorter or longer than their head; an end within a field. */
static void test_odd_rows(void **state)
{
	check((const char *const[]){"n,t\r\n1\r\n1,2,3\r\n4,\"5", NULL},
	      "host,n,t\r\na,1,\r\na,1,2\r\na,4,\"5\r\n");
	check((const char *const[]){"", "", NULL}, "host\r\n");
}

static void test_very_wide(void **state)
{
	struct room room;
	autobuf text = {0};
	autobuf out = {0};
	autofree char *line = NULL;

	for (int row = 0; row < 2; row++) {
		for (int i = 0; i < 1000; i++)
			buf_appendf(&text, "%s%d", i ? "," : "", i);
		buf_append_str(&text, "\r\n");
	}
	line = buf_steal_str(&text);
	fill(&room, (const char *const[]){line, NULL});
	assert_int_equal(many_join_csv(&room.many, &out), 0);
	assert_true(out.len > 1000);
	empty(&room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_columns),
		cmocka_unit_test(test_columns_that_differ),
		cmocka_unit_test(test_quotes_and_names),
		cmocka_unit_test(test_odd_rows),
		cmocka_unit_test(test_very_wide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

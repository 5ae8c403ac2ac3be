/*
 * XML of nouns other than domains: what is admitted, and texts out of a document.
 */
#include "daemon/virt/xml_select.h"

#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "daemon/virt/limits.h"
#include "daemon/virt/xml.h"

static void admitted(const char *xml, const char *root)
{
	autoerror err = {0};

	if (xml_admit(xml, root, "the text", &err) < 0)
		fail_msg("%s: %s", xml, error_words(&err));
}

static void refused(const char *xml, const char *root, const char *words)
{
	autoerror err = {0};

	assert_int_equal(xml_admit(xml, root, "the text", &err), -1);
	assert_int_equal(err.code, ERROR_INVALID_PARAMS);
	assert_non_null(strstr(error_words(&err), "the text was refused: "));
	assert_non_null(strstr(error_words(&err), words));
}

static void what_is_admitted(void **state)
{
	admitted("<network/>", "network");
	admitted("<network><name>a&lt;</name></network>", "network");
	admitted("<host mac='1'/>", NULL);
	refused("<domain/>", "network", "not <network>");
	refused("<network", "network", "not well-formed");
	refused("", "network", "not well-formed");
	refused("<a/><b/>", NULL, "not well-formed");
	refused("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "a", "DOCTYPE");
	refused("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "a", "DOCTYPE");
}

static void limits(void **state)
{
	autobuf deep = {0};
	autobuf large = {0};
	autofree char *text = NULL;
	autofree char *longer = NULL;

	for (int i = 0; i < VIRT_XML_DEPTH + 2; i++)
		buf_append_str(&deep, "<a>");
	for (int i = 0; i < VIRT_XML_DEPTH + 2; i++)
		buf_append_str(&deep, "</a>");
	text = buf_steal_str(&deep);
	refused(text, "a", "too deep");
	buf_append_str(&large, "<a>");
	while (large.len < VIRT_XML_MAX)
		buf_append_str(&large, "0123456789abcdef");
	buf_append_str(&large, "</a>");
	longer = buf_steal_str(&large);
	refused(longer, "a", "too long");
}

static void texts_are_found(void **state)
{
	static const char *const paths[] = {"/a/b", "/a/c/@d", "/a/none",
					    "count(/a/b)"};
	char *texts[4];
	autoerror err = {0};

	assert_int_equal(xml_select("<a><b>one &amp; two</b><b/><c d='3'/></a>",
				    paths, texts, 4, &err),
			 0);
	assert_string_equal(texts[0], "one & two");
	assert_string_equal(texts[1], "3");
	assert_null(texts[2]);
	assert_string_equal(texts[3], "2");
	for (size_t i = 0; i < 4; i++)
		free(texts[i]);
	assert_int_equal(xml_select("<a", paths, texts, 4, &err), -1);
	assert_int_equal(err.code, ERROR_INTERNAL);
	assert_null(texts[0]);
}

static void escaping_is_undone_by_reading(void **state)
{
	static const char *const paths[] = {"/a", "/a/@b"};
	static const char hard[] = "<x y='z'> & \"w\" \xc3\xa4";
	autofree char *escaped = xml_escape(hard);
	autobuf xml = {0};
	autofree char *text = NULL;
	autoerror err = {0};
	char *texts[2];

	buf_appendf(&xml, "<a b='%s'>%s</a>", escaped, escaped);
	text = buf_steal_str(&xml);
	assert_int_equal(xml_select(text, paths, texts, 2, &err), 0);
	assert_string_equal(texts[0], hard);
	assert_string_equal(texts[1], hard);
	free(texts[0]);
	free(texts[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_admitted),
		cmocka_unit_test(limits),
		cmocka_unit_test(texts_are_found),
		cmocka_unit_test(escaping_is_undone_by_reading),
	};

	xml_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

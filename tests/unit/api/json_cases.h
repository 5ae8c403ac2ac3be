/*
 * Texts that are JSON and texts that are not, after the kinds of cases that the
 * public JSON test suites have (seriot.ch/projects/parsing_json.html names them).
 * Used by test_json.c. What holds: a text ends where its array ends, so that it
 * may have NULs.
 */
#ifndef VIRTMUX_TESTS_JSON_CASES_H
#define VIRTMUX_TESTS_JSON_CASES_H

#include <stddef.h>

struct json_case {
	const char *text;
	size_t len;
};

#define CASE(text)                                                             \
	{                                                                      \
		text, sizeof(text) - 1                                         \
	}

/* clang-format off */

/* RFC 8259 allows these, and so do we. */
static const struct json_case accepted[] = {
	/* arrays */
	CASE("[[]   ]"), CASE("[\"\"]"), CASE("[]"), CASE("[\"a\"]"),
	CASE("[false]"), CASE("[null, 1, \"1\", {}]"), CASE("[null]"),
	CASE("[1\n]"), CASE(" [1]"), CASE("[1,null,null,null,2]"),
	CASE("[2] "), CASE("[[[[]]]]"), CASE("[{},{}]"),
	/* numbers */
	CASE("[123e65]"), CASE("[0e+1]"), CASE("[0e1]"), CASE("[ 4]"),
	CASE("[-0.00000000000000000000000000000000000000000000000000000000000"
	     "0000000000000000001]"),
	CASE("[20e1]"), CASE("[-0]"), CASE("[-123]"), CASE("[-1]"),
	CASE("[1E22]"), CASE("[1E-2]"), CASE("[1E+2]"), CASE("[123e45]"),
	CASE("[123.456e78]"), CASE("[1e-2]"), CASE("[1e+2]"), CASE("[123]"),
	CASE("[123.456789]"), CASE("[0.0]"), CASE("[-0.0]"), CASE("0"),
	CASE("[9223372036854775807]"), CASE("[-9223372036854775808]"),
	CASE("[1.7976931348623157e308]"), CASE("[1e-400]"),
	/* objects */
	CASE("{\"asd\":\"sdf\", \"dfg\":\"fgh\"}"), CASE("{\"asd\":\"sdf\"}"),
	CASE("{}"), CASE("{\"\":0}"), CASE("{ \"min\": -1.0e+28, \"max\": 1 }"),
	CASE("{\"x\":[{\"id\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}], "
	     "\"id\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}"),
	CASE("{\"a\":[]}"), CASE("{\"title\":\"\\u041f\\u043e\\u043b\"}"),
	CASE("{\n\"a\": \"b\"\n}"), CASE("{\"a\":{\"a\":{\"a\":1}}}"),
	CASE("{\"a\":1,\"A\":2,\"aa\":3}"),
	/* strings */
	CASE("[\"\\u0060\\u012a\\u12AB\"]"), CASE("[\"\\uD801\\udc37\"]"),
	CASE("[\"\\ud83d\\ude39\\ud83d\\udc8d\"]"),
	CASE("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"), CASE("[\"\\\\u0000\"]"),
	CASE("[\"\\\"\"]"), CASE("[\"a/*b*/c/*d//e\"]"),
	CASE("[\"\\\\a\"]"), CASE("[\"\\\\n\"]"), CASE("[\"\\u0012\"]"),
	CASE("[\"\\uFFFF\"]"), CASE("[\"asd\"]"), CASE("[ \"asd\"]"),
	CASE("[\"\\uDBFF\\uDFFF\"]"), CASE("[\"new\\u00A0line\"]"),
	CASE("[\"\xf4\x8f\xbf\xbf\"]"), CASE("[\"\xef\xbf\xbf\"]"),
	CASE("[\"\\u002c\"]"), CASE("[\"\xcf\x80\"]"),
	CASE("[\"\xf0\x9b\xbf\xbf\"]"), CASE("[\"asd \"]"), CASE("\" \""),
	CASE("[\"\\uD834\\uDd1e\"]"), CASE("[\"\\u0821\"]"),
	CASE("[\"\\u0123\"]"), CASE("[\"\xe2\x80\xa8\"]"),
	CASE("[\"\xe2\x80\xa9\"]"), CASE("[\"\\u0061\\u30af\\u30EA\\u30b9\"]"),
	CASE("[\"new\\u000Aline\"]"), CASE("[\"\x7f\"]"),
	CASE("[\"\\uA66D\"]"), CASE("[\"\xe2\x8d\x82\xe3\x88\xb4\"]"),
	CASE("[\"\\u005C\"]"), CASE("[\"\\u0022\"]"), CASE("[\"\\u200B\"]"),
	CASE("[\"\\uDBFF\\uDFFE\"]"), CASE("[\"\\uFDD0\"]"),
	CASE("[\"\\uFFFE\"]"), CASE("[\"\xe2\x82\xac\xf0\x9d\x84\x9e\"]"),
	CASE("[\"a\x7f" "a\"]"),
	/* the whole text */
	CASE("false"), CASE("42"), CASE("-0.1"), CASE("null"),
	CASE("\"asd\""), CASE("true"), CASE("\"\""), CASE("[\"a\"]\n"),
	CASE("[true]"), CASE(" [] "), CASE("\t\r\n{}\t\r\n"),
};

/* RFC 8259 does not have these. */
static const struct json_case refused[] = {
	/* arrays */
	CASE("[1 true]"), CASE("[a\xe5]"), CASE("[\"\": 1]"), CASE("[\"\"],"),
	CASE("[,1]"), CASE("[1,,2]"), CASE("[\"x\",,]"), CASE("[\"x\"]]"),
	CASE("[\"\",]"), CASE("[\"x\""), CASE("[x"), CASE("[3[4]]"),
	CASE("[\xff]"), CASE("[1:2]"), CASE("[,]"), CASE("[-]"),
	CASE("[   , \"\"]"), CASE("[\"a\",\n4\n,1,"), CASE("[1,]"),
	CASE("[1,,]"), CASE("[\"\va\"\\f]"), CASE("[*]"), CASE("[\"\""),
	CASE("[1,"), CASE("[1,\n1\n,1"), CASE("[{}"), CASE("[fals]"),
	CASE("[nul]"), CASE("[tru]"), CASE("[nulll]"), CASE("[truefalse]"),
	/* numbers */
	CASE("123\0"), CASE("[++1234]"), CASE("[+1]"), CASE("[+Inf]"),
	CASE("[-01]"), CASE("[-1.0.]"), CASE("[-2.]"), CASE("[-NaN]"),
	CASE("[.-1]"), CASE("[.2e-3]"), CASE("[0.1.2]"), CASE("[0.3e+]"),
	CASE("[0.3e]"), CASE("[0.e1]"), CASE("[0E]"), CASE("[0E+]"),
	CASE("[0e]"), CASE("[0e+]"), CASE("[1.0e+]"), CASE("[1.0e-]"),
	CASE("[1.0e]"), CASE("[1 000.0]"), CASE("[1eE2]"), CASE("[2.e+3]"),
	CASE("[2.e-3]"), CASE("[2.e3]"), CASE("[9.e+]"), CASE("[Inf]"),
	CASE("[NaN]"), CASE("[\xef\xbc\x91]"), CASE("[1+2]"), CASE("[0x1]"),
	CASE("[0x42]"), CASE("[Infinity]"), CASE("[0e+-1]"),
	CASE("[-123.123foo]"), CASE("[123\xe5]"), CASE("[1e1\xe5]"),
	CASE("[0\xe5]\n"), CASE("[-Infinity]"), CASE("[-foo]"),
	CASE("[- 1]"), CASE("[-012]"), CASE("[-.123]"), CASE("[-1x]"),
	CASE("[1ea]"), CASE("[1e\xe5]"), CASE("[1.]"), CASE("[.123]"),
	CASE("[1.2a-3]"), CASE("[1.8011670033376514H-308]"), CASE("[012]"),
	CASE("[12abc]"), CASE("[1_000]"), CASE("[00]"), CASE("-"),
	CASE("[0b1]"), CASE("[0o7]"), CASE("[1f]"), CASE("[nan]"),
	/* objects */
	CASE("[\"x\", truth]"), CASE("{[: \"x\"}\n"), CASE("{\"x\", null}"),
	CASE("{\"x\"::\"b\"}"), CASE("{\xf0\x9f\x87\xa8\xf0\x9f\x87\xad}"),
	CASE("{\"a\":\"a\" 123}"), CASE("{key: 'value'}"),
	CASE("{\"\xb9\":\"0\",}"), CASE("{\"a\" b}"), CASE("{:\"b\"}"),
	CASE("{\"a\" \"b\"}"), CASE("{\"a\":"), CASE("{\"a\""),
	CASE("{1:1}"), CASE("{9999E9999:1}"), CASE("{null:null,null:null}"),
	CASE("{\"id\":0,,,,,}"), CASE("{'a':0}"), CASE("{\"id\":0,}"),
	CASE("{\"a\":\"b\"}/**/"), CASE("{\"a\":\"b\"}/**//"),
	CASE("{\"a\":\"b\"}//"), CASE("{\"a\":\"b\"}/"),
	CASE("{\"a\":\"b\",,\"c\":\"d\"}"), CASE("{a: \"b\"}"),
	CASE("{\"a\":\"a"), CASE("{ \"foo\" : \"bar\", \"a\" }"),
	CASE("{\"a\":\"b\"}#"), CASE("{,\"a\":1}"), CASE("{\"a\":1]"),
	CASE("[1}"),
	/* strings */
	CASE("[\"\\uD800\\\"]"), CASE("[\"\\uD800\\u\"]"),
	CASE("[\"\\uD800\\u1\"]"), CASE("[\"\\uD800\\u1x\"]"),
	CASE("[\xc3\xa9]"), CASE("[\"\\\0\"]"), CASE("[\"\\x00\"]"),
	CASE("[\"\\\\\\\"]"), CASE("[\"\\\t\"]"),
	CASE("[\"\\\xf0\x9f\x8c\x80\"]"), CASE("[\"\\\"]"),
	CASE("[\"\\u00A\"]"), CASE("[\"\\uD834\\uDd\"]"),
	CASE("[\"\\uD800\\uD800\\x\"]"), CASE("[\"\\u\xe5\"]"),
	CASE("[\"\\a\"]"), CASE("[\"\\uqqqq\"]"), CASE("[\"\\\xe5\"]"),
	CASE("[\\u0020\"asd\"]"), CASE("[\\n]"), CASE("\""),
	CASE("['single quote']"), CASE("abc"), CASE("[\"\\"),
	CASE("[\"a\0a\"]"), CASE("[\"new\nline\"]"), CASE("[\"\t\"]"),
	CASE("\"\\UA66D\""), CASE("\"\"x"), CASE("[\"\\u123"),
	CASE("[\"\x1f\"]"), CASE("[\"\\'\"]"), CASE("[\"\\0\"]"),
	/* UTF-8: cut off, overlong, surrogates, beyond U+10FFFF, lone bytes */
	CASE("[\"\xe0\xff\"]"), CASE("[\"\xfc\x80\x80\x80\x80\x80\"]"),
	CASE("[\"\xfc\x83\xbf\xbf\xbf\xbf\"]"), CASE("[\"\xc0\xaf\"]"),
	CASE("[\"\xf4\xbf\xbf\xbf\"]"), CASE("[\"\xed\xa0\x80\"]"),
	CASE("[\"\x81\"]"), CASE("[\"\xe9\"]"), CASE("[\"\xff\"]"),
	CASE("[\"\xe6\x97\xa5\xd1\x88\xfa\"]"), CASE("[\"\xc3"),
	CASE("[\"\xe2\x82\"]"), CASE("{\"\xc0\x80\":1}"),
	CASE("[\0\"\0\xe9\0\"\0]\0"), CASE("\xff\xfe[\0\"\0\xe9\0\"\0]\0"),
	CASE("\xef\xbb\xbf{}"), CASE("\xef\xbb\xbf"), CASE("\xef\xbb{}"),
	/* escapes: half pairs and NULs */
	CASE("[\"\\uDADA\"]"), CASE("[\"\\uD888\\u1234\"]"),
	CASE("[\"\\uD800\\n\"]"), CASE("[\"\\uDd1ea\"]"),
	CASE("[\"\\uD800\\uD800\\n\"]"), CASE("[\"\\ud800\"]"),
	CASE("[\"\\ud800abc\"]"), CASE("[\"\\uDd1e\\uD834\"]"),
	CASE("[\"\\uDFAA\"]"), CASE("[\"\\u0000\"]"),
	CASE("{\"foo\\u0000bar\": 42}"),
	/* names given twice */
	CASE("{\"a\":\"b\",\"a\":\"c\"}"), CASE("{\"a\":\"b\",\"a\":\"b\"}"),
	CASE("{\"a\":1,\"\\u0061\":2}"), CASE("{\"\":1,\"\":1}"),
	CASE("{\"x\":{\"y\":1,\"z\":2,\"y\":3}}"),
	/* numbers that would be clamped */
	CASE("[9223372036854775808]"), CASE("[-9223372036854775809]"),
	CASE("[100000000000000000000]"), CASE("[123123e100000]"),
	CASE("[-1e+9999]"), CASE("[1.5e+9999]"), CASE("[1e400]"),
	/* the whole text */
	CASE("<.>"), CASE("[<null>]"), CASE("[1]x"), CASE("[1]]"),
	CASE("[\"asd]"), CASE("a\xc3\xa5"), CASE("[True]"), CASE("1]"),
	CASE("{\"x\": true,"), CASE("[][]"), CASE("]"), CASE("}"),
	CASE("\xe5"), CASE("["), CASE(""), CASE(" "), CASE("[\0]"),
	CASE("2@"), CASE("{}}"), CASE("{\"\":"),
	CASE("{\"a\":/*comment*/\"b\"}"), CASE("{\"a\": true} \"x\""),
	CASE("['"), CASE("[,"), CASE("[{"), CASE("[\"a"), CASE("[\"a\""),
	CASE("{"), CASE("{]"), CASE("{,"), CASE("{["), CASE("{\"a"),
	CASE("{'a'"), CASE("[\"\\{[\"\\{[\"\\{[\"\\{"), CASE("\xe9"),
	CASE("*"), CASE("{\"a\":\"b\"}#{}"), CASE("[\xe2\x81\xa0]"),
	CASE("[\\u000A\"\"]"), CASE("[1"), CASE("[ false, nul"),
	CASE("[ true, fals"), CASE("[ false, tru"), CASE("{\"asd\":\"asd\""),
	CASE("\xc3\xa5"), CASE("\xe2\x81\xa0"), CASE("[\f]"),
	CASE("{} {}"), CASE("nul"), CASE("true false"), CASE("[]\0"),
	CASE("// x\n[]"), CASE("# x\n[]"), CASE("[] // x"), CASE("undefined"),
	CASE("\xc2\xa0[]"), CASE("\v[]"),
};

/* clang-format on */

#undef CASE

#endif

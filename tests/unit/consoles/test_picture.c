/*
 * Pictures of screens: PNG there and back, broken and oversized PNG, comparing,
 * searching, shrinking, writing, and the sheet.
 */
#include "client/consoles/picture.h"

#include <stdarg.h>
#include <stdlib.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "client/consoles/sheet.h"

#define WHITE 0xffffffu

static void make(struct picture *p, unsigned width, unsigned height)
{
	assert_int_equal(picture_new(p, width, height, NULL), 0);
}

static void fill(struct picture *p, unsigned x, unsigned y, unsigned width,
		 unsigned height, uint32_t colour)
{
	picture_fill(p, &(struct picture_region){x, y, width, height}, colour);
}

static uint32_t at(const struct picture *p, size_t x, size_t y)
{
	const uint8_t *rgb = p->rgb + (y * p->width + x) * 3;

	return (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
}

static void noise(struct picture *p)
{
	uint32_t state = 1;

	for (size_t i = 0; i < (size_t)p->width * p->height * 3; i++) {
		state = state * 1664525 + 1013904223;
		p->rgb[i] = (uint8_t)(state >> 24);
	}
}

/* -- PNG --------------------------------------------------------------------- */

static void test_png(void **state)
{
	autopicture p = {0}, q = {0};
	autobuf png = {0};

	make(&p, 67, 31);
	noise(&p);
	assert_int_equal(picture_encode(&p, &png, NULL), 0);
	assert_int_equal(picture_decode(buf_bytes(&png), png.len, &q, NULL), 0);
	assert_int_equal(q.width, 67);
	assert_int_equal(q.height, 31);
	assert_memory_equal(p.rgb, q.rgb, 67 * 31 * 3);
}

/* Cut at every byte, and with every byte of its head damaged: never a crash. */
static void test_broken_png(void **state)
{
	autopicture p = {0};
	autobuf png = {0};

	make(&p, 8, 8);
	noise(&p);
	assert_int_equal(picture_encode(&p, &png, NULL), 0);
	for (size_t n = 0; n < png.len - 16; n++) {
		autofree uint8_t *copy = malloc(n + 1);
		autopicture q = {0};
		autoerror err = {0};

		memcpy(copy, buf_bytes(&png), n);
		assert_int_equal(picture_decode(copy, n, &q, &err), -1);
		assert_int_equal(err.code, ERROR_FAILED);
		assert_null(q.rgb);
	}
	for (size_t i = 0; i < png.len; i++) {
		autopicture q = {0};

		buf_bytes(&png)[i] ^= 0x55;
		picture_decode(buf_bytes(&png), png.len, &q, NULL);
		buf_bytes(&png)[i] ^= 0x55;
	}
}

/* A head that promises 16384 x 16384 pixels gets no memory for them. */
static void test_oversized_png(void **state)
{
	static const uint8_t head[] = {
		0x89, 'P',
		'N',  'G',
		'\r', '\n',
		0x1a, '\n',
		0,    0,
		0,    13,
		'I',  'H',
		'D',  'R',
		0,    0,
		0x40, 0,
		0,    0,
		0x40, 0,
		8,    2,
		0,    0,
		0,    0x26,
		0xaa, 0x87,
		0xd3, /* an empty IDAT */ 0x00,
		0x00, 0x00,
		0x00, 0x49,
		0x44, 0x41,
		0x54, 0x35,
		0xaf, 0x06,
		0x1e,
	};
	autopicture q = {0};
	autoerror err = {0};

	assert_int_equal(picture_decode(head, sizeof(head), &q, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
	assert_null(q.rgb);
	error_clear(&err);
	assert_int_equal(
		picture_new(&q, PICTURE_SIDE_MAX, PICTURE_SIDE_MAX, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
	assert_int_equal(picture_new(&q, 0, 1, NULL), -1);
	assert_int_equal(picture_new(&q, PICTURE_SIDE_MAX + 1, 1, NULL), -1);
}

/* -- comparing --------------------------------------------------------------- */

static void test_has(void **state)
{
	static const struct {
		struct picture_region region;
		bool has;
	} all[] = {
		{{0, 0, 10, 5}, true},   {{9, 4, 1, 1}, true},
		{{0, 0, 11, 5}, false},  {{10, 0, 1, 1}, false},
		{{0, 5, 1, 1}, false},   {{0, 0, 0, 1}, false},
		{{5, 0, ~0u, 1}, false}, {{0, 0, 1, 0}, false},
		{{~0u, 0, 2, 1}, false},
	};
	const struct picture p = {10, 5, NULL};

	for (size_t i = 0; i < array_size(all); i++)
		assert_int_equal(picture_has(&p, &all[i].region), all[i].has);
}

static void test_differing(void **state)
{
	const struct picture_region region = {10, 10, 20, 10};
	autopicture p = {0}, q = {0};

	make(&p, 50, 40);
	make(&q, 50, 40);
	assert_int_equal(picture_differing(&p, &region, &q, 10, 10), 0);
	fill(&q, 0, 0, 50, 10, WHITE); /* above the region */
	assert_int_equal(picture_differing(&p, &region, &q, 10, 10), 0);
	assert_int_equal(picture_differing(&p, &region, &q, 10, 9), 20);
	fill(&q, 12, 12, 3, 2, PICTURE_SLACK << 8);
	assert_int_equal(picture_differing(&p, &region, &q, 10, 10), 0);
	fill(&q, 12, 12, 3, 2, (PICTURE_SLACK + 1) << 8);
	assert_int_equal(picture_differing(&p, &region, &q, 10, 10), 6);
}

static void test_find(void **state)
{
	struct picture_region whole = {0, 0, 200, 100}, found;
	autopicture p = {0}, needle = {0};

	make(&p, 200, 100);
	make(&needle, 12, 8);
	fill(&needle, 3, 2, 5, 3, WHITE);
	assert_false(picture_find(&p, &whole, &needle, 0, &found));
	/* Only missing pixels of the letters; so it lies nearly anywhere. */
	assert_true(picture_find(&p, &whole, &needle, 15, &found));
	assert_int_equal(found.x + found.y, 0);
	picture_put(&p, 188, 92, &needle);
	assert_true(picture_find(&p, &whole, &needle, 0, &found));
	assert_int_equal(found.x, 188);
	assert_int_equal(found.y, 92);
	assert_int_equal(found.width, 12);
	whole.width--;
	assert_false(picture_find(&p, &whole, &needle, 0, &found));
	whole.width++;
	fill(&p, 192, 95, 1, 1, 0);
	assert_false(picture_find(&p, &whole, &needle, 0, &found));
	assert_true(picture_find(&p, &whole, &needle, 1, &found));
	assert_int_equal(found.x, 188);
	assert_false(picture_find(&needle, &whole, &p, 0, &found));
}

/* -- drawing ----------------------------------------------------------------- */

static void test_shrink(void **state)
{
	autopicture p = {0}, q = {0}, same = {0};

	/* Stripes of one pixel become their mean. */
	make(&p, 400, 200);
	for (unsigned x = 0; x < 400; x += 2)
		fill(&p, x, 0, 1, 200, WHITE);
	assert_int_equal(picture_shrink(&p, 100, 100, &q, NULL), 0);
	assert_int_equal(q.width, 100);
	assert_int_equal(q.height, 50);
	for (unsigned x = 0; x < 100; x++)
		assert_int_equal(at(&q, x, 20), 0x808080);
	assert_int_equal(picture_shrink(&p, 400, 200, &same, NULL), 0);
	assert_memory_equal(same.rgb, p.rgb, 400 * 200 * 3);
	picture_clear(&q);
	picture_clear(&p);
	/* Whatever is thin stays a pixel. */
	make(&p, 1000, 2);
	assert_int_equal(picture_shrink(&p, 10, 10, &q, NULL), 0);
	assert_int_equal(q.width, 10);
	assert_int_equal(q.height, 1);
}

/* 5 to 3: each target pixel covers 1 2/3 of the source's. */
static void test_shrink_weighs_areas(void **state)
{
	autopicture p = {0}, q = {0};

	make(&p, 5, 1);
	fill(&p, 1, 0, 1, 1, WHITE);
	assert_int_equal(picture_shrink(&p, 3, 1, &q, NULL), 0);
	assert_in_range(at(&q, 0, 0) & 0xff, 100, 103); /* 0.4 */
	assert_in_range(at(&q, 1, 0) & 0xff, 50, 52);   /* 0.2 */
	assert_int_equal(at(&q, 2, 0), 0);
}

static size_t ink(const struct picture *p)
{
	size_t n = 0;

	for (size_t i = 0; i < (size_t)p->width * p->height * 3; i += 3)
		n += p->rgb[i] != 0;
	return n;
}

static void test_write(void **state)
{
	autopicture p = {0};
	size_t dots;

	make(&p, 120, 20);
	picture_write(&p, 0, 0, 120, 1, WHITE, "-");
	assert_int_equal(ink(&p), 5);
	picture_write(&p, 10, 0, 110, 2, WHITE, "-");
	assert_int_equal(ink(&p), 5 + 5 * 4);
	fill(&p, 0, 0, 120, 20, 0);
	/* Too long: two dots of four pixels each at the end. */
	picture_write(&p, 0, 0, 30, 1, WHITE, "-------");
	assert_int_equal(ink(&p), 3 * 5 + 2 * 4);
	fill(&p, 0, 0, 120, 20, 0);
	/* A character that has no letter here, and a byte that is none: boxes. */
	picture_write(&p, 0, 0, 120, 1, WHITE, "\xc3\xa9");
	dots = ink(&p);
	assert_int_equal(dots, 5 + 5 + 5 * 2);
	picture_write(&p, 12, 0, 100, 1, WHITE, "\xff");
	assert_int_equal(ink(&p), 2 * dots);
	/* Beyond the edges nothing is drawn, and nothing breaks. */
	picture_write(&p, 118, 17, 100, 3, WHITE, "MMMM");
	picture_write(&p, 500, 500, 100, 3, WHITE, "MMMM");
}

static void test_sheet(void **state)
{
	autoptr(sheet) sheet = NULL;
	autopicture screen = {0};
	const struct picture *p;

	make(&screen, 640, 480);
	fill(&screen, 0, 0, 640, 480, 0x00ff00);
	assert_int_equal(sheet_new(&sheet, 3, NULL), 0);
	assert_int_equal(sheet_add(sheet, "one", &screen, NULL), 0);
	sheet_add_blank(sheet, "two",
			"a long reason that will need more than one line "
			"since it has so many words in it, and one more");
	assert_int_equal(sheet_add(sheet, "a-very-long-name-of-a-domain-three",
				   &screen, NULL),
			 0);
	p = sheet_picture(sheet);
	assert_int_equal(p->width, 2 * (SHEET_WIDTH + 12) + 12);
	assert_int_equal(at(p, 12, 12), 0x00ff00);
	assert_int_equal(at(p, 12 + SHEET_WIDTH - 1, 12 + SHEET_HEIGHT - 1),
			 0x00ff00);
	assert_int_not_equal(at(p, 12 + SHEET_WIDTH + 12, 12), 0x00ff00);
	assert_int_equal(at(p, 12, 12 + SHEET_HEIGHT + 40), 0x00ff00);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_png),
		cmocka_unit_test(test_broken_png),
		cmocka_unit_test(test_oversized_png),
		cmocka_unit_test(test_has),
		cmocka_unit_test(test_differing),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_shrink),
		cmocka_unit_test(test_shrink_weighs_areas),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_sheet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Lists of domains by reference: order, look-up, and who may write. */
#include "daemon/test_virt_support.h"

#include "daemon/virt/rows.h"

static void add(struct rows *rows, const char *name, const char *title)
{
	struct virt_domain row = {.name = strdup(name),
				  .title = title ? strdup(title) : NULL};

	snprintf(row.uuid, sizeof(row.uuid), "uuid-of-%s", name);
	assert_int_equal(rows_add(rows, &row), 0);
	assert_null(row.name);
}

static struct rows *three(void)
{
	struct rows *rows = rows_new(1);

	add(rows, "b", NULL);
	add(rows, "c", "the third");
	add(rows, "a", NULL);
	rows_sort(rows);
	rows->as_of_us = 7;
	return rows;
}

static void they_are_sorted_and_found(void **state)
{
	autoptr(rows) rows = three();

	assert_int_equal(rows->count, 3);
	assert_string_equal(rows->list[0].name, "a");
	assert_string_equal(rows->list[2].name, "c");
	assert_ptr_equal(rows_find(rows, "uuid-of-b"), &rows->list[1]);
	assert_null(rows_find(rows, "uuid-of-d"));
	rows_remove(rows, &rows->list[1]);
	assert_int_equal(rows->count, 2);
	assert_string_equal(rows->list[1].title, "the third");
	assert_null(rows_find(rows, "uuid-of-b"));
}

static void an_only_holder_writes_in_place(void **state)
{
	autoptr(rows) rows = three();
	struct rows *same = rows;

	rows = rows_own(rows);
	assert_ptr_equal(rows, same);
}

static void what_others_hold_is_copied(void **state)
{
	autoptr(rows) held = three();
	autoptr(rows) mine = rows_own(rows_ref(held));

	assert_ptr_not_equal(mine, held);
	assert_int_equal(mine->as_of_us, 7);
	rows_remove(mine, &mine->list[0]);
	assert_string_equal(mine->list[1].title, "the third");
	assert_int_equal(held->count, 3);
	assert_string_equal(held->list[0].name, "a");
}

static void none_is_a_list_as_well(void **state)
{
	autoptr(rows) rows = rows_new(0);

	rows_sort(rows);
	assert_null(rows_find(rows, "uuid"));
	add(rows, "a", NULL);
	assert_int_equal(rows->count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_sorted_and_found),
		cmocka_unit_test(an_only_holder_writes_in_place),
		cmocka_unit_test(what_others_hold_is_copied),
		cmocka_unit_test(none_is_a_list_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

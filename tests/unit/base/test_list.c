/* test_list.c: the intrusive list. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/list.h"

struct item {
	char name;
	struct list_node node;
};

static void assert_order(const struct list *list, const char *names)
{
	list_for_each(node, list)
		assert_int_equal(container_of(node, struct item, node)->name, *names++);
	assert_int_equal(*names, '\0');
}

static void nodes_come_off_in_the_order_they_went_on(void **state)
{
	(void)state;
	struct item a = {.name = 'a'}, b = {.name = 'b'};
	struct list list;
	list_init(&list);
	assert_true(list_is_empty(&list));
	assert_null(list_pop(&list));
	list_push(&list, &a.node);
	list_push(&list, &b.node);
	assert_order(&list, "ab");
	assert_ptr_equal(list_pop(&list), &a.node);
	assert_ptr_equal(list_pop(&list), &b.node);
	assert_true(list_is_empty(&list));
}

static void a_node_can_leave_from_the_middle(void **state)
{
	(void)state;
	struct item items[3] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}};
	struct list list;
	list_init(&list);
	for (int i = 0; i < 3; i++)
		list_push(&list, &items[i].node);
	list_remove(&items[1].node);
	assert_order(&list, "ac");
	list_push(&list, &items[1].node);
	assert_order(&list, "acb");
}

static void splicing_moves_everything_behind(void **state)
{
	(void)state;
	struct item items[4] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}, {.name = 'd'}};
	struct list to, from;
	list_init(&to);
	list_init(&from);
	list_splice(&to, &from);
	assert_true(list_is_empty(&to));
	for (int i = 0; i < 4; i++)
		list_push(i < 2 ? &to : &from, &items[i].node);
	list_splice(&to, &from);
	assert_order(&to, "abcd");
	assert_true(list_is_empty(&from));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_come_off_in_the_order_they_went_on),
		cmocka_unit_test(a_node_can_leave_from_the_middle),
		cmocka_unit_test(splicing_moves_everything_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* list.h: an intrusive doubly linked list. A head is a node linked to itself; a node is on one list at most. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list_node {
	struct list_node *next;
	struct list_node *previous;
};

struct list {
	struct list_node head;
};

/* The structure that holds `member`. */
#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))
/* `node` must not be removed from the list in the body; list_pop is for that. */
#define list_for_each(node, list) for (struct list_node *node = (list)->head.next; node != &(list)->head; node = node->next)

static inline void list_init(struct list *list)
{
	list->head.next = &list->head;
	list->head.previous = &list->head;
}

static inline bool list_is_empty(const struct list *list)
{
	return list->head.next == &list->head;
}

static inline void list_push(struct list *list, struct list_node *node)
{
	node->previous = list->head.previous;
	node->next = &list->head;
	list->head.previous->next = node;
	list->head.previous = node;
}

static inline void list_remove(struct list_node *node)
{
	node->previous->next = node->next;
	node->next->previous = node->previous;
	node->next = NULL;
	node->previous = NULL;
}

/* The first node, taken off; NULL when empty. */
static inline struct list_node *list_pop(struct list *list)
{
	if (list_is_empty(list))
		return NULL;
	struct list_node *node = list->head.next;
	list_remove(node);
	return node;
}

/* Moves all of `from` behind the nodes of `to`; `from` is empty after. */
static inline void list_splice(struct list *to, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->head.next->previous = to->head.previous;
	from->head.previous->next = &to->head;
	to->head.previous->next = from->head.next;
	to->head.previous = from->head.previous;
	list_init(from);
}

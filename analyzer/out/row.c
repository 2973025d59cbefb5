/* Rows as data: columns by name, copies. */
#include "analyzer/out/row.h"

#include <string.h>

size_t table_columns(const struct table *t)
{
	size_t n = 0;
	while (t->columns[n].key)
		n++;
	return n;
}

bool table_find(const struct table *t, const char *key, size_t *ret)
{
	for (size_t i = 0; t->columns[i].key; i++)
		if (!strcmp(t->columns[i].key, key)) {
			*ret = i;
			return true;
		}
	return false;
}

bool table_object(const struct table *t, size_t *ret)
{
	for (size_t i = 0; t->columns[i].key; i++)
		if (t->columns[i].object) {
			*ret = i;
			return true;
		}
	return false;
}

static const struct fault *fault_copy(struct arena *a, const struct fault *f)
{
	struct fault *copy = arena_alloc(a, sizeof(*copy));
	*copy = *f; /* .name is a constant */
	copy->text = arena_strdup(a, f->text);
	copy->msg = arena_strdup(a, f->msg);
	copy->next = NULL;
	return copy;
}

/* Nested as deep as the tables are declared, which no dump decides. */
static struct row_list *list_copy(
	struct arena *a, const struct row_list *list, struct row_list *parent)
{
	struct row_list *copy = arena_alloc(a, sizeof(*copy));
	*copy = (struct row_list){ .table = list->table, .parent = parent };
	for (const struct row *row = list->first; row; row = row->next) {
		struct row *r = row_copy(a, list->table, row);
		if (copy->last)
			copy->last->next = r;
		else
			copy->first = r;
		copy->last = r;
	}
	return copy;
}

static void cell_copy(struct arena *a, const struct cell *from, struct cell *to)
{
	*to = *from;
	if (from->kind == CELL_FAULT) {
		to->fault = fault_copy(a, from->fault);
	} else if (from->kind == CELL_LIST) {
		to->list = list_copy(a, from->list, NULL);
	} else if (from->kind == CELL_STR || from->kind == CELL_BLOCK) {
		char *s = arena_alloc(a, from->n + 1);
		memcpy(s, from->s, from->n);
		to->s = s;
	}
}

struct row *row_copy(struct arena *a, const struct table *t, const struct row *row)
{
	size_t n = table_columns(t);
	struct row *copy = arena_alloc(a, sizeof(*copy) + n * sizeof(copy->cell[0]));
	copy->next = NULL;
	for (size_t i = 0; i < n; i++)
		cell_copy(a, &row->cell[i], &copy->cell[i]);
	return copy;
}

/* Cells as values of expressions. */
#include "analyzer/shell/row_names.h"

#include <string.h>

#include "analyzer/base/scope.h"

enum { NS_PER_SECOND = 1000000000, TEXT_MAX = 256 };

bool row_object(
	const struct table *t, const struct row *row, uint64_t *ret_va, const char **ret_type)
{
	size_t i;
	if (!table_object(t, &i))
		return false;
	const struct cell *cell = &row->cell[i];
	if (cell->kind != CELL_ADDR && cell->kind != CELL_HEX)
		return false;
	*ret_va = cell->u;
	if (ret_type)
		*ret_type = t->columns[i].object;
	return true;
}

/* The type of the rows' objects, found once a table. Unknown to the dump's types: no members then.
 */
static void bind_object(struct row_names *n)
{
	if (n->bound == n->table)
		return;
	n->bound = n->table;
	n->object = NULL;
	if (!table_object(n->table, &n->object_column) || !n->env.types)
		return;
	struct err *e =
		expr_parse_type(&n->env, n->table->columns[n->object_column].object, &n->object);
	if (e)
		n->object = NULL;
	err_drop(e); /* the columns serve without it */
}

/* An address as a pointer to the object, where the types know it. */
static struct err *address_value(
	const struct row_names *n, const struct column *column, uint64_t va, struct value *ret)
{
	if (!column->object || !n->object)
		return value_of_number(&n->env, "unsigned long", va, ret);
	scoped_strbuf struct strbuf pointer = { 0 };
	strbuf_addf(&pointer, "%s *", column->object);
	return value_of_number(&n->env, strbuf_text(&pointer), va, ret);
}

static struct err *cell_value(const struct row_names *n, const struct column *column,
	const struct cell *cell, struct value *ret)
{
	switch (cell->kind) {
	case CELL_UINT:
	case CELL_BYTES:
	case CELL_HEX:
		return value_of_number(&n->env, "unsigned long long", cell->u, ret);
	case CELL_ADDR:
		return address_value(n, column, cell->u, ret);
	case CELL_SECONDS:
		return value_of_number(&n->env, "unsigned long long", cell->u / NS_PER_SECOND, ret);
	case CELL_INT:
		return value_of_number(&n->env, "long long", (uint64_t)cell->i, ret);
	case CELL_BOOL:
		return value_of_number(&n->env, "int", cell->b, ret);
	case CELL_STR:
	case CELL_BLOCK:
		return value_of_text(&n->env, cell->s, cell->n, ret);
	case CELL_LIST:
		return err_new(ERR_USAGE, "%s is a list", column->key);
	case CELL_NONE:
	case CELL_FAULT:
		break;
	}
	return err_new(ERR_MISSING, "%s is not known", column->key);
}

static struct err *find_column(
	struct row_names *n, const char *name, struct value *ret, bool *ret_found)
{
	size_t i;
	if (!table_find(n->table, name, &i) || n->table->columns[i].text_only)
		return NULL;
	*ret_found = true;
	/* Before any row: of which kind the cells will be is not declared, and a text fits
	 * everywhere. */
	if (!n->row)
		return n->table->columns[i].object ? address_value(n, &n->table->columns[i], 0, ret)
						   : value_of_text(&n->env, "", 0, ret);
	struct err *e = cell_value(n, &n->table->columns[i], &n->row->cell[i], ret);
	n->absent |= e && e->code == ERR_MISSING;
	return e;
}

static struct err *find_member(
	struct row_names *n, const char *name, struct value *ret, bool *ret_found)
{
	struct field_ref ref;
	struct err *e = type_field(n->env.types, n->object, name, &ref);
	if (e && (e->code == ERR_NOT_FOUND || e->code == ERR_MISSING)) {
		err_drop(e); /* no member: then it may be a symbol */
		return NULL;
	}
	if (e)
		return e;
	uint64_t va = n->row ? n->row->cell[n->object_column].u : 0;
	*ret_found = true;
	*ret = (struct value){ .type = ref.type,
		.va = va + ref.bit_offset / 8,
		.bit_offset = ref.bit_size ? (uint32_t)(ref.bit_offset % 8) : 0,
		.bit_size = ref.bit_size };
	return NULL;
}

static struct err *find_it(struct row_names *n, struct value *ret)
{
	uint64_t va = 0;
	if (n->row && !row_object(n->table, n->row, &va, NULL)) {
		n->absent = true;
		return err_new(ERR_MISSING, "this row stands for no object");
	}
	return address_value(n, &n->table->columns[n->object_column], va, ret);
}

static struct err *find_name(void *cx, const char *name, struct value *ret, bool *ret_found)
{
	struct row_names *n = cx;
	uint64_t va;
	struct err *e = NULL;
	*ret_found = false;
	if (n->table) {
		bind_object(n);
		e = find_column(n, name, ret, ret_found);
		if (e || *ret_found)
			return e;
		bool is_it =
			!strcmp(name, "it") || (n->object_name && !strcmp(name, n->object_name));
		if (is_it && table_object(n->table, &n->object_column)) {
			*ret_found = true;
			return find_it(n, ret);
		}
		if (n->object && (!n->row || row_object(n->table, n->row, &va, NULL)))
			e = find_member(n, name, ret, ret_found);
		if (e || *ret_found)
			return e;
	}
	return n->outer ? n->outer->find(n->outer->cx, name, ret, ret_found) : NULL;
}

void row_names_init(struct row_names *ret, struct target *t, const struct table *rows)
{
	*ret = (struct row_names){ .env = t->debug, .outer = t->debug.names, .table = rows };
	ret->names = (struct expr_names){ .find = find_name, .cx = ret };
	ret->env.names = &ret->names;
}

void row_names_set(struct row_names *n, const struct table *t, const struct row *row)
{
	n->table = t;
	n->row = row;
	n->absent = false;
}

struct err *row_expr_parse(struct row_names *n, struct arena *a, const char *text,
	const struct expr **ret, size_t *ret_at)
{
	const struct expr *x;
	struct value v;
	struct err *e = expr_parse(&n->env, a, text, EXPR_C, &x, ret_at);
	/* Names that exist nowhere are worth a word before anything runs; types are not: of what
	 * kind a cell is, only a row tells. */
	if (!e && n->table && !n->row) {
		struct err *early = expr_eval_type(&n->env, x, &v, ret_at);
		if (early && early->code == ERR_NOT_FOUND)
			return early;
		err_drop(early); /* the row will tell */
	}
	if (!e)
		*ret = x;
	return e;
}

/* A char array or pointer that leads to a text. */
static bool is_text(const struct value *v)
{
	const struct type *t = type_strip(v->type);
	if (t->kind != TYPE_ARRAY && t->kind != TYPE_POINTER)
		return false;
	const struct type *c = type_strip(t->target);
	return c->kind == TYPE_INT && c->encoding == INT_CHAR && c->size == 1;
}

static struct err *read_text(
	struct row_names *n, const struct value *v, struct arena *a, struct row_value *ret)
{
	char buf[TEXT_MAX + 1] = "";
	uint64_t va = v->va;
	const struct type *t = type_strip(v->type);
	struct err *e = t->kind == TYPE_ARRAY ? NULL : value_number(&n->env, v, &va);
	if (e)
		return e;
	size_t most =
		t->kind == TYPE_ARRAY && t->count && t->count < TEXT_MAX ? t->count : TEXT_MAX;
	size_t have = 0;
	while (have < most &&
		vspace_try_read(n->env.vs, va + have, buf + have, 1, NULL) == FAULT_NONE &&
		buf[have])
		have++;
	*ret = (struct row_value){ .kind = ROW_TEXT, .text = arena_strndup(a, buf, have) };
	return NULL;
}

struct err *row_expr_value(
	struct row_names *n, const struct expr *x, struct arena *a, struct row_value *ret)
{
	struct value v;
	size_t at;
	n->absent = false;
	struct err *e = expr_eval(&n->env, x, &v, &at);
	if (e && n->absent) {
		err_drop(e); /* an empty cell */
		*ret = (struct row_value){ .kind = ROW_ABSENT };
		return NULL;
	}
	if (e)
		return e;
	if (v.text) {
		*ret = (struct row_value){ .kind = ROW_TEXT, .text = arena_strdup(a, v.text) };
		return NULL;
	}
	if (is_text(&v))
		return read_text(n, &v, a, ret);
	e = expr_load(&n->env, &v);
	uint64_t value = 0;
	if (!e)
		e = value_number(&n->env, &v, &value);
	if (e)
		return e;
	*ret = (struct row_value){ .number = value,
		.kind = type_strip(v.type)->is_signed ? ROW_SIGNED : ROW_UNSIGNED };
	return NULL;
}

struct err *row_expr_truth(struct row_names *n, const struct expr *x, bool *ret)
{
	struct value v;
	size_t at;
	n->absent = false;
	*ret = false;
	struct err *e = expr_eval(&n->env, x, &v, &at);
	if (!e)
		e = expr_truth(&n->env, &v, ret);
	if (e && n->absent) {
		err_drop(e); /* what is not known is not so */
		*ret = false;
		return NULL;
	}
	return e;
}

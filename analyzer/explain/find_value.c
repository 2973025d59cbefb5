/* Numbers that are no addresses: poisons, error pointers, text; and addresses where nothing is.
 * Asks what fault asks of a bad address. */
#include "analyzer/explain/explain_internal.h"
#include "analyzer/stack/bad_address.h"

#include <string.h>

/* What other finders say better. */
static bool is_elsewhere(const char *kind)
{
	static const char *const other[] = { "user", "mapped", "kasan-shadow", "wild" };
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		if (!strcmp(kind, other[i]))
			return true;
	return false;
}

static bool is_place(const char *kind)
{
	return !strcmp(kind, "hole") || !strcmp(kind, "module-hole") ||
	       !strcmp(kind, "stack-guard");
}

struct err *explain_find_value(struct explain_cx *cx)
{
	struct bad_address bad;
	bool known = false;
	if (cx->ask->physical || cx->has_pa)
		return NULL;
	for (unsigned i = 0; i < cx->out->n; i++)
		known |= cx->out->row[i].kind != EXPLAIN_UNKNOWN;
	struct err *err = bad_address_explain(cx->t, cx->ask->addr, NULL, cx->a, &bad);
	if (err)
		return explain_trouble(cx, "what a bad address is", err);
	for (unsigned i = 0; i < bad.n; i++) {
		const struct bad_address_row *b = &bad.row[i];
		bool place = is_place(b->kind);
		if (is_elsewhere(b->kind) || (known && place))
			continue;
		struct explain_row *r = explain_add(cx, place ? EXPLAIN_HOLE : EXPLAIN_VALUE,
			"%s%s%s", b->text, b->evidence ? "; " : "", b->evidence ? b->evidence : "");
		r->name = b->kind;
	}
	return NULL;
}

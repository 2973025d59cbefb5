/* Offers the names of each kind that a name could be; what is near is near.c's business. */
#include "analyzer/debug/suggest.h"

#include <ctype.h>
#include <string.h>

#include "analyzer/base/near.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/types_internal.h"

static bool wanted(const struct err *e)
{
	return e && e->code == ERR_NOT_FOUND;
}

static void offer_symbols(const struct symtab *syms, struct near_names *near)
{
	struct symbol s;
	for (size_t i = 0; syms && i < symtab_count(syms); i++) {
		symtab_get(syms, i, &s);
		near_offer(near, s.name);
	}
	for (size_t i = 0; syms && symtab_get_recovered(syms, i, &s); i++)
		near_offer(near, s.name);
}

struct err *suggest_symbol(const struct symtab *syms, const char *name, struct err *e)
{
	struct near_names near;
	if (!wanted(e))
		return e;
	near_init(&near, name);
	offer_symbols(syms, &near);
	return near_suggest(&near, e);
}

struct err *suggest_value(const struct debug_env *env, const char *name, struct err *e)
{
	struct near_names near;
	if (!wanted(e))
		return e;
	near_init(&near, name);
	offer_symbols(env->syms, &near);
	types_offer_names(env->types, TYPE_INT, &near);
	types_offer_names(env->types, TYPE_VOID, &near);
	return near_suggest(&near, e);
}

/* ---- types ----------------------------------------------- */

struct err *suggest_type(const struct debug_env *env, const char *text, struct err *e)
{
	static const struct {
		const char *word;
		enum type_kind kind;
	} tags[] = { { "struct", TYPE_STRUCT }, { "union", TYPE_UNION }, { "enum", TYPE_ENUM } };
	enum type_kind kind = TYPE_VOID;
	struct near_names near;
	if (!wanted(e))
		return e;
	text += strspn(text, " \t");
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		size_t n = strlen(tags[i].word);
		if (strncmp(text, tags[i].word, n) || !isspace((unsigned char)text[n]))
			continue;
		kind = tags[i].kind;
		text += n + strspn(text + n, " \t");
		break;
	}
	scoped_free char *name = xstrndup(text, strcspn(text, " \t*[("));
	near_init(&near, name);
	types_offer_names(env->types, kind, &near);
	return near_suggest(&near, e);
}

/* ---- members ----------------------------------------------- */

/* The named members of @t, those of anonymous ones included, as C has it. @budget ends what
 * contains itself. */
static void offer_members(
	struct types *db, const struct type *t, unsigned *budget, struct near_names *near)
{
	scoped_err struct err *e = type_complete(db, t);
	for (uint32_t i = 0; !e && i < t->nmembers && *budget; i++, --*budget) {
		const struct type *inner = type_strip(t->member[i].type);
		if (t->member[i].name)
			near_offer(near, t->member[i].name);
		else if (inner->kind == TYPE_STRUCT || inner->kind == TYPE_UNION)
			offer_members(db, inner, budget, near);
	}
}

/* The end of the first member's name and the indices behind it, from @path on. */
static size_t step_bytes(const char *path)
{
	size_t n = strcspn(path, ".");
	return n + (path[n] == '.');
}

struct err *suggest_member(struct types *db, const struct type *t, const char *path, struct err *e)
{
	enum { MAX_MEMBERS = 8192 };
	struct near_names near;
	unsigned budget = MAX_MEMBERS;
	if (!wanted(e))
		return e;
	scoped_free char *step = xstrdup(path);
	for (const char *p = path; *p;) {
		struct field_ref f;
		size_t n = step_bytes(p);
		memcpy(step, p, n);
		step[n] = '\0';
		step[strcspn(step, ".")] = '\0';
		scoped_err struct err *there = type_field(db, type_strip(t), step, &f);
		if (there) {
			step[strcspn(step, "[")] = '\0';
			break;
		}
		t = f.type;
		p += n;
	}
	t = type_strip(t);
	if (t->kind != TYPE_STRUCT && t->kind != TYPE_UNION)
		return e;
	near_init(&near, step);
	offer_members(db, t, &budget, &near);
	return near_suggest(&near, e);
}

/* What outlives an expression: the history of values, $ variables, and functions of higher layers.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/debug/expr_internal.h"

struct variable {
	const char *name;
	struct value value;
};

struct expr_state {
	struct arena arena; /* names and texts */
	VEC(struct value) history;
	VEC(struct variable) variables;
	VEC(struct expr_function) functions;
};

struct expr_state *expr_state_create(void)
{
	return xcalloc(1, sizeof(struct expr_state));
}

void expr_state_destroy(struct expr_state *s)
{
	if (!s)
		return;
	vec_deinit(&s->history);
	vec_deinit(&s->variables);
	vec_deinit(&s->functions);
	arena_deinit(&s->arena);
	free(s);
}

/* ---- functions ----------------------------------------------- */

void expr_state_add_function(struct expr_state *s, const struct expr_function *f)
{
	for (size_t i = 0; i < s->functions.n; i++)
		if (!strcmp(s->functions.v[i].name, f->name)) {
			s->functions.v[i] = *f;
			return;
		}
	vec_push(&s->functions, *f);
}

const struct expr_function *expr_state_function(const struct expr_state *s, const char *name)
{
	for (size_t i = 0; s && i < s->functions.n; i++)
		if (!strcmp(s->functions.v[i].name, name))
			return &s->functions.v[i];
	return NULL;
}

void expr_state_offer_functions(const struct expr_state *s, struct near_names *near)
{
	for (size_t i = 0; s && i < s->functions.n; i++)
		near_offer(near, s->functions.v[i].name);
}

/* ---- values ----------------------------------------------- */

/* The dump does not change, so a place in memory can be kept as a place; a literal's bytes cannot.
 */
static struct value keep(struct expr_state *s, const struct value *v)
{
	struct value kept = *v;
	if (v->text) {
		size_t n = type_strip(v->type)->count;
		char *text = arena_alloc(&s->arena, n);
		memcpy(text, v->text, n);
		kept.text = text;
	}
	return kept;
}

size_t expr_state_remember(struct expr_state *s, const struct value *v)
{
	struct value kept = keep(s, v);
	vec_push(&s->history, kept);
	return s->history.n;
}

static struct variable *find_variable(const struct expr_state *s, const char *name)
{
	for (size_t i = 0; s && i < s->variables.n; i++)
		if (!strcmp(s->variables.v[i].name, name))
			return &s->variables.v[i];
	return NULL;
}

void expr_state_set(struct expr_state *s, const char *name, const struct value *v)
{
	struct variable *old = find_variable(s, name);
	struct value kept = keep(s, v);
	if (old) {
		old->value = kept;
		return;
	}
	struct variable new = { arena_strdup(&s->arena, name), kept };
	vec_push(&s->variables, new);
}

static struct err *get_history(const struct expr_state *s, const char *name, struct value *ret)
{
	size_t n = s ? s->history.n : 0;
	bool back = !*name || *name == '$';
	const char *digits = *name == '$' ? name + 1 : name;
	uint64_t i = *name == '$' ? 1 : 0;
	char *end = (char *)digits;
	if (*digits)
		i = strtoull(digits, &end, 10);
	if (*end)
		return err_new(
			ERR_USAGE, "$%s is neither a number in the history nor a name", name);
	if (back && i < n)
		i = n - i;
	else if (back)
		i = 0;
	if (!i || i > n)
		return err_new(ERR_NOT_FOUND, "$%s: the history has %zu value%s", name, n,
			n == 1 ? "" : "s");
	*ret = s->history.v[i - 1];
	return NULL;
}

struct err *expr_state_get(const struct expr_state *s, const char *name, struct value *ret)
{
	if (!*name || *name == '$' || isdigit((unsigned char)*name))
		return get_history(s, name, ret);
	const struct variable *v = find_variable(s, name);
	if (!v)
		return err_new(ERR_NOT_FOUND, "$%s was not set", name);
	*ret = v->value;
	return NULL;
}

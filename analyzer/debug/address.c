/* Parses addresses: plain words first, expressions when they are none. */
#include "analyzer/debug/address.h"

#include <string.h>

#include "analyzer/base/number.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/expr.h"
#include "analyzer/debug/suggest.h"

static bool parse_base(const struct debug_env *env, const char *text, uint64_t *ret)
{
	struct symbol sym;
	if (symtab_find(env->syms, text, &sym)) {
		*ret = sym.va;
		return true;
	}
	return number_parse_hex(text, ret);
}

static struct err *parse_expression(const struct debug_env *env, const char *text, uint64_t *ret)
{
	struct value v;
	struct err *e = value_parse(env, text, &v);
	return e ? e : value_address(env, &v, ret);
}

static struct err *no_address(const struct debug_env *env, const char *word)
{
	struct err *e = suggest_symbol(env->syms, word,
		err_new(ERR_NOT_FOUND, "%s: neither a symbol nor a hexadecimal address", word));
	e->code = ERR_USAGE;
	return e;
}

/* Whether @word is one of env->names, which come before symbols. */
static bool is_named(const struct debug_env *env, const char *word)
{
	struct value v;
	bool found = false;
	if (!env->names || !*word)
		return false;
	scoped_err struct err *e = env->names->find(env->names->cx, word, &v, &found);
	return found;
}

struct err *address_parse(const struct debug_env *env, const char *text, uint64_t *ret)
{
	size_t n = strcspn(text, "+-");
	scoped_free char *base = xstrndup(text, n);
	uint64_t va, offset = 0;
	if (is_named(env, base))
		return parse_expression(env, text, ret);
	if (!parse_base(env, base, &va)) {
		/* What is one word and no expression's is better answered in the words of
		 * addresses. */
		if (!base[strspn(base,
			    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")])
			return no_address(env, base);
		return parse_expression(env, text, ret);
	}
	if (text[n] && !number_parse(text + n + 1, &offset))
		return text[n] == '-' && text[n + 1] == '>'
			       ? parse_expression(env, text, ret)
			       : err_new(ERR_USAGE,
					 "%s: no offset (decimal, or hexadecimal with 0x)",
					 text + n);
	*ret = text[n] == '-' ? va - offset : va + offset;
	return NULL;
}

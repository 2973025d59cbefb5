/* Parses ADDRESS and SYMBOL+OFFSET words. */
#include "analyzer/debug/address.h"

#include <string.h>

#include "analyzer/base/number.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

static bool parse_base(const struct debug_env *env, const char *text, uint64_t *ret)
{
	struct symbol sym;
	if (symtab_find(env->syms, text, &sym)) {
		*ret = sym.va;
		return true;
	}
	return number_parse_hex(text, ret);
}

struct err *address_parse(const struct debug_env *env, const char *text, uint64_t *ret)
{
	size_t n = strcspn(text, "+-");
	scoped_free char *base = xstrndup(text, n);
	uint64_t va, offset = 0;
	if (!parse_base(env, base, &va))
		return err_new(ERR_USAGE, "%s: neither a symbol nor a hexadecimal address", base);
	if (text[n] && !number_parse(text + n + 1, &offset))
		return err_new(ERR_USAGE, "%s: no offset (decimal, or hexadecimal with 0x)", text + n);
	*ret = text[n] == '-' ? va - offset : va + offset;
	return NULL;
}

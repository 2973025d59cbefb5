/* Looks at a line's first word only. */
#include "analyzer/shell/shorthand.h"

#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/expr.h"
#include "analyzer/shell/session.h"
#include "analyzer/target/target.h"

/* "task_struct", "task_struct.comm,pid": whether a struct or union is called so. */
static bool names_struct(const struct session *s, const char *word)
{
	struct target *t = session_target(s);
	scoped_free char *name = xstrndup(word, strcspn(word, "."));
	const struct type *type;
	if (!t || !*name)
		return false;
	struct err *err = expr_parse_type(&t->debug, name, &type);
	if (err) {
		err_drop(err); /* then the word is something else, and told as that */
		return false;
	}
	type = type_strip(type);
	return type->kind == TYPE_STRUCT || type->kind == TYPE_UNION;
}

/* crash's extend: without words the list, with -u away. */
static const char *plugin_verb(const char **io_rest)
{
	const char *p = *io_rest + strspn(*io_rest, " \t");
	if (!*p)
		return "plugin list";
	if (strncmp(p, "-u", 2) || (p[2] && p[2] != ' ' && p[2] != '\t'))
		return "plugin load";
	*io_rest = p + 2;
	return "plugin unload";
}

/* "p/x", "print/d": what p calls it; NULL for a format that it does not have. */
static const char *print_verb(const char *word)
{
	const char *format = strchr(word, '/');
	size_t n = format ? (size_t)(format - word) : 0;
	if (!n || (strncmp(word, "p", n) && strncmp(word, "print", n)) || !format[1] || format[2])
		return NULL;
	if (format[1] == 'x' || format[1] == 'a')
		return "p -x";
	return strchr("du", format[1]) ? "p -d" : NULL;
}

char *shorthand_expand(const struct session *s, const char *text)
{
	const char *start = text + strspn(text, " \t");
	size_t n = strcspn(start, " \t|><");
	scoped_free char *word = xstrndup(start, n);
	const char *rest = start + n;
	if (!n || registry_has(session_registry(s), word))
		return NULL;
	if (!strcmp(word, "gdb") && rest[strspn(rest, " \t")]) {
		rest += strspn(rest, " \t");
		char *inner = shorthand_expand(s, rest);
		return inner ? inner : xstrdup(rest);
	}
	if (!strcmp(word, "extend")) {
		const char *verb = plugin_verb(&rest);
		return xasprintf("%s%s", verb, rest);
	}
	const char *verb = print_verb(word);
	if (verb)
		return xasprintf("%s%s", verb, rest);
	const char *type = word + (word[0] == '*');
	if (*type ? names_struct(s, type) : rest[strspn(rest, " \t")] != '\0')
		return xasprintf("struct %s%s", type, rest);
	return NULL;
}

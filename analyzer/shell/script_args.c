/* Replaces $argN outside of what it knows nothing about: it only keeps an eye on the line's quotes.
 */
#include "analyzer/shell/script_args.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/strbuf.h"

bool script_args_valid(const char *arg)
{
	for (; *arg; arg++)
		if (*arg == '\'' || *arg == '"' || (unsigned char)*arg < ' ' || *arg == 0x7f)
			return false;
	return true;
}

/* What can stand in a line as it is: no blank, no operator of the line's own. */
static bool is_plain(const char *arg)
{
	if (!*arg)
		return false;
	for (const char *p = arg; *p; p++) {
		bool arrow = *p == '>' && p > arg && p[-1] == '-';
		if (!isalnum((unsigned char)*p) && !strchr("_.,:/+-*@%=[]", *p) && !arrow)
			return false;
	}
	return true;
}

static void add_arg(struct strbuf *b, const char *arg, char quote)
{
	const char *around = quote || is_plain(arg) ? "" : "'";
	strbuf_addf(b, "%s%s%s", around, arg, around);
}

/* "$arg12" or "$argc" at @s: its length, and the number (0: the count); 0 when it is neither. */
static size_t find_name(const char *s, unsigned long *ret)
{
	size_t n = strlen("$arg");
	if (strncmp(s, "$arg", n))
		return 0;
	*ret = 0;
	if (s[n] == 'c') {
		n++;
	} else {
		size_t digits = strspn(s + n, "0123456789");
		if (!digits || s[n] == '0')
			return 0;
		*ret = strtoul(s + n, NULL, 10);
		n += digits;
	}
	return isalnum((unsigned char)s[n]) || s[n] == '_' ? 0 : n;
}

struct err *script_args_expand(
	const char *const *args, size_t n, const char *line, char **ret, size_t *ret_at)
{
	scoped_strbuf struct strbuf b = { 0 };
	char quote = 0;
	bool found = false;
	*ret = NULL;
	for (size_t at = 0; line[at];) {
		unsigned long number;
		size_t length = line[at] == '$' ? find_name(line + at, &number) : 0;
		if (length && number > n) {
			*ret_at = at;
			return err_new(ERR_USAGE,
				"there is no $arg%lu: the words behind -- are %zu", number, n);
		}
		if (length && number)
			add_arg(&b, args[number - 1], quote);
		else if (length)
			strbuf_addf(&b, "%zu", n);
		else
			strbuf_add_char(&b, line[at]);
		found |= length > 0;
		if (!length && (line[at] == '\'' || line[at] == '"') &&
			(!quote || quote == line[at]))
			quote = quote ? 0 : line[at];
		at += length ? length : 1;
	}
	if (found)
		*ret = strbuf_take(&b);
	return NULL;
}

/* A list that is searched from its beginning: nobody has hundreds. */
#include "analyzer/shell/aliases.h"

#include <ctype.h>
#include <string.h>

void aliases_deinit(struct aliases *a)
{
	for (size_t i = 0; i < a->all.n; i++) {
		free(a->all.v[i].name);
		free(a->all.v[i].line);
	}
	vec_deinit(&a->all);
}

static struct alias *find(const struct aliases *a, const char *name, size_t n)
{
	for (size_t i = 0; i < a->all.n; i++)
		if (strlen(a->all.v[i].name) == n && !strncmp(a->all.v[i].name, name, n))
			return &a->all.v[i];
	return NULL;
}

static bool is_word(const char *name)
{
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '_' && *name != '-')
			return false;
	return true;
}

struct err *aliases_set(
	struct aliases *a, const struct registry *r, const char *name, const char *line)
{
	if (!*name || !is_word(name))
		return err_new(ERR_USAGE, "%s is no word", name);
	if (registry_has(r, name))
		return err_new(ERR_USAGE, "%s is a command", name);
	struct alias *old = find(a, name, strlen(name));
	if (old) {
		free(old->name);
		free(old->line);
		*old = a->all.v[--a->all.n];
	}
	if (*line)
		vec_push(&a->all, ((struct alias){ xstrdup(name), xstrdup(line) }));
	return NULL;
}

char *aliases_expand(const struct aliases *a, const char *text)
{
	size_t from = strspn(text, " \t"), n = strcspn(text + from, " \t|><");
	const struct alias *found = find(a, text + from, n);
	return found ? xasprintf("%s%s", found->line, text + from + n) : NULL;
}

/* What may follow %p: rows of this folder and of those above. Knows nothing of what they print. */
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/debug/printk_format_internal.h"

struct printk_formats {
	VEC(const struct printk_extension *) rows;
};

struct printk_formats *printk_formats_create(void)
{
	static const struct printk_extension *const families[] = { printk_pointer_extensions,
		printk_buffer_extensions, printk_net_extensions };
	struct printk_formats *f = xcalloc(1, sizeof(*f));
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		for (const struct printk_extension *x = families[i]; x->print; x++)
			printk_formats_add(f, x);
	return f;
}

void printk_formats_destroy(struct printk_formats *f)
{
	if (f)
		vec_deinit(&f->rows);
	free(f);
}

void printk_formats_destroy_scoped(struct printk_formats **f)
{
	printk_formats_destroy(*f);
}

void printk_formats_add(struct printk_formats *f, const struct printk_extension *x)
{
	for (size_t i = 0; i < f->rows.n; i++)
		if (!strcmp(f->rows.v[i]->name, x->name)) {
			f->rows.v[i] = x;
			return;
		}
	vec_push(&f->rows, x);
}

const struct printk_extension *printk_formats_get(const struct printk_formats *f, size_t i)
{
	return i < f->rows.n ? f->rows.v[i] : NULL;
}

/* The longest name that @letters begin with. */
const struct printk_extension *printk_formats_find(
	const struct printk_formats *f, const char *letters)
{
	const struct printk_extension *best = NULL;
	for (size_t i = 0; i < f->rows.n; i++) {
		const struct printk_extension *x = f->rows.v[i];
		size_t n = strlen(x->name);
		if (!strncmp(letters, x->name, n) && (!best || n > strlen(best->name)))
			best = x;
	}
	return best;
}

struct err *printk_formats_unknown(const struct printk_formats *f, const char *letters)
{
	scoped_strbuf struct strbuf known = { 0 };
	for (size_t i = 0; i < f->rows.n; i++) {
		const struct printk_extension *x = f->rows.v[i];
		strbuf_addf(&known, *x->letters ? " %%p%s[%s]" : " %%p%s", x->name, x->letters);
	}
	return err_new(ERR_USAGE, "%%p%s is not known; known are%s", letters, strbuf_text(&known));
}

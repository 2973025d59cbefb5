/* Thunks from the layers below to a plugin's functions. */
#include "analyzer/shell/plugin_parts.h"

#include <stdlib.h>

#include "analyzer/base/scope.h"
#include "analyzer/shell/running.h"

void plugin_parts_init(struct plugin_parts *p)
{
	*p = (struct plugin_parts){ .printers = type_printers_create() };
}

void plugin_parts_deinit(struct plugin_parts *p)
{
	type_printers_destroy(p->printers);
	for (size_t i = 0; i < p->bound.n; i++)
		free(p->bound.v[i]);
	vec_deinit(&p->bound);
	vec_deinit(&p->formats);
	vec_deinit(&p->finders);
}

/* ---- before a dump is open --------------------------------------------------------------- */

static bool reader_recognises(void *cx, const uint8_t *head, size_t n, uint64_t file_bytes)
{
	const struct plugin_reader *r = cx;
	struct running before = running_begin(r, r->name);
	bool yes = r->recognises(head, n, file_bytes);
	running_end(before);
	return yes;
}

static struct err *reader_open(void *cx, struct foreign_file *f)
{
	const struct plugin_reader *r = cx;
	struct running before = running_begin(r, r->name);
	struct err *err = r->open((struct api_opening *)f);
	running_end(before);
	return err;
}

static struct err *finder_find(void *cx, struct target *t, struct claims *to)
{
	const struct plugin_finder *r = cx;
	struct running before = running_begin(r, r->name);
	struct err *err = r->find(t, (struct api_claims *)to);
	running_end(before);
	return err;
}

void plugin_parts_add_early(struct plugin_parts *p, const struct plugin *g)
{
	for (size_t i = 0; g->readers && g->readers[i]; i++) {
		const struct plugin_reader *r = g->readers[i];
		vec_push(&p->formats, ((struct foreign_format){ r->name, reader_recognises,
					      reader_open, (void *)r }));
		running_watch(r, g->name);
	}
	for (size_t i = 0; g->finders && g->finders[i]; i++) {
		const struct plugin_finder *r = g->finders[i];
		vec_push(&p->finders, ((struct foreign_finder){ r->name, finder_find, (void *)r }));
		running_watch(r, g->name);
	}
}

/* ---- printers ---------------------------------------------------------------------------- */

static struct err *printer_print(void *cx, uint64_t va, struct strbuf *out, bool *ret_done)
{
	const struct bound_printer *b = cx;
	struct running before = running_begin(b->row, b->row->type);
	struct err *err = b->row->print(b->target, va, out, ret_done);
	running_end(before);
	return err;
}

struct err *plugin_parts_add_printers(
	struct plugin_parts *p, const struct plugin *g, struct target *t)
{
	for (size_t i = 0; t && g->printers && g->printers[i]; i++) {
		struct bound_printer *b = xcalloc(1, sizeof(*b));
		b->printer = (struct type_printer){ g->printers[i]->type, printer_print, b };
		b->row = g->printers[i];
		b->target = t;
		struct err *err = type_printers_add(p->printers, &b->printer);
		if (err) {
			free(b);
			plugin_parts_remove_printers(p, g);
			return err;
		}
		vec_push(&p->bound, b);
		running_watch(b->row, g->name);
	}
	return NULL;
}

static bool is_of(const struct plugin *g, const struct plugin_printer *row)
{
	for (size_t i = 0; g->printers && g->printers[i]; i++)
		if (g->printers[i] == row)
			return true;
	return false;
}

void plugin_parts_remove_printers(struct plugin_parts *p, const struct plugin *g)
{
	size_t kept = 0;
	for (size_t i = 0; i < p->bound.n; i++) {
		struct bound_printer *b = p->bound.v[i];
		if (!is_of(g, b->row)) {
			p->bound.v[kept++] = b;
			continue;
		}
		type_printers_remove(p->printers, &b->printer);
		free(b);
	}
	p->bound.n = kept;
}

/* ---- triage rules ------------------------------------------------------------------------ */

struct err *plugin_parts_add_rule(
	const struct plugin *g, const struct plugin_rule *r, struct target *t)
{
	struct foreign_rule rule = { .name = r->name,
		.needs_death = r->needs & PLUGIN_NEEDS_DEATH,
		.needs_fault = r->needs & PLUGIN_NEEDS_FAULT,
		.needs_log = r->needs & PLUGIN_NEEDS_LOG,
		.needs_types = r->needs & PLUGIN_NEEDS_TYPES,
		.run = plugin_rule_run,
		.with = r };
	struct err *err = foreign_rules_add(t, &rule);
	if (!err)
		running_watch(r, g->name);
	return err;
}

void plugin_parts_remove_rules(const struct plugin *g, struct target *t)
{
	for (size_t i = 0; t && g->rules && g->rules[i]; i++)
		foreign_rules_remove(t, g->rules[i]);
}

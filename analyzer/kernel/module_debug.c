/*
 * The glue between loaded modules and their files. Knows where modules lie and which database wants
 * what; files are found by debug/module_file.c and relocated by debug/module_elf.c.
 */
#include "analyzer/kernel/module_debug.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/debug/module_elf.h"
#include "analyzer/debug/module_file.h"
#include "analyzer/debug/types_modules.h"
#include "analyzer/kernel/module_layout.h"
#include "analyzer/kernel/module_sections.h"
#include "analyzer/kernel/system.h"

enum { MODULES_MAX = 1 << 14 };

struct one {
	struct target *t;
	struct module m;
	struct module_section *section;
	struct module_elf_section
		*placed; /* the same less the kernel's slide, as DWARF's addresses are */
	size_t nsections;
	char *path; /* NULL: no file */
	bool has_dwarf;
	struct module_elf *elf;
	uint8_t *btf;
	const char *state;
};

struct module_debug {
	struct target *t;
	struct arena arena;
	char *symbols_dir;
	struct module_files *files;
	VEC(struct one *) module;
	bool listed;
};

static uint64_t slide_of(const struct target *t)
{
	return t->image.va ? t->image.va - t->image.link_va : 0;
}

/* ---- finding ----------------------------------------------- */

static struct module_files *make_files(struct module_debug *d)
{
	struct system_names names;
	scoped_free char *release = NULL;
	scoped_err struct err *err = system_names_read(d->t, &names);
	if (!err)
		release = xstrdup(names.release);
	return module_files_create(
		d->symbols_dir, d->t->vmlinux ? d->t->vmlinux->path : NULL, release);
}

static struct err *find_file(struct module_debug *d, struct one *o)
{
	struct module_identity id;
	struct err *err = module_sections_read(d->t, &o->m, &d->arena, &o->section, &o->nsections);
	if (err)
		return err;
	module_identity_read(d->t, &o->m, o->section, o->nsections, &d->arena, &id);
	struct module_wanted w = { .name = o->m.name,
		.build_id = id.build_id,
		.build_id_bytes = id.build_id_bytes,
		.srcversion = id.srcversion };
	err = module_files_find(d->files, &w, &o->path, &o->has_dwarf);
	if (err)
		return err;
	o->placed = arena_alloc(&d->arena, (o->nsections + 1) * sizeof(*o->placed));
	for (size_t i = 0; i < o->nsections; i++)
		o->placed[i] = (struct module_elf_section){ o->section[i].name,
			o->section[i].va - slide_of(d->t) };
	return NULL;
}

/* @how: what proves the layout of struct module, without types; else empty. */
static struct err *add_one(struct module_debug *d, const struct module *m, const char *how)
{
	struct one *o = arena_alloc(&d->arena, sizeof(*o));
	*o = (struct one){ .t = d->t, .m = *m };
	struct err *err = find_file(d, o);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	o->state = arena_printf(&d->arena, "%s%s", how, err ? err->msg : o->path);
	err_drop(err); /* kept in words: what this module lacks is told when it is asked for */
	vec_push(&d->module, o);
	return interrupt_check();
}

/* All modules, their files found; again after a Ctrl-C. */
static struct err *list_modules(struct module_debug *d)
{
	struct module_iter it;
	bool more = true;
	if (d->listed || !d->t->kernel)
		return NULL;
	if (!d->files)
		d->files = make_files(d);
	while (d->module.n)
		free(d->module.v[--d->module.n]->path);
	struct err *err = module_iter_init(&it, d->t);
	scoped_strbuf struct strbuf how = { 0 };
	if (!err)
		module_layout_describe(&it.layout, &how);
	while (!err && more && d->module.n < MODULES_MAX) {
		struct module m;
		err = module_iter_next(&it, &m, &more);
		if (!err && more)
			err = add_one(d, &m, strbuf_text(&how));
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err); /* one damaged module, which module.c warns of */
			err = NULL;
		}
	}
	d->listed = !err || err->code != ERR_INTERRUPTED;
	return err;
}

/* ---- types and lines ----------------------------------------------- */

static struct err *open_dwarf(void *cx, Dwarf **ret)
{
	struct one *o = cx;
	if (!o->elf)
		o->elf = module_elf_create(o->path, o->placed, o->nsections);
	return module_elf_dwarf(o->elf, ret);
}

static void add_dwarf(struct module_debug *d, struct one *o)
{
	struct types_module tm = {
		.name = o->m.name, .origin = o->path, .open = open_dwarf, .cx = o
	};
	for (unsigned i = 0; i < MODULE_PARTS_MAX; i++) {
		uint64_t start = o->m.part[i].va - slide_of(o->t);
		if (o->m.part[i].size)
			tm.range[tm.nranges++] =
				(struct types_module_range){ start, start + o->m.part[i].size };
	}
	types_add_module_dwarf(d->t->types, &tm);
}

/* A module's BTF is split off the kernel's: without that in use it says nothing. */
static void add_btf(struct module_debug *d, struct one *o)
{
	size_t n;
	const char *have = types_source(d->t->types);
	if (!have || !strstr(have, "BTF"))
		return;
	struct err *err = module_btf_read(d->t, &o->m, &o->btf, &n);
	if (!err)
		err = types_add_module_btf(d->t->types, o->m.name, o->btf, n,
			arena_printf(&d->arena, "module %s in the dump's memory", o->m.name));
	if (err && err->code != ERR_MISSING)
		target_warn(d->t, "types of module %s: %s", o->m.name, err->msg);
	err_drop(err);
}

static void destroy(void *cx)
{
	struct module_debug *d = cx;
	for (size_t i = 0; i < d->module.n; i++) {
		struct one *o = d->module.v[i];
		module_elf_destroy(o->elf);
		free(o->path);
		free(o->btf);
	}
	vec_deinit(&d->module);
	module_files_destroy(d->files);
	arena_deinit(&d->arena);
	free(d->symbols_dir);
	free(d);
}

static void load_types(void *cx)
{
	struct module_debug *d = cx;
	scoped_err struct err *err = list_modules(d);
	for (size_t i = 0; !err && i < d->module.n; i++) {
		add_btf(d, d->module.v[i]);
		if (d->module.v[i]->has_dwarf)
			add_dwarf(d, d->module.v[i]);
	}
	if (!d->listed) /* after Ctrl-C: tried again */
		types_modules_later(d->t->types, load_types, destroy, d);
}

/* ---- symbols ----------------------------------------------- */

struct pending {
	const char *name;
	uint64_t va, size;
	char type;
	const char *module;
};

struct collecting {
	struct one *o;
	struct arena arena;
	VEC(struct pending) list;
};

/* The kernel keeps all functions of a module; data only with CONFIG_KALLSYMS_ALL. */
static void collect(void *cx, const struct module_elf_symbol *s)
{
	struct collecting *c = cx;
	struct target *t = c->o->t;
	uint64_t va = s->va + slide_of(t);
	struct symbol known;
	if (s->in_code)
		return;
	scoped_free char *full = xasprintf("%s:%s", c->o->m.name, s->name);
	if (symtab_find(t->syms, full, &known) && known.va == va)
		return;
	struct pending p = { arena_strdup(&c->arena, s->name), va, s->size, s->type, c->o->m.name };
	vec_push(&c->list, p);
}

/* Looked up first and added then: a table that grows answers nothing. */
static void load_file_symbols(void *cx)
{
	struct module_debug *d = cx;
	struct collecting c = { 0 };
	scoped_err struct err *err = list_modules(d);
	for (size_t i = 0; !err && i < d->module.n && !interrupt_pending(); i++) {
		c.o = d->module.v[i];
		if (!c.o->path)
			continue;
		struct module_elf *elf = module_elf_create(c.o->path, c.o->placed, c.o->nsections);
		scoped_err struct err *e = module_elf_symbols(elf, collect, &c);
		module_elf_destroy(elf);
		if (e && e->code != ERR_INTERRUPTED)
			target_warn(d->t, "symbols of module %s: %s", c.o->m.name, e->msg);
	}
	if (interrupt_pending()) {
		symtab_load_more_later(d->t->syms, load_file_symbols, d);
	} else {
		for (size_t i = 0; i < c.list.n; i++) {
			const struct pending *p = &c.list.v[i];
			symtab_add(d->t->syms, p->name, p->va, p->size, p->type, p->module);
		}
		symtab_finish(d->t->syms);
	}
	vec_deinit(&c.list);
	arena_deinit(&c.arena);
}

/* ---- from outside ----------------------------------------------- */

static void load_kernel_symbols(void *cx)
{
	const struct module_debug *d = cx;
	module_load_symbols(d->t);
}

void module_debug_later(struct target *t, const char *symbols_dir)
{
	if (!t->kernel)
		return;
	struct module_debug *d = xcalloc(1, sizeof(*d));
	d->t = t;
	d->symbols_dir = symbols_dir ? xstrdup(symbols_dir) : NULL;
	types_modules_later(t->types, load_types, destroy, d);
	symtab_load_later(t->syms, load_kernel_symbols, d);
	symtab_load_more_later(t->syms, load_file_symbols, d);
}

size_t module_debug_list(struct target *t, struct module_debug_info *out, size_t max)
{
	struct module_debug *d = types_modules_cx(t->types);
	if (!d)
		return 0;
	types_modules_load(t->types);
	for (size_t i = 0; i < d->module.n && i < max; i++) {
		const struct one *o = d->module.v[i];
		out[i] = (struct module_debug_info){ .name = o->m.name,
			.symbols = o->path != NULL,
			.debug = o->has_dwarf || o->btf,
			.state = o->state };
	}
	return d->module.n;
}

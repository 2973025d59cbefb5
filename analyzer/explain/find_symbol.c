/* What has a name in a symbol table, and the parts of modules: per-CPU variables, functions, data.
 */
#include <inttypes.h>
#include <string.h>

#include "analyzer/explain/explain_internal.h"
#include "analyzer/kernel/module_sections.h"
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/percpu.h"
#include "analyzer/kernel/slab_cache.h"

/* ---- per-CPU ----------------------------------------------------------------------------- */

static const char *percpu_words(const struct percpu_place *p)
{
	switch (p->kind) {
	case PERCPU_VARIABLE:
		return "variable";
	case PERCPU_MODULE:
		return "a module's variable";
	case PERCPU_ALLOCATED:
		return "allocated";
	case PERCPU_FREE:
		return "free";
	case PERCPU_UNKNOWN:
		break;
	}
	return "in a chunk whose map cannot be read";
}

/* A per-CPU pointer is a number only: of an address that is mapped otherwise it says nothing. */
static bool is_chance(const struct explain_cx *cx, const struct percpu_place *p)
{
	if (!p->is_pointer)
		return false;
	return cx->ask->physical || (p->kind != PERCPU_VARIABLE && (cx->has_pa || cx->is_user));
}

struct err *explain_find_percpu(struct explain_cx *cx)
{
	struct percpu_place p;
	bool found = false;
	struct err *err = cx->has_va ? percpu_address_find(cx->t, cx->va, &p, &found) : NULL;
	if (err)
		return explain_trouble(cx, "per-CPU memory", err);
	if (!found || is_chance(cx, &p))
		return NULL;
	const char *name = p.symbol ? p.symbol : "per-CPU memory";
	const char *plus = explain_plus(cx, (int64_t)p.offset);
	struct explain_row *r;
	if (p.is_pointer)
		r = explain_add(cx, EXPLAIN_PERCPU, "%s%s: a per-CPU pointer, each CPU has a copy",
			name, plus);
	else
		r = explain_add(cx, EXPLAIN_PERCPU, "%s%s of CPU %u%s%s", name, plus, p.cpu,
			p.symbol ? "" : ", ", p.symbol ? "" : percpu_words(&p));
	r->name = p.symbol;
	r->module = p.module[0] ? arena_strdup(cx->a, p.module) : NULL;
	r->state = percpu_words(&p);
	r->is_stale = p.kind == PERCPU_FREE;
	r->has_cpu = !p.is_pointer;
	r->cpu = p.cpu;
	r->object_va = p.chunk_va;
	explain_range(cx, r, cx->va - p.offset, p.size);
	return NULL;
}

/* ---- generated code ---------------------------------------------------------------------- */

static const char *code_words(struct explain_cx *cx, const struct generated_code *c)
{
	const char *kind = generated_code_kind_name(c->kind);
	const char *plus = explain_plus(cx, (int64_t)(cx->va - c->start));
	if (!c->name[0])
		return kind;
	if (c->kind == CODE_KPROBE_SLOT)
		return arena_printf(cx->a, "%s, of %s", kind, c->name);
	return arena_printf(cx->a, "%s%s, %s", c->name, plus, kind);
}

struct err *explain_find_code(struct explain_cx *cx)
{
	bool known;
	if (!cx->has_va || cx->is_user)
		return NULL;
	struct err *err = explain_need_told(cx, PART_CODE, "BPF's and kprobes' code", &known);
	const struct generated_code *c =
		err || !known ? NULL : generated_codes_find(&cx->ix->code, cx->va);
	if (!c)
		return err;
	struct explain_row *r = explain_add(cx, EXPLAIN_CODE, "%s", code_words(cx, c));
	r->name = c->name[0] ? arena_strdup(cx->a, c->name) : NULL;
	r->state = generated_code_kind_name(c->kind);
	r->type = c->type;
	r->object_va = c->object_va;
	r->is_stale = c->kind == CODE_KPROBE_SLOT_FREE;
	explain_range(cx, r, c->start, c->end - c->start);
	return NULL;
}

/* ---- symbols ----------------------------------------------------------------------------- */

/* Init memory is given back after boot; then its pages are no longer reserved. ARM32 has it mapped
 * as before. */
static bool is_given_back(struct explain_cx *cx, const struct map_region *region)
{
	struct page page;
	uint64_t va;
	const char *owner = NULL;
	if (!region || strcmp(region->name, ".init") || !cx->has_pa)
		return false;
	struct err *err = page_of_pfn(cx->t, cx->pa >> page_shift(cx->t), &va);
	if (!err)
		err = page_read(cx->t, va, &page);
	if (!err)
		err = page_owner(cx->t, &page, &owner);
	err_drop(err); /* without struct pages nothing contradicts the symbol */
	return owner && strcmp(owner, "reserved");
}

static void add_symbol(
	struct explain_cx *cx, const struct symbol *s, const struct map_region *region)
{
	uint64_t offset = cx->va - s->va;
	struct explain_row *r = explain_add(cx, EXPLAIN_SYMBOL, "%s%s%s%s%s%s%s%s%s", s->name,
		explain_plus(cx, (int64_t)offset), s->module ? " [" : "",
		s->module ? s->module : "", s->module ? "]" : "", region ? ", " : "",
		region ? region->name : "",
		s->object_size && offset >= s->object_size ? ", behind its end" : "",
		cx->given_back ? ", which was given back after boot" : "");
	r->name = s->name;
	r->module = s->module;
	r->state = region ? region->name : NULL;
	r->is_stale = cx->given_back;
	explain_range(cx, r, s->va, s->object_size ? s->object_size : s->size);
}

/* The head of an arm64 image is not mapped; vmalloc gives its addresses to others. */
static bool is_others_memory(const struct explain_cx *cx)
{
	const struct kernel_image *image = &cx->t->image;
	return cx->has_pa && cx->va - image->va < image->size &&
	       cx->pa - image->pa.v != cx->va - image->va;
}

static struct err *find_symbol(struct explain_cx *cx, bool old)
{
	struct symbol s;
	if (!cx->has_va || cx->is_user || !symtab_at(cx->t->syms, cx->va, &s) ||
		(!s.module && is_others_memory(cx)))
		return NULL;
	const struct map_region *region = s.module ? NULL : explain_region(cx->ix, cx->va);
	cx->given_back = is_given_back(cx, region);
	if (cx->given_back == old)
		add_symbol(cx, &s, region);
	return NULL;
}

struct err *explain_find_symbol(struct explain_cx *cx)
{
	return find_symbol(cx, false);
}

struct err *explain_find_old_symbol(struct explain_cx *cx)
{
	return cx->quick ? NULL : find_symbol(cx, true);
}

/* ---- modules ----------------------------------------------------------------------------- */

static const char *part_name(unsigned i)
{
	/* enum mod_mem_type, include/linux/module.h since v6.4; before: core and init alone */
	static const char *const name[MODULE_PARTS_MAX] = { "text", "data", "rodata",
		"ro_after_init", "init text", "init data", "init rodata" };
	return name[i];
}

/* Kernels up to 6.3 have two. */
static bool has_parts(const struct explain_index *ix)
{
	for (size_t i = 0; i < ix->module.n; i++)
		for (unsigned k = 2; k < MODULE_PARTS_MAX; k++)
			if (ix->module.v[i].part[k].size)
				return true;
	return false;
}

/* The section that holds @va: the last one that begins at or below it, in the same part. */
static struct err *section_of(struct explain_cx *cx, const struct module *m,
	const struct module_part *part, const struct module_section **ret)
{
	struct module_section *s;
	size_t n;
	*ret = NULL;
	struct err *err = module_sections_read(cx->t, m, cx->a, &s, &n);
	if (err && err->code != ERR_INTERRUPTED) {
		err_drop(err); /* kernels without sysfs keep no sections: the part says enough */
		return NULL;
	}
	for (size_t i = 0; !err && i < n; i++) {
		uint64_t va = slab_untag(cx->t, s[i].va);
		if (va <= cx->va && va - part->va < part->size && (!*ret || va >= (*ret)->va))
			*ret = &s[i];
	}
	return err;
}

struct err *explain_find_module(struct explain_cx *cx)
{
	bool known;
	if (!cx->has_va || cx->is_user)
		return NULL;
	struct err *err = explain_need_told(cx, PART_MODULES, "modules", &known);
	if (err || !known)
		return err;
	for (size_t i = 0; i < cx->ix->module.n; i++) {
		const struct module *m = &cx->ix->module.v[i];
		const struct module_section *section = NULL;
		for (unsigned k = 0; k < MODULE_PARTS_MAX; k++) {
			const struct module_part *p = &m->part[k];
			if (cx->va - p->va >= p->size)
				continue;
			const char *part = has_parts(cx->ix) ? part_name(k) : k ? "init" : "core";
			if (!cx->quick)
				err = section_of(cx, m, p, &section);
			if (err)
				return err;
			struct explain_row *r =
				explain_add(cx, EXPLAIN_MODULE, "%s, %s%s%s", m->name, part,
					section ? ", section " : "", section ? section->name : "");
			r->name = section ? section->name : part;
			r->module = m->name;
			r->state = part;
			r->type = "struct module";
			r->object_va = m->va;
			explain_range(cx, r, p->va, p->size);
			return NULL;
		}
	}
	return NULL;
}

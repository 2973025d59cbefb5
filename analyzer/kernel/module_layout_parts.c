/*
 * Where struct module says which memory the module has, and what it exports. Knows struct
 * module_layout (up to v6.3), struct module_memory (since v6.4) and the row of pointers before
 * num_syms; what of it a kernel has is what the modules' own symbols prove.
 */
#include "analyzer/kernel/module_layout_internal.h"

#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"

enum {
	PAGE_BYTES =
		4096, /* of whole pages is each part, and whole 4 KiB are 16 KiB and 64 KiB too */
	STEP_WORDS_MAX = 64, /* of struct module_memory: 36 and 72 bytes (bin) */
};

/* ---- where the memory is ----------------------------------------------- */

static bool read_part(const struct search *s, const struct sample *m, size_t base_off,
	size_t size_off, struct module_part *ret)
{
	ret->va = sample_word(s, m, base_off);
	ret->size = sample_u32(s, m, size_off);
	return ret->va && ret->va % PAGE_BYTES == 0 && ret->size && ret->size <= PART_BYTES_MAX &&
	       (s->word == 8 ? ret->va + ret->size > ret->va : ret->va + ret->size <= 1ull << 32);
}

static bool part_holds(const struct module_part *p, uint64_t lo, uint64_t end)
{
	return lo >= p->va && end > lo && end <= p->va + p->size;
}

static bool ends_readable(const struct search *s, const struct module_part *p)
{
	return search_readable(s, p->va) && search_readable(s, p->va + p->size - 1);
}

/* An instruction has two bytes at least. */
static bool holds_text(const struct sample *m, const struct module_part *p)
{
	return !m->text_lo || part_holds(p, m->text_lo, m->text_hi + 2);
}

/* include/linux/module.h up to v6.3, struct module_layout: base, size, text_size, …; code, data and
 * table in one */
static bool is_core_layout(
	const struct search *s, const struct sample *m, const struct module_layout *l)
{
	struct module_part p;
	if (!read_part(s, m, l->part, l->part + l->part_size, &p) ||
		!part_holds(&p, m->start, m->end))
		return false;
	uint32_t text = sample_u32(s, m, l->text_size);
	return text <= p.size &&
	       (!m->text_lo || (m->text_lo >= p.va && m->text_hi - p.va < text)) &&
	       ends_readable(s, &p);
}

/* The same since v6.4, struct module_memory mem[MOD_MEM_NUM_TYPES]: code in the first, the table in
 * the second, others absent or ranges of their own. */
static bool is_mem(const struct search *s, const struct sample *m, const struct module_layout *l)
{
	struct module_part p[MODULE_PARTS_MAX];
	for (unsigned i = 0; i < MODULE_PARTS_MAX; i++) {
		size_t off = l->part + i * l->part_step;
		bool there = read_part(s, m, off, off + l->part_size, &p[i]);
		if (!there && (sample_word(s, m, off) || sample_u32(s, m, off + l->part_size)))
			return false;
		if (!there)
			p[i] = (struct module_part){ 0 };
		if ((i == 0 && !holds_text(m, &p[0])) ||
			(i == 1 && !part_holds(&p[1], m->start, m->end)))
			return false;
		for (unsigned k = 0; there && k < i; k++)
			if (p[k].size && p[k].va < p[i].va + p[i].size &&
				p[i].va < p[k].va + p[k].size)
				return false;
	}
	for (unsigned i = 0; i < MODULE_PARTS_MAX; i++)
		if (p[i].size && !ends_readable(s, &p[i]))
			return false;
	return true;
}

typedef bool (*part_fn)(
	const struct search *s, const struct sample *m, const struct module_layout *l);

/* How many modules it holds for; 0 when that is not most of them, or none of them has code to prove
 * it. */
static unsigned count_votes(const struct search *s, const struct module_layout *l, part_fn fn)
{
	unsigned votes = 0, voters = 0, code = 0;
	for (size_t i = 0; i < s->m.n; i++) {
		const struct sample *m = s->m.v[i];
		if (!m->chosen)
			continue;
		bool yes = fn(s, m, l);
		voters++;
		votes += yes;
		code += yes && m->text_lo;
	}
	return code && votes * 2 > voters ? votes : 0;
}

struct choice {
	struct module_layout l;
	unsigned votes;
	bool tie;
};

static void choose(
	struct choice *c, const struct search *s, const struct module_layout *l, part_fn fn)
{
	unsigned votes = count_votes(s, l, fn);
	if (!votes || votes < c->votes)
		return;
	c->tie = votes == c->votes;
	c->votes = votes;
	c->l = *l;
}

/* Some module with code has it in a part at @off: what most places fail, so that the rest need not
 * be tried. */
static bool may_be_part(const struct search *s, size_t off, size_t size_off)
{
	for (size_t i = 0; i < s->m.n; i++) {
		const struct sample *m = s->m.v[i];
		struct module_part p;
		if (m->chosen && m->text_lo && read_part(s, m, off, off + size_off, &p) &&
			holds_text(m, &p))
			return true;
	}
	return false;
}

/* Between base and size of module_memory there are a bool since v6.13 and one more pointer in v6.13
 * and v6.14. */
static void try_place(struct choice *c, const struct search *s, uint32_t off)
{
	struct module_layout l = s->l;
	l.part = off;
	for (l.part_size = s->word; l.part_size <= 2 * s->word + 4; l.part_size += 4) {
		if (!may_be_part(s, off, l.part_size))
			continue;
		if (l.part_size == s->word) {
			l.nparts = 1;
			l.text_size = off + l.part_size + 4;
			choose(c, s, &l, is_core_layout);
		}
		l.nparts = MODULE_PARTS_MAX;
		l.text_size = 0;
		for (l.part_step = l.part_size + 4;
			l.part_step <= STEP_WORDS_MAX * s->word &&
			off + MODULE_PARTS_MAX * l.part_step <= s->l.kallsyms;
			l.part_step += 4)
			if (l.part_step % s->word == 0)
				choose(c, s, &l, is_mem);
		l.part_step = 0;
	}
}

/* Up to v6.3 the init part has a struct module_layout of its own, behind the core's; it is there
 * only while a module starts, and such a module's kallsyms leads into it. */
static void find_init_layout(struct search *s)
{
	struct module_layout *l = &s->l;
	for (size_t i = 0; l->nparts == 1 && i < s->m.n; i++) {
		const struct sample *m = s->m.v[i];
		uint64_t to = sample_word(s, m, l->kallsyms);
		if (!m->chosen || to == m->va + l->kallsyms + s->word)
			continue;
		for (uint32_t off = l->text_size + 4; off < l->kallsyms && l->nparts == 1;
			off += 4) {
			struct module_part p;
			if (off % s->word || !read_part(s, m, off, off + l->part_size, &p) ||
				!part_holds(&p, to, to + 4 * s->word) || !ends_readable(s, &p))
				continue;
			l->part_step = off - l->part;
			l->nparts = 2;
		}
	}
}

void sample_parts(const struct search *s, const struct module_layout *l, const struct sample *m,
	struct module *ret)
{
	for (unsigned i = 0; i < l->nparts; i++) {
		size_t off = l->part + i * l->part_step;
		if (!read_part(s, m, off, off + l->part_size, &ret->part[i]) && !ret->part[i].va)
			ret->part[i].size = 0;
	}
	ret->text_bytes = l->text_size ? sample_u32(s, m, l->text_size) : ret->part[0].size;
}

bool search_parts(struct search *s)
{
	struct choice c = { 0 };
	uint32_t off = s->l.name + s->l.name_bytes;
	for (; off < s->l.kallsyms && !interrupt_pending(); off += s->word)
		try_place(&c, s, off);
	if (!c.votes || c.tie)
		return false;
	s->l = c.l;
	find_init_layout(s);
	return true;
}

/* ---- what it exports ----------------------------------------------- */

struct export_place {
	uint32_t base, num;
	struct export_form form;
};

static bool in_parts(const struct module *parts, uint64_t va)
{
	for (unsigned i = 0; i < MODULE_PARTS_MAX; i++)
		if (va - parts->part[i].va < parts->part[i].size)
			return true;
	return false;
}

/* kernel/module/main.c, cmp_name(): sorted by name. Names and table are the module's own; an
 * exported per-CPU variable is not, but it is not alone. */
static bool is_export_table(const struct search *s, const struct module *parts, uint64_t va,
	uint32_t n, const struct export_form *form)
{
	char name[2][SYMBOL_NAME_MAX] = { "", "" };
	bool own = false;
	if (!n || n > MODULE_EXPORTS_MAX || va % 4)
		return false;
	for (uint32_t i = 0; i < n && !interrupt_pending(); i++) {
		struct module_export e;
		uint64_t at = va + (uint64_t)i * form->bytes;
		if (!in_parts(parts, at) || !module_export_read(s->t, form, at, &e) ||
			!in_parts(parts, e.name_va))
			return false;
		scoped_err struct err *err =
			vspace_read_str(s->t->kernel, e.name_va, name[i % 2], SYMBOL_NAME_MAX);
		if (err || strcmp(name[(i + 1) % 2], name[i % 2]) >= 0)
			return false;
		own |= in_parts(parts, e.va);
	}
	return own;
}

/* Of the tables in struct module, up to where they became one in 7.x, it is num_gpl_syms that
 * stands before its pointer. */
static bool counted_before(const struct search *s, const struct sample *m,
	const struct module *parts, const struct export_place *p, uint64_t base)
{
	return is_export_table(s, parts, base, sample_u32(s, m, p->base - 4), &p->form) ||
	       is_export_table(s, parts, base, sample_u32(s, m, p->base - 8), &p->form);
}

static bool fits_exports(const struct search *s, const struct export_place *p)
{
	unsigned proofs = 0;
	for (size_t i = 0; i < s->m.n; i++) {
		const struct sample *m = s->m.v[i];
		struct module parts = { 0 };
		uint64_t base = sample_word(s, m, p->base);
		uint32_t n = sample_u32(s, m, p->num);
		if (!m->chosen || !n)
			continue;
		sample_parts(s, &s->l, m, &parts);
		if (!is_export_table(s, &parts, base, n, &p->form) ||
			counted_before(s, m, &parts, p, base))
			return false;
		proofs++;
	}
	return proofs > 0;
}

/* include/linux/module.h: syms, crcs, num_syms, before all other tables of the kind; in v7.2
 * flagstab stands before num_syms. */
void search_exports(struct search *s)
{
	/* The third member, namespace, since v5.4; distances on ARM64 since v4.19
	 * (CONFIG_HAVE_ARCH_PREL32_RELOCATIONS). */
	const struct export_form forms[] = { { true, 12 }, { true, 8 }, { false, 3 * s->word },
		{ false, 2 * s->word } };
	for (uint32_t base = s->l.name + s->l.name_bytes; base < s->l.part && !interrupt_pending();
		base += s->word)
		for (unsigned i = 0; i < 2 * ARRAY_SIZE(forms); i++) {
			struct export_place p = { base, base + (2 + i % 2) * s->word,
				forms[i / 2] };
			if (p.num >= s->l.part || !fits_exports(s, &p))
				continue;
			s->l.exports = p.base;
			s->l.num_exports = p.num;
			s->l.exports_relative = p.form.relative;
			s->l.export_bytes = p.form.bytes;
			return;
		}
}

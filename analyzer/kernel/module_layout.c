/*
 * The layout of struct module without types. What begins it (state, list, name) is the same in all
 * versions; the rest shows itself: the pointer kallsyms leads to the core_kallsyms right behind it,
 * whose table is one of ELF symbols with names in a row, and the module's memory is where these
 * symbols lie. Every module is asked; one place must fit all that have something to say. Knows no
 * member beyond these.
 */
#include "analyzer/kernel/module_layout.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/kernel/module_layout_internal.h"

enum { SAMPLES_MAX = 128, NAME_CORE_MAX = 64 };
/* What all modules' tables together may have; a hostile dump has the same table many times. */
static const uint64_t READ_BYTES_MAX = 256 << 20;

uint64_t sample_word(const struct search *s, const struct sample *m, size_t off)
{
	return off + s->word <= m->n ? get_word(&s->t->abi, m->raw + off) : 0;
}

uint32_t sample_u32(const struct search *s, const struct sample *m, size_t off)
{
	return off + 4 <= m->n ? get_u32(&s->t->abi, m->raw + off) : 0;
}

bool search_readable(const struct search *s, uint64_t va)
{
	uint64_t byte;
	return vspace_try_uint(s->t->kernel, va, 1, &byte);
}

/* ---- the modules ----------------------------------------------- */

/* include/linux/module.h: enum module_state, list_head, char name[MODULE_NAME_LEN], in all versions
 */
static bool is_module(const struct search *s, const struct sample *m)
{
	const char *name = (const char *)m->raw + s->l.name;
	size_t len = 0;
	if (m->n < s->l.name + s->l.name_bytes || sample_u32(s, m, 0) >= MODULE_UNFORMED)
		return false;
	while (len < s->l.name_bytes && name[len] > ' ' && name[len] <= '~')
		len++;
	return len && len < s->l.name_bytes && !name[len];
}

static void gather(struct search *s, uint64_t head, bool *ret_any)
{
	struct list_iter it;
	uint64_t node;
	bool more = true;
	list_iter_init(&it, s->t, head);
	while (s->m.n < SAMPLES_MAX && more) {
		/* A list that breaks: those before say enough, and whoever walks it is told. */
		struct err *err = list_iter_next(&it, &node, &more);
		if (err || !more) {
			*ret_any = *ret_any || err;
			err_drop(err);
			return;
		}
		*ret_any = true;
		scoped_free struct sample *m = xcalloc(1, sizeof(*m));
		uint64_t bad;
		m->va = list_entry(s->t, node, s->l.list);
		m->n = sizeof(m->raw);
		if (vspace_try_read(s->t->kernel, m->va, m->raw, sizeof(m->raw), &bad))
			m->n = bad >= m->va && bad - m->va < sizeof(m->raw) ? bad - m->va : 0;
		if (is_module(s, m))
			vec_push(&s->m, take_ptr(m));
	}
}

/* ---- tables of symbols ----------------------------------------------- */

static void decode_table(const struct search *s, const uint8_t *p, struct mod_kallsyms *ret)
{
	const struct abi *abi = &s->t->abi;
	unsigned w = s->word;
	*ret = (struct mod_kallsyms){ .symtab = get_word(abi, p),
		.num_symtab = get_u32(abi, p + w),
		.strtab = get_word(abi, p + 2 * w),
		.typetab = get_word(abi, p + 3 * w) };
}

/* kernel/module/kallsyms.c, layout_symtab(), kernel/module.c up to v5.18: the strings follow the
 * symbols, in their order; since v5.2 the letters follow the strings. The first symbol is empty,
 * the second has the first name. Whatever can be told without reading it all. */
static bool looks_like_table(const struct search *s, const struct mod_kallsyms *k)
{
	uint8_t raw[2 * sizeof(Elf64_Sym)];
	const struct abi *abi = &s->t->abi;
	size_t each = module_symbol_bytes(abi);
	if (!k->symtab || k->symtab % s->word || k->num_symtab < 2 ||
		k->num_symtab > MODULE_SYMBOLS_MAX ||
		k->strtab != k->symtab + k->num_symtab * each ||
		vspace_try_read(s->t->kernel, k->symtab, raw, 2 * each, NULL))
		return false;
	/* Up to v5.1 even the empty one has its letter. */
	struct module_symbol empty = module_symbol_decode(abi, raw, 'U');
	return !empty.name && !empty.va && !empty.defined && get_u32(abi, raw + each) == 1;
}

/* Each name begins where the one before has ended; none of them has anything but what compilers
 * write. */
static bool names_in_a_row(
	const struct search *s, const uint8_t *syms, uint32_t n, const char *text, size_t bytes)
{
	size_t each = module_symbol_bytes(&s->t->abi), at = 1;
	if (!bytes || *text)
		return false;
	for (uint32_t i = 1; i < n; i++) {
		size_t len = 0;
		if (get_u32(&s->t->abi, syms + i * each) != at)
			return false;
		while (at + len < bytes && text[at + len]) {
			unsigned char c = (unsigned char)text[at + len++];
			if (c <= ' ' && c != 1 &&
				c != 2) /* binutils' local labels: ".L14472\0021" */
				return false;
		}
		if (at + len >= bytes)
			return false;
		at += len + 1;
	}
	return true;
}

/* As elf_type() gives them; the first symbol is an undefined one. */
static bool are_letters(const char *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!p[i] || !strchr("Uvwatrgdsbn?", p[i]))
			return false;
	return *p == 'U';
}

static void note_text(struct sample *m, const struct module_symbol *sym)
{
	if (!sym->defined || sym->type != 't')
		return;
	if (!m->text_lo || sym->va < m->text_lo)
		m->text_lo = sym->va;
	if (sym->va > m->text_hi)
		m->text_hi = sym->va;
}

/* A mark of a section's end lies behind it. */
static bool holds(const struct module *parts, uint64_t va)
{
	for (unsigned i = 0; i < MODULE_PARTS_MAX; i++)
		if (parts->part[i].size && va - parts->part[i].va <= parts->part[i].size)
			return true;
	return false;
}

/* What symbols say of the module's code; with @parts whether it is there that they lie (per-CPU
 * ones and numbers, 'a', lie anywhere). */
static bool note_symbols(const struct search *s, struct sample *m, const uint8_t *syms,
	const char *letters, uint32_t n, const struct module *parts)
{
	size_t each = module_symbol_bytes(&s->t->abi);
	for (uint32_t i = 1; i < n; i++) {
		char letter = m->typetab ? letters[i] : 0;
		struct module_symbol sym =
			module_symbol_decode(&s->t->abi, syms + i * each, letter);
		if (!sym.type)
			return false;
		note_text(m, &sym);
		if (parts && sym.defined && sym.type != 'a' && !holds(parts, sym.va))
			return false;
	}
	return true;
}

/* Whether @k is a module's own table of symbols; notes of @m what it tells. */
static bool prove_table(struct search *s, struct sample *m, const struct mod_kallsyms *k,
	const struct module *parts)
{
	uint32_t n = k->num_symtab, last;
	size_t each = module_symbol_bytes(&s->t->abi);
	if (!looks_like_table(s, k) || s->budget < n * each || interrupt_pending())
		return false;
	s->budget -= n * each;
	scoped_free uint8_t *syms = xmalloc(n * each);
	if (vspace_try_read(s->t->kernel, k->symtab, syms, n * each, NULL))
		return false;
	last = get_u32(&s->t->abi, syms + (n - 1) * each);
	if (last > (uint64_t)n * SYMBOL_NAME_MAX || last > READ_BYTES_MAX / 4 || s->budget < last)
		return false;
	s->budget -= last;
	size_t bytes = last + SYMBOL_NAME_MAX;
	scoped_free char *text = xmalloc(bytes), *letters = xcalloc(n, 1);
	uint64_t bad;
	if (vspace_try_read(s->t->kernel, k->strtab, text, bytes, &bad))
		bytes = bad - k->strtab < bytes ? bad - k->strtab : 0;
	if (!names_in_a_row(s, syms, n, text, bytes))
		return false;
	m->start = k->symtab;
	m->end = k->strtab + last + strlen(text + last) + 1;
	m->text_lo = m->text_hi = 0;
	m->typetab = k->typetab == m->end &&
		     !vspace_try_read(s->t->kernel, k->typetab, letters, n, NULL) &&
		     are_letters(letters, n);
	return note_symbols(s, m, syms, letters, n, parts);
}

/* ---- where kallsyms is ----------------------------------------------- */

/* kernel/module/main.c, do_init_module(): kallsyms points to core_kallsyms once the init part is
 * gone (a little after the module is live). Before that it leads to a larger table in the init
 * part. */
static bool is_kallsyms(struct search *s, struct sample *m, size_t off)
{
	struct mod_kallsyms core, init;
	uint8_t raw[4 * sizeof(uint64_t)];
	uint64_t to = sample_word(s, m, off);
	if (off + 5 * s->word > m->n || !to)
		return false;
	decode_table(s, m->raw + off + s->word, &core);
	if (!looks_like_table(s, &core))
		return false;
	if (to != m->va + off + s->word) {
		if (vspace_try_read(s->t->kernel, to, raw, 4 * s->word, NULL))
			return false;
		decode_table(s, raw, &init);
		if (init.num_symtab < core.num_symtab || init.num_symtab > MODULE_SYMBOLS_MAX ||
			!search_readable(s, init.symtab) || !search_readable(s, init.strtab))
			return false;
	}
	return prove_table(s, m, &core, NULL);
}

/* A module without symbols, with a self-pointer where the others have it, says nothing. */
static bool is_neutral(const struct search *s, const struct sample *m, size_t off)
{
	return sample_word(s, m, off) == m->va + off + s->word &&
	       sample_u32(s, m, off + 2 * s->word) < 2;
}

/* The only place that any module proves: two of them would prove nothing. */
static bool vote(struct search *s, size_t *ret_off, unsigned *ret_votes)
{
	*ret_votes = 0;
	for (size_t off = s->l.name + s->l.name_bytes; off < STRUCT_BYTES; off += s->word) {
		unsigned votes = 0;
		for (size_t i = 0; i < s->m.n; i++)
			votes += is_kallsyms(s, s->m.v[i], off);
		if (votes && *ret_votes)
			return false;
		if (votes) {
			*ret_off = off;
			*ret_votes = votes;
		}
	}
	return *ret_votes != 0;
}

/* Modules that say nothing there and have not even the pointer are damaged: no more than the sound
 * ones. */
static bool find_kallsyms(struct search *s)
{
	unsigned votes, voters = 0, letters = 0;
	size_t off;
	if (!vote(s, &off, &votes))
		return false;
	for (size_t i = 0; i < s->m.n; i++) {
		struct sample *m = s->m.v[i];
		m->chosen = is_kallsyms(s, m, off);
		voters += m->chosen || !is_neutral(s, m, off);
		letters += m->chosen && m->typetab;
	}
	s->l.kallsyms = (uint32_t)off;
	s->l.typetab = letters * 2 > votes;
	s->l.modules = (uint32_t)s->m.n;
	s->l.proving = votes;
	return votes * 2 > voters;
}

/* Whether the symbols of most modules lie in their own parts. */
static bool check_parts(struct search *s)
{
	unsigned votes = 0, voters = 0;
	for (size_t i = 0; i < s->m.n; i++) {
		struct module parts = { 0 };
		struct mod_kallsyms k;
		struct sample *m = s->m.v[i];
		if (!m->chosen)
			continue;
		sample_parts(s, &s->l, m, &parts);
		decode_table(s, m->raw + s->l.kallsyms + s->word, &k);
		voters++;
		votes += prove_table(s, m, &k, &parts);
	}
	return votes * 2 > voters;
}

/* ---- from outside ----------------------------------------------- */

static struct err *search_layout(struct search *s, uint64_t head)
{
	bool any = false;
	gather(s, head, &any);
	if (!any)
		return NULL;
	if (!s->m.n)
		return err_new(ERR_MISSING,
			"the list at 0x%" PRIx64 " (modules) does not lead to modules", head);
	if (!find_kallsyms(s))
		return err_new(ERR_MISSING,
			"of %zu modules too few prove where they keep their symbols", s->m.n);
	if (!search_parts(s) || !check_parts(s))
		return err_new(
			ERR_MISSING, "of %zu modules too few prove where their memory is", s->m.n);
	search_exports(s);
	return NULL;
}

struct err *module_layout_find(struct target *t, uint64_t head, struct module_layout *ret)
{
	unsigned w = t->abi.word_bytes;
	struct search s = { .t = t, .word = w, .budget = READ_BYTES_MAX };
	s.l = (struct module_layout){ .list = w, .name = 3 * w, .name_bytes = NAME_CORE_MAX - w };
	struct err *err = search_layout(&s, head);
	struct err *stop = interrupt_check(); /* what was cut short proves nothing */
	if (stop)
		err_drop(err);
	if (!err && !stop)
		*ret = s.l;
	for (size_t i = 0; i < s.m.n; i++)
		free(s.m.v[i]);
	vec_deinit(&s.m);
	return stop ? stop : err;
}

struct err *module_layout_read(
	const struct module_layout *l, struct target *t, uint64_t va, struct module *ret)
{
	struct search s = { .t = t, .word = t->abi.word_bytes };
	struct sample m = { .va = va, .n = l->kallsyms + s.word };
	*ret = (struct module){ .va = va };
	struct err *err = m.n > sizeof(m.raw) ? err_new(ERR_FORMAT, "no layout")
					      : vspace_read(t->kernel, va, m.raw, m.n);
	if (err)
		return err;
	ret->state = sample_u32(&s, &m, 0);
	memcpy(ret->name, m.raw + l->name, l->name_bytes);
	ret->name[sizeof(ret->name) - 1] = '\0';
	ret->kallsyms = sample_word(&s, &m, l->kallsyms);
	sample_parts(&s, l, &m, ret);
	if (l->export_bytes) {
		ret->exports = sample_word(&s, &m, l->exports);
		ret->num_exports = sample_u32(&s, &m, l->num_exports);
	}
	return NULL;
}

struct err *module_layout_read_kallsyms(
	const struct module_layout *l, struct target *t, uint64_t va, struct mod_kallsyms *ret)
{
	struct search s = { .t = t, .word = t->abi.word_bytes };
	uint8_t raw[4 * sizeof(uint64_t)] = { 0 };
	struct err *err = vspace_read(t->kernel, va, raw, (l->typetab ? 4 : 3) * s.word);
	if (err)
		return err;
	decode_table(&s, raw, ret);
	return NULL;
}

void module_layout_describe(const struct module_layout *l, struct strbuf *out)
{
	if (l->by_types || !l->modules)
		return;
	strbuf_addf(out, "struct module by %u of %u modules: %s at 0x%x, kallsyms at 0x%x",
		l->proving, l->modules, l->text_size ? "core_layout" : "mem", l->part, l->kallsyms);
	if (l->export_bytes)
		strbuf_addf(out, ", syms at 0x%x", l->exports);
	strbuf_add(out, "; ");
}

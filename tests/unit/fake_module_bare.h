/* Modules as bytes, for kernels without types: struct module up to v6.3, since v6.4, and with
 * is_rox (v7.2), its table of symbols and what it exports as kernel/module/ lays them out. */
#ifndef TESTS_UNIT_FAKE_MODULE_BARE_H
#define TESTS_UNIT_FAKE_MODULE_BARE_H

#include "analyzer/kernel/module_layout.h"
#include "tests/unit/fake_kernel.h"

enum bare_era { BARE_LAYOUT, BARE_MEM, BARE_ROX, BARE_ERAS };
enum {
	BARE_HEAD = 0x500,
	BARE_AT = 0x10800,
	BARE_STEP = 0x8000,
	BARE_TEXT_IN = 0x1800,
	BARE_DATA_IN = 0x4800,
	BARE_INIT_IN = 0x5800,
	BARE_PART = 0x1000,
	BARE_FUNCTIONS = 3,
	BARE_SYMBOLS = 8
};

struct bare {
	struct fake *f;
	enum bare_era era;
	unsigned w,
		form; /* of the word, and of struct kernel_symbol: 12 of distances, else pointers */
	bool old_letters; /* in st_info, as up to v5.0 */
	uint32_t list, name, syms, num_syms, gpl_syms, num_gpl, part, part_size, part_step,
		kallsyms;
};

static inline void bare_init(struct bare *b, struct fake *f, enum bare_era era)
{
	unsigned w = f->t->abi.word_bytes;
	*b = (struct bare){
		.f = f, .era = era, .w = w, .form = w == 8 ? 12 : 3 * w, .list = w, .name = 3 * w
	};
	b->syms = 64 + 2 * w + 10 * w; /* behind build_id, mkobj, … */
	b->num_syms = b->syms + (era == BARE_ROX ? 3 : 2) * w;
	b->num_gpl = b->num_syms + 5 * w - 4;
	b->gpl_syms = b->num_gpl + 4;
	b->part = (b->gpl_syms + 7 * w + 63) / 64 * 64;
	b->part_size = era == BARE_ROX ? w + 4 : w;
	b->part_step = era == BARE_LAYOUT ? 4 * w + 8 : 9 * w; /* with mod_tree_node */
	b->kallsyms = b->part + 7 * b->part_step + 5 * w;
	fake_symbol(f, "modules", BARE_HEAD, 2 * w);
	fake_put(f->t->dump, BARE_HEAD, fake_va(f, BARE_HEAD), w);
}

static inline uint64_t bare_at(unsigned i)
{
	return BARE_AT + (uint64_t)i * BARE_STEP;
}

static inline void bare_word(struct bare *b, uint64_t at, uint64_t v)
{
	fake_put(b->f->t->dump, at, v, b->w);
}

static inline void bare_link(struct bare *b, unsigned n)
{
	uint64_t from = BARE_HEAD;
	for (unsigned i = 0; i <= n; i++) {
		uint64_t to = i < n ? bare_at(i) + b->list : BARE_HEAD;
		bare_word(b, from, fake_va(b->f, to));
		bare_word(b, to + b->w, fake_va(b->f, from));
		from = to;
	}
}

static inline void bare_part(struct bare *b, unsigned i, unsigned k, uint64_t start, uint32_t bytes)
{
	uint64_t at = bare_at(i) + b->part + k * b->part_step;
	bare_word(b, at, fake_va(b->f, start));
	fake_put(b->f->t->dump, at + b->part_size, bytes, 4);
}

/* Elf32_Sym or Elf64_Sym number @n of the table at @table, its name behind the others. */
static inline uint32_t bare_symbol(struct bare *b, uint64_t table, uint64_t strings, uint64_t types,
	unsigned n, uint32_t name_off, const char *name, uint64_t va, char letter)
{
	struct dump *d = b->f->t->dump;
	uint64_t at = table + n * (b->w == 8 ? 24 : 16);
	fake_put(d, at, name_off, 4);
	fake_put(d, at + (b->w == 8 ? 8 : 4), va, b->w);
	fake_put(d, at + (b->w == 8 ? 4 : 12),
		b->old_letters	? (uint8_t)letter
		: letter == 't' ? 2
				: 1,
		1);
	fake_put(d, at + (b->w == 8 ? 6 : 14), letter != 'U', 2);
	if (types)
		fake_put(d, types + n, (uint8_t)letter, 1);
	fake_bytes(b->f, strings + name_off, name, strlen(name) + 1);
	return name_off + (uint32_t)strlen(name) + 1;
}

/* struct mod_kallsyms at @at, its tables from @data on; returns the end of them. */
static inline uint64_t bare_table(
	struct bare *b, unsigned i, uint64_t at, uint64_t data, unsigned n)
{
	static const char letters[BARE_SYMBOLS + 1] = "Utttdatb";
	static const char *const forms[BARE_SYMBOLS] = { "", "m%u_open", "m%u_close", "m%u_read",
		"m%u_state", "m%u_percpu", "$a", ".L%u\0021" };
	uint64_t text = bare_at(i) + BARE_TEXT_IN, strings = data + n * (b->w == 8 ? 24 : 16);
	uint64_t where[BARE_SYMBOLS] = { 0, fake_va(b->f, text + 0x100),
		fake_va(b->f, text + 0x180), fake_va(b->f, text + 0x200),
		fake_va(b->f, bare_at(i) + BARE_DATA_IN + 0x10), 0x40, fake_va(b->f, text + 0x100),
		fake_va(b->f, bare_at(i) + BARE_DATA_IN + 0x20) };
	uint32_t end = 0;
	for (int pass = 0; pass < 2; pass++) {
		uint64_t types = pass && !b->old_letters ? strings + end : 0;
		end = 0;
		for (unsigned k = 0; k < n; k++) {
			char name[32];
			snprintf(name, sizeof(name), forms[k % BARE_SYMBOLS], i);
			end = bare_symbol(b, data, strings, types, k, end, name,
				where[k % BARE_SYMBOLS], letters[k % BARE_SYMBOLS]);
		}
	}
	bare_word(b, at, fake_va(b->f, data));
	fake_put(b->f->t->dump, at + b->w, n, 4);
	bare_word(b, at + 2 * b->w, fake_va(b->f, strings));
	if (!b->old_letters)
		bare_word(b, at + 3 * b->w, fake_va(b->f, strings + end));
	return strings + end + (b->old_letters ? 0 : n);
}

/* struct kernel_symbol for the functions "m%u_close", "m%u_open" (sorted) at @at. */
static inline void bare_exports(
	struct bare *b, unsigned i, uint32_t member, uint32_t count, unsigned n, uint64_t at)
{
	static const char *const forms[] = { "m%u_close", "m%u_open" };
	uint64_t names = at + 0x80, text = bare_at(i) + BARE_TEXT_IN;
	for (unsigned k = 0; k < n; k++) {
		char name[32];
		uint64_t entry = at + k * b->form, to = text + (k ? 0x100 : 0x180);
		snprintf(name, sizeof(name), forms[k], i);
		fake_bytes(b->f, names + k * 32, name, strlen(name) + 1);
		if (b->w == 8) {
			fake_put(b->f->t->dump, entry, to - entry, 4);
			fake_put(b->f->t->dump, entry + 4, names + k * 32 - entry - 4, 4);
		} else {
			bare_word(b, entry, fake_va(b->f, to));
			bare_word(b, entry + b->w, fake_va(b->f, names + k * 32));
		}
	}
	bare_word(b, bare_at(i) + member, fake_va(b->f, at));
	bare_word(b, bare_at(i) + member + b->w, fake_va(b->f, at + 0x100)); /* crcs */
	fake_put(b->f->t->dump, bare_at(i) + count, n, 4);
}

/* A live one with all its symbols; its text, data and table are parts of their own since v6.4. */
static inline void bare_module(struct bare *b, unsigned i, const char *name)
{
	uint64_t at = bare_at(i), text = at + BARE_TEXT_IN, data = at + BARE_DATA_IN;
	fake_put(b->f->t->dump, at, 0, 4);
	fake_bytes(b->f, at + b->name, name, strlen(name) + 1);
	bare_word(b, at + b->syms - b->w, fake_va(b->f, 0x3000)); /* holders_dir */
	if (b->era == BARE_LAYOUT) {
		bare_part(b, i, 0, text, BARE_DATA_IN + BARE_PART - BARE_TEXT_IN);
		fake_put(b->f->t->dump, at + b->part + b->w + 4, 0x1000, 4); /* text_size */
	} else {
		bare_part(b, i, 0, text, BARE_PART);
		bare_part(b, i, 1, data, BARE_PART);
	}
	fake_put(b->f->t->dump, text, 1, 1);
	fake_put(b->f->t->dump, text + BARE_PART, 1, 1);
	bare_word(b, at + b->kallsyms, fake_va(b->f, at + b->kallsyms + b->w));
	bare_table(b, i, at + b->kallsyms + b->w, data + 0x400, BARE_SYMBOLS);
}

#endif

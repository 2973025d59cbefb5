/* The module list, symbol tables and unwind tables from any memory. The input is pages of a fake
 * target (fake_pages.h); bit 1 of its first byte chooses mem[] over core_layout. */
#include "tests/unit/fake_module.h"
#include "tests/unit/fake_pages.h"

enum { NEW_LAYOUT = 2 };

static void types_and_symbols(struct fake *f, enum fake_module_era era)
{
	fake_module_types(f, era);
	fake_section_types(f, era == MODULE_MEM);
	FAKE_STRUCT(f, "unwind_table", "list:list", "start:word", "stop:word", "begin_addr:word",
		"end_addr:word");
	fake_symbol(f, "unwind_tables", 0x600, 8);
}

static void read_sections(struct fake *f)
{
	struct arena arena = { 0 };
	struct module_iter it;
	struct module m;
	bool more = true;
	struct err *err = module_iter_init(&it, f->t);
	for (unsigned i = 0; !err && i < 8; i++) {
		struct module_section *section;
		struct module_identity id;
		size_t n;
		err = module_iter_next(&it, &m, &more);
		if (err || !more)
			break;
		scoped_err struct err *e = module_sections_read(f->t, &m, &arena, &section, &n);
		if (!e) {
			module_identity_read(f->t, &m, section, n, &arena, &id);
			if (id.build_id_bytes > MODULE_BUILD_ID_MAX)
				abort();
		}
	}
	err_drop(err);
	arena_deinit(&arena);
}

static void read_modules(struct fake *f)
{
	uint64_t start, stop;
	struct symbol s;
	struct err *err = module_add_symbols(f->t);
	if (err && !err->msg[0])
		abort();
	err_drop(err);
	for (size_t i = 0; i < symtab_count(f->t->syms); i++) {
		symtab_get(f->t->syms, i, &s);
		if (!s.name)
			abort();
	}
	symtab_at(f->t->syms, fake_va(f, CODE_AT + 0x180), &s);
	read_sections(f);
	module_unwind_table(f->t, 0x1234, &start, &stop);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	if (!n)
		return 0;
	fake_init(&f, fake_pages_word(p, n));
	types_and_symbols(&f, p[0] & NEW_LAYOUT ? MODULE_MEM : MODULE_LAYOUT);
	fake_pages_load(&f, p, n);
	read_modules(&f);
	fake_deinit(&f);
	return 0;
}

static void seed(unsigned word, enum fake_module_era era, fuzz_add_fn add)
{
	struct fake f;
	fake_init(&f, word);
	types_and_symbols(&f, era);
	fake_module(&f, era, 0, "first");
	fake_module(&f, era, 1, "second");
	fake_modules_link(&f, 2);
	fake_module_sections(&f, 0, era == MODULE_MEM);
	uint32_t name = 1;
	for (unsigned i = 1; i < 5; i++) {
		struct fake_sym s = { .name = "a_symbol",
			.value = fake_va(&f, CODE_AT + i * 0x80),
			.info = 0x12,
			.type = 't',
			.section = 1 };
		fake_module_symbol(&f, 0, i, name, &s);
		name += 9;
	}
	fake_put(f.t->dump, 0x600, fake_va(&f, 0x3000), word);
	fake_put(f.t->dump, 0x3000, fake_va(&f, 0x600), word);
	fake_set(&f, "unwind_table", 0x3000, "end_addr", 0x2000);
	fake_pages_add(&f, era == MODULE_MEM ? NEW_LAYOUT : 0, add);
	fake_deinit(&f);
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4) {
		seed(word, MODULE_LAYOUT, add);
		seed(word, MODULE_MEM, add);
	}
}

/* struct module without types, from any memory. The input is pages of a fake target (fake_pages.h):
 * modules as bytes, of which most damage proves nothing. */
#include "tests/unit/fake_module_bare.h"
#include "tests/unit/fake_pages.h"

static void check_symbols(struct fake *f)
{
	struct symbol s;
	for (size_t i = 0; i < symtab_count(f->t->syms); i++) {
		symtab_get(f->t->syms, i, &s);
		if (!s.name)
			abort();
	}
	symtab_at(f->t->syms, fake_va(f, bare_at(1) + BARE_TEXT_IN + 0x180), &s);
}

/* What is proved stands within what was looked at. */
static void check_layout(const struct module_layout *l)
{
	if (l->modules && (l->kallsyms >= 4096 || l->part >= l->kallsyms ||
				  l->nparts > MODULE_PARTS_MAX || !l->nparts ||
				  l->proving > l->modules || (l->exports && l->exports >= l->part)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	struct module_layout l = { 0 };
	if (!n)
		return 0;
	fake_init(&f, fake_pages_word(p, n));
	fake_symbol(&f, "modules", BARE_HEAD, 8);
	fake_pages_load(&f, p, n);
	struct err *err = module_layout_find(f.t, fake_va(&f, BARE_HEAD), &l);
	if (!err)
		check_layout(&l);
	err_drop(err);
	err = module_add_symbols(f.t);
	if (err && !err->msg[0])
		abort();
	err_drop(err);
	check_symbols(&f);
	fake_deinit(&f);
	return 0;
}

static void seed(unsigned word, enum bare_era era, fuzz_add_fn add)
{
	struct fake f;
	struct bare b;
	fake_init(&f, word);
	bare_init(&b, &f, era);
	bare_module(&b, 0, "first");
	bare_module(&b, 1, "second");
	bare_link(&b, 2);
	bare_exports(&b, 1, b.syms, b.num_syms, 2, bare_at(1) + BARE_DATA_IN + 0x100);
	fake_pages_add(&f, 0, add);
	fake_deinit(&f);
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4)
		for (enum bare_era era = BARE_LAYOUT; era < BARE_ERAS; era++)
			seed(word, era, add);
}

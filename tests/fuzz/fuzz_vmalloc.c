/* vmalloc areas from any memory, in each era. The input is pages of a fake target (fake_pages.h);
 * bits 1 to 3 of its first byte are the era, bit 4: the machine was booting. */
#include "tests/unit/fake_pages.h"
#include "tests/unit/fake_vmalloc.h"

enum { BOOTING = 16 };

static enum fake_vmalloc_era era_of(uint8_t first)
{
	return (first >> 1 & 7) % VMALLOC_ERAS;
}

static void check(const struct vmalloc *v)
{
	for (size_t i = 0; i < v->area.n; i++) {
		struct strbuf kind = { 0 };
		const struct vmalloc_area *a = &v->area.v[i];
		uint64_t page;
		if (a->start >= a->end || (i && a->start < v->area.v[i - 1].start))
			abort();
		if (!vmalloc_find(v, a->start))
			abort();
		vmalloc_format_kind(v, a, &kind);
		if (!kind.len && a->vm_va && a->flags & 0x3f)
			abort();
		strbuf_deinit(&kind);
		err_drop(vmalloc_page_read(v, a, 0, &page));
	}
	if (v->damage.n > VMALLOC_DAMAGE_MAX ||
		(v->more_damage && v->damage.n < VMALLOC_DAMAGE_MAX))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	struct vmalloc v;
	if (!n)
		return 0;
	fake_vmalloc(&f, fake_pages_word(p, n), era_of(p[0]));
	fake_number(&f, "vmlist", NUMBERS_AT + 24, fake_va(&f, fake_vm(2)), f.t->abi.word_bytes);
	fake_pages_load(&f, p, n);
	if (p[0] & BOOTING)
		fake_put(f.t->dump, NUMBERS_AT + 16, 0, 1);
	struct err *err = vmalloc_read(f.t, &v);
	if (!err) {
		check(&v);
		vmalloc_deinit(&v);
	}
	err_drop(err);
	fake_deinit(&f);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4)
		for (unsigned era = 0; era < VMALLOC_ERAS; era++)
			for (unsigned booting = 0; booting <= BOOTING; booting += BOOTING) {
				struct fake f;
				fake_vmalloc(&f, word, era);
				fake_pages_add(&f, era << 1 | booting, add);
				fake_deinit(&f);
			}
}

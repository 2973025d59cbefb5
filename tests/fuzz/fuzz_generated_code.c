/* BPF's list of symbols, kprobes' pages and their table from any memory. The input is pages of a
 * fake target (fake_pages.h); bits 1 and 2 of its first byte are the era. */
#include "tests/unit/fake_pages.h"
#include "tests/unit/fake_code.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	struct err *damage = NULL;
	scoped_generated_codes struct generated_codes c = { 0 };
	if (!n)
		return 0;
	fake_code(&f, fake_pages_word(p, n), (p[0] >> 1 & 3) % CODE_ERAS);
	fake_pages_load(&f, p, n);
	struct err *err = generated_codes_read(f.t, &c, &damage);
	for (size_t i = 0; i < c.code.n; i++) {
		const struct generated_code *code = &c.code.v[i];
		if (code->start >= code->end || (i && code->start < code[-1].start) ||
			!code->type ||
			strnlen(code->name, sizeof(code->name)) == sizeof(code->name))
			abort();
		if (!generated_codes_find(&c, code->start))
			abort();
	}
	err_drop(err);
	err_drop(damage);
	fake_deinit(&f);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4)
		for (unsigned era = 0; era < CODE_ERAS; era++) {
			struct fake f;
			fake_code(&f, word, era);
			fake_pages_add(&f, era << 1, add);
			fake_deinit(&f);
		}
}

/* struct addr_marker { unsigned long start_address; const char *name; } on both architectures, 4.19
 * to 7.x; the last element has -1. */
#include "analyzer/kernel/address_markers.h"

#include <string.h>

#include "analyzer/base/scope.h"

/* In 6.12 the array is a static of a function and has a number behind its name. */
static bool find_array(const struct target *t, uint64_t *ret_va)
{
	static const char name[] = "address_markers";
	const size_t n = sizeof(name) - 1;
	struct symbol sym;

	if (symtab_find_kernel(t->syms, name, &sym)) {
		*ret_va = sym.va;
		return true;
	}
	for (size_t i = 0; i < symtab_count(t->syms); i++) {
		symtab_get(t->syms, i, &sym);
		if (!sym.module && !strncmp(sym.name, name, n) && sym.name[n] == '.') {
			*ret_va = sym.va;
			return true;
		}
	}
	return false;
}

unsigned address_markers_read(const struct target *t, struct address_marker *out)
{
	const uint64_t word = t->abi.word_bytes, end = word == 8 ? UINT64_MAX : UINT32_MAX;
	uint64_t va, name_va;

	if (!t->kernel || !find_array(t, &va))
		return 0;
	for (unsigned n = 0; n < ADDRESS_MARKERS_MAX; n++, va += 2 * word) {
		struct address_marker *m = &out[n];
		if (!vspace_try_word(t->kernel, va, &m->start))
			return 0;
		if (m->start == end)
			return n;
		if ((n && m->start < m[-1].start) ||
			!vspace_try_word(t->kernel, va + word, &name_va))
			return 0;
		scoped_err struct err *err =
			vspace_read_str(t->kernel, name_va, m->name, sizeof(m->name));
		if (err || !m->name[0])
			return 0;
	}
	return 0;
}

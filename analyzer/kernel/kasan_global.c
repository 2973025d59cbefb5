/*
 * The compiler puts an array of descriptors into the .data of each object file and registers it
 * from a constructor (struct kasan_global, mm/kasan/kasan.h: the compiler's ABI, not the kernel's).
 * Constructors are freed after boot, but the arrays stay; so the image's or the module's data are
 * searched for words that are a descriptor of the address. Where the descriptors are gone, symbols
 * and shadow must do.
 */
#include "analyzer/kernel/kasan_global.h"

#include <inttypes.h>
#include <stdio.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/kasan_shadow.h"
#include "analyzer/kernel/module.h"

enum {
	WORDS = 5, /* beg, size, size_with_redzone, name, module_name */
	CHUNK = 1 << 16,
	REDZONE_ALIGN = 32,
	DATA_MAX = 256 << 20,
};

static bool is_text(const char *s)
{
	size_t n = 0;
	for (; s[n]; n++)
		if (s[n] < ' ' || s[n] > '~')
			return false;
	return n > 0;
}

/* Whether the words at @p, which lie at @va, describe a variable at @wanted. */
static bool is_descriptor(const struct kasan *k, const uint8_t *p, uint64_t va, uint64_t wanted,
	struct kasan_global *ret)
{
	const struct abi *abi = &k->t->abi;
	uint64_t w[WORDS];
	for (unsigned i = 0; i < WORDS; i++)
		w[i] = get_word(abi, p + i * abi->word_bytes);
	if (wanted < w[0] || wanted - w[0] >= w[2] || w[1] >= w[2] || w[2] % REDZONE_ALIGN ||
		w[2] > DATA_MAX || w[0] % k->granule)
		return false;
	struct kasan_global g = {
		.descriptor_va = va, .va = w[0], .size = w[1], .size_with_redzone = w[2]
	};
	scoped_err struct err *err = vspace_read_str(k->t->kernel, w[3], g.name, sizeof(g.name));
	if (err || !is_text(g.name))
		return false;
	scoped_err struct err *file = vspace_read_str(k->t->kernel, w[4], g.file, sizeof(g.file));
	if (file || !is_text(g.file))
		return false;
	*ret = g;
	return true;
}

static struct err *search(const struct kasan *k, uint64_t start, uint64_t end, uint64_t wanted,
	struct kasan_global *ret, bool *ret_found)
{
	const struct abi *abi = &k->t->abi;
	unsigned word = abi->word_bytes, need = WORDS * word;
	scoped_free uint8_t *buf = xcalloc(1, CHUNK);
	start = (start + word - 1) & ~(word - 1ull);
	for (uint64_t at = start; at < end && end - at >= need;) {
		uint64_t n = end - at < CHUNK ? end - at : CHUNK, bad;
		struct err *err = interrupt_check();
		if (err)
			return err;
		if (vspace_try_read(k->t->kernel, at, buf, n, &bad))
			n = bad > at && bad - at < n ? bad - at : 0;
		for (uint64_t i = 0; i + need <= n; i += word)
			if (get_word(abi, buf + i) <= wanted &&
				is_descriptor(k, buf + i, at + i, wanted, ret)) {
				*ret_found = true;
				return NULL;
			}
		/* chunks overlap by a descriptor; what cannot be read is stepped over by pages */
		at += n >= need ? n - need + word : 4096;
	}
	return NULL;
}

/* [start, end) of the data that may describe @va: the image's own, or the module's. */
static struct err *search_places(
	const struct kasan *k, uint64_t va, struct kasan_global *ret, bool *ret_found)
{
	struct module_iter it;
	struct module m;
	bool more = true;
	uint64_t start, end;
	struct err *err = target_symbol(k->t, "_sdata", &start);
	if (!err)
		err = target_symbol(k->t, "_edata", &end);
	if (!err && end > start && end - start <= DATA_MAX)
		err = search(k, start, end, va, ret, ret_found);
	if (*ret_found || (err && err->code == ERR_INTERRUPTED))
		return err;
	err_drop(err); /* an image without these symbols: modules may still tell */
	err = module_iter_init(&it, k->t);
	while (!err && !*ret_found) {
		bool inside = false;
		err = module_iter_next(&it, &m, &more);
		if (err || !more)
			break;
		for (unsigned i = 0; i < MODULE_PARTS_MAX; i++)
			inside |= va - m.part[i].va < m.part[i].size;
		for (unsigned i = 0; inside && !err && !*ret_found && i < MODULE_PARTS_MAX; i++)
			err = search(
				k, m.part[i].va, m.part[i].va + m.part[i].size, va, ret, ret_found);
	}
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	err_drop(err); /* a broken list of modules: what the symbols say is left */
	return NULL;
}

struct err *kasan_global_find(const struct kasan *k, uint64_t va, struct kasan_global *ret)
{
	struct kasan_global g = { 0 };
	struct symbol s;
	uint8_t b;
	bool found = false;
	struct err *err = search_places(k, va, &g, &found);
	if (err)
		return err;
	if (!found) {
		if (!symtab_at(k->t->syms, va, &s))
			return err_new(ERR_NOT_FOUND, "0x%" PRIx64 " is in no global variable", va);
		g.va = s.va;
		g.size = s.object_size ? s.object_size : s.size;
		snprintf(g.name, sizeof(g.name), "%s", s.name);
		uint64_t at = s.va + ((g.size + k->granule - 1) & ~(k->granule - 1ull));
		for (unsigned n = 0; n < 1 << 16 && kasan_try_byte(k, at, &b) &&
				     kasan_value_kind(k, b) == KASAN_GLOBAL;
			n++)
			at += k->granule;
		g.size_with_redzone = at - s.va;
	}
	*ret = g;
	return NULL;
}

/*
 * From the names to symbols: expands the tokens, finds which of the address tables stands where it
 * could, and searches memory for all of it. Which forms there are: scripts/kallsyms.c, 4.19 to 7.3.
 */
#include <ctype.h>
#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/target/kallsyms_internal.h"

enum {
	NAME_BYTES_MAX = 512, /* KSYM_NAME_LEN since v6.1; 128 before */
};

void kallsyms_destroy(struct kallsyms *k)
{
	if (!k)
		return;
	free(k->entry);
	free(k->text);
	free(k->at);
	free(k);
}

static void destroy_scoped(struct kallsyms **k)
{
	kallsyms_destroy(*k);
}

const char *kallsyms_form_name(enum kallsyms_form form)
{
	static const char *const names[] = {
		[KALLSYMS_ABSOLUTE] = "absolute",
		[KALLSYMS_RELATIVE] = "base-relative",
		[KALLSYMS_RELATIVE_PERCPU] = "base-relative, per-CPU absolute",
		[KALLSYMS_SELF] = "self-relative",
	};
	return names[form];
}

/* ---- addresses ----------------------------------------------- */

static unsigned entry_bytes(const struct kallsyms *k)
{
	return k->form == KALLSYMS_ABSOLUTE ? k->abi.word_bytes : 4;
}

static uint64_t address_of(const struct kallsyms *k, uint32_t i)
{
	const uint8_t *p = k->entry + (size_t)i * entry_bytes(k);
	uint64_t mask = k->abi.word_bytes == 4 ? UINT32_MAX : UINT64_MAX, va;
	int64_t s = sign_extend(get_u32(&k->abi, p), 32);
	switch (k->form) {
	case KALLSYMS_ABSOLUTE:
		va = get_word(&k->abi, p);
		break;
	case KALLSYMS_RELATIVE:
		va = k->relative_base + get_u32(&k->abi, p);
		break;
	case KALLSYMS_RELATIVE_PERCPU:
		va = s >= 0 ? (uint64_t)s : k->relative_base - 1 - (uint64_t)s;
		break;
	case KALLSYMS_SELF:
	default:
		va = k->self_va + 4 * (uint64_t)i + (uint64_t)s;
	}
	return va & mask;
}

/* The kernel looks addresses up by bisection: they ascend, and (no linker puts all symbols at one
 * place) most of them truly do. */
static bool addresses_ascend(const struct kallsyms *k)
{
	uint32_t steps = 0;
	uint64_t last = address_of(k, 0);
	for (uint32_t i = 1; i < k->nsyms; i++) {
		uint64_t va = address_of(k, i);
		if (va < last)
			return false;
		steps += va != last;
		last = va;
	}
	return steps >= k->nsyms / 4;
}

/* relative_base is the lowest address that is counted from it (record_relative_base()), so one
 * entry at least is nothing but the base. */
static bool base_fits(const struct kallsyms *k)
{
	if (k->form == KALLSYMS_RELATIVE)
		return !get_u32(&k->abi, k->entry);
	for (uint32_t i = 0; k->form == KALLSYMS_RELATIVE_PERCPU && i < k->nsyms; i++)
		if (get_u32(&k->abi, k->entry + 4 * (size_t)i) >> 31)
			return address_of(k, i) == k->relative_base;
	return k->form != KALLSYMS_RELATIVE_PERCPU;
}

/*
 * A kernel's addresses are close together, and high: arm64's have at least twelve ones on top (no
 * two words of an ARM32 table do, read as one), ARM's lowest PAGE_OFFSET is 0x40000000. Some
 * absolute symbols may be small numbers, so it is enough if most are so.
 */
static bool addresses_of_kernel(const struct kallsyms *k)
{
	const uint64_t span = 1ull << 31;
	uint64_t first = address_of(k, 0), last = address_of(k, k->nsyms - 1);
	uint64_t lowest = k->abi.word_bytes == 8 ? 0xfffull << 52 : 0x40000000;
	/* Still physical: text lies before the table and data behind. (A relative table, read as
	 * this form, ascends as well, but has nothing before.) */
	if (k->form == KALLSYMS_SELF)
		return k->self_va - first - 1 < span / 2 && last - first < span;
	if (k->form == KALLSYMS_RELATIVE && k->abi.word_bytes == 8 && last - first >= span)
		return false;
	uint32_t good = 0;
	for (uint32_t i = 0; i < k->nsyms; i++) {
		uint64_t va = address_of(k, i);
		good += va >= lowest && last - va < span;
	}
	return good > k->nsyms / 2;
}

/* Reads a table at @pa as form @k->form; keeps it when it makes sense. */
static bool try_addresses(struct dump *d, struct kallsyms *k, uint64_t pa)
{
	size_t n = (size_t)k->nsyms * entry_bytes(k);
	k->entry = xrealloc_array(k->entry, n, 1);
	k->addresses.v = k->self_va = pa;
	return dump_try_read(d, (struct paddr){ pa }, k->entry, n, NULL) == FAULT_NONE &&
	       base_fits(k) && addresses_ascend(k) && addresses_of_kernel(k);
}

static bool try_relative(struct dump *d, struct kallsyms *k, uint64_t offsets_pa, uint64_t base_pa)
{
	uint8_t raw[8];
	if (dump_try_read(d, (struct paddr){ base_pa }, raw, k->abi.word_bytes, NULL) != FAULT_NONE)
		return false;
	k->relative_base = get_word(&k->abi, raw);
	for (k->form = KALLSYMS_RELATIVE; k->form <= KALLSYMS_RELATIVE_PERCPU; k->form++)
		if (try_addresses(d, k, offsets_pa))
			return true;
	return false;
}

/*
 * Up to v6.3 or so: [addresses] or [offsets, relative_base] before num_syms. Each is aligned to the
 * word, so what remains between an odd count of offsets and the base is padding. 4.19's num_syms is
 * a word of which @count_pa may be the second half.
 */
static bool addresses_before(struct dump *d, struct kallsyms *k, uint64_t count_pa)
{
	uint64_t word = k->abi.word_bytes, end = count_pa & ~(word - 1), n = k->nsyms;
	if (end < n * word + 2 * word)
		return false;
	if (try_relative(d, k, (end - word - 4 * n) & ~(word - 1), end - word))
		return true;
	k->form = KALLSYMS_ABSOLUTE;
	return try_addresses(d, k, end - n * word);
}

/* Since then behind token_index; since v7.0 without a base. */
static bool addresses_behind(struct dump *d, struct kallsyms *k, uint64_t index_end)
{
	for (unsigned align = k->abi.word_bytes; align >= 4; align /= 2) {
		uint64_t pa = (index_end + align - 1) & ~(uint64_t)(align - 1);
		uint64_t base = pa + 4 * (uint64_t)k->nsyms;
		base = (base + align - 1) & ~(uint64_t)(align - 1);
		if (try_relative(d, k, pa, base))
			return true;
		k->form = KALLSYMS_ABSOLUTE;
		if (try_addresses(d, k, pa))
			return true;
		k->form = KALLSYMS_SELF;
		if (k->abi.word_bytes == 8 && try_addresses(d, k, pa))
			return true;
	}
	return false;
}

static bool find_addresses(struct dump *d, struct kallsyms *k, const struct name_table *names,
	const struct token_table *tokens, unsigned word_bytes)
{
	for (unsigned word = 8; word >= 4; word /= 2) {
		k->abi.word_bytes = (uint8_t)word;
		if (word_bytes && word != word_bytes)
			continue;
		if (addresses_before(d, k, names->num_syms.v) ||
			addresses_behind(d, k, tokens->end.v))
			return true;
	}
	return false;
}

/* ---- names ----------------------------------------------- */

/* Appends the text of one compressed name; false when it is none: no type letter, control
 * characters, too long. */
static bool expand(const struct token_table *t, const uint8_t *p, size_t n, struct strbuf *out)
{
	size_t start = out->len;
	for (size_t i = 0; i < n; i++) {
		const char *token = t->text + t->index[p[i]];
		strbuf_add_bytes(out, token, strlen(token));
		if (out->len - start > NAME_BYTES_MAX)
			return false;
	}
	if (out->len - start < 2 || !isalpha((unsigned char)out->s[start]))
		return false;
	for (size_t i = start; i < out->len; i++)
		if ((unsigned char)out->s[i] <= ' ' || out->s[i] == 0x7f)
			return false;
	return true;
}

static bool expand_all(
	struct kallsyms *k, const struct token_table *t, const struct name_table *names)
{
	scoped_strbuf struct strbuf text = { 0 };
	size_t pos = 0;
	k->at = xcalloc(k->nsyms, sizeof(*k->at));
	for (uint32_t i = 0; i < k->nsyms; i++) {
		size_t len = names->bytes[pos++];
		if (len & 0x80)
			len = (len & 0x7f) | (size_t)names->bytes[pos++] << 7;
		k->at[i] = (uint32_t)text.len;
		if (!expand(t, names->bytes + pos, len, &text))
			return false;
		strbuf_add_char(&text, '\0');
		pos += len;
	}
	k->text = strbuf_take(&text);
	return true;
}

static void names_drop(struct name_table *names)
{
	free(names->bytes);
}

/* ---- the whole ----------------------------------------------- */

struct err *kallsyms_at(
	struct dump *d, const struct abi *abi, struct paddr token_table, struct kallsyms **ret)
{
	scoped_free struct token_table *tokens = xmalloc(sizeof(*tokens));
	__attribute__((cleanup(destroy_scoped))) struct kallsyms *k = xcalloc(1, sizeof(*k));
	__attribute__((cleanup(names_drop))) struct name_table names = { 0 };
	*ret = NULL;
	k->abi = *abi;
	if (!token_table_read(d, abi, token_table, tokens) ||
		!name_table_find(d, abi, tokens, &names))
		return interrupt_check();
	k->nsyms = names.nsyms;
	k->token_table = token_table;
	if (find_addresses(d, k, &names, tokens, abi->word_bytes) && expand_all(k, tokens, &names))
		*ret = take_ptr(k);
	return interrupt_check();
}

void kallsyms_get(const struct kallsyms *k, uint32_t i, struct kallsyms_symbol *ret)
{
	const char *text = k->text + k->at[i];
	*ret = (struct kallsyms_symbol){ .va = address_of(k, i), .name = text + 1, .type = *text };
}

bool kallsyms_lookup(const struct kallsyms *k, const char *name, uint64_t *ret_va)
{
	for (uint32_t i = 0; i < k->nsyms; i++) {
		if (strcmp(k->text + k->at[i] + 1, name))
			continue;
		*ret_va = address_of(k, i);
		return true;
	}
	return false;
}

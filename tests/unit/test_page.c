/* Struct pages in memory made by hand: mem_map, mem_section[] in both forms, tails, flags, owners.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/page.h"
#include "tests/unit/fake_kernel.h"

static const unsigned words[] = { 4, 8 };
#define EACH_WORD(f)                                                                               \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (size_t w = 0; w < 2 && (start(f, words[w]), 1); fake_deinit(f), w++)

/* Offsets in the window: where the array of struct page is, and what leads to it. */
enum { MAP = 0x100000, SECTIONS = 0x8000, ROOTS = 0xa000, VARIABLES = 0xc000, NAMES = 0xd000 };
enum {
	FRAME = 64
}; /* the first frame with a struct page in these tests, where that can be chosen */

static void expect_err(struct err *err, enum err_code code, const char *word)
{
	assert_non_null(err);
	if (err->code != code || !strstr(err->msg, word))
		fail_msg("code %d, \"%s\" lacks \"%s\"", err->code, err->msg, word);
	err_drop(err);
}

static void know_enum(struct fake *f, const char *tag, const struct type_enumerator *e, uint32_t n)
{
	struct type t = { .kind = TYPE_ENUM,
		.name = tag,
		.size = 4,
		.enumerator = e,
		.nenumerators = n,
		.complete = true };
	fake_know(f, tag, types_new(f->t->types, &t), 4);
}

static void start(struct fake *f, unsigned word)
{
	static const struct type_enumerator flag[] = { { "PG_locked", 0 }, { "PG_lru", 4 },
		{ "PG_slab", 9 }, { "PG_owner_priv_1", 10 }, { "PG_reserved", 12 },
		{ "PG_anon_exclusive", 13 }, { "PG_checked", 10 }, { "__NR_PAGEFLAGS", 14 },
		{ "PG_isolated", 14 } };
	fake_init(f, word);
	FAKE_STRUCT(f, "page", "flags:word", "mapping:word", "private:word", "compound_head:word",
		"_mapcount:atomic", "_refcount:atomic", "padding:word[2]");
	FAKE_STRUCT(f, "mem_section", "section_mem_map:word", "usage:word");
	know_enum(f, "pageflags", flag, ARRAY_SIZE(flag));
}

static uint64_t page_off(struct fake *f, uint64_t index)
{
	return MAP + index * fake_sizeof(f, "page");
}

static void put_page(struct fake *f, uint64_t index, const char *member, uint64_t v)
{
	fake_set(f, "page", page_off(f, index), member, v);
}

static void expect_page(struct fake *f, uint64_t pfn, uint64_t index)
{
	uint64_t va, back;
	assert_null(page_of_pfn(f->t, pfn, &va));
	assert_int_equal(va, fake_va(f, page_off(f, index)));
	assert_null(page_to_pfn(f->t, va, &back));
	assert_int_equal(back, pfn);
}

static void expect_none(struct fake *f, uint64_t pfn, const char *word)
{
	uint64_t va = 7;
	expect_err(page_of_pfn(f->t, pfn, &va), ERR_NOT_FOUND, word);
	assert_int_equal(va, 7);
}

/* ---- from frames ------------------------------------------------------------------------- */

/* FLATMEM begins at the first frame of RAM, which is 0 here. */
static void put_flat(struct fake *f)
{
	fake_number(f, "mem_map", VARIABLES, fake_va(f, MAP), f->t->abi.word_bytes);
	fake_number(f, "max_pfn", VARIABLES + 8, 100, f->t->abi.word_bytes);
	f->t->image.pa.v = 0;
}

static void flat(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		put_flat(f);
		expect_page(f, 0, 0);
		expect_page(f, 99, 99);
		expect_none(f, 1000, "outside of mem_map");
		uint64_t pfn;
		expect_err(page_to_pfn(f->t, fake_va(f, page_off(f, 3)) + 4, &pfn), ERR_NOT_FOUND,
			"not the address");
		expect_err(page_to_pfn(f->t, fake_va(f, MAP) - fake_sizeof(f, "page"), &pfn),
			ERR_NOT_FOUND, "not the address");
	}
}

/* The encoded map of section @nr leads to @index for its first frame; flags in the low bits. */
static void put_section(
	struct fake *f, uint64_t off, uint64_t nr, unsigned shift, uint64_t index, uint64_t flags)
{
	uint64_t biased = fake_va(f, page_off(f, index)) - (nr << shift) * fake_sizeof(f, "page");
	fake_set(f, "mem_section", off, "section_mem_map", biased | flags);
}

enum { PRESENT = 1, HAS_MAP = 2, ONLINE = 4 };
enum {
	FAR = 5 << 18,
	FARTHER = 8 << 18
}; /* where arrays of their own begin, past all of section 0's */

/* An array of sections: the symbol is its first, and VMCOREINFO would say the same address. */
static void sparse(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		const unsigned shift = words[w] == 8 ? 18 : 16; /* 1 GiB, 256 MiB */
		const struct type *array = types_array_of(
			f->t->types, fake_known(&f->provider, "mem_section", false)->type, 16);
		const uint64_t bytes = fake_sizeof(f, "mem_section");
		fake_know(f, "mem_section", array, 8)->is_variable = true;
		fake_symbol(f, "mem_section", SECTIONS, 16 * bytes);
		put_section(f, SECTIONS, 0, shift, 0, PRESENT | HAS_MAP | ONLINE);
		put_section(f, SECTIONS + bytes, 1, shift, FAR, PRESENT | HAS_MAP | ONLINE);
		put_section(f, SECTIONS + 2 * bytes, 2, shift, 300, PRESENT);
		expect_page(f, 5, 5);
		expect_page(f, (1 << shift) + 7, FAR + 7);
		expect_none(f, 2ull << shift, "its memory section has none");
		expect_none(f, 1ull << 44, "beyond all memory sections");
	}
}

static void put_extreme(struct fake *f, unsigned shift)
{
	const struct type *section = fake_known(&f->provider, "mem_section", false)->type;
	const unsigned word = f->t->abi.word_bytes;
	const uint64_t bytes = fake_sizeof(f, "mem_section"), per_root = FAKE_PAGE / bytes;
	const struct type pointer = {
		.kind = TYPE_POINTER, .size = word, .target = section, .complete = true
	};
	const struct type *to = types_new(f->t->types, &pointer);

	f->t->dump->extent.size = 1ull << 44; /* RAM reaches into all of them */

	fake_know(f, "mem_section", to, word)->is_variable = true;
	fake_number(f, "mem_section", VARIABLES, fake_va(f, ROOTS), word);
	fake_put(f->t->dump, ROOTS, fake_va(f, SECTIONS), word);
	fake_put(f->t->dump, ROOTS + 2 * word, fake_va(f, SECTIONS + 0x1000), word);
	put_section(f, SECTIONS, 0, shift, 0, PRESENT | HAS_MAP);
	put_section(f, SECTIONS + 3 * bytes, 3, shift, FAR, PRESENT | HAS_MAP);
	put_section(
		f, SECTIONS + 0x1000 + bytes, 2 * per_root + 1, shift, FARTHER, PRESENT | HAS_MAP);
}

/* EXTREME: roots of a page of sections each. vmemmap looks the same, but that all sections agree.
 */
static void extreme(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		const unsigned shift = words[w] == 8 ? 18 : 16;
		const uint64_t per_root = FAKE_PAGE / fake_sizeof(f, "mem_section");
		put_extreme(f, shift);
		expect_page(f, 9, 9);
		expect_page(f, 3ull << shift, FAR);
		expect_page(f, ((2 * per_root + 1) << shift) + 2, FARTHER + 2);
		expect_none(f, 1ull << shift, "its memory section has none");
		expect_none(f, per_root << shift, "no memory section holds it");
	}
}

/* One biased base for all: vmemmap. What it has no memory for is no page. */
static void vmemmap(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		const unsigned shift = words[w] == 8 ? 18 : 16;
		put_extreme(f, shift);
		put_section(f, SECTIONS, 0, shift, 0, PRESENT | HAS_MAP | 0x3c);
		expect_page(f, FRAME, FRAME); /* all six flag bits are taken off */
		f->t->image.pa.v = FRAME * FAKE_PAGE;
		expect_page(f, FRAME + 1, FRAME + 1);
		/* the map of this section would lie outside of all memory */
		fake_set(f, "mem_section", SECTIONS, "section_mem_map",
			(words[w] == 8 ? 0xffff700000000000ull : 0x10000000ull) | HAS_MAP);
		expect_none(f, FRAME, "is ");
	}
}

static void nothing_known(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		uint64_t va;
		expect_err(page_of_pfn(f->t, 1, &va), ERR_MISSING, "mem_map");
	}
}

/* ---- one page ---------------------------------------------------------------------------- */

static struct page read_page(struct fake *f, uint64_t index)
{
	struct page page;
	assert_null(page_read(f->t, fake_va(f, page_off(f, index)), &page));
	return page;
}

static void expect_owner(struct fake *f, uint64_t index, const char *word)
{
	struct page page = read_page(f, index);
	const char *owner;
	assert_null(page_owner(f->t, &page, &owner));
	assert_string_equal(owner, word);
}

/* Up to 7.0 the head's address and 1; since 7.2 it may be a mask and 1. */
static void tails(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		const uint64_t size = fake_sizeof(f, "page");
		put_flat(f);
		put_page(f, 8, "mapping", 0);
		assert_int_equal(read_page(f, 8).head_va, fake_va(f, page_off(f, 8)));
		put_page(f, 9, "compound_head", fake_va(f, page_off(f, 8)) | 1);
		assert_int_equal(read_page(f, 9).head_va, fake_va(f, page_off(f, 8)));
		put_page(f, 15, "compound_head", ~(8 * size - 1) | 1);
		assert_int_equal(read_page(f, 15).head_va, fake_va(f, page_off(f, 8)));
		/* a tail is what its head is */
		put_page(f, 8, "flags", 1 << 9);
		put_page(f, 8, "_refcount.counter", 1);
		expect_owner(f, 9, "slab");
		expect_owner(f, 15, "slab");
		put_page(f, 16, "compound_head", fake_va(f, 0x30000000) | 1);
		struct page lost = read_page(f, 16);
		const char *owner;
		expect_err(page_owner(f->t, &lost, &owner), ERR_FAULT, "folio of");
	}
}

/* Members by their newest names: flags a struct, compound_info. */
static void new_names(void **state)
{
	(void)state;
	for (size_t w = 0; w < 2; w++) {
		struct fake f;
		fake_init(&f, words[w]);
		FAKE_STRUCT(&f, "memdesc_flags_t", "f:word");
		FAKE_STRUCT(&f, "page", "flags:memdesc_flags_t", "compound_info:word",
			"mapping:word", "page_type:u32", "_refcount:atomic");
		put_flat(&f);
		put_page(&f, 3, "flags.f", 0x11);
		put_page(&f, 3, "page_type", 0xf4000000);
		put_page(&f, 3, "compound_info", fake_va(&f, page_off(&f, 1)) | 1);
		struct page page = read_page(&f, 3);
		assert_int_equal(page.flags, 0x11);
		assert_int_equal(page.page_type, 0xf4000000);
		assert_int_equal(page.head_va, fake_va(&f, page_off(&f, 1)));
		fake_deinit(&f);
	}
}

static void expect_flags(struct fake *f, uint64_t flags, const char *want)
{
	scoped_strbuf struct strbuf words_out = { 0 };
	assert_null(page_flags_format(f->t, flags, &words_out));
	assert_string_equal(strbuf_text(&words_out), want);
}

/* By the enum, where the first name of a bit counts and what lies above the count is no flag; by
 * the kernel's own array, where it has one. */
static void flags(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		const unsigned word = words[w];
		expect_flags(f, 0, "");
		expect_flags(f, 1 | 1 << 10 | 1 << 14 | 1u << 31, "locked|owner_priv_1");
		fake_bytes(f, NAMES, "locked\0mine", 12);
		fake_put(f->t->dump, VARIABLES + 0x100, 1, word);
		fake_put(f->t->dump, VARIABLES + 0x100 + word, fake_va(f, NAMES), word);
		fake_put(f->t->dump, VARIABLES + 0x100 + 2 * word, 1 << 10, word);
		fake_put(f->t->dump, VARIABLES + 0x100 + 3 * word, fake_va(f, NAMES + 7), word);
		fake_symbol(f, "pageflag_names", VARIABLES + 0x100, 6 * word);
		expect_flags(f, 1 | 1 << 10, "locked|mine");
		/* an array that breaks off is not believed */
		fake_put(f->t->dump, VARIABLES + 0x100 + 3 * word, 0x10, word);
		expect_flags(f, 1 | 1 << 10, "locked|owner_priv_1");
	}
}

/* page_type by bits taken out of all ones, up to 6.11. */
static void owners(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		static const struct {
			uint64_t flags, mapping;
			uint32_t mapcount, refcount;
			const char *owner;
		} want[] = {
			{ 1 << 12, 0, UINT32_MAX, 1, "reserved" },
			{ 1 << 9, 0, UINT32_MAX, 1, "slab" },
			{ 0, 0, 0xffffff7f, 0, "buddy" },
			{ 0, 0, 0xfffffeff, 1, "offline" },
			{ 0, 0, 0xfffffbff, 1, "page table" },
			{ 0, 0, 0xfffff7ff, 1, "guard" },
			{ 0, 0x1001, 0, 1, "anon" },
			{ 0, 0x1003, 0, 1, "ksm" },
			{ 0, 0x1002, UINT32_MAX, 1, "movable" },
			{ 0, 0x1000, 0, 1, "file" },
			{ 0, 0, UINT32_MAX, 1, "kernel" },
			{ 0, 0, UINT32_MAX, 0, "free" },
		};
		put_flat(f);
		for (uint64_t i = 0; i < 64; i++) /* no mapcount is -1 */
			put_page(f, i, "_mapcount.counter", UINT32_MAX);
		for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
			uint64_t at = 17 + 2 * i;
			put_page(f, at, "flags", want[i].flags);
			put_page(f, at, "mapping", want[i].mapping);
			put_page(f, at, "_mapcount.counter", want[i].mapcount);
			put_page(f, at, "_refcount.counter", want[i].refcount);
			expect_owner(f, at, want[i].owner);
		}
	}
}

/* Of a free block of eight only the first page is marked; the block ends where its order says. */
static void free_blocks(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		put_flat(f);
		for (uint64_t i = 0; i < 64; i++)
			put_page(f, i, "_mapcount.counter", UINT32_MAX);
		put_page(f, 32, "_mapcount.counter", 0xffffff7f);
		put_page(f, 32, "private", 3);
		expect_owner(f, 39, "buddy");
		expect_owner(f, 33, "buddy");
		expect_owner(f, 40, "free");
		put_page(f, 32, "private", 2);
		expect_owner(f, 39, "free");
		put_page(f, 32, "private", 99);
		expect_owner(f, 33, "free");
	}
}

/* Since 6.12 the type is the top byte, by enum pagetype. */
static void typed(void **state)
{
	static const struct type_enumerator type[] = { { "PGTY_buddy", 0xf0 },
		{ "PGTY_table", 0xf2 }, { "PGTY_slab", 0xf5 } };
	(void)state;
	EACH_WORD(f)
	{
		know_enum(f, "pagetype", type, ARRAY_SIZE(type));
		put_flat(f);
		put_page(f, 20, "_refcount.counter", 1);
		put_page(f, 20, "_mapcount.counter", 0xf2000000);
		expect_owner(f, 20, "page table");
		put_page(f, 20, "_mapcount.counter", 0xf5001234);
		expect_owner(f, 20, "slab");
		put_page(f, 20, "_mapcount.counter", 0xee000000);
		expect_owner(f, 20, "typed");
		put_page(f, 20, "_mapcount.counter", UINT32_MAX);
		expect_owner(f, 20, "kernel");
		put_page(f, 20, "_mapcount.counter", 3);
		expect_owner(f, 20, "kernel");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flat),
		cmocka_unit_test(sparse),
		cmocka_unit_test(extreme),
		cmocka_unit_test(vmemmap),
		cmocka_unit_test(nothing_known),
		cmocka_unit_test(tails),
		cmocka_unit_test(new_names),
		cmocka_unit_test(flags),
		cmocka_unit_test(owners),
		cmocka_unit_test(free_blocks),
		cmocka_unit_test(typed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

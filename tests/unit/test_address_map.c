/* The rules of arm64's memory map against the tables of the kernel's own
 * Documentation/arm64/memory.rst (4 KiB pages, 48 bits), for the releases that no dump at hand is
 * of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "arch/arm64/arm64.h"

struct known {
	bool kasan;
	uint64_t slots;
};

static bool know_symbol(void *cx, const char *name, uint64_t *ret)
{
	const struct known *k = cx;
	*ret = 1;
	return k->kasan && !strcmp(name, "kasan_early_shadow_page");
}

static bool know_number(void *cx, const char *key, uint64_t *ret)
{
	const struct known *k = cx;
	if (!strcmp(key, "SIZE(page)"))
		*ret = 64;
	else if (!strcmp(key, "enum(fixed_addresses.__end_of_permanent_fixed_addresses)") &&
		 k->slots)
		*ret = k->slots;
	else
		return false;
	return true;
}

struct want {
	const char *name;
	uint64_t start, last;
};

static void expect_map(struct known k, uint64_t link_va, const struct want *want)
{
	const struct arch_env env = { .cx = &k, .symbol = know_symbol, .number = know_number };
	const struct kernel_image image = { .link_va = link_va, .va = link_va, .size = 1 << 24 };
	struct arch_layout l = { .page_offset = 0xffff000000000000, .nwindows = 1 };
	struct address_map m = { 0 };

	assert_true(arm64_paging(12, 48, &l.paging));
	arm64_address_map(&env, NULL, &image, &l, &m);
	for (; want->name; want++) {
		const struct map_region *r = address_map_get(&m, want->name);
		if (!r || r->start != want->start || r->last != want->last)
			fail_msg("%s: 0x%llx to 0x%llx", want->name, r ? (long long)r->start : 0LL,
				r ? (long long)r->last : 0LL);
		assert_string_equal(r->source, "computed");
	}
}

/* v5.4, with KASAN as the table has it */
static void map_5_4(void **state)
{
	static const struct want want[] = {
		{ "linear map", 0xffff000000000000, 0xffff7fffffffffff },
		{ "KASAN shadow", 0xffff800000000000, 0xffff9fffffffffff },
		{ "BPF", 0xffffa00000000000, 0xffffa00007ffffff },
		{ "modules", 0xffffa00008000000, 0xffffa0000fffffff },
		{ "vmalloc", 0xffffa00010000000, 0xfffffdffbffeffff },
		{ "fixmap", 0xfffffdfffe5f9000, 0xfffffdfffe9fffff },
		{ "PCI I/O", 0xfffffdfffec00000, 0xfffffdffffbfffff },
		{ "vmemmap", 0xfffffdffffe00000, 0xffffffffffdfffff },
		{ 0 },
	};
	(void)state;
	expect_map((struct known){ true, 1031 }, 0xffffa00010080000, want);
}

/* v5.15 to 6.5, without KASAN */
static void map_5_15(void **state)
{
	static const struct want want[] = {
		{ "linear map", 0xffff000000000000, 0xffff7fffffffffff },
		{ "modules", 0xffff800000000000, 0xffff800007ffffff },
		{ "vmalloc", 0xffff800008000000, 0xfffffbffefffffff },
		{ "PCI I/O", 0xfffffbfffe800000, 0xfffffbffff7fffff },
		{ "vmemmap", 0xfffffc0000000000, 0xfffffdffffffffff },
		{ 0 },
	};
	(void)state;
	expect_map((struct known){ 0 }, 0xffff800008000000, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_5_4),
		cmocka_unit_test(map_5_15),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

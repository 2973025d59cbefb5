/* fake_buddy.h's zone with two CPUs, whose lists of freed pages lie at SETS + n * SET_STEP: empty,
 * until fake_cpu_blocks() puts two blocks on one. */
#ifndef TESTS_UNIT_FAKE_CPU_PAGES_H
#define TESTS_UNIT_FAKE_CPU_PAGES_H

#include "analyzer/kernel/cpu_pages.h"
#include "tests/unit/fake_buddy.h"

enum { MASKS = 0x3200, SETS = 0x8000, SET_STEP = 0x400, LISTS = 14 };

static inline uint64_t fake_cpu_list(struct fake *f, unsigned cpu, unsigned i)
{
	return SETS + cpu * SET_STEP + fake_offsetof(f, "per_cpu_pages", "lists") +
	       i * 2 * f->t->abi.word_bytes;
}

/* Two CPUs, each with its lists: empty. @types: of MIGRATE_PCPTYPES. */
static inline void fake_cpu_pages(struct fake *f, unsigned word, unsigned types)
{
	static struct type_enumerator kinds[] = { { "MIGRATE_UNMOVABLE", 0 },
		{ "MIGRATE_PCPTYPES", 3 } };
	kinds[1].value = types;
	fake_buddy(f, word, false);
	fake_enum(f, "migratetype", kinds, ARRAY_SIZE(kinds));
	FAKE_STRUCT(f, "per_cpu_pages", "count:u32", "lists:list[14]");
	fake_number(f, "__cpu_possible_mask", MASKS, 3, 8);
	fake_number(f, "__cpu_present_mask", MASKS + 8, 3, 8);
	fake_number(f, "nr_cpu_ids", MASKS + 0x10, 2, 4);
	fake_symbol(f, "__per_cpu_start", SETS, 0);
	fake_symbol(f, "__per_cpu_end", SETS + SET_STEP, 0);
	fake_symbol(f, "__per_cpu_offset", MASKS + 0x40, 2 * word);
	fake_put(f->t->dump, MASKS + 0x40, 0, word);
	fake_put(f->t->dump, MASKS + 0x40 + word, SET_STEP, word);
	fake_set(f, "zone", fake_zone(f), "per_cpu_pageset", fake_va(f, SETS));
	for (unsigned cpu = 0; cpu < 2; cpu++)
		for (unsigned i = 0; i < LISTS; i++)
			fake_link_lists(f, fake_cpu_list(f, cpu, i), fake_cpu_list(f, cpu, i));
}

static inline void fake_cpu_blocks(
	struct fake *f, unsigned cpu, unsigned list, unsigned a, unsigned b)
{
	uint64_t lru = fake_offsetof(f, "page", "lru");
	fake_link_lists(f, fake_cpu_list(f, cpu, list), fake_page(f, a) + lru);
	fake_link_lists(f, fake_page(f, a) + lru, fake_page(f, b) + lru);
	fake_link_lists(f, fake_page(f, b) + lru, fake_cpu_list(f, cpu, list));
}

#endif

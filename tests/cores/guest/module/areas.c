// SPDX-License-Identifier: GPL-2.0
/*
 * Damage outside the slabs: freed pages, the stack, globals of the module, vmalloc.
 */
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "misbehave.h"

/* ---- pages */

static struct page *pages;

static noinline struct page *page_take(void)
{
	return alloc_pages(GFP_KERNEL, 1);
}

static noinline void page_return(void)
{
	__free_pages(pages, 1);
	barrier();
}

static void take(void *data)
{
	pages = page_take();
	if (pages)
		memset(page_address(pages), 0x33, 2 * PAGE_SIZE);
}

static void give_back(void *data)
{
	page_return();
}

static int page_plan(struct plan *plan)
{
	crew_run(CREW_ALLOC, take, plan);
	if (!pages)
		return -ENOMEM;
	if (!plan->has_offset)
		plan->offset = PAGE_SIZE + 0x230;
	tell("object=0x%px pfn=0x%lx order=1 access=write offset=%d bytes=%u fill=%s", page_address(pages),
	     page_to_pfn(pages), plan->offset, plan->bytes, plan->fill);
	tell("alloc_fn=page_take alloc_task=mb-alloc alloc_pid=%d", crew_pid(CREW_ALLOC));
	tell("free_fn=page_return free_task=mb-free free_pid=%d", crew_pid(CREW_FREE));
	return 0;
}

static noinline void page_patch(struct plan *plan)
{
	scribble((u8 *)page_address(pages) + plan->offset, plan->bytes, plan->fill);
}

static void page_fire(struct plan *plan)
{
	crew_run(CREW_FREE, give_back, plan);
	page_patch(plan);
}

/* ---- the stack */

/* Held in a variable, so that the compiler cannot see that it lies beyond the array. */
static volatile unsigned int line_length = 24;

static noinline void line_format(struct plan *plan)
{
	u8 line[24];
	u8 *p = line;

	memset(line, 0x20, sizeof(line));
	OPTIMIZER_HIDE_VAR(p);
	scribble(p + line_length, plan->bytes, plan->fill);
	if (!strcmp(plan->kind, "linger"))
		msleep(100000);
	OPTIMIZER_HIDE_VAR(p);
}

static int stack_plan(struct plan *plan)
{
	tell("access=write variable=line variable_bytes=24 offset=%u bytes=%u fill=%s", line_length, plan->bytes,
	     plan->fill);
	return 0;
}

/* ---- globals */

static u8 table[20];
static u8 table_neighbour[20] = { 1 };
static volatile unsigned int table_size = sizeof(table);

static noinline void table_store(struct plan *plan)
{
	u8 *p = table;

	OPTIMIZER_HIDE_VAR(p);
	scribble(p + table_size, plan->bytes, plan->fill);
}

static int global_plan(struct plan *plan)
{
	tell("object=0x%px variable=table variable_bytes=%u module=%s section=.bss access=write offset=%u bytes=%u fill=%s",
	     table, table_size, THIS_MODULE->name, table_size, plan->bytes, plan->fill);
	tell("variable=table_neighbour address=0x%px variable_bytes=%zu", table_neighbour, sizeof(table_neighbour));
	return 0;
}

/* ---- vmalloc */

static u8 *area;

static noinline u8 *area_map(unsigned int size)
{
	return vmalloc(size);
}

static void map_area(void *data)
{
	struct plan *plan = data;

	area = area_map(plan->size);
}

static int vmalloc_plan(struct plan *plan)
{
	crew_run(CREW_ALLOC, map_area, plan);
	if (!area)
		return -ENOMEM;
	if (!plan->has_offset)
		plan->offset = plan->size;
	tell("object=0x%px size=%u access=write offset=%d bytes=%u fill=%s alloc_fn=area_map alloc_task=mb-alloc alloc_pid=%d",
	     area, plan->size, plan->offset, plan->bytes, plan->fill, crew_pid(CREW_ALLOC));
	return 0;
}

static noinline void area_extend(struct plan *plan)
{
	scribble(area + plan->offset, plan->bytes, plan->fill);
}

const struct scenario area_scenarios[] = {
	{ "page-uaf", page_plan, page_fire, "page_patch" },
	{ "stack", stack_plan, line_format, "line_format" },
	{ "global", global_plan, table_store, "table_store" },
	{ "vmalloc", vmalloc_plan, area_extend, "area_extend" },
	{}
};

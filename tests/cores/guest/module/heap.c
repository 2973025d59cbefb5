// SPDX-License-Identifier: GPL-2.0
/*
 * Damage to slab objects: widgets from a cache of their own, or parcels from kmalloc. CREW_ALLOC makes them, CREW_FREE
 * frees them, CREW_FAULT does the deed; every function that is to be found in a trace is not inlined.
 */
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "misbehave.h"

#define MOST_WIDGETS 200

struct widget {
	struct list_head link;
	struct widget *partner;
	u32 number;
	u32 state;
	u8 body[];
};

static struct kmem_cache *cache;
static struct widget *widgets[MOST_WIDGETS];
static LIST_HEAD(all_widgets);
static volatile u64 sink;

static bool from_kmalloc(const struct plan *plan)
{
	return !strcmp(plan->kind, "kmalloc");
}

/* ---- makers and breakers, by name */

static noinline struct widget *widget_make(struct plan *plan, unsigned int number)
{
	struct widget *w = kmem_cache_alloc(cache, GFP_KERNEL);

	if (w)
		w->number = number;
	return w;
}

static noinline struct widget *parcel_pack(struct plan *plan, unsigned int number)
{
	struct widget *w = kmalloc(plan->size, GFP_KERNEL);

	if (w)
		w->number = number;
	return w;
}

static noinline void widget_release(void *w)
{
	kmem_cache_free(cache, w);
	barrier();
}

static noinline void parcel_discard(void *w)
{
	kfree(w);
	barrier();
}

static void free_victim(void *data)
{
	struct plan *plan = data;

	if (from_kmalloc(plan))
		parcel_discard(widgets[plan->victim]);
	else
		widget_release(widgets[plan->victim]);
}

static void make_all(void *data)
{
	struct plan *plan = data;
	unsigned int i;

	for (i = 0; i < plan->count; i++) {
		struct widget *w = from_kmalloc(plan) ? parcel_pack(plan, i) : widget_make(plan, i);

		widgets[i] = w;
		if (!w)
			return;
		list_add_tail(&w->link, &all_widgets);
		w->partner = i ? widgets[i - 1] : w;
		w->state = 1;
		memset(w->body, 0x10 + i % 16, plan->size - offsetof(struct widget, body));
	}
}

static void make_one_more(void *data)
{
	struct plan *plan = data;
	unsigned int i;

	/* As many as it takes to come upon the damaged one among the free. */
	for (i = 0; i < MOST_WIDGETS - plan->count; i++)
		widgets[plan->count + i] = from_kmalloc(plan) ? parcel_pack(plan, i) : widget_make(plan, i);
}

/* ---- the plan: objects, and the truth about them */

static int heap_plan(struct plan *plan)
{
	unsigned int i, before = offsetof(struct widget, body);

	if (!plan->count || plan->count > MOST_WIDGETS || plan->victim >= plan->count || plan->size < before + 16 ||
	    plan->size > 4096)
		return -EINVAL;
	if (!from_kmalloc(plan)) {
		/* With a window for user copies no cache is merged with another. */
		cache = kmem_cache_create_usercopy("mb_widget", plan->size, 0, 0, before, 8, NULL);
		if (!cache)
			return -ENOMEM;
	}
	crew_run(CREW_ALLOC, make_all, plan);
	for (i = 0; i < plan->count; i++)
		if (!widgets[i])
			return -ENOMEM;
	tell("cache=%s object=0x%px size=%u alloc_fn=%s alloc_task=mb-alloc alloc_pid=%d", from_kmalloc(plan) ? "kmalloc" :
	     "mb_widget", widgets[plan->victim], plan->size, from_kmalloc(plan) ? "parcel_pack" : "widget_make",
	     crew_pid(CREW_ALLOC));
	for (i = 0; i < plan->count; i++)
		tell("number=%u widget=0x%px", i, widgets[i]);
	return 0;
}

static void tell_free(struct plan *plan)
{
	tell("free_fn=%s free_task=mb-free free_pid=%d", from_kmalloc(plan) ? "parcel_discard" : "widget_release",
	     crew_pid(CREW_FREE));
}

static int overflow_plan(struct plan *plan)
{
	int error = heap_plan(plan);

	if (!plan->has_offset)
		plan->offset = plan->size;
	tell("access=write offset=%d bytes=%u fill=%s", plan->offset, plan->bytes, plan->fill);
	return error;
}

static int underflow_plan(struct plan *plan)
{
	int error = heap_plan(plan);

	if (!plan->has_offset)
		plan->offset = -(int)plan->bytes;
	tell("access=write offset=%d bytes=%u fill=%s", plan->offset, plan->bytes, plan->fill);
	return error;
}

static int uaf_write_plan(struct plan *plan)
{
	int error = heap_plan(plan);

	if (!plan->has_offset)
		plan->offset = 32;
	tell("access=write offset=%d bytes=%u fill=%s", plan->offset, plan->bytes, plan->fill);
	tell_free(plan);
	return error;
}

static int uaf_read_plan(struct plan *plan)
{
	int error = heap_plan(plan);

	if (!plan->has_offset)
		plan->offset = offsetof(struct widget, number);
	plan->bytes = 4;
	tell("access=read offset=%d bytes=%u", plan->offset, plan->bytes);
	tell_free(plan);
	return error;
}

static int uaf_follow_plan(struct plan *plan)
{
	int error = heap_plan(plan);

	plan->offset = offsetof(struct widget, partner);
	plan->bytes = sizeof(void *);
	tell("access=read offset=%d bytes=%u member=%zu", plan->offset, plan->bytes, offsetof(struct widget, number));
	tell_free(plan);
	return error;
}

static int double_free_plan(struct plan *plan)
{
	int error = heap_plan(plan);

	tell("access=free offset=0");
	tell_free(plan);
	return error;
}

static int bad_free_plan(struct plan *plan)
{
	int error = heap_plan(plan);

	if (!plan->has_offset)
		plan->offset = 16;
	tell("access=free offset=%d", plan->offset);
	return error;
}

/* ---- the deeds */

static noinline void widget_append(struct plan *plan)
{
	scribble((u8 *)widgets[plan->victim] + plan->offset, plan->bytes, plan->fill);
}

static noinline void widget_prepend(struct plan *plan)
{
	scribble((u8 *)widgets[plan->victim] + plan->offset, plan->bytes, plan->fill);
}

static noinline void widget_update(struct plan *plan)
{
	scribble((u8 *)widgets[plan->victim] + plan->offset, plan->bytes, plan->fill);
}

static noinline void widget_inspect(struct plan *plan)
{
	sink = *(volatile u32 *)((u8 *)widgets[plan->victim] + plan->offset);
}

static noinline void widget_follow(struct plan *plan)
{
	struct widget *partner = *(struct widget *volatile *)&widgets[plan->victim]->partner;

	sink = *(volatile u32 *)&partner->number;
}

static noinline void widget_drop(struct plan *plan)
{
	void *w = (u8 *)widgets[plan->victim] + plan->offset;

	OPTIMIZER_HIDE_VAR(w);
	if (from_kmalloc(plan))
		kfree(w);
	else
		kmem_cache_free(cache, w);
	barrier();
}

static void uaf_write_fire(struct plan *plan)
{
	crew_run(CREW_FREE, free_victim, plan);
	widget_update(plan);
}

static void uaf_read_fire(struct plan *plan)
{
	crew_run(CREW_FREE, free_victim, plan);
	widget_inspect(plan);
}

static void uaf_follow_fire(struct plan *plan)
{
	crew_run(CREW_FREE, free_victim, plan);
	widget_follow(plan);
}

static void double_free_fire(struct plan *plan)
{
	crew_run(CREW_FREE, free_victim, plan);
	widget_drop(plan);
}

/* Allocates and never frees, until a share of memory is gone; each object holds the address of the one before. */
static noinline void *parcel_hoard(void *before, unsigned int size)
{
	void **p = kmalloc(size, GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);

	if (p)
		*p = before;
	return p;
}

static int leak_plan(struct plan *plan)
{
	tell("cache=kmalloc size=%u objects=%u alloc_fn=parcel_hoard alloc_task=mb-fault alloc_pid=%d", plan->size,
	     plan->count, crew_pid(CREW_FAULT));
	return 0;
}

static void leak_fire(struct plan *plan)
{
	void *last = NULL;
	unsigned int i;

	for (i = 0; i < plan->count; i++) {
		last = parcel_hoard(last, plan->size);
		cond_resched();
	}
}

void heap_end(struct plan *plan)
{
	if (!strcmp(plan->end, "free"))
		crew_run(CREW_FREE, free_victim, plan);
	if (!strcmp(plan->end, "alloc"))
		crew_run(CREW_ALLOC, make_one_more, plan);
}

const struct scenario heap_scenarios[] = {
	{ "overflow", overflow_plan, widget_append, "widget_append" },
	{ "underflow", underflow_plan, widget_prepend, "widget_prepend" },
	{ "uaf-write", uaf_write_plan, uaf_write_fire, "widget_update" },
	{ "uaf-read", uaf_read_plan, uaf_read_fire, "widget_inspect" },
	{ "uaf-follow", uaf_follow_plan, uaf_follow_fire, "widget_follow" },
	{ "double-free", double_free_plan, double_free_fire, "widget_drop" },
	{ "bad-free", bad_free_plan, widget_drop, "widget_drop" },
	{ "leak", leak_plan, leak_fire, "parcel_hoard" },
	{}
};

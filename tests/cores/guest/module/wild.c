// SPDX-License-Identifier: GPL-2.0
/*
 * Pointers that lead nowhere, counts and lists that are wrong, code that is none, a stack without end.
 */
#include <linux/err.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "misbehave.h"

static volatile u64 sink;

/* ---- pointers */

struct account {
	u64 number;
	char owner[56];
	struct account *next;
	u32 balance;
};

static struct account *account_at;

static noinline u32 account_balance(struct account *a)
{
	return *(volatile u32 *)&a->balance;
}

static noinline void account_audit(struct plan *plan)
{
	sink = account_balance(*(struct account *volatile *)&account_at);
}

static int pointer_plan(struct plan *plan)
{
	if (!strcmp(plan->kind, "error"))
		account_at = ERR_PTR(-ENODEV);
	else if (!strcmp(plan->kind, "poison"))
		account_at = LIST_POISON1;
	else if (!strcmp(plan->kind, "user"))
		account_at = (void *)0x12345678;
	else if (!strcmp(plan->kind, "wild"))
		account_at = (void *)(ULONG_MAX / 16 * 11);
	else
		account_at = NULL;
	tell("access=read pointer=0x%px member=balance offset=%zu address=0x%lx caller_fn=account_audit", account_at,
	     offsetof(struct account, balance), (unsigned long)account_at + offsetof(struct account, balance));
	return 0;
}

/* ---- code that is data */

static u32 not_code[16] = { 0xe12fff1e, 0xd65f03c0 };

static noinline void handler_call(struct plan *plan)
{
	void (*volatile fn)(void) = (void (*)(void))(void *)not_code;

	if (!strcmp(plan->kind, "null"))
		fn = NULL;
	fn();
	sink++;
}

static int exec_plan(struct plan *plan)
{
	tell("access=exec address=0x%px", strcmp(plan->kind, "null") ? (void *)not_code : NULL);
	return 0;
}

/* ---- the stack */

static noinline u64 tree_descend(u64 depth)
{
	volatile u8 room[256];

	room[depth % 256] = depth;
	return depth > 100000000 ? 0 : room[depth % 256] + tree_descend(depth + 1);
}

static void descend_fire(struct plan *plan)
{
	sink = tree_descend(0);
}

/* ---- references, lists */

struct box {
	refcount_t users;
	u32 number;
	struct list_head link;
};

static LIST_HEAD(boxes);

static noinline struct box *box_build(u32 number)
{
	struct box *b = kzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return NULL;
	b->number = number;
	refcount_set(&b->users, 1);
	list_add_tail(&b->link, &boxes);
	return b;
}

static struct box *three[3];

static void build(void *data)
{
	u32 i;

	for (i = 0; i < 3; i++)
		three[i] = box_build(i);
}

static int box_plan(struct plan *plan)
{
	u32 i;

	crew_run(CREW_ALLOC, build, plan);
	for (i = 0; i < 3; i++) {
		if (!three[i])
			return -ENOMEM;
		tell("box=0x%px link=0x%px", three[i], &three[i]->link);
	}
	tell("object=0x%px size=%zu alloc_fn=box_build alloc_task=mb-alloc alloc_pid=%d head=0x%px", three[1],
	     sizeof(struct box), crew_pid(CREW_ALLOC), &boxes);
	return 0;
}

static noinline void box_put_twice(struct plan *plan)
{
	sink = refcount_dec_and_test(&three[1]->users);
	sink = refcount_dec_and_test(&three[1]->users);
}

static noinline void box_get_late(struct plan *plan)
{
	sink = refcount_dec_and_test(&three[1]->users);
	refcount_inc(&three[1]->users);
}

/* The neighbour before it is made to point past it; list_del() finds that. */
static noinline void box_unlink(struct plan *plan)
{
	if (!strcmp(plan->kind, "twice"))
		list_del(&three[1]->link);
	else
		*(struct list_head *volatile *)&three[0]->link.next = &three[2]->link;
	list_del(&three[1]->link);
}

static noinline void box_link(struct plan *plan)
{
	*(struct list_head *volatile *)&boxes.next->prev = &three[2]->link;
	INIT_LIST_HEAD(&three[1]->link);
	list_add(&three[1]->link, &boxes);
}

/* ---- words */

static noinline void claim_check(struct plan *plan)
{
	if (!strcmp(plan->kind, "warn"))
		WARN(plan->count, "the claim number %u is not known\n", plan->count);
	else
		BUG_ON(plan->count);
}

static noinline void nothing(struct plan *plan)
{
	sink++;
}

const struct scenario wild_scenarios[] = {
	{ "pointer", pointer_plan, account_audit, "account_balance" },
	{ "exec", exec_plan, handler_call, "handler_call" },
	{ "stack-overflow", NULL, descend_fire, "tree_descend" },
	{ "refcount-underflow", box_plan, box_put_twice, "box_put_twice" },
	{ "refcount-zero", box_plan, box_get_late, "box_get_late" },
	{ "list-del", box_plan, box_unlink, "box_unlink" },
	{ "list-add", box_plan, box_link, "box_link" },
	{ "claim", NULL, claim_check, "claim_check" },
	{ "nothing", NULL, nothing, "nothing" },
	{}
};

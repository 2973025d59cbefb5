/* User addresses: the area of which process and file, and the frame behind it. */
#include <inttypes.h>

#include "analyzer/explain/explain_internal.h"
#include "analyzer/kernel/user_space.h"
#include "analyzer/kernel/vma.h"

/* The frame that @task's tables give, for what asks about physical memory below. */
static void translate(struct explain_cx *cx, const struct task *task)
{
	struct vspace *user;
	struct paddr pa;
	struct err *err = user_space_open(cx->t, task, &user);
	if (err) {
		err_drop(err); /* the area is known without its frame */
		return;
	}
	if (!vspace_translate(user, cx->va, &pa, NULL)) {
		cx->has_pa = true;
		cx->pa = pa.v;
	}
	vspace_destroy(user);
}

static struct err *find_area(
	struct explain_cx *cx, const struct mm *mm, struct vma *ret, bool *ret_found)
{
	struct vma_iter it;
	bool more = true;
	struct err *err = vma_iter_init(&it, cx->t, mm);
	*ret_found = false;
	while (!err && more && !*ret_found) {
		err = vma_iter_next(&it, ret, &more);
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err); /* a part of the tree; vm tells of it */
			err = NULL;
			continue;
		}
		*ret_found = !err && more && cx->va >= ret->start && cx->va < ret->end;
	}
	return err;
}

struct err *explain_find_user(struct explain_cx *cx)
{
	const struct task *task = cx->ask->task;
	scoped_strbuf struct strbuf name = { 0 };
	struct vma vma;
	struct mm mm;
	bool found = false;
	if (!cx->has_va || !cx->is_user || !task || !task->mm || cx->quick)
		return NULL;
	struct err *err = mm_read(cx->t, task->mm, &mm);
	if (!err)
		err = find_area(cx, &mm, &vma, &found);
	if (err)
		return explain_trouble(cx, "user areas", err);
	if (!found)
		return NULL;
	err = vma_name_format(cx->t, &vma, &mm, &name);
	if (err)
		return explain_trouble(cx, "the area's name", err);
	translate(cx, task);
	scoped_strbuf struct strbuf shown = { 0 };
	strbuf_add_text(&shown, strbuf_text(&name), name.len);
	struct explain_row *r = explain_add(cx, EXPLAIN_USER, "%s of pid %u %.*s%s",
		name.len ? strbuf_text(&shown) : "anonymous memory", task->pid,
		task_comm_length(task), task->comm, cx->has_pa ? "" : ", this page is not there");
	r->name = name.len ? arena_strdup(cx->a, strbuf_text(&shown)) : NULL;
	r->has_pid = true;
	r->pid = task->pid;
	r->type = "struct vm_area_struct";
	r->object_va = vma.va;
	explain_range(cx, r, vma.start, vma.end - vma.start);
	return NULL;
}

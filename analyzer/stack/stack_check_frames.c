/*
 * What the frames' canaries say of a stack, and beside which variable one was overwritten. Where
 * canaries stand, canary.c knows.
 */
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/stack/cfi.h"
#include "analyzer/stack/locals.h"
#include "analyzer/stack/stack_check.h"

/*
 * The variable that ends nearest below the canary: compilers put arrays there, so that one that is
 * written beyond its end overwrites the canary before anything else (-fstack-protector). A
 * variable's distance may be that of a few spilled registers, not more.
 */
static void take_nearest(const struct variable *v, uint64_t slot_va, struct canary_neighbour *io)
{
	enum { FAR = 64 };
	uint64_t size = v->type ? v->type->size : 0, end = v->va + size;
	if (v->state != VARIABLE_PLACE || !v->name || !size || end < size || end > slot_va ||
		slot_va - end > FAR || (io->name[0] && io->va + io->bytes >= end))
		return;
	*io = (struct canary_neighbour){ .va = v->va, .bytes = size };
	strncpy(io->name, v->name, sizeof(io->name) - 1);
}

static struct err *find_neighbour(
	struct target *t, struct arena *scratch, struct trace *trace, struct stack_check *io)
{
	struct variable_scope *scope;
	size_t n = 0;
	cfi_fill_registers(t, &io->task, trace);
	struct err *err = frame_variables(t, trace, io->canaries.found.frame, scratch, &scope, &n);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	if (err)
		n = 0;
	err_drop(err); /* without debug information nobody is named */
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < scope[i].nvariables; k++)
			take_nearest(
				&scope[i].variable[k], io->canaries.found.slot_va, &io->neighbour);
	return NULL;
}

/*
 * One word in all frames that is not the task's canary says that the task's own copy of it was
 * damaged since, not all of these frames.
 */
struct err *stack_check_frames(
	struct canaries *canaries, struct target *t, struct arena *scratch, struct stack_check *io)
{
	struct trace trace;
	struct canary_counts *n = &io->canaries;
	/* A canary of zero has been lost; it is hardly ever drawn. */
	if (!io->canary_known || !io->guard || !io->task.stack)
		return NULL;
	struct err *err = trace_task(t, &io->task, scratch, &trace);
	if (err && err->code != ERR_INTERRUPTED) {
		err_drop(err); /* no registers, no frames: none is known */
		return NULL;
	}
	if (err)
		return err;
	canaries_check(canaries, &io->task, &trace, io->guard, n);
	io->frames_known = true;
	if (n->damaged > 1 && n->damaged == n->checked && n->alike)
		io->findings |= STACK_CANARY_ODD;
	else if (n->damaged)
		io->findings |= STACK_CANARY_LOST;
	return io->findings & STACK_CANARY_LOST ? find_neighbour(t, scratch, &trace, io) : NULL;
}

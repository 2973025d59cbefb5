/*
 * Walks a program's frames: gives the architecture's unwinder what it asks for from the task's
 * memory, judges what it answers, and names what it finds. How frames are laid out is the
 * architecture's.
 */
#include "analyzer/stack/user_trace.h"

#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/vec.h"
#include "analyzer/stack/user_maps.h"

enum { FRAMES_MAX = 1024 };

struct walker {
	struct user_maps *m;
	const struct arch *arch; /* the program's */
	struct arch_env env;
	struct user_symbol sym; /* the last answer's */
	struct regs regs;
	struct unwind_step step;
};

/* ---- what the unwinder asks -------------------------------------------------------------- */

static bool answer_read(void *cx, uint64_t va, void *buf, size_t n)
{
	struct walker *w = cx;
	return user_maps_read(w->m, va, buf, n);
}

static bool answer_function(void *cx, uint64_t pc, const char **ret_name, uint64_t *ret_start)
{
	struct walker *w = cx;
	const struct user_elf *e = user_maps_elf(w->m, user_maps_area(w->m, pc));
	if (!e || !user_elf_symbol(&w->m->memory, e, pc, &w->sym))
		return false;
	*ret_name = w->sym.name;
	*ret_start = w->sym.va;
	return true;
}

static bool answer_stack(void *cx, uint64_t sp, uint64_t *ret_lo, uint64_t *ret_hi)
{
	struct walker *w = cx;
	const struct vma *v = user_maps_area(w->m, sp);
	/* An empty stack's pointer is its end. */
	if (!v && sp)
		v = user_maps_area(w->m, sp - 1);
	if (!v || !user_area_is_stack(v))
		return false;
	*ret_lo = v->start;
	*ret_hi = v->end;
	return true;
}

static bool answer_unwind_table(void *cx, uint64_t pc, uint64_t *ret_start, uint64_t *ret_stop)
{
	struct walker *w = cx;
	const struct user_elf *e = user_maps_elf(w->m, user_maps_area(w->m, pc));
	if (!e || e->exidx_end <= e->exidx)
		return false;
	*ret_start = e->exidx;
	*ret_stop = e->exidx_end;
	return true;
}

/* ---- frames ------------------------------------------------------------------------------ */

/*
 * A frame is proved when the call before its return address is of the function that the frame below
 * is in. Of stripped programs this is hardly ever known; a return address without any call is a
 * guess. *io_trust is the chain's, the answer this frame's own.
 */
static enum frame_trust judge(struct walker *w, uint64_t inner_pc, enum frame_trust *io_trust)
{
	uint64_t pc = w->regs.v[w->arch->reg_pc], target, start;
	const char *name;
	uint8_t code[4];
	if (w->step.exact)
		return *io_trust = TRUST_LIKELY;
	bool sure = *io_trust == TRUST_SURE;
	*io_trust = TRUST_LIKELY;
	if (!answer_read(w, pc - sizeof(code), code, sizeof(code)) ||
		!w->arch->is_call(code, pc | w->step.thumb, &target))
		return TRUST_GUESS;
	if (sure && target && answer_function(w, inner_pc, &name, &start) &&
		start == (target & ~1ull))
		*io_trust = TRUST_SURE;
	return *io_trust;
}

static void name_frame(struct walker *w, struct arena *a, struct user_frame *io)
{
	uint64_t lookup = io->pc - !io->exact;
	const struct vma *v = user_maps_area(w->m, lookup);
	if (!v)
		return;
	const char *name = user_maps_name(w->m, v);
	if (*name)
		io->file = arena_strdup(a, name);
	io->file_offset = io->pc - v->start + (v->file ? v->pgoff << w->m->page_shift : 0);
	const struct user_elf *e = user_maps_elf(w->m, v);
	if (!e)
		return;
	io->has_elf_va = true;
	io->elf_va = io->pc - e->bias;
	if (!user_elf_symbol(&w->m->memory, e, lookup, &w->sym))
		return;
	io->symbol = arena_strdup(a, w->sym.name);
	io->symbol_offset = io->pc - w->sym.va;
	io->symbol_size = w->sym.size;
}

static struct user_frame frame_of(struct walker *w, struct arena *a, enum frame_trust trust)
{
	const struct arch *arch = w->arch;
	bool thumb = arch->capstone_thumb_mode &&
		     (w->step.exact ? w->regs.v[arch->reg_status] >> 5 & 1 : w->step.thumb);
	struct user_frame f = {
		.pc = w->regs.v[arch->reg_pc],
		.sp = regs_has(&w->regs, arch->reg_sp) ? w->regs.v[arch->reg_sp]
		      : w->regs.v[arch->reg_fp]	       ? w->regs.v[arch->reg_fp]
						       : w->step.floor_va,
		.exact = w->step.exact,
		.how = w->step.how,
		.trust = trust,
		.by_signal = w->step.pt_regs_va != 0,
		.thumb = thumb,
	};
	name_frame(w, a, &f);
	return f;
}

static void end(struct walker *w, const char *why)
{
	w->step.end = w->step.broken = true;
	w->step.why = why;
}

static struct err *walk(
	struct walker *w, const struct arch_layout *layout, struct arena *a, struct user_trace *ret)
{
	VEC(struct user_frame) frames = { 0 };
	enum frame_trust trust = TRUST_SURE;
	vec_push(&frames, frame_of(w, a, trust));
	struct err *err = NULL;
	while (!err && !w->step.end) {
		uint64_t inner = w->regs.v[w->arch->reg_pc] - !w->step.exact;
		if (frames.n >= FRAMES_MAX) {
			end(w, "too many frames");
			break;
		}
		err = interrupt_check();
		if (!err)
			err = w->arch->unwind_user(&w->env, layout, &w->regs, &w->step);
		if (err || w->step.end)
			break;
		const struct vma *v = user_maps_area(w->m, w->regs.v[w->arch->reg_pc]);
		if (!w->step.exact && (!v || !user_area_is_code(v))) {
			end(w, "return address is not in code");
			break;
		}
		enum frame_trust own = judge(w, inner, &trust);
		/* Nobody called what returns from a signal: its frame proves it. */
		if (w->step.pt_regs_va)
			frames.v[frames.n - 1].trust = TRUST_LIKELY;
		vec_push(&frames, frame_of(w, a, own));
	}
	ret->frame = arena_alloc(a, frames.n * sizeof(*frames.v));
	memcpy(ret->frame, frames.v, frames.n * sizeof(*frames.v));
	ret->nframes = frames.n;
	ret->end = w->step.why;
	ret->broken = w->step.broken;
	vec_deinit(&frames);
	return err;
}

struct err *user_trace_read(struct target *t, const struct task *task, const struct regs *regs,
	struct arena *a, struct user_trace *ret)
{
	struct user_trace trace = { 0 };
	struct walker w = { .arch = t->arch, .regs = *regs, .step = { .exact = true } };
	struct abi abi = t->abi;
	if (t->arch->compat_regs && t->arch->compat_regs(regs, &w.regs)) {
		trace.compat = true;
		w.arch = arch_find(t->arch->compat_machine);
		abi.word_bytes = w.arch->abi.word_bytes;
	}
	struct err *err = user_maps_find(t, task, &abi, &w.m);
	if (err)
		return err_wrap(err, "user frames");
	w.env = (struct arch_env){
		.cx = &w,
		.read = answer_read,
		.function = answer_function,
		.stack = answer_stack,
		.unwind_table = answer_unwind_table,
	};
	err = walk(&w, &vspace_facts(t->kernel)->layout, a, &trace);
	if (!err)
		*ret = trace;
	return err;
}

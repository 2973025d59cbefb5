/* From the frames of a trace to what the debug layer asks of them. */
#include "analyzer/stack/locals.h"

static uint64_t slide_of(const struct target *t)
{
	return t->image.va ? t->image.va - t->image.link_va : 0;
}

size_t frame_source(struct target *t, const struct frame *f, struct source_frame *out)
{
	struct symbol sym;
	uint64_t slide = slide_of(t);
	uint64_t start = symtab_at(t->syms, f->lookup_pc, &sym) ? sym.va - slide : 0;
	return types_source_frames(t->types, f->lookup_pc - slide, start, out);
}

struct err *frame_variables(struct target *t, const struct trace *trace, size_t n, struct arena *a,
	struct variable_scope **ret, size_t *ret_n)
{
	/* Values at entry are looked for in the caller, whose own may lead on; no farther than
	 * this. */
	enum { CALLERS = 8 };
	struct variables_frame frame[CALLERS + 1];
	size_t count = trace->nframes - n < CALLERS + 1 ? trace->nframes - n : CALLERS + 1;
	for (size_t i = 0; i < count; i++) {
		const struct frame *f = &trace->frame[n + i];
		frame[i] = (struct variables_frame){ .regs = f->regs,
			.pc = frame_code_va(f),
			.lookup_pc = f->lookup_pc,
			.exact = f->exact };
	}
	const struct variables_env env = {
		.debug = &t->debug,
		.arch = t->arch,
		.slide = slide_of(t),
		.frame = frame,
		.nframes = count,
	};
	return variables_read(&env, 0, a, ret, ret_n);
}

/* Frames into calls: names by symbols, inlined functions by debug information where there is some.
 */
#include "analyzer/triage/calls.h"

#include <fnmatch.h>
#include <string.h>

#include "analyzer/stack/cfi.h"
#include "analyzer/stack/locals.h"

const char *call_plain_name(struct arena *a, const char *function)
{
	const char *dot = strchr(function, '.');
	return dot && dot != function ? arena_strndup(a, function, (size_t)(dot - function))
				      : function;
}

static bool is_code(const struct symbol *s)
{
	return strchr("tTwW", s->type) != NULL;
}

/* The physical frame's own call; its function is NULL where no code is. */
static struct call physical(struct target *t, const struct frame *f, size_t i)
{
	struct call c = {
		.pc = f->pc, .frame = i, .trust = f->trust, .interrupted = f->pt_regs_va != 0
	};
	struct symbol s;
	if (symtab_at(t->syms, f->lookup_pc, &s) && is_code(&s)) {
		c.function = s.name;
		c.module = s.module;
		c.offset = f->pc - s.va;
		c.size = s.size;
	}
	return c;
}

void calls_of_trace(struct target *t, const struct trace *trace, struct arena *a, struct calls *ret)
{
	VEC(struct call) out = { 0 };
	for (size_t i = 0; i < trace->nframes; i++) {
		struct source_frame source[SOURCE_FRAMES_MAX];
		struct call own = physical(t, trace->frame + i, i);
		size_t n = own.function ? frame_source(t, trace->frame + i, source) : 0;
		for (size_t k = 0; k + 1 < n; k++) {
			struct call inner = own;
			inner.inlined = true;
			inner.function = source[k].function;
			inner.file = source[k].file;
			inner.line = source[k].line;
			vec_push(&out, inner);
		}
		if (n) {
			own.file = source[n - 1].file;
			own.line = source[n - 1].line;
		}
		if (own.function)
			own.function = call_plain_name(a, own.function);
		vec_push(&out, own);
	}
	*ret = (struct calls){ .n = out.n, .trace = *trace };
	ret->call = arena_alloc(a, (out.n + 1) * sizeof(*ret->call));
	if (out.n)
		memcpy(ret->call, out.v, out.n * sizeof(*ret->call));
	vec_deinit(&out);
}

struct err *calls_of_task(
	struct target *t, const struct task *task, struct arena *a, struct calls *ret)
{
	struct trace trace;
	struct err *err = trace_task(t, task, a, &trace);
	if (err)
		return err;
	if (!trace.user)
		cfi_fill_registers(t, task, &trace);
	calls_of_trace(t, &trace, a, ret);
	return NULL;
}

bool calls_culprit(const struct calls *c, size_t from, size_t *ret)
{
	for (size_t i = from; i < c->n; i++)
		if (c->call[i].function && !c->call[i].inlined &&
			!machinery_kind(c->call[i].function)) {
			*ret = i;
			return true;
		}
	return false;
}

size_t calls_before_interrupts(const struct calls *c)
{
	size_t at = 0;
	for (size_t i = 0; i < c->n; i++)
		if (c->call[i].interrupted)
			at = i;
	return at;
}

size_t calls_find(const struct calls *c, const char *function, size_t from)
{
	for (size_t i = from; i < c->n; i++)
		if (c->call[i].function && !fnmatch(function, c->call[i].function, 0))
			return i;
	return SIZE_MAX;
}

#include "analyzer/triage/origin_code.h"

#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

enum { CODE_MAX = 32768 /* bytes of one function */ };

size_t code_step_at(const struct code *c, uint64_t va)
{
	size_t lo = 0, hi = c->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (c->step[mid].va < va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < c->n && c->step[lo].va == va ? lo : c->n;
}

static void decode_all(struct code *c, struct insn_decoder *decoder, const uint8_t *bytes, size_t n,
	struct arena *a)
{
	size_t at = 0;
	c->step = arena_alloc(a, (n / 2 + 1) * sizeof(*c->step));
	while (at + 2 <= n) {
		struct insn_step *s = &c->step[c->n];
		insn_decoder_step(decoder, bytes + at, n - at < 4 ? n - at : 4, c->entry + at, s);
		if (n - at < s->bytes)
			break;
		at += s->bytes;
		c->n++;
	}
	c->joined = arena_alloc(a, c->n + 1);
	memset(c->joined, 0, c->n + 1);
	for (size_t i = 0; i < c->n; i++) {
		bool jumps = c->step[i].flow == INSN_BRANCH || c->step[i].flow == INSN_JUMP;
		size_t to = jumps ? code_step_at(c, c->step[i].target) : c->n;
		c->joined[to] |= to < c->n;
	}
}

static bool find_place(struct code *c, const struct frame *f)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct insn_step *s = &c->step[i];
		if (f->exact ? s->va == f->pc : s->va + s->bytes == frame_code_va(f)) {
			c->at = i;
			return true;
		}
	}
	return false;
}

void code_read(struct target *t, struct insn_decoder *decoder, const struct trace *trace, size_t k,
	struct arena *a, struct code *ret)
{
	struct symbol sym;
	const struct frame *f = &trace->frame[k];
	*ret = (struct code){ .tried = true };
	if (!symtab_at(t->syms, f->lookup_pc, &sym) || !sym.size || sym.size > CODE_MAX)
		return;
	ret->entry = sym.va;
	scoped_free uint8_t *bytes = xmalloc(sym.size);
	if (vspace_try_read(t->kernel, sym.va, bytes, sym.size, NULL) != FAULT_NONE)
		return;
	decode_all(ret, decoder, bytes, sym.size, a);
	ret->good = find_place(ret, f);
	scoped_err struct err *err = /* without debug information types are not known */
		frame_variables(t, trace, k, a, &ret->scope, &ret->nscopes);
}

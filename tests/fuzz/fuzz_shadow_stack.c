/* Shadow call stacks from foreign bytes: the task's two pointers, whether the chain broke, x18,
 * then the stack itself. */
#include <stdlib.h>
#include <string.h>

#include "analyzer/stack/shadow_stack.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_kernel.h"

enum { TASK_AT = 0x10000, SHADOW_AT = 0x20000, CODE_AT = 0x60000, FRAMES = 6, HEAD = 32, X18 = 18 };

static uint64_t word(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	struct arena a = { 0 };
	struct frame frame[FRAMES] = { 0 };
	if (n < HEAD || n > HEAD + 0x1000)
		return 0;
	fake_init(&f, 8);
	FAKE_STRUCT(&f, "thread_info", "flags:word", "scs_base:word", "scs_sp:word");
	FAKE_STRUCT(&f, "task_struct", "thread_info:thread_info", "stack:word");
	symtab_add(f.t->syms, "caller", fake_va(&f, CODE_AT), 0x1000, 't', NULL);
	symtab_finish(f.t->syms);
	fake_set(&f, "task_struct", TASK_AT, "thread_info.scs_base", word(p));
	fake_set(&f, "task_struct", TASK_AT, "thread_info.scs_sp", word(p + 8));
	fake_bytes(&f, SHADOW_AT, p + HEAD, n - HEAD);
	for (unsigned i = 0; i < FRAMES; i++)
		frame[i].pc = fake_va(&f, CODE_AT + 16 * i);
	frame[p[24] % FRAMES].exact = true;
	regs_set(&frame[p[24] % FRAMES].regs, X18, word(p + 16));
	struct task task = { .va = fake_va(&f, TASK_AT) };
	struct trace trace = { .frame = frame, .nframes = FRAMES, .broken = p[25] & 1 };
	struct err *err = shadow_stack_apply(f.t, &task, &a, &trace);
	if (trace.nframes < FRAMES || trace.nframes > FRAMES + 512)
		abort(); /* a page has no more entries */
	err_drop(err);
	arena_deinit(&a);
	fake_deinit(&f);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	uint8_t seed[HEAD + 64] = { 0 };
	const uint64_t base = 0xffff800000000000ull;
	uint64_t head[3] = { base + SHADOW_AT, base + SHADOW_AT + 64, base + SHADOW_AT + 32 };
	memcpy(seed, head, sizeof(head));
	seed[25] = 1;
	for (unsigned i = 0; i < 8; i++) {
		uint64_t pc = base + CODE_AT + 16 * (8 - i);
		memcpy(seed + HEAD + 8 * i, &pc, sizeof(pc));
	}
	add(seed, sizeof(seed));
	seed[24] = 2;
	add(seed, sizeof(seed));
}

/*
 * Memory for tests of ARM32's unwinders: functions of 256 bytes, their unwind index, a task's stack
 * and an IRQ stack whose words tell where they stood.
 */
#ifndef TESTS_UNIT_FAKE_EXIDX_H
#define TESTS_UNIT_FAKE_EXIDX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "arch/arm/arm.h"
#include "arch/arm/exidx.h"
#include "tests/unit/fake_memory.h"

/* The fake's physical memory serves as virtual memory, one to one. */
static struct dump mem;
static bool no_tables;

enum {
	IDX = 0xc0900000,
	TAB = 0xc0980000,
	FN = 0xc0100000, /* functions of 0x100 bytes each */
	STACK = 0xc2002000,
	STACK_END = 0xc2004000,
	IRQ = 0xc3000000,
	IRQ_END = 0xc3002000,
};

static const char *const fn_name[] = { "leaf", "middle", "caller", "__irq_svc", "vector_swi",
	"ret_fast_syscall", "start_kernel", "call_with_stack", "__irq_usr" };
static unsigned nidx;

static inline bool mem_read(void *cx, uint64_t va, void *buf, size_t n)
{
	(void)cx;
	return dump_try_read(&mem, (struct paddr){ va }, buf, n, NULL) == FAULT_NONE;
}

static inline bool mem_function(void *cx, uint64_t pc, const char **ret_name, uint64_t *ret_start)
{
	(void)cx;
	if (pc < FN || pc >= FN + 0x100 * ARRAY_SIZE(fn_name))
		return false;
	*ret_name = fn_name[(pc - FN) / 0x100];
	*ret_start = pc & ~0xffull;
	return true;
}

static inline bool mem_stack(void *cx, uint64_t sp, uint64_t *ret_lo, uint64_t *ret_hi)
{
	(void)cx;
	bool irq = sp >= IRQ && sp < IRQ_END;
	if (!irq && (sp < STACK || sp >= STACK_END))
		return false;
	*ret_lo = irq ? IRQ : STACK;
	*ret_hi = irq ? IRQ_END : STACK_END;
	return true;
}

static inline bool mem_table(void *cx, uint64_t pc, uint64_t *ret_start, uint64_t *ret_stop)
{
	(void)cx;
	if (no_tables || pc < FN || pc >= FN + 0x1000)
		return false;
	*ret_start = IDX;
	*ret_stop = IDX + 8 * nidx;
	return true;
}

static const struct arch_env env = {
	.read = mem_read, .function = mem_function, .stack = mem_stack, .unwind_table = mem_table
};

static inline int setup(void **state)
{
	(void)state;
	nidx = 0;
	no_tables = false;
	for (uint32_t a = STACK; a < STACK_END; a += 4)
		fake_put(
			&mem, a, 0x57000000 | (a & 0xffff), 4); /* each word tells where it stood */
	for (uint32_t a = IRQ; a < IRQ_END; a += 4)
		fake_put(&mem, a, 0x19000000 | (a & 0xffff), 4);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	fake_clear(&mem);
	return 0;
}

static inline uint32_t prel31_of(uint32_t to, uint32_t from)
{
	return (to - from) & 0x7fffffff;
}

/* The next index entry: function number @fn with @word. */
static inline void put_entry(unsigned fn, uint32_t word)
{
	fake_put(&mem, IDX + 8 * nidx, prel31_of(FN + 0x100 * fn, IDX + 8 * nidx), 4);
	fake_put(&mem, IDX + 8 * nidx + 4, word, 4);
	nidx++;
}

static inline void put_word(uint32_t at, uint32_t v)
{
	fake_put(&mem, at, v, 4);
}

static inline struct regs regs_at(uint32_t pc, uint32_t sp)
{
	struct regs r = { 0 };
	for (unsigned i = 0; i <= ARM_LR; i++)
		regs_set(&r, i, 0xaa000000 + i);
	regs_set(&r, ARM_SP, sp);
	regs_set(&r, ARM_PC, pc);
	return r;
}

static inline uint32_t stack_word(uint32_t off)
{
	return 0x57000000 | ((STACK + 0x100 + off) & 0xffff);
}

#endif

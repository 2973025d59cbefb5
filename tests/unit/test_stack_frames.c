/* What stacks hold besides frame records: tracers' return addresses with the lists behind them, and
 * exception frames, in memory made by hand for both word sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/stack/exception_frames.h"
#include "analyzer/stack/trampoline.h"
#include "tests/unit/fake_kernel.h"

static const unsigned words[] = { 4, 8 };
#define EACH_WORD(f)                                                                               \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (size_t w = 0; w < 2 && (fake_init(f, words[w]), 1); fake_deinit(f), w++)

enum {
	TASK_AT = 0x10000,
	HOOKS_AT = 0x20000,
	HOOK_BYTES = 0x100,
	GRAPH_AT = 0x30000,
	TEXT_AT = 0x40000,
	STACK_AT = 0x80000,
	STACK_BYTES = 0x2000,
	KRETPROBE = 0x100,
	GRAPH = 0x200,
	CALLER = 0x300
};

static uint64_t text(struct fake *f, uint64_t off)
{
	return fake_va(f, TEXT_AT + off);
}

static void put_symbols(struct fake *f)
{
	symtab_add(f->t->syms, "__kretprobe_trampoline", text(f, KRETPROBE), 0x20, 'T', NULL);
	symtab_add(f->t->syms, "return_to_handler", text(f, GRAPH), 0x20, 'T', NULL);
	symtab_add(f->t->syms, "caller", text(f, CALLER), 0x100, 'T', NULL);
	symtab_add_range(f->t->syms, text(f, 0), text(f, 0x1000), NULL);
	symtab_finish(f->t->syms);
}

static struct task task_of(struct fake *f)
{
	return (struct task){ .va = fake_va(f, TASK_AT), .stack = fake_va(f, STACK_AT), .mm = 1 };
}

static enum trampoline_answer resolve(
	struct fake *f, struct trampolines *w, uint64_t pc, uint64_t fp, uint64_t *ret_pc)
{
	const char *note = NULL;
	struct task task = task_of(f);
	*ret_pc = 0;
	enum trampoline_answer a = trampoline_resolve(w, f->t, &task, pc, fp, ret_pc, &note);
	assert_true((a == TRAMPOLINE_NONE) == !note);
	return a;
}

/* ---- kretprobes -------------------------------------------------------------------------- */

/* Record @i: returns to @ret, its frame is @frame; @next is another one's number, or none. */
static void put_hook(struct fake *f, unsigned i, uint64_t ret, uint64_t frame, int next)
{
	uint64_t at = HOOKS_AT + i * HOOK_BYTES,
		 off = fake_offsetof(f, "kretprobe_instance", "llist");
	fake_set(f, "kretprobe_instance", at, "ret_addr", ret);
	fake_set(f, "kretprobe_instance", at, "fp", frame);
	fake_set(f, "kretprobe_instance", at, "llist.next",
		next < 0 ? 0 : fake_va(f, HOOKS_AT + (unsigned)next * HOOK_BYTES + off));
}

static void kretprobe_types(struct fake *f)
{
	put_symbols(f);
	FAKE_STRUCT(f, "llist_node", "next:word");
	FAKE_STRUCT(f, "llist_head", "first:word");
	FAKE_STRUCT(f, "kretprobe_instance", "rcu:list", "llist:llist_node", "rph:word",
		"ret_addr:word", "fp:word");
	FAKE_STRUCT(f, "task_struct", "state:u32", "kretprobe_instances:llist_head",
		"rethooks:llist_head");
	uint64_t off = fake_offsetof(f, "kretprobe_instance", "llist");
	fake_set(
		f, "task_struct", TASK_AT, "kretprobe_instances.first", fake_va(f, HOOKS_AT + off));
}

static void kretprobes_by_frame(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct trampolines one = { 0 };
		uint64_t pc, hook = text(f, KRETPROBE);
		kretprobe_types(f);
		put_hook(f, 0, text(f, 0x310), 0x1000, 1);
		put_hook(f, 1, hook, 0x2000, 2); /* a function that was jumped to */
		put_hook(f, 2, text(f, 0x320), 0x2000, 3);
		put_hook(f, 3, text(f, 0x330), 0x3000, -1);
		assert_int_equal(resolve(f, &one, text(f, 0x310), 0x1000, &pc), TRAMPOLINE_NONE);
		assert_int_equal(resolve(f, &one, hook, 0x1000, &pc), TRAMPOLINE_SURE);
		assert_true(pc == text(f, 0x310));
		assert_int_equal(resolve(f, &one, hook, 0x2000, &pc), TRAMPOLINE_SURE);
		assert_true(pc == text(f, 0x320));
		assert_int_equal(resolve(f, &one, hook, 0x9000, &pc), TRAMPOLINE_LIKELY);
		assert_true(pc == text(f, 0x330));
		assert_int_equal(resolve(f, &one, hook, 0x3000, &pc), TRAMPOLINE_LOST);
	}
}

static void kretprobes_in_order(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct trampolines one = { 0 };
		uint64_t pc, hook = text(f, KRETPROBE);
		kretprobe_types(f);
		put_hook(f, 0, text(f, 0x310), 0x1000, 1);
		put_hook(f, 1, text(f, 0x320), 0x2000, -1);
		assert_int_equal(resolve(f, &one, hook, 0, &pc), TRAMPOLINE_LIKELY);
		assert_true(pc == text(f, 0x310));
		assert_int_equal(resolve(f, &one, hook, 0, &pc), TRAMPOLINE_LIKELY);
		assert_true(pc == text(f, 0x320));
		assert_int_equal(resolve(f, &one, hook, 0, &pc), TRAMPOLINE_LOST);
	}
}

static void hostile_kretprobes(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct trampolines one = { 0 }, two = { 0 };
		uint64_t pc, hook = text(f, KRETPROBE);
		kretprobe_types(f);
		put_hook(f, 0, hook, 0x1000, 1);
		put_hook(f, 1, hook, 0x2000, 0); /* a ring without a true address */
		assert_int_equal(resolve(f, &one, hook, 0x1000, &pc), TRAMPOLINE_LOST);
		fake_set(f, "task_struct", TASK_AT, "kretprobe_instances.first", 0x1234567);
		assert_int_equal(resolve(f, &two, hook, 0x1000, &pc), TRAMPOLINE_LOST);
	}
}

/* v5.10: all tasks' records in one hash table. */
static void kretprobes_of_all_tasks(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct trampolines one = { 0 };
		uint64_t pc, hook = text(f, KRETPROBE);
		unsigned word = f->t->abi.word_bytes;
		put_symbols(f);
		FAKE_STRUCT(f, "hlist_node", "next:word", "pprev:word");
		FAKE_STRUCT(f, "kretprobe_instance", "hlist:hlist_node", "rp:word", "ret_addr:word",
			"task:word", "fp:word");
		FAKE_STRUCT(f, "task_struct", "state:u32");
		fake_symbol(f, "kretprobe_inst_table", 0x50000, 64 * word);
		/* Whatever its bucket is: all lead to the same list. */
		for (unsigned i = 0; i < 64; i++)
			fake_put(f->t->dump, 0x50000 + i * word, fake_va(f, HOOKS_AT), word);
		fake_set(f, "kretprobe_instance", HOOKS_AT, "hlist.next",
			fake_va(f, HOOKS_AT + HOOK_BYTES));
		fake_set(f, "kretprobe_instance", HOOKS_AT, "ret_addr", text(f, 0x310));
		fake_set(f, "kretprobe_instance", HOOKS_AT, "task", fake_va(f, TASK_AT + 8));
		fake_set(
			f, "kretprobe_instance", HOOKS_AT + HOOK_BYTES, "ret_addr", text(f, 0x320));
		fake_set(f, "kretprobe_instance", HOOKS_AT + HOOK_BYTES, "task",
			fake_va(f, TASK_AT));
		assert_int_equal(resolve(f, &one, hook, 0x1000, &pc), TRAMPOLINE_LIKELY);
		assert_true(pc == text(f, 0x320));
		assert_int_equal(resolve(f, &one, hook, 0x1000, &pc), TRAMPOLINE_LOST);
	}
}

/* ---- function graph ---------------------------------------------------------------------- */

static void put_graph(struct fake *f, uint64_t off, uint64_t ret, uint64_t retp)
{
	fake_set(f, "ftrace_ret_stack", GRAPH_AT + off, "ret", ret);
	fake_set(f, "ftrace_ret_stack", GRAPH_AT + off, "retp", retp);
}

static void graph_types(struct fake *f, const char *ret_stack)
{
	char member[40];
	snprintf(member, sizeof(member), "ret_stack:%s", ret_stack);
	put_symbols(f);
	FAKE_STRUCT(f, "ftrace_ret_stack", "ret:word", "func:word", "retp:word");
	struct type pointer = { .kind = TYPE_POINTER,
		.size = f->t->abi.word_bytes,
		.complete = true,
		.target = fake_known(&f->provider, "word", false)->type };
	fake_know(f, "words", types_new(f->t->types, &pointer), f->t->abi.word_bytes);
	pointer.target = fake_known(&f->provider, "ftrace_ret_stack", false)->type;
	fake_know(f, "records", types_new(f->t->types, &pointer), f->t->abi.word_bytes);
	FAKE_STRUCT(f, "task_struct", "state:u32", "curr_ret_stack:u32", member);
	fake_set(f, "task_struct", TASK_AT, "ret_stack", fake_va(f, GRAPH_AT));
}

static void graph_of_records(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct trampolines one = { 0 }, two = { 0 }, three = { 0 };
		uint64_t pc, hook = text(f, GRAPH);
		graph_types(f, "records");
		uint64_t size = fake_sizeof(f, "ftrace_ret_stack");
		put_graph(f, 0, text(f, 0x330), 0x3000);
		put_graph(f, size, text(f, 0x320), 0x2000);
		put_graph(f, 2 * size, hook, 0x2000);
		put_graph(f, 3 * size, text(f, 0x310), 0x1000);
		fake_set(f, "task_struct", TASK_AT, "curr_ret_stack", 3);
		assert_int_equal(resolve(f, &one, hook, 0x1000, &pc), TRAMPOLINE_SURE);
		assert_true(pc == text(f, 0x310));
		assert_int_equal(resolve(f, &one, hook, 0x2000, &pc), TRAMPOLINE_SURE);
		assert_true(pc == text(f, 0x320));
		assert_int_equal(resolve(f, &one, hook, 0x7777, &pc), TRAMPOLINE_LIKELY);
		assert_true(pc == text(f, 0x330));
		assert_int_equal(resolve(f, &one, hook, 0x7777, &pc), TRAMPOLINE_LOST);
		fake_set(f, "task_struct", TASK_AT, "curr_ret_stack", 0xffffffff); /* none */
		assert_int_equal(resolve(f, &two, hook, 0x1000, &pc), TRAMPOLINE_LOST);
		fake_set(f, "task_struct", TASK_AT, "curr_ret_stack", 0x7fffffff);
		assert_int_equal(resolve(f, &three, hook, 0x1000, &pc), TRAMPOLINE_LOST);
	}
}

/* v6.11 on: words, each record with as many words of data behind it as it likes. */
static void graph_of_words(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct trampolines one = { 0 }, two = { 0 };
		uint64_t pc, hook = text(f, GRAPH);
		unsigned word = f->t->abi.word_bytes;
		graph_types(f, "words");
		put_graph(f, 0, text(f, 0x320), 0x2000);
		fake_put(f->t->dump, GRAPH_AT + 3 * word, 1 << 10 | 3,
			word); /* a record of three words below */
		put_graph(f, 4 * word, text(f, 0x310), 0x1000);
		fake_put(f->t->dump, GRAPH_AT + 7 * word, 1 << 10 | 3, word);
		fake_put(f->t->dump, GRAPH_AT + 9 * word, 2 << 10 | 5, word); /* data behind it */
		fake_set(f, "task_struct", TASK_AT, "curr_ret_stack", 10);
		assert_int_equal(resolve(f, &one, hook, 0x1000, &pc), TRAMPOLINE_SURE);
		assert_true(pc == text(f, 0x310));
		assert_int_equal(resolve(f, &one, hook, 0x2000, &pc), TRAMPOLINE_SURE);
		assert_true(pc == text(f, 0x320));
		assert_int_equal(resolve(f, &one, hook, 0x2000, &pc), TRAMPOLINE_LOST);
		fake_put(f->t->dump, GRAPH_AT + 9 * word, 2 << 10, word); /* leads nowhere */
		assert_int_equal(resolve(f, &two, hook, 0x1000, &pc), TRAMPOLINE_LOST);
		struct trampolines three = { 0 };
		fake_put(f->t->dump, GRAPH_AT + 9 * word, 2 << 10 | 12,
			word); /* to before the array */
		put_graph(f, -3ull * word, text(f, 0x310), 0x1000);
		assert_int_equal(resolve(f, &three, hook, 0x1000, &pc), TRAMPOLINE_LOST);
	}
}

/* ---- exception frames -------------------------------------------------------------------- */

static uint64_t pt_regs_bytes(struct fake *f)
{
	return f->t->abi.word_bytes == 8 ? 336 : 72;
}

static void put_pt_regs(struct fake *f, uint64_t at, uint64_t pc, uint64_t sp, uint64_t status)
{
	unsigned word = f->t->abi.word_bytes;
	const struct arch *arch = f->t->arch;
	for (unsigned i = 0; i < arch->pt_regs_regs; i++)
		fake_put(f->t->dump, at + i * word, 0x100 + i, word);
	fake_put(f->t->dump, at + arch->reg_pc * word, pc, word);
	fake_put(f->t->dump, at + arch->reg_sp * word, sp, word);
	fake_put(f->t->dump, at + arch->reg_status * word, status, word);
}

/* Types, an empty stack of STACK_BYTES; the layouts' ends of user space. */
static void stack_types(struct fake *f)
{
	put_symbols(f);
	if (f->t->abi.word_bytes == 8)
		FAKE_STRUCT(f, "pt_regs", "regs:u64[31]", "sp:u64", "pc:u64", "pstate:u64",
			"orig_x0:u64", "syscallno:u32", "pad:u32", "sdei_ttbr1:u64", "pmr:u64",
			"stackframe:u64[2]", "lockdep:u64", "exit:u64");
	else
		FAKE_STRUCT(f, "pt_regs", "uregs:u32[18]");
	for (unsigned i = 0; i < STACK_BYTES; i += FAKE_PAGE)
		fake_at(f->t->dump, STACK_AT + i);
	fake_symbol(f, "init_stack", STACK_AT, 0);
	fake_symbol(f, "__end_init_stack", STACK_AT + STACK_BYTES, 0);
}

static size_t found(struct fake *f, uint64_t *ret_first, bool *ret_user)
{
	scoped_exception_frames struct exception_frames frames = { 0 };
	struct stack stack = { fake_va(f, STACK_AT), fake_va(f, STACK_AT + STACK_BYTES), "task" };
	struct task task = task_of(f);
	assert_null(exception_frames_search(f->t, &task, &stack, stack.lo, &frames));
	*ret_first = frames.found.n ? frames.found.v[0].va : 0;
	*ret_user = frames.found.n && frames.found.v[0].user;
	return frames.found.n;
}

static void frames_are_found(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		uint64_t kernel = f->t->abi.word_bytes == 8 ? 0x60000005 : 0x60000013, va;
		uint64_t at = STACK_AT + 0x400, end = fake_va(f, at) + pt_regs_bytes(f);
		bool user;
		stack_types(f);
		assert_int_equal(found(f, &va, &user), 0);
		put_pt_regs(f, at, text(f, CALLER + 8), end, kernel);
		assert_int_equal(found(f, &va, &user), 1);
		assert_true(va == fake_va(f, at) && !user);
		put_pt_regs(f, at, text(f, CALLER + 8), end + 0x200, kernel); /* sp is far above */
		assert_int_equal(found(f, &va, &user), 0);
		put_pt_regs(f, at, text(f, CALLER + 8), end - 8, kernel); /* sp is within */
		assert_int_equal(found(f, &va, &user), 0);
		put_pt_regs(f, at, text(f, 0x2000), end, kernel); /* pc is no code, nor is lr */
		assert_int_equal(found(f, &va, &user), 0);
		put_pt_regs(f, at, text(f, CALLER + 8), end, 0x60000002); /* no mode of a kernel */
		assert_int_equal(found(f, &va, &user), 0);
		fake_put(f->t->dump, at + f->t->arch->reg_lr * f->t->abi.word_bytes,
			text(f, CALLER + 4), f->t->abi.word_bytes);
		put_pt_regs(f, at, text(f, CALLER), end + 4, kernel); /* ARM32 aligns by 4 */
		assert_int_equal(found(f, &va, &user), 1);
	}
}

static void user_frames(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct exception_frame e;
		bool wide = f->t->abi.word_bytes == 8;
		struct task task = task_of(f);
		uint64_t at = STACK_AT + STACK_BYTES - (wide ? 0 : 8) - pt_regs_bytes(f);
		stack_types(f);
		/* The fake's layout says nothing of user space. */
		((struct space_facts *)vspace_facts(f->t->kernel))->layout.user_end = 0x80000000;
		assert_false(exception_frame_of_user(f->t, &task, &e)); /* zeroes */
		put_pt_regs(f, at, 0x11226, 0x40000, wide ? 0 : 0x10);
		assert_true(exception_frame_of_user(f->t, &task, &e));
		assert_true(e.user && e.va == fake_va(f, at));
		uint64_t va;
		bool user;
		assert_int_equal(found(f, &va, &user), 1);
		assert_true(user && va == e.va);
		task.mm = 0; /* a kernel thread */
		assert_false(exception_frame_of_user(f->t, &task, &e));
		task.mm = 1;
		put_pt_regs(f, at, 0x90000000, 0x40000, wide ? 0 : 0x10);
		assert_false(exception_frame_of_user(f->t, &task, &e));
		put_pt_regs(f, at, 0x11226, 0x40000, wide ? 5 : 0x13); /* not of user mode */
		assert_false(exception_frame_of_user(f->t, &task, &e));
	}
}

static void beside_the_registers(void **state)
{
	(void)state;
	struct fake f;
	struct exception_frame e;
	fake_init(&f, 8);
	stack_types(&f);
	put_pt_regs(&f, STACK_AT, 0x1000, 0x2000, 0);
	fake_set(&f, "pt_regs", STACK_AT, "orig_x0", 77);
	fake_set(&f, "pt_regs", STACK_AT, "syscallno", 0xffffffff);
	assert_null(exception_frame_read(f.t, fake_va(&f, STACK_AT), &e));
	assert_true(e.user && e.has_orig && e.orig == 77 && e.has_syscall && e.syscall == -1);
	struct err *err = exception_frame_read(f.t, fake_va(&f, 0x3000000), &e);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_FAULT);
	err_drop(err);
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(kretprobes_by_frame),
		cmocka_unit_test(kretprobes_in_order), cmocka_unit_test(hostile_kretprobes),
		cmocka_unit_test(kretprobes_of_all_tasks), cmocka_unit_test(graph_of_records),
		cmocka_unit_test(graph_of_words), cmocka_unit_test(frames_are_found),
		cmocka_unit_test(user_frames), cmocka_unit_test(beside_the_registers) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Stacks of any content, of tasks that say anything. The input is pages of a fake target
 * (fake_pages.h); the task lies at TASK_AT. */
#include <elf.h>

#include "analyzer/stack/groups.h"
#include "analyzer/stack/stack_check.h"
#include "tests/unit/fake_pages.h"

enum {
	TASK_AT = 0x10000,
	STACK_AT = 0x20000,
	STACK_BYTES = 0x2000,
	RQ_AT = 0x30000,
	CODE_AT = 0x40000
};

static uint8_t desc[512];
static struct dump_note note;

static void types(struct fake *f)
{
	FAKE_STRUCT(f, "registers", "r4:word", "r5:word", "r6:word", "r7:word", "r8:word",
		"r9:word", "sl:word", "x19:word", "x20:word", "x21:word", "x22:word", "x23:word",
		"x24:word", "x25:word", "x26:word", "x27:word", "x28:word", "fp:word", "sp:word",
		"pc:word");
	FAKE_STRUCT(f, "thread_info", "task:word", "cpu:u32", "cpu_context:registers",
		"stack_canary:word");
	FAKE_STRUCT(f, "thread", "cpu_context:registers");
	FAKE_STRUCT(f, "task_struct", "__state:u32", "stack:word", "flags:u32", "on_cpu:u32",
		"prio:u32", "tasks:list", "mm:word", "active_mm:word", "exit_state:u32", "pid:u32",
		"tgid:u32", "real_parent:word", "group_leader:word", "thread_node:list",
		"comm:char[16]", "signal:word", "stack_canary:word", "thread:thread", "cpu:u32");
	FAKE_STRUCT(f, "rq", "nr_running:u32", "curr:word", "idle:word");
	fake_symbol(f, "init_stack", STACK_AT, 0);
	fake_symbol(f, "__end_init_stack", STACK_AT + STACK_BYTES, 0);
	fake_symbol(f, "runqueues", RQ_AT, 64);
	fake_symbol(f, "_stext", CODE_AT, 0x100);
	fake_symbol(f, "__stack_chk_fail", CODE_AT + 0x100, 0x40);
	fake_symbol(f, "function", CODE_AT + 0x140, 0x800);
}

static void add_note(struct fake *f)
{
	const struct arch *arch = f->t->arch;
	unsigned word = f->t->abi.word_bytes;
	uint64_t regs[3] = { fake_va(f, STACK_AT + 0x1000), fake_va(f, CODE_AT + 0x180),
		word == 8 ? 5 : 0x13 };
	memset(desc, 0, sizeof(desc));
	memcpy(desc + arch->prstatus_regs_off + arch->reg_sp * word, &regs[0], word);
	memcpy(desc + arch->prstatus_regs_off + arch->reg_pc * word, &regs[1], word);
	memcpy(desc + arch->prstatus_regs_off + arch->reg_status * word, &regs[2], word);
	memcpy(desc + arch->prstatus_regs_off + arch->reg_fp * word, &regs[0], word);
	note = (struct dump_note){ "CORE", NT_PRSTATUS, desc, arch->prstatus_bytes };
	f->t->dump->info.note = &note;
	f->t->dump->info.nnotes = 1;
}

static void look(struct fake *f)
{
	struct task task;
	struct stack_check c;
	struct stack_groups g;
	struct arena scratch = { 0 };
	struct err *err = task_read(f->t, fake_va(f, TASK_AT), &task);
	if (!err)
		err = stack_check_task(f->t, &task, &scratch, &c);
	if (!err && c.used_known && c.used_bytes > STACK_BYTES)
		abort();
	stack_groups_init(&g, f->t, STACKS_BY_PLACE);
	if (!err)
		err = stack_groups_add(&g, &task, NULL);
	if (!err && g.group.n != 1)
		abort();
	err_drop(err);
	stack_groups_deinit(&g);
	arena_deinit(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	if (!n)
		return 0;
	fake_init(&f, fake_pages_word(p, n));
	types(&f);
	fake_pages_load(&f, p, n);
	add_note(&f);
	look(&f);
	fake_deinit(&f);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4) {
		for (int running = 0; running < 2; running++) {
			struct fake f;
			fake_init(&f, word);
			types(&f);
			fake_set(&f, "task_struct", TASK_AT, "stack", fake_va(&f, STACK_AT));
			fake_set(&f, "task_struct", TASK_AT, "thread.cpu_context.sp",
				fake_va(&f, STACK_AT + 0x1f00));
			fake_set(&f, "task_struct", TASK_AT, "thread.cpu_context.fp",
				fake_va(&f, STACK_AT + 0x1f00));
			fake_set(&f, "task_struct", TASK_AT, "thread.cpu_context.pc",
				fake_va(&f, CODE_AT + 0x180));
			fake_set(&f, "thread_info", STACK_AT, "task", fake_va(&f, TASK_AT));
			fake_put(f.t->dump, STACK_AT + fake_sizeof(&f, "thread_info"),
				STACK_END_MAGIC, word);
			fake_put(
				f.t->dump, STACK_AT + 0x1f00, fake_va(&f, STACK_AT + 0x1f80), word);
			fake_put(f.t->dump, STACK_AT + 0x1f00 + word, fake_va(&f, CODE_AT + 0x120),
				word);
			fake_set(&f, "rq", RQ_AT, "curr", running ? fake_va(&f, TASK_AT) : 0);
			fake_pages_add(&f, 0, add);
			fake_deinit(&f);
		}
	}
}

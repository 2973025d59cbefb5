/*
 * struct mm_struct (include/linux/mm_types.h, 4.19 to 7.2) and the architectures' mm_context_t
 * (arch/arm/include/asm/mmu.h, arch/arm64/include/asm/mmu.h).
 */
#include "analyzer/kernel/mm.h"

#include <inttypes.h>

static const struct view_field mm_fields[] = {
	FIELD_ADDRESS_OPTIONAL(struct mm, maple_va, "mm_mt"),
	FIELD_ADDRESS_OPTIONAL(struct mm, rbtree_va, "mm_rb"),
	FIELD_OPTIONAL(struct mm, first_vma, "mmap"), FIELD(struct mm, map_count, "map_count"),
	FIELD(struct mm, users, "mm_users.counter"), FIELD(struct mm, mmap_base, "mmap_base"),
	FIELD_OPTIONAL(struct mm, mmap_legacy_base, "mmap_legacy_base"),
	FIELD_OPTIONAL(struct mm, task_size, "task_size"),
	FIELD_OPTIONAL(struct mm, get_unmapped_area, "get_unmapped_area"),
	FIELD(struct mm, flags, "flags.__mm_flags[0]", "flags"),
	FIELD(struct mm, start_code, "start_code"), FIELD(struct mm, end_code, "end_code"),
	FIELD(struct mm, start_data, "start_data"), FIELD(struct mm, end_data, "end_data"),
	FIELD(struct mm, start_brk, "start_brk"), FIELD(struct mm, brk, "brk"),
	FIELD(struct mm, start_stack, "start_stack"), FIELD(struct mm, arg_start, "arg_start"),
	FIELD(struct mm, arg_end, "arg_end"), FIELD(struct mm, env_start, "env_start"),
	FIELD(struct mm, env_end, "env_end"), FIELD(struct mm, total_pages, "total_vm"),
	FIELD(struct mm, locked_pages, "locked_vm"), FIELD(struct mm, stack_pages, "stack_vm"),
	FIELD(struct mm, data_pages, "data_vm"), FIELD(struct mm, exec_pages, "exec_vm"),
	FIELD_OPTIONAL(struct mm, exe_file, "exe_file"),
	FIELD_OPTIONAL(struct mm, user_ns, "user_ns"),
	FIELD_OPTIONAL(struct mm, vdso, "context.vdso"),
	FIELD_OPTIONAL(struct mm, sigpage, "context.sigpage"), /* arm; arm64's compat since 5.2 */
};
static const struct view_spec mm_spec = { .type = "mm_struct",
	.hint = "init/main.c",
	.fields = mm_fields,
	.nfields = ARRAY_SIZE(mm_fields) };

struct err *mm_read(struct target *t, uint64_t va, struct mm *ret)
{
	const struct view *v;
	struct mm mm = { .va = va };
	struct err *err = target_need_kernel(t);
	if (!err)
		err = target_view(t, &mm_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &mm);
	if (!err)
		*ret = mm;
	return err_wrap(err, "mm 0x%" PRIx64, va);
}

enum { PF_KTHREAD = 0x00200000 }; /* include/linux/sched.h, the same from 4.19 to 7.3 */

const char *mm_absence(const struct task *task)
{
	return task->flags & PF_KTHREAD ? "a kernel thread: no user space"
					: "it has exited: its user space is gone";
}

/* MMF_TOPDOWN (include/linux/sched/coredump.h 6.10 to 6.12, mm_types.h later); a macro, no
 * enumerator. It came when get_unmapped_area went. */
static const uint64_t flag_topdown = 1ull << 31;

enum mm_direction mm_mmap_direction(struct target *t, const struct mm *mm)
{
	struct symbol sym;
	if (!mm->get_unmapped_area)
		return mm->flags & flag_topdown ? MM_TOP_DOWN : MM_BOTTOM_UP;
	if (!symtab_at(t->syms, mm->get_unmapped_area & ~1ull, &sym))
		return MM_DIRECTION_UNKNOWN;
	return strstr(sym.name, "topdown") ? MM_TOP_DOWN : MM_BOTTOM_UP;
}

struct thread_flags {
	uint64_t flags;
};
static const struct view_field thread_fields[] = {
	FIELD(struct thread_flags, flags, "thread_info.flags"),
};
static const struct view_spec thread_spec = { .type = "task_struct",
	.hint = "init/main.c",
	.fields = thread_fields,
	.nfields = ARRAY_SIZE(thread_fields) };

/* TIF_32BIT, arch/arm64/include/asm/thread_info.h, the same from 4.19 to 7.2 */
static const uint64_t flag_32bit = 1 << 22;

enum mm_compat mm_task_compat(struct target *t, const struct task *task)
{
	struct thread_flags flags = { 0 };
	const struct view *v;
	if (t->abi.word_bytes == 4)
		return MM_NATIVE;
	struct err *err = target_view(t, &thread_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, task->va, &flags);
	if (err) {
		err_drop(err); /* then it is not known, which is an answer */
		return MM_COMPAT_UNKNOWN;
	}
	return flags.flags & flag_32bit ? MM_COMPAT : MM_NATIVE;
}

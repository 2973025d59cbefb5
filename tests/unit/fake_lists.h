/*
 * Types and a small scene for the readers of the kernel's tables and lists: interrupts, timers,
 * wait queues, open files, mounts, device numbers. Small on purpose: one of each kind.
 */
#ifndef TESTS_UNIT_FAKE_LISTS_H
#define TESTS_UNIT_FAKE_LISTS_H

#include "tests/unit/fake_kernel.h"
#include "tests/unit/fake_trees.h"

enum {
	TEXT_AT = 0x1000, /* strings */
	IRQ_AT = 0x2000,  /* two descriptors */
	ACTION_AT = 0x2800,
	WHEEL_AT = 0x3000,
	TIMER_AT = 0x4000, /* two timers */
	QUEUE_AT = 0x5000,
	WAITER_AT = 0x5100,
	TASK_FILES_AT = 0x6000,
	FILES_AT = 0x6100,
	TABLE_AT = 0x6200,
	BITS_AT = 0x6300,
	FDS_AT = 0x6400,
	FILE_AT = 0x6800,
	INODE_AT = 0x6900,
	PROXY_AT = 0x7000,
	SPACE_AT = 0x7100,
	MOUNTS_AT = 0x7200, /* three, MOUNT_STEP apart */
	MOUNT_STEP = 0x200,
	SUPER_AT = 0x7800,
	FSTYPE_AT = 0x7900,
	CHRDEVS_AT = 0x8000,
	CHRDEV_AT = 0x8800, /* two */
};

static inline void fake_interrupt_types(struct fake *f)
{
	FAKE_STRUCT(f, "irq_data", "irq:u32", "hwirq:word", "chip:word", "domain:word");
	FAKE_STRUCT(f, "irq_common", "state_use_accessors:u32");
	FAKE_STRUCT(f, "irq_desc", "irq_common_data:irq_common", "irq_data:irq_data",
		"handle_irq:word", "action:word", "kstat_irqs:word", "depth:u32", "name:word",
		"status_use_accessors:u32");
	FAKE_STRUCT(f, "irq_chip", "name:word");
	FAKE_STRUCT(f, "irqaction", "handler:word", "thread_fn:word", "thread:word", "dev_id:word",
		"next:word", "flags:u32", "name:word");
	FAKE_STRUCT(f, "hlist", "next:word", "pprev:word");
	FAKE_STRUCT(f, "timer_list", "entry:hlist", "expires:word", "function:word", "flags:u32");
	FAKE_STRUCT(f, "timer_base", "lock:u32", "clk:word", "vectors:word[64]");
	FAKE_STRUCT(f, "wait_queue_head", "lock:u32", "head:list");
	FAKE_STRUCT(f, "wait_queue_entry", "flags:u32", "private:word", "func:word", "entry:list");
	fake_variable(f, "irq_desc", "irq_desc[2]");
	fake_variable(f, "timer_bases", "timer_base[2]");
}

static inline void fake_file_types(struct fake *f)
{
	FAKE_STRUCT(f, "task_struct", "files:word", "fs:word", "nsproxy:word");
	FAKE_STRUCT(f, "files_struct", "fdt:word");
	FAKE_STRUCT(f, "fdtable", "max_fds:u32", "fd:word", "open_fds:word");
	FAKE_STRUCT(f, "path", "mnt:word", "dentry:word");
	FAKE_STRUCT(f, "file", "f_path:path", "f_inode:word", "f_mode:u32");
	FAKE_STRUCT(f, "inode", "i_mode:u16");
	FAKE_STRUCT(f, "nsproxy", "mnt_ns:word");
	FAKE_STRUCT(f, "mnt_namespace", "list:list");
	FAKE_STRUCT(f, "vfsmount", "mnt_root:word", "mnt_sb:word", "mnt_flags:u32");
	FAKE_STRUCT(f, "mount", "mnt_list:list", "mnt:vfsmount", "mnt_id:u32", "mnt_devname:word");
	FAKE_STRUCT(f, "super_block", "s_type:word", "s_flags:word", "s_subtype:word");
	FAKE_STRUCT(f, "file_system_type", "name:word");
	FAKE_STRUCT(f, "char_device_struct", "next:word", "major:u32", "baseminor:u32",
		"minorct:u32", "name:char[64]", "cdev:word");
	FAKE_STRUCT(f, "cdev", "ops:word");
}

static inline uint64_t fake_text(struct fake *f, uint64_t at, const char *s)
{
	fake_bytes(f, at, s, strlen(s) + 1);
	return fake_va(f, at);
}

static inline void fake_interrupts(struct fake *f)
{
	uint64_t step = fake_sizeof(f, "irq_desc"), second = IRQ_AT + step;
	uint64_t base = fake_sizeof(f, "timer_base");
	fake_symbol(f, "irq_desc", IRQ_AT, 2 * step);
	fake_set(f, "irq_desc", second, "irq_data.irq", 1);
	fake_set(f, "irq_desc", second, "irq_data.hwirq", 33);
	fake_set(f, "irq_desc", second, "irq_common_data.state_use_accessors", 1 << 13);
	fake_set(f, "irq_desc", second, "action", fake_va(f, ACTION_AT));
	fake_set(f, "irqaction", ACTION_AT, "name", fake_text(f, TEXT_AT, "uart"));
	fake_symbol(f, "timer_bases", WHEEL_AT, 2 * base);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t bucket = WHEEL_AT + base + fake_offsetof(f, "timer_base", "vectors") +
				  9u * f->t->abi.word_bytes;
		uint64_t at = TIMER_AT + i * 0x100, before = i ? TIMER_AT : bucket;
		fake_put(f->t->dump, before, fake_va(f, at), f->t->abi.word_bytes);
		fake_set(f, "timer_list", at, "entry.pprev", fake_va(f, before));
		fake_set(f, "timer_list", at, "expires", 1000 - 500 * i);
	}
	fake_set(f, "timer_base", WHEEL_AT + base, "clk", 700);
	uint64_t head = QUEUE_AT + fake_offsetof(f, "wait_queue_head", "head");
	uint64_t node = WAITER_AT + fake_offsetof(f, "wait_queue_entry", "entry");
	fake_put_word(f, head, 0, fake_va(f, node));
	fake_put_word(f, head, 1, fake_va(f, node));
	fake_put_word(f, node, 0, fake_va(f, head));
	fake_put_word(f, node, 1, fake_va(f, head));
	fake_set(f, "wait_queue_entry", WAITER_AT, "private", fake_va(f, 0x100));
}

static inline void fake_mounts(struct fake *f)
{
	uint64_t list = SPACE_AT;
	fake_set(f, "task_struct", TASK_FILES_AT, "nsproxy", fake_va(f, PROXY_AT));
	fake_set(f, "nsproxy", PROXY_AT, "mnt_ns", fake_va(f, SPACE_AT));
	fake_set(f, "super_block", SUPER_AT, "s_type", fake_va(f, FSTYPE_AT));
	fake_set(f, "file_system_type", FSTYPE_AT, "name", fake_text(f, TEXT_AT + 0x100, "tmpfs"));
	for (unsigned i = 0; i < 3; i++) {
		uint64_t at = MOUNTS_AT + i * MOUNT_STEP, next = i < 2 ? at + MOUNT_STEP : list;
		fake_put_word(f, i ? at - MOUNT_STEP : list, 0, fake_va(f, at));
		fake_put_word(f, at, 0, fake_va(f, next));
		fake_put_word(f, at, 1, fake_va(f, i ? at - MOUNT_STEP : list));
		fake_set(f, "mount", at, "mnt.mnt_sb", fake_va(f, SUPER_AT));
		fake_set(f, "mount", at, "mnt.mnt_flags",
			i == 1 ? 0x10000000 : 0x21); /* the second: a cursor */
		fake_set(f, "mount", at, "mnt_id", i);
	}
	fake_put_word(f, list, 1, fake_va(f, MOUNTS_AT + 2 * MOUNT_STEP));
}

static inline void fake_files(struct fake *f)
{
	unsigned word = f->t->abi.word_bytes;
	fake_symbol(f, "init_task", TASK_FILES_AT, 0x100);
	fake_set(f, "task_struct", TASK_FILES_AT, "files", fake_va(f, FILES_AT));
	fake_set(f, "files_struct", FILES_AT, "fdt", fake_va(f, TABLE_AT));
	fake_set(f, "fdtable", TABLE_AT, "max_fds", 128);
	fake_set(f, "fdtable", TABLE_AT, "fd", fake_va(f, FDS_AT));
	fake_set(f, "fdtable", TABLE_AT, "open_fds", fake_va(f, BITS_AT));
	fake_put(f->t->dump, BITS_AT, 0x5, word);	    /* 0 and 2; nothing is at 2 yet */
	fake_put(f->t->dump, BITS_AT + 8, 1ull << 6, word); /* 70 */
	fake_put(f->t->dump, FDS_AT, fake_va(f, FILE_AT), word);
	fake_put(f->t->dump, FDS_AT + 70 * word, fake_va(f, FILE_AT), word);
	fake_set(f, "file", FILE_AT, "f_inode", fake_va(f, INODE_AT));
	fake_set(f, "inode", INODE_AT, "i_mode", 0020600);
	fake_mounts(f);
	fake_symbol(f, "chrdevs", CHRDEVS_AT, 255 * word);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t at = CHRDEV_AT + i * 0x100;
		fake_put(f->t->dump, i ? at - 0x100 : CHRDEVS_AT + 5 * word, fake_va(f, at), word);
		fake_set(f, "char_device_struct", at, "major", 5);
		fake_set(f, "char_device_struct", at, "baseminor", i);
		fake_set(f, "char_device_struct", at, "minorct", 1);
		fake_bytes(f, at + fake_offsetof(f, "char_device_struct", "name"),
			i ? "ptmx" : "tty", 4);
	}
}

#endif

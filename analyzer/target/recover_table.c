/*
 * Which functions refer to which variables, and what proves a variable. The functions were taken
 * from Debian's 6.1 and 6.12 kernels of both architectures (bin) and are in the sources of 4.19 to
 * 7.3 under these names, where they exist; those that a kernel has not do not vote.
 */
#include "analyzer/target/recover.h"

/* ---- CPUs ----------------------------------------------- */

static bool is_cpu_count(const struct recovery *r, uint64_t va)
{
	uint64_t n;
	return va % 4 == 0 && recovery_uint(r, va, 4, &n) && n && n <= RECOVER_CPUS_MAX;
}

/* The highest CPU of the mask; false for no mask: an empty one, or one with CPUs beyond all. */
static bool mask_top(const struct recovery *r, uint64_t va, unsigned *ret)
{
	unsigned bits = r->t->abi.word_bytes * 8u, top = 0;
	bool any = false;
	if (va % r->t->abi.word_bytes || !r->cpus)
		return false;
	for (unsigned cpu = 0; cpu < r->cpus; cpu += bits) {
		uint64_t word;
		if (!recovery_word(r, va + cpu / 8, &word))
			return false;
		if (word)
			top = cpu + 63 - (unsigned)__builtin_clzll(word);
		any = any || word;
	}
	*ret = top;
	return any && top < r->cpus;
}

static bool mask_within(const struct recovery *r, uint64_t va, const char *outer)
{
	unsigned top, bits = r->t->abi.word_bytes * 8u;
	uint64_t outer_va;
	if (!mask_top(r, va, &top) || !recovery_find(r, outer, &outer_va))
		return false;
	for (unsigned cpu = 0; cpu < r->cpus; cpu += bits) {
		uint64_t mine, others;
		if (!recovery_word(r, va + cpu / 8, &mine) ||
			!recovery_word(r, outer_va + cpu / 8, &others) || mine & ~others)
			return false;
	}
	return true;
}

/* kernel/smp.c, setup_nr_cpu_ids(): nr_cpu_ids is the last possible CPU + 1 */
static bool is_possible(const struct recovery *r, uint64_t va)
{
	unsigned top;
	return mask_top(r, va, &top) && top + 1 == r->cpus;
}

static bool is_present(const struct recovery *r, uint64_t va)
{
	return mask_within(r, va, "__cpu_possible_mask");
}

static bool is_online(const struct recovery *r, uint64_t va)
{
	return mask_within(r, va, "__cpu_present_mask");
}

/* mm/percpu.c, setup_per_cpu_areas(): one for each possible CPU, whole pages from each other. */
static bool is_offsets(const struct recovery *r, uint64_t va)
{
	unsigned word = r->t->abi.word_bytes, n = 0;
	uint64_t mask, bits, first = 0, last = 0, off;
	if (va % word || !recovery_find(r, "__cpu_possible_mask", &mask))
		return false;
	for (unsigned cpu = 0; cpu < r->cpus; cpu++) {
		if (!recovery_word(r, mask + cpu / (word * 8) * word, &bits) ||
			!recovery_word(r, va + (uint64_t)cpu * word, &off))
			return false;
		if (!(bits >> (cpu % (word * 8)) & 1))
			continue;
		first = n ? first : off;
		if (!off || (n && (off == last || (off - first) % 4096)))
			return false;
		last = off;
		n++;
	}
	return n > 0;
}

/* pcpu_unit_offsets[] points to distances that are those of __per_cpu_offset[] but for a constant.
 */
static bool is_unit_offsets(const struct recovery *r, uint64_t va)
{
	uint64_t table, offset, unit, delta = 0, d;
	unsigned cpu, word = r->t->abi.word_bytes, i = 0;
	if (!recovery_word(r, va, &table) || !table || table % word)
		return false;
	for (; recovery_cpu(r, i, &cpu, &offset); i++, delta = d) {
		if (!recovery_word(r, table + (uint64_t)cpu * word, &unit) || unit % 4096)
			return false;
		d = offset - unit;
		d = word == 4 ? (uint32_t)d : d;
		if (i && d != delta)
			return false;
	}
	return i > 0;
}

struct seen {
	uint64_t va;
	bool yes;
};

static void note_seen(void *cx, const struct code_ref *ref)
{
	struct seen *s = cx;
	s->yes = s->yes || ref->va == s->va;
}

/* The start of .data..percpu that follows from it stands in is_kernel_percpu_address(). */
static bool is_percpu_base(const struct recovery *r, uint64_t va)
{
	struct seen s = { 0 };
	if (!recovery_percpu_start(r, va, &s.va))
		return false;
	if (!recovery_refs(r, "__is_kernel_percpu_address", note_seen, &s))
		recovery_refs(r, "is_kernel_percpu_address", note_seen, &s);
	return s.yes;
}

/* kernel/sched/sched.h, struct rq: the idle task of CPU 0 is init_task (init_idle() in
 * sched_init()). With types, each CPU's queue also has its number. */
static bool is_runqueues(const struct recovery *r, uint64_t va)
{
	enum { RQ_WORDS = 1024 };
	uint64_t init_task, offset, word, n, number;
	unsigned cpu, step = r->t->abi.word_bytes;
	if (va % 64 || !recovery_find(r, "init_task", &init_task) ||
		!recovery_cpu(r, 0, &cpu, &offset))
		return false;
	bool idle = false;
	for (unsigned i = 0; i < RQ_WORDS && !idle; i++)
		idle = recovery_word(r, va + offset + i * step, &word) && word == init_task;
	if (!idle || !target_number(r->t, "offsetof(rq.cpu)", &n))
		return idle;
	for (unsigned i = 0; recovery_cpu(r, i, &cpu, &offset); i++)
		if (!recovery_uint(r, va + offset + n, 4, &number) || number != cpu)
			return false;
	return true;
}

/* A pointer to a stack of each CPU, to its base or its end as the architecture has it. */
static bool is_stack_pointer(const struct recovery *r, uint64_t va)
{
	uint64_t offset, stack, word, last = 0;
	unsigned cpu, i = 0, step = r->t->abi.word_bytes;
	if (va % step || !r->percpu_start)
		return false;
	for (; recovery_cpu(r, i, &cpu, &offset); i++, last = stack)
		if (!recovery_word(r, va + offset, &stack) || !stack || stack % 8 ||
			stack == last ||
			(!recovery_word(r, stack, &word) && !recovery_word(r, stack - step, &word)))
			return false;
	return i > 0;
}

/* arch/arm64/kernel/traps.c: unsigned long overflow_stack[OVERFLOW_STACK_SIZE / sizeof(long)], 4
 * KiB and aligned by 16 in all versions. Whatever used it stayed off its lowest bytes. */
static bool is_overflow_stack(const struct recovery *r, uint64_t va)
{
	enum { BYTES = 4096, LOWEST = 8 };
	uint64_t offset, word;
	unsigned cpu, i = 0;
	if (va % 16 || !r->percpu_start || va + BYTES > r->percpu_end)
		return false;
	for (; recovery_cpu(r, i, &cpu, &offset); i++)
		for (unsigned at = 0; at < LOWEST; at++)
			if (!recovery_word(r, va + offset + at * 8, &word) || word)
				return false;
	return i > 0;
}

/* ---- lists ----------------------------------------------- */

static bool is_list(const struct recovery *r, uint64_t va)
{
	uint64_t next, prev, back, forth;
	unsigned word = r->t->abi.word_bytes;
	return va % word == 0 && recovery_word(r, va, &next) &&
	       recovery_word(r, va + word, &prev) && recovery_word(r, next + word, &back) &&
	       recovery_word(r, prev, &forth) && back == va && forth == va;
}

static bool is_name(const struct recovery *r, uint64_t va)
{
	char text[32];
	size_t n = 0;
	if (!recovery_read(r, va, text, sizeof(text)))
		return false;
	while (n < sizeof(text) &&
		(text[n] == '_' || text[n] == '-' || (text[n] >= '0' && text[n] <= '9') ||
			((text[n] | 32) >= 'a' && (text[n] | 32) <= 'z')))
		n++;
	return n && (n == sizeof(text) || !text[n]);
}

/* include/linux/module.h, struct module: state, list, name, in this order in all versions. */
static bool is_modules(const struct recovery *r, uint64_t va)
{
	uint64_t next;
	return is_list(r, va) && recovery_word(r, va, &next) &&
	       (next == va || is_name(r, next + 2 * r->t->abi.word_bytes));
}

/* ---- numbers ----------------------------------------------- */

/* kernel/panic.c: PANIC_CPU_INVALID or a CPU */
static bool is_panic_cpu(const struct recovery *r, uint64_t va)
{
	uint64_t n;
	return r->percpu_start && va % 4 == 0 && recovery_uint(r, va, 4, &n) &&
	       (n == UINT32_MAX || n < r->cpus);
}

/* include/linux/jiffies.h: INITIAL_JIFFIES is -300 * HZ in 32 bits, HZ 1000 at most; a year. */
static bool is_jiffies(const struct recovery *r, uint64_t va)
{
	uint64_t n, start = (1ull << 32) - 300 * 1000;
	if (va % 8 || !recovery_word(r, va, &n))
		return false;
	n -= start;
	return (r->t->abi.word_bytes == 4 ? (uint32_t)n : n) < 366ull * 86400 * 1000;
}

static bool is_ram_pages(const struct recovery *r, uint64_t va)
{
	const struct dump_info *info = dump_info(r->t->dump);
	unsigned shift = vspace_facts(r->t->kernel)->layout.paging.page_shift;
	uint64_t n, bytes = 0;
	for (size_t i = 0; i < info->nextents; i++)
		bytes += info->extent[i].size;
	return va % r->t->abi.word_bytes == 0 && recovery_word(r, va, &n) && n > 256 &&
	       n <= bytes >> shift;
}

/* kernel/sched/loadavg.c: 11 bits of fraction */
static bool is_avenrun(const struct recovery *r, uint64_t va)
{
	unsigned word = r->t->abi.word_bytes;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t n;
		if (va % word || !recovery_word(r, va + i * word, &n) || n >> 11 > 1 << 20)
			return false;
	}
	return true;
}

/* include/linux/panic.h: some 20 flags */
static bool is_taint(const struct recovery *r, uint64_t va)
{
	uint64_t n;
	return va % r->t->abi.word_bytes == 0 && recovery_word(r, va, &n) && n < 1 << 24;
}

static bool is_image_voffset(const struct recovery *r, uint64_t va)
{
	uint64_t n;
	return recovery_uint(r, va, 8, &n) && n == r->t->image.va - r->t->image.pa.v;
}

static bool is_memstart(const struct recovery *r, uint64_t va)
{
	uint64_t n;
	return recovery_uint(r, va, 8, &n) && n == vspace_facts(r->t->kernel)->layout.phys_offset.v;
}

/* include/asm-generic/vmlinux.lds.h: .init.text and the per-CPU template lie between the two, which
 * are whole pages, as free_initmem() gives them back. */
static bool is_init_begin(const struct recovery *r, uint64_t va)
{
	uint64_t text;
	return va % 4096 == 0 && recovery_find(r, "_sinittext", &text) && va <= text &&
	       text - va < 1 << 21;
}

static bool is_init_end(const struct recovery *r, uint64_t va)
{
	uint64_t text;
	return va % 4096 == 0 && recovery_find(r, "_einittext", &text) && va > text &&
	       va - text < 64 << 20 && r->percpu_end && va >= r->percpu_end;
}

/* ---- structures ----------------------------------------------- */

static bool is_command_line(const struct recovery *r, uint64_t va)
{
	char text[64];
	uint64_t p;
	if (va % r->t->abi.word_bytes || !recovery_word(r, va, &p) || !p ||
		!recovery_read(r, p, text, sizeof(text)) || !*text)
		return false;
	for (size_t i = 0; i < sizeof(text) && text[i] && text[i] != '\n'; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

/* mm/init-mm.c: its pgd is the kernel's own */
static bool is_init_mm(const struct recovery *r, uint64_t va)
{
	enum { WORDS = 64 };
	uint64_t swapper, word;
	if (va % r->t->abi.word_bytes || !recovery_find(r, "swapper_pg_dir", &swapper))
		return false;
	for (unsigned i = 0; i < WORDS; i++)
		if (recovery_word(r, va + i * r->t->abi.word_bytes, &word) && word == swapper)
			return true;
	return false;
}

/* kernel/time/timekeeping.c: a sequence count that is even between updates, then struct timekeeper,
 * which begins with a pointer to the clock source. The tick has been at work. */
static bool is_tk_core(const struct recovery *r, uint64_t va)
{
	uint64_t seq, clock, read;
	return va % 8 == 0 && recovery_uint(r, va, 4, &seq) && seq > 1 &&
	       recovery_word(r, va + 8, &clock) && recovery_word(r, clock, &read) &&
	       read - r->text_start < r->text_end - r->text_start;
}

/* Up to v6.12: the tick's copy. struct clocksource begins with its read(). */
static bool is_shadow(const struct recovery *r, uint64_t va)
{
	uint64_t tk, theirs, mine, s, their_s, off;
	if (va % 8 || !recovery_find(r, "tk_core", &tk) || va == tk + 8 ||
		!recovery_word(r, tk + 8, &theirs) || !recovery_word(r, va, &mine) ||
		mine != theirs)
		return false;
	return !target_number(r->t, "offsetof(timekeeper.xtime_sec)", &off) ||
	       (recovery_uint(r, va + off, 8, &s) && recovery_uint(r, tk + 8 + off, 8, &their_s) &&
		       s && s - their_s + 60 < 120);
}

/* ---- the table ----------------------------------------------- */

const struct recover_symbol recover_symbols[] = {
	{ "nr_cpu_ids", 'D', .bytes = 4, .proof = is_cpu_count,
		.function = { "softnet_get_online", "smp_call_function_any", "rto_next_cpu",
			"sched_debug_start", "show_schedstat", "init_cpu_present",
			"rps_may_expire_flow" } },
	{ "__cpu_possible_mask", 'D', .proof = is_possible,
		.function = { "init_cpu_possible", "snmp_fold_field", "srcu_readers_active",
			"uptime_proc_show", "sock_inuse_get", "try_check_zero" } },
	{ "__per_cpu_offset", 'D', .proof = is_offsets,
		.function = { "update_rq_clock", "idle_cpu", "zone_pcp_reset", "wake_up_if_idle",
			"vm_events_fold_cpu", "__is_kernel_percpu_address", "task_curr" } },
	{ "__cpu_present_mask", 'D', .proof = is_present,
		.function = { "init_cpu_present", "cpuhp_rollback_install", "cpudl_find", "_cpu_up",
			"_cpu_down", "__cpuhp_setup_state_cpuslocked",
			"__cpuhp_remove_state_cpuslocked" } },
	{ "__cpu_online_mask", 'D', .proof = is_online,
		.function = { "init_cpu_online", "set_cpu_online", "vmstat_shepherd",
			"update_siblings_masks", "xdp_rxq_info_reg_mem_model",
			"work_on_cpu_safe_key" } },
	{ "__cpu_active_mask", 'D', .proof = is_present,
		.function = { "sched_cpu_activate", "sched_cpu_deactivate", "sched_getaffinity",
			"cpupri_find_fitness", "cpuset_can_attach", "can_stop_idle_tick" } },
	{ "pcpu_unit_offsets", 'D', .proof = is_unit_offsets,
		.function = { "per_cpu_ptr_to_phys", "pcpu_post_unmap_tlb_flush",
			"pcpu_populate_chunk", "pcpu_chunk_relocate", "pcpu_create_chunk",
			"free_percpu" } },
	{ "pcpu_base_addr", 'D', .proof = is_percpu_base,
		.function = { "per_cpu_ptr_to_phys", "free_percpu", "pcpu_alloc",
			"pcpu_chunk_addr_search" } },
	{ "runqueues", 'D', true, .proof = is_runqueues,
		.function = { "idle_cpu", "task_curr", "wake_up_if_idle", "resched_cpu",
			"sched_cpu_util", "single_task_running", "task_rq_lock" } },
	{ "irq_stack_ptr", 'D', true, .proof = is_stack_pointer,
		.function = { "do_softirq_own_stack", "call_on_irq_stack", "arch_stack_walk",
			"regs_get_kernel_stack_nth", "panic_bad_stack", "handle_bad_stack",
			"__irq_svc", "__irq_usr" } },
	{ "overflow_stack_ptr", 'D', true, .proof = is_stack_pointer,
		.function = { "handle_bad_stack", "__cpu_suspend" } },
	{ "overflow_stack", 'D', true, .proof = is_overflow_stack,
		.function = { "panic_bad_stack", "handle_bad_stack", "arch_stack_walk",
			"arch_bpf_stack_walk", "on_overflow_stack", "unwind_frame" } },
	{ "modules", 'D', .proof = is_modules,
		.function = { "m_start", "m_next", "module_kallsyms_lookup_name",
			"__is_module_percpu_address", "module_get_kallsym", "find_module_all",
			"print_modules", "lookup_module_symbol_name" } },
	{ "panic_cpu", 'D', .proof = is_panic_cpu,
		.function = { "panic", "nmi_panic", "crash_kexec", "vprintk_emit",
			"console_trylock", "console_lock" } },
	{ "jiffies", 'D', .proof = is_jiffies,
		.function = { "worker_enter_idle", "wbt_wait", "xfrm_policy_timer",
			"writeout_period", "uart_wait_until_sent", "wb_init" } },
	{ "saved_command_line", 'D', .proof = is_command_line,
		.function = { "cmdline_proc_show", "do_sysctl_args" } },
	{ "avenrun", 'D', .span = 24, .proof = is_avenrun,
		.function = { "get_avenrun", "calc_global_load", "led_heartbeat_function" } },
	{ "_totalram_pages", 'B', .proof = is_ram_pages,
		.function = { "si_meminfo", "vm_commit_limit", "mm_compute_batch",
			"adjust_managed_page_count", "proc_oom_score", "__vm_enough_memory" } },
	{ "tainted_mask", 'D', .proof = is_taint,
		.function = { "test_taint", "get_taint", "add_taint" } },
	{ "init_mm", 'D', .proof = is_init_mm,
		.function = { "__schedule", "idle_task_exit", "finish_cpu", "__pte_alloc_kernel",
			"__mmdrop", "secondary_start_kernel" } },
	{ "tk_core", 'D', .span = 512, .proof = is_tk_core,
		.function = { "ktime_get", "ktime_get_ts64", "ktime_get_real_ts64",
			"ktime_get_raw_ts64", "ktime_get_coarse_ts64", "getboottime64" } },
	{ "shadow_timekeeper", 'b', .span = 512, .proof = is_shadow,
		.function = { "timekeeping_advance", "timekeeping_update" } },
	{ "slab_caches", 'D', .proof = is_list,
		.function = { "slab_start", "slab_next", "slab_show", "find_mergeable" } },
	{ "unwind_tables", 'd', .proof = is_list,
		.function = { "unwind_table_add", "unwind_frame", "unwind_find_idx" } },
	{ "kimage_voffset", 'D', .proof = is_image_voffset,
		.function = { "machine_kexec", "secondary_start_kernel", "set_swapper_pgd",
			"mark_rodata_ro", "kvm_patch_vector_branch" } },
	{ "memstart_addr", 'D', .proof = is_memstart,
		.function = { "vmalloc_to_page", "walk_to_pmd", "unpoison_memory",
			"vmap_range_noflush", "vm_normal_page" } },
	{ "__init_begin", 'T', .proof = is_init_begin,
		.function = { "free_initmem", "kprobe_free_init_mem", "do_one_initcall",
			"__register_ftrace_function" } },
	{ "__init_end", 'D', .proof = is_init_end,
		.function = { "free_initmem", "kprobe_free_init_mem", "do_one_initcall",
			"__register_ftrace_function" } },
	{ 0 },
};

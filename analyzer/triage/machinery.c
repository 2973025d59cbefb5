/*
 * Functions that never are the culprit of a crash, by what they are for: a table, no knowledge of
 * any one failure. A '*' stands for anything. The names are those of arch/arm, arch/arm64, kernel/,
 * lib/ and mm/ from 4.19 to 7.2.
 */
#include <fnmatch.h>

#include "analyzer/base/scope.h"
#include "analyzer/triage/calls.h"

struct machinery {
	const char *kind;
	const char *const *names;
};

static const char *const report_names[] = { "panic", "vpanic", "nmi_panic",
	"panic_other_cpus_shutdown", "check_panic_on_warn", "add_taint", "oops_*", "__warn",
	"warn_slowpath_*", "__warn_printk", "die", "__die", "die_*", "oops_end", "dump_stack*",
	"show_stack", "show_regs", "__show_regs", "print_*", "report_*", "bug_handler",
	"__report_bug", "bug_brk_handler", "kasan_*", "__kasan_*", "__asan_*", "__hwasan_*",
	"asan_*", "end_report*", "start_report*", "check_region_inline", "check_memory_region*",
	"__ubsan_*", "ubsan_*", "kfence_*", "__kfence_*", "__stack_chk_fail", "object_err",
	"slab_bug", "slab_err", "slab_fix", "__slab_err", "slab_pad_check",
	"check_bytes_and_report", "check_object", "check_slab", "on_freelist",
	"free_consistency_checks", "alloc_consistency_checks", "free_debug_processing",
	"alloc_debug_processing", "free_to_partial_list", "alloc_single_from_partial",
	"alloc_single_from_new_slab", "refcount_warn_saturate", "__list_add_valid*",
	"__list_del_entry_valid*", "__list_valid_slowpath*", "__list_*_report", "list_del*",
	"list_add*", "__list_add", "__list_del*", "list_move*", "hlist_*", "__hlist_*",
	"list_bug_*", "usercopy_abort", "__check_object_size", "check_heap_object",
	"__check_heap_object", "fortify_panic", "__fortify_panic", "__fortify_report", "spin_dump",
	"spin_bug", "rwlock_bug", "__might_*", "lockdep_*", "__lock_acquire", "lock_acquire",
	"rcu_check_gp_kthread_starvation", "rcu_dump_cpu_stacks", "nmi_trigger_*", "trigger_*",
	"sysrq_*_show*", NULL };

static const char *const delay_names[] = { "__delay", "__const_udelay", "__udelay", "udelay",
	"mdelay", "__ndelay", "__timer_delay", "__timer_const_udelay", "__timer_udelay",
	"__loop_delay", "__loop_const_udelay", "arch_timer_*", "cpu_relax", "__cmpwait*",
	"read_current_timer", "get_cycles", "__arch_counter_get_*", "arch_counter_*",
	"__delay_cycles", NULL };

static const char *const exception_names[] = { "vectors", "el1*", "el0*", "__el1*", "do_mem_abort",
	"do_page_fault", "do_translation_fault", "do_bad_area", "do_bad", "do_alignment_fault",
	"do_alignment", "do_sp_pc_abort", "do_tag_check_fault", "do_tag_recovery",
	"__do_kernel_fault", "__do_user_fault", "do_el0_*", "do_el1_*", "do_debug_exception",
	"call_break_hook", "brk_handler", "early_brk64", "do_undefinstr", "do_serror",
	"arm64_serror_panic", "arm64_is_fatal_ras_serror", "bad_mode", "__bad_stack",
	"handle_bad_stack", "panic_bad_stack", "bad_el0_sync", "__und_*", "__dabt_*", "__pabt_*",
	"__irq_*", "__fiq_*", "__bad_*", "do_DataAbort", "do_PrefetchAbort", "call_fpe",
	"do_sect_fault", "arm_notify_die", "vector_*", "overflow_stack*", "unhandled_exception",
	"__primary_*", "fault_info", "ret_from_fork*", "ret_to_user", "ret_fast_syscall",
	"call_on_irq_stack", "call_on_stack", "call_with_stack", "irq_handler*",
	"generic_handle_arch_irq", "do_interrupt_handler", "handle_*irq*", "generic_handle_*",
	"gic_handle_irq", "gic_*", "handle_arch_irq", "asm_do_IRQ", "__handle_domain_irq",
	"handle_domain_irq", "handle_IPI", "do_handle_IPI", "ipi_handler", "ipi_cpu_stop",
	"local_cpu_stop", "cpu_park_loop", "*_self_stop", "ipi_cpu_crash_stop",
	"__handle_irq_event*", "irq_exit*", "__irq_exit*", "invoke_softirq", "__do_softirq",
	"____do_softirq", "do_softirq*", "_stext", "handle_softirqs", "run_ksoftirqd",
	"run_timer_softirq", "run_timer_base", "__run_timer*", "call_timer_fn", "expire_timers",
	"__run_timers", "tick_*", "update_process_times", "hrtimer_interrupt", "__hrtimer_*",
	"__run_hrtimer", "hrtimer_run_*", "scheduler_tick", "sched_tick", NULL };

static const char *const watch_names[] = { "watchdog", "watchdog_timer_fn",
	"watchdog_hardlockup_check", "watchdog_overflow_callback", "watchdog_buddy_*",
	"is_softlockup", "check_hung_uninterruptible_tasks", "check_hung_task", "hung_task_*",
	"rcu_sched_clock_irq", "rcu_check_callbacks", "rcu_pending", "check_cpu_stall",
	"print_cpu_stall", "print_other_cpu_stall", "panic_on_rcu_stall", "rcu_stall_*",
	"out_of_memory", "dump_header", "oom_kill_process", "__oom_*", "check_panic_on_oom", NULL };

static const char *const sleep_names[] = { "__switch_to", "context_switch", "__schedule",
	"schedule*", "preempt_schedule*", "io_schedule*", "__mutex_*", "mutex_*", "_mutex_*",
	"ww_mutex_*", "rwsem_*", "__rwsem_*", "down*", "*__down*", "up_*", "wait_for_completion*",
	"__wait_for_common", "do_wait_for_common", "wait_for_common*", "__wait_*", "wait_on_*",
	"bit_wait*", "out_of_line_wait_*", "wait_woken", "prepare_to_wait*", "finish_wait",
	"msleep*", "usleep_*", "do_nanosleep", "hrtimer_nanosleep", "synchronize_*",
	"__synchronize_*", "wait_rcu_gp*", "__flush_work", "flush_work", "__cancel_work*",
	"cancel_work_sync", "cancel_delayed_work_sync", "flush_delayed_work", "__flush_workqueue",
	"flush_workqueue", "drain_workqueue", "kthread_park", "kthread_stop", "percpu_down_*",
	"percpu_rwsem_*", "futex_*", "rt_mutex_*", "__rt_mutex_*", "rtlock_*", "rt_spin_lock*",
	"swait_*", "__swait_*", NULL };

static const char *const lock_names[] = { "_raw_*", "__raw_*", "do_raw_*", "queued_*",
	"native_queued_*", "arch_spin_*", "arch_read_*", "arch_write_*", "spin_*", "raw_spin_*",
	"read_lock*", "write_lock*", "read_unlock*", "write_unlock*", "ticket_spin_*", "__pv_*",
	"pv_*", "atomic_*", "arch_atomic*", "raw_atomic*", "refcount_*", "__refcount_*", "kref_*",
	"bit_spin_*", "preempt_*", "__preempt_*", "local_irq_*", "arch_local_*", "smp_send_stop",
	"ipi_*", "smp_call_function*", "smp_cond_*", "generic_exec_single", "csd_*", "__csd_*",
	"on_each_cpu*", "stop_machine*", "stop_one_cpu", NULL };

static const char *const copy_names[] = { "memcpy*", "__memcpy*", "__pi_mem*", "memmove*",
	"__memmove*", "memset*", "__memset*", "__memzero", "memcmp*", "__memcmp*", "memchr*",
	"memscan", "mmioset", "mmiocpy", "strcpy*", "strncpy*", "strlcpy*", "strscpy*",
	"sized_strscpy", "strlen*", "__pi_str*", "strnlen*", "strcmp*", "strncmp*", "strcat*",
	"strncat*", "strlcat*", "strchr*", "strstr*", "csum_partial*", "copy_page", "clear_page",
	"__clear_user", "__arch_clear_user", "__arch_copy_*", "_copy_*", "__copy_*", "copy_from_*",
	"copy_to_*", "check_copy_size", "fortify_*", "find_*_bit", "_find_*_bit", "__fortify_*",
	"__underlying_*", "kasan_check_*", "instrument_*", "__read_once_word_nocheck",
	"read_word_at_a_time", NULL };

static const char *const heap_names[] = { "kfree", "kfree_sensitive", "kvfree*", "kmem_cache_free*",
	"__kmem_cache_free*", "slab_free*", "__slab_free", "do_slab_free", "___cache_free",
	"slab_free_*", "free_large_kmalloc", "kmalloc*", "__kmalloc*", "krealloc*", "__do_krealloc",
	"kmem_cache_alloc*", "__kmem_cache_*", "slab_alloc*", "slab_post_alloc*", "__slab_alloc*",
	"___slab_alloc", "get_partial*", "get_any_partial", "acquire_slab", "new_slab*",
	"allocate_slab", "memcg_slab_*", "kzalloc*", "set_freepointer", "get_freepointer*",
	"freelist_*", "build_detached_freelist", "detached_freelist*", "kasan_slab_*",
	"cache_from_obj", "nearest_obj", "virt_to_*", "__do_kmalloc*", "free_to_pcs*", "__pcs_*",
	"vfree", "__vfree", "__vunmap", "free_pages*", "__free_pages*", "free_unref_*", "put_page",
	"__folio_put*", "alloc_pages*", "__alloc_pages*", "get_free_pages", "__get_free_pages",
	"free_frozen_pages", "__free_frozen_pages*", "free_pcp_*", "get_page_from_freelist",
	"prep_new_page", "post_alloc_hook", "check_new_page*", "__free_one_page", "free_one_page",
	"free_pages_prepare", "defer_free", "kmem_cache_destroy", NULL };

static const struct machinery table[] = { { "report", report_names }, { "delay", delay_names },
	{ "exception", exception_names }, { "watch", watch_names }, { "sleep", sleep_names },
	{ "lock", lock_names }, { "copy", copy_names }, { "heap", heap_names } };

const char *machinery_kind(const char *function)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		for (const char *const *p = table[i].names; *p; p++)
			if (!fnmatch(*p, function, 0))
				return table[i].kind;
	return NULL;
}

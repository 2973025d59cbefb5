/*
 * The table of kernel variables with a well-known type. Where versions differ, several types are
 * listed and the first that exists is meant: each kernel has one of them only.
 */
#include "analyzer/debug/known_globals.h"

#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/types_internal.h"

static const struct {
	const char *name, *types;
} known[] = {
	{ "__cpu_active_mask", "struct cpumask" },
	{ "__cpu_online_mask", "struct cpumask" },
	{ "__cpu_possible_mask", "struct cpumask" },
	{ "__cpu_present_mask", "struct cpumask" },
	{ "__per_cpu_offset", "unsigned long []" },
	{ "_totalram_pages", "atomic_long_t" },
	{ "avenrun", "unsigned long [3]" },
	{ "boot_command_line", "char []" },
	{ "bus_kset", "struct kset *" },
	{ "cgroup_roots", "struct list_head" },
	{ "cgrp_dfl_root", "struct cgroup_root" },
	{ "clocksource_list", "struct list_head" },
	{ "console_drivers", "struct console *" },
	{ "console_list", "struct hlist_head" },
	{ "console_printk", "int [4]" },
	{ "contig_page_data", "struct pglist_data" },
	{ "core_pattern", "char [128]" },
	{ "crashing_cpu", "int" },
	{ "dentry_hashtable", "struct hlist_bl_head *" },
	{ "devices_kset", "struct kset *" },
	{ "file_systems", "struct file_system_type *" },
	{ "ftrace_enabled", "int" },
	{ "high_memory", "void *" },
	{ "hung_task_panic", "unsigned int" },
	{ "init_cgroup_ns", "struct cgroup_namespace" },
	{ "init_cred", "struct cred" },
	{ "init_css_set", "struct css_set" },
	{ "init_files", "struct files_struct" },
	{ "init_fs", "struct fs_struct" },
	{ "init_ipc_ns", "struct ipc_namespace" },
	{ "init_mm", "struct mm_struct" },
	{ "init_net", "struct net" },
	{ "init_nsproxy", "struct nsproxy" },
	{ "init_pid_ns", "struct pid_namespace" },
	{ "init_sighand", "struct sighand_struct" },
	{ "init_signals", "struct signal_struct" },
	{ "init_struct_pid", "struct pid" },
	{ "init_task", "struct task_struct" },
	{ "init_thread_union", "union thread_union" },
	{ "init_time_ns", "struct time_namespace" },
	{ "init_user_ns", "struct user_namespace" },
	{ "init_uts_ns", "struct uts_namespace" },
	{ "inode_hashtable", "struct hlist_head *" },
	{ "iomem_resource", "struct resource" },
	{ "ioport_resource", "struct resource" },
	{ "irq_desc_tree", "struct xarray|struct radix_tree_root" },
	{ "jiffies", "volatile unsigned long" },
	{ "jiffies_64", "u64" },
	{ "kimage_voffset", "u64" },
	{ "linux_banner", "const char []" },
	{ "log_buf", "char *" },
	{ "log_buf_len", "u32" },
	{ "loops_per_jiffy", "unsigned long" },
	{ "max_low_pfn", "unsigned long" },
	{ "max_pfn", "unsigned long" },
	{ "mem_map", "struct page *" },
	{ "memblock", "struct memblock" },
	{ "memstart_addr", "s64" },
	{ "min_low_pfn", "unsigned long" },
	{ "modprobe_path", "char [256]" },
	{ "module_kset", "struct kset *" },
	{ "modules", "struct list_head" },
	{ "mount_hashtable", "struct hlist_head *" },
	{ "net_namespace_list", "struct list_head" },
	{ "nr_cpu_ids", "unsigned int" },
	{ "nr_threads", "int" },
	{ "oops_in_progress", "int" },
	{ "panic_cpu", "atomic_t" },
	{ "panic_on_oops", "int" },
	{ "panic_on_warn", "int" },
	{ "panic_timeout", "int" },
	{ "pid_max", "int" },
	{ "prb", "struct printk_ringbuffer *" },
	{ "root_task_group", "struct task_group" },
	{ "saved_command_line", "char *" },
	{ "slab_caches", "struct list_head" },
	{ "slab_mutex", "struct mutex" },
	{ "slab_state", "enum slab_state" },
	{ "softlockup_panic", "unsigned int" },
	{ "sparse_irqs", "struct maple_tree" },
	{ "stack_slabs", "void *[]" },
	{ "super_blocks", "struct list_head" },
	{ "swapper_pg_dir", "pgd_t []" },
	{ "swapper_spaces", "struct address_space *[]" },
	{ "sysctl_oom_dump_tasks", "int" },
	{ "sysctl_overcommit_memory", "int" },
	{ "system_state", "enum system_states" },
	{ "system_wq", "struct workqueue_struct *" },
	{ "tainted_mask", "unsigned long" },
	{ "task_groups", "struct list_head" },
	{ "tasklist_lock", "rwlock_t" },
	{ "total_forks", "unsigned long" },
	{ "uidhash_table", "struct hlist_head []" },
	{ "vabits_actual", "u64" },
	{ "vm_node_stat", "atomic_long_t []" },
	{ "vm_zone_stat", "atomic_long_t []" },
	{ "vmap_area_list", "struct list_head" },
	{ "vmap_area_root", "struct rb_root" },
	{ "vmcoreinfo_data", "unsigned char *" },
	{ "vmcoreinfo_size", "size_t" },
	{ "watchdog_thresh", "int" },
	{ "workqueues", "struct list_head" },
	{ "zone_names", "char *const []" },
};

const char *known_global_name(size_t i, const char **ret_types)
{
	if (i >= ARRAY_SIZE(known))
		return NULL;
	*ret_types = known[i].types;
	return known[i].name;
}

static const struct type *parse_first(struct types *db, const char *types)
{
	const struct type *t = NULL;
	scoped_free char *copy = xstrdup(types);
	char *rest = copy;
	for (char *one = strsep(&rest, "|"); one && !t; one = strsep(&rest, "|"))
		err_drop(types_parse(db, one, &t)); /* the next one may exist */
	return t;
}

const struct type *known_global_type(struct types *db, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i].name, name))
			return parse_first(db, known[i].types);
	return NULL;
}

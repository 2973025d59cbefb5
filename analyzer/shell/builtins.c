/* The one list of built-in commands, in the order of `help`. A new command is one line here. */
#include "analyzer/shell/registry.h"

extern const struct command cmd_ptdump, cmd_ptov, cmd_pte, cmd_layout, cmd_fixmap, cmd_vectors,
	cmd_btop, cmd_ptob;
extern const struct command cmd_dump, cmd_help, cmd_quit, cmd_sys, cmd_log, cmd_ps, cmd_bt,
	cmd_vtop, cmd_rd, cmd_sym, cmd_dis, cmd_percpu, cmd_p, cmd_struct, cmd_exit, cmd_eval,
	cmd_whatis, cmd_sizeof, cmd_list, cmd_locals, cmd_tree, cmd_source, cmd_printf, cmd_hexdump,
	cmd_search;

extern const struct command cmd_memblock, cmd_iomem, cmd_ioports, cmd_vm, cmd_zones, cmd_dt,
	cmd_machine;

extern const struct command cmd_stacks, cmd_stackcheck;

extern const struct command cmd_fault, cmd_regs, cmd_task, cmd_set, cmd_foreach, cmd_runq, cmd_sig;

extern const struct command cmd_where, cmd_order, cmd_first, cmd_count, cmd_group, cmd_walk,
	cmd_alias, cmd_plugin;

extern const struct command cmd_frame, cmd_up, cmd_down;

extern const struct command cmd_depot, cmd_kasan, cmd_page_owner, cmd_kfence;
extern const struct command cmd_slub;
extern const struct command cmd_vmalloc, cmd_page, cmd_kmem;
extern const struct command cmd_repeat, cmd_irq, cmd_timer, cmd_files, cmd_mount, cmd_mod, cmd_dev,
	cmd_addr, cmd_ascii, cmd_waitq, cmd_fuser, cmd_mach, cmd_net;
extern const struct command cmd_swap, cmd_ipcs, cmd_bpf;
extern const struct command cmd_triage, cmd_report, cmd_waiters;
extern const struct command cmd_locks, cmd_held, cmd_workqueue, cmd_hung, cmd_rcu;

const struct command *const builtin_commands[] = {
	&cmd_sys,
	&cmd_dump,
	&cmd_log,
	&cmd_ps,
	&cmd_task,
	&cmd_set,
	&cmd_foreach,
	&cmd_runq,
	&cmd_sig,
	&cmd_bt,
	&cmd_frame,
	&cmd_up,
	&cmd_down,
	&cmd_stacks,
	&cmd_stackcheck,
	&cmd_triage,
	&cmd_report,
	&cmd_waiters,
	&cmd_locks,
	&cmd_held,
	&cmd_hung,
	&cmd_rcu,
	&cmd_workqueue,
	&cmd_regs,
	&cmd_fault,
	&cmd_addr,
	&cmd_vtop,
	&cmd_ptov,
	&cmd_pte,
	&cmd_ptdump,
	&cmd_layout,
	&cmd_fixmap,
	&cmd_vectors,
	&cmd_btop,
	&cmd_ptob,
	&cmd_vm,
	&cmd_zones,
	&cmd_memblock,
	&cmd_mod,
	&cmd_files,
	&cmd_fuser,
	&cmd_mount,
	&cmd_irq,
	&cmd_timer,
	&cmd_waitq,
	&cmd_dev,
	&cmd_net,
	&cmd_swap,
	&cmd_ipcs,
	&cmd_bpf,
	&cmd_iomem,
	&cmd_ioports,
	&cmd_dt,
	&cmd_machine,
	&cmd_mach,
	&cmd_rd,
	&cmd_hexdump,
	&cmd_search,
	&cmd_sym,
	&cmd_dis,
	&cmd_p,
	&cmd_percpu,
	&cmd_struct,
	&cmd_whatis,
	&cmd_sizeof,
	&cmd_list,
	&cmd_locals,
	&cmd_tree,
	&cmd_source,
	&cmd_eval,
	&cmd_ascii,
	&cmd_printf,
	&cmd_where,
	&cmd_order,
	&cmd_first,
	&cmd_count,
	&cmd_group,
	&cmd_walk,
	&cmd_alias,
	&cmd_repeat,
	&cmd_plugin,
	&cmd_slub,
	&cmd_vmalloc,
	&cmd_page,
	&cmd_kmem,
	&cmd_kasan,
	&cmd_kfence,
	&cmd_page_owner,
	&cmd_depot,
	&cmd_help,
	&cmd_quit,
	&cmd_exit,
	NULL,
};

/* The one list of built-in commands, in the order of `help`. A new command is one line here. */
#include "analyzer/shell/registry.h"

extern const struct command cmd_help, cmd_quit, cmd_sys, cmd_log, cmd_ps, cmd_bt, cmd_vtop, cmd_rd,
	cmd_sym, cmd_dis, cmd_percpu, cmd_p, cmd_struct, cmd_exit, cmd_eval,
	cmd_whatis, cmd_sizeof, cmd_list, cmd_tree, cmd_source, cmd_printf,
	cmd_hexdump;

const struct command *const builtin_commands[] = {
	&cmd_sys,
	&cmd_log,
	&cmd_ps,
	&cmd_bt,
	&cmd_vtop,
	&cmd_rd,
	&cmd_hexdump,
	&cmd_sym,
	&cmd_dis,
	&cmd_p,
	&cmd_percpu,
	&cmd_struct,
	&cmd_whatis,
	&cmd_sizeof,
	&cmd_list,
	&cmd_tree,
	&cmd_source,
	&cmd_eval,
	&cmd_printf,
	&cmd_help,
	&cmd_quit,
	&cmd_exit,
	NULL,
};

/* Loaded modules, their symbols and where their code lies, from the dump alone. */
#ifndef ANALYZER_KERNEL_MODULE_H
#define ANALYZER_KERNEL_MODULE_H

#include "analyzer/kernel/list.h"

enum { MODULE_PARTS_MAX = 7 }; /* enum mod_mem_type, include/linux/module.h since v6.4 */

struct module_part {
	uint64_t va, size;
};

struct module {
	uint64_t va;
	char name[64];
	uint32_t state;				   /* 0 live, 1 coming, 2 going, 3 unformed */
	struct module_part part[MODULE_PARTS_MAX]; /* size 0: absent; part[0] holds the text */
	uint64_t text_bytes;			   /* of part[0] */
	uint64_t kallsyms;			   /* struct mod_kallsyms; 0: none */
	uint64_t exports; /* struct kernel_symbol of EXPORT_SYMBOL(); in v7.2 of EXPORT_SYMBOL_GPL()
			     too */
	uint32_t num_exports;
};

/* Offsets in struct module where there are no types; module_layout.h. */
struct module_layout {
	bool by_types; /* the views know it, nothing below counts */
	uint32_t list, name, name_bytes;
	uint32_t kallsyms; /* the pointer; core_kallsyms follows it */
	bool typetab;	   /* since v5.2 */
	uint32_t nparts, part, part_size,
		part_step;	       /* {base, size}: the first, its size's place in it */
	uint32_t text_size;	       /* of the first part's text; 0: all of it is text */
	uint32_t exports, num_exports; /* 0: no module proves them */
	bool exports_relative;
	uint32_t export_bytes;
	uint32_t modules, proving; /* how many were looked at, how many prove it */
};

struct module_iter {
	struct target *t;
	struct list_iter list;
	struct module_layout layout;
};

/* By the kernel's types, without them by what the modules prove (module_layout.h). */
struct err *module_iter_init(struct module_iter *it, struct target *t) MUST_CHECK;

/* An error that comes with *ret_more true concerns one module only. Unformed modules are skipped.
 */
struct err *module_iter_next(struct module_iter *it, struct module *ret, bool *ret_more) MUST_CHECK;

/* Adds all modules' symbols to the target's table. What cannot be read of one module is left out;
 * the first such reason comes back as an error after all others were added. */
struct err *module_add_symbols(struct target *t) MUST_CHECK;

/* The same; what goes wrong is among the target's warnings. */
void module_load_symbols(struct target *t);

/* Has the target's table load the modules' symbols when they are first needed. What goes wrong then
 * is among the target's warnings. */
void module_symbols_later(struct target *t);

/* ARM32: bounds of the unwind index that covers @pc in some module; false when there is none. */
bool module_unwind_table(struct target *t, uint64_t pc, uint64_t *ret_start, uint64_t *ret_stop);

#endif

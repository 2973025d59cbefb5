/*
 * What a plugin is: one constant, `const struct plugin plugin`, that says by which ABI it was
 * built, what it adds and to which targets. Data only: nothing of a plugin runs before all of this
 * was checked, but for what its own loader constructors do.
 */
#ifndef ANALYZER_SHELL_PLUGIN_H
#define ANALYZER_SHELL_PLUGIN_H

#include "analyzer/shell/command.h"
#include "analyzer/shell/walker.h"

/*
 * Grows by one whenever a structure or function of the installed headers changes its meaning, size
 * or place (plugins/abi.txt has them all). A plugin of another number is refused.
 */
enum { PLUGIN_ABI = 1, PLUGIN_MAGIC = 0x51504c47 };

/* What a plugin serves. What is NULL does not matter; what is there must hold in the target. */
struct plugin_serves {
	const char *architecture; /* "arm" or "arm64" */
	const char *symbol;	  /* the kernel or a module has it */
	const char *compatible;	  /* the device tree's root says so: "qcom,sm8550" */
};

struct plugin {
	/* PLUGIN_BUILT_BY fills these; they stand first and keep their places in every version. */
	uint32_t magic, abi;
	uint32_t plugin_bytes, command_bytes, walker_bytes, column_bytes;

	const char *name;    /* a word, as commands are named */
	const char *version; /* the plugin's own, free text */
	const char *summary; /* one line, lower case, no full stop */
	struct plugin_serves serves;
	const struct command *const *commands; /* NULL-terminated; NULL: none */
	const struct walker *const *walkers;   /* the same */
	/* For printers, triage rules, dump readers and bootstrap finders: NULL in this version. */
	const void *reserved[8];
};

#define PLUGIN_BUILT_BY                                                                            \
	.magic = PLUGIN_MAGIC, .abi = PLUGIN_ABI, .plugin_bytes = sizeof(struct plugin),           \
	.command_bytes = sizeof(struct command), .walker_bytes = sizeof(struct walker),            \
	.column_bytes = sizeof(struct column)

/* The one symbol that a plugin has to export. */
extern const struct plugin plugin __attribute__((visibility("default")));

#endif

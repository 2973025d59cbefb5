/*
 * What a plugin is: one constant, `const struct plugin plugin`, that says by which ABI it was
 * built, what it adds and to which targets. Data only: nothing of a plugin runs before all of this
 * was checked, but for what its own loader constructors do.
 */
#ifndef ANALYZER_SHELL_PLUGIN_H
#define ANALYZER_SHELL_PLUGIN_H

#include "analyzer/shell/api.h"
#include "analyzer/shell/command.h"
#include "analyzer/shell/walker.h"

/*
 * Grows by one whenever a structure or function of the installed headers changes its meaning, size
 * or place (plugins/abi.txt has them all). A plugin of another number is refused.
 */
enum { PLUGIN_ABI = 3, PLUGIN_MAGIC = 0x51504c47 };

/* How a type is shown by p, struct and api_print(), also deep inside another object. */
struct plugin_printer {
	const char *type; /* "struct x", "union x", or a typedef's name */
	const char *summary;
	/* Appends one line for the object at @va; *ret_done false, which it is at first: nothing
	 * was appended, the usual form is wanted. api_print() of the same object gives the usual
	 * form. */
	struct err *(*print)(struct target *t, uint64_t va, struct strbuf *out, bool *ret_done);
};

/* A format of dumps: one file that holds physical memory as it is. */
struct plugin_reader {
	const char *name; /* "Vendor's RAM log", as sys shows it */
	const char *summary;
	/* Whether a file is one, by its first @n bytes (4096, or all). Asked after our own formats.
	 */
	bool (*recognises)(const uint8_t *head, size_t n, uint64_t file_bytes);
	/* Says by api_opening_…() what is where. An error refuses the file. */
	struct err *(*open)(struct api_opening *o);
};

/*
 * Where the kernel may lie, for dumps that do not say. The target can be asked for physical memory
 * (api_read_physical, api_ram) and nothing else yet. What is claimed must be proved as everything
 * else: by the vmlinux's banner, or by page tables that lead to kallsyms; sys -b shows how it went.
 */
struct plugin_finder {
	const char *name; /* "Vendor's boot block" */
	const char *summary;
	struct err *(*find)(struct target *t, struct api_claims *to);
};

/* What a plugin serves. What is NULL does not matter; what is there must hold in the target. */
struct plugin_serves {
	const char *architecture; /* "arm" or "arm64" */
	const char *symbol;	  /* the kernel or a module has it */
	const char *compatible;	  /* the device tree's root says so: "qcom,sm8550" */
};

/* What a rule cannot do without. Where there is no death or no fault it simply has nothing to say;
 * what is missing of the rest is a line of the verdict's ledger. */
enum plugin_needs {
	PLUGIN_NEEDS_DEATH = 1, /* a panic or an oops */
	PLUGIN_NEEDS_FAULT = 2, /* an exception of the victim's own making */
	PLUGIN_NEEDS_LOG = 4,
	PLUGIN_NEEDS_TYPES = 8,
};

/* A rule of triage: one kind of failure, looked for in the facts (api_facts…) and in memory. */
struct plugin_rule {
	const char *name; /* a word, none that another rule has; what it finds says so */
	const char *summary;
	struct plugin_serves
		serves; /* beside the plugin's own: where it does not hold the rule is left out */
	unsigned needs; /* of enum plugin_needs */
	/* An error is a line of the ledger. */
	struct err *(*run)(struct target *t, struct api_triage *tr);
};

struct plugin {
	/* PLUGIN_BUILT_BY fills these; they stand first and keep their places in every version. */
	uint32_t magic, abi;
	uint32_t plugin_bytes, command_bytes, walker_bytes, column_bytes;
	uint32_t printer_bytes, reader_bytes, finder_bytes, rule_bytes;

	const char *name;    /* a word, as commands are named */
	const char *version; /* the plugin's own, free text */
	const char *summary; /* one line, lower case, no full stop */
	struct plugin_serves serves;
	const struct command *const *commands;	      /* NULL-terminated; NULL: none */
	const struct walker *const *walkers;	      /* the same */
	const struct plugin_printer *const *printers; /* the same */
	const struct plugin_reader *const
		*readers; /* the same; .serves does not matter to these two, */
	const struct plugin_finder *const
		*finders; /* which work before it is known what the dump is of */
	const struct plugin_rule *const *rules; /* NULL-terminated; NULL: none */
	const void *reserved[4];		/* for what comes later: NULL in this version */
};

#define PLUGIN_BUILT_BY                                                                            \
	.magic = PLUGIN_MAGIC, .abi = PLUGIN_ABI, .plugin_bytes = sizeof(struct plugin),           \
	.command_bytes = sizeof(struct command), .walker_bytes = sizeof(struct walker),            \
	.column_bytes = sizeof(struct column), .printer_bytes = sizeof(struct plugin_printer),     \
	.reader_bytes = sizeof(struct plugin_reader),                                              \
	.finder_bytes = sizeof(struct plugin_finder), .rule_bytes = sizeof(struct plugin_rule)

/* The one symbol that a plugin has to export. */
extern const struct plugin plugin __attribute__((visibility("default")));

#endif

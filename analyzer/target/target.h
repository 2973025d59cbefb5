/*
 * One dump under examination. target_open() tells the files apart, finds where the kernel lies and
 * proves it, and builds the kernel's address space, symbols and types. Nothing is all-or-nothing:
 * what is missing is NULL here, and what needs it says so at its first use.
 *
 * The fields are for reading only. Everything lives as long as the target.
 */
#ifndef ANALYZER_TARGET_TARGET_H
#define ANALYZER_TARGET_TARGET_H

#include "analyzer/debug/symtab.h"
#include "analyzer/debug/type.h"
#include "analyzer/debug/value.h"
#include "analyzer/debug/view.h"
#include "analyzer/dump/dump.h"
#include "analyzer/space/vspace.h"
#include "analyzer/target/attempts.h"
#include "analyzer/target/vmlinux.h"
#include "arch/arch.h"

struct target_options {
	const char *const *files; /* vmlinux and dump files in any order */
	size_t nfiles;
	const struct dump_file *ram; /* raw RAM, besides; may be NULL */
	size_t nram;
	struct dump_options dump;
	bool force;		 /* go on when vmlinux and dump do not match */
	bool no_cache;		 /* neither read nor write the index cache */
	const char *symbols_dir; /* where separate debug files are looked for first; may be NULL */
	const char *const
		*set; /* "NAME=VALUE": facts that a person states; overrides.h has the names */
	size_t nset;
	const struct foreign_finder *finders; /* of plugins, claims.h: asked after VMCOREINFO */
	size_t nfinders;
};

struct reg_file;

struct target {
	struct dump *dump;
	struct vmlinux *vmlinux; /* NULL: none was given */
	const struct arch *arch; /* NULL: neither file says */
	struct abi abi;
	struct kernel_image image; /* proved; .va is 0 when the kernel was not found */
	const char *image_finder;  /* what found it, in words */
	struct vspace *kernel;	   /* NULL: no kernel address space */
	struct symtab *syms;	   /* never NULL, may be empty */
	struct types *types;	   /* never NULL, may be empty */
	struct debug_env debug;	   /* the three above, for the debug layer */
	const struct reg_file
		*given_regs; /* analyzer/stack/reg_file.h: registers by hand, the caller's; NULL */
	struct target_private *priv;
};

/*
 * ERR_IO and ERR_FORMAT for files that cannot be opened, ERR_MISMATCH when vmlinux and dump are of
 * different kernels (both named), ERR_USAGE when there is no dump or more than one vmlinux among
 * the files. The message is one line.
 */
struct err *target_open(const struct target_options *o, struct target **ret) MUST_CHECK;
void target_close(struct target *t);

/* Lines that a person should see once: NULL beyond the last. More may come while commands run. */
const char *target_warning(const struct target *t, size_t i);
void target_warn(struct target *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* What was tried to find the kernel, in order; NULL beyond the last. */
const struct attempt *target_attempt(const struct target *t, size_t i);

/* How much memory was looked through for that, and how long it took. */
void target_scanned(const struct target *t, uint64_t *ret_bytes, uint64_t *ret_ns);

/* Whether the dump is open only in part (cut, damaged). */
bool target_partial(const struct target *t);

struct symtab *target_symbols(struct target *t);

/* ERR_MISSING with what there is not and what would help: for commands that need it. */
struct err *target_need_kernel(const struct target *t) MUST_CHECK;

/* Address of a kernel symbol; ERR_MISSING names it. */
struct err *target_symbol(const struct target *t, const char *name, uint64_t *ret_va) MUST_CHECK;
bool target_has_symbol(const struct target *t, const char *name);

/* An integer or pointer variable of @bytes, or of the target's word when 0. */
struct err *target_read_variable(
	const struct target *t, const char *name, unsigned bytes, uint64_t *ret) MUST_CHECK;

/* The same, as wide as the symbol is or else a word, where the reason of a failure does not matter.
 */
bool target_try_variable(const struct target *t, const char *name, uint64_t *ret);

/* The view of @spec (a constant), bound at its first use. */
struct err *target_view(
	struct target *t, const struct view_spec *spec, const struct view **ret) MUST_CHECK;

/*
 * What a higher layer found out once and keeps with the target, by the address of something of its
 * own. target_kept(): NULL where there is nothing yet. @destroy is called at close.
 */
void *target_kept(const struct target *t, const void *key);
void target_keep(struct target *t, const void *key, void *what, void (*destroy)(void *what));

/* By key: VMCOREINFO's keys, "CONFIG(X)", "offsetof(TYPE.member)", "sizeof(TYPE[.member])",
 * "enum(TAG.ENUMERATOR)". */
bool target_number(const struct target *t, const char *key, uint64_t *ret);

/* VMCOREINFO text of the dump, from its notes or from memory; NULL when there is none. */
const char *target_vmcoreinfo(const struct target *t);

/* The kernel's configuration as text ("CONFIG_SMP=y\n…"), found at the first call; NULL where the
 * kernel has it not built in (CONFIG_IKCONFIG). */
const char *target_config(struct target *t);

/* The callbacks that an architecture needs, without stack and unwind_table. cx is the target. */
struct arch_env target_arch_env(const struct target *t);

#endif

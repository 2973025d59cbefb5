/*
 * What a plugin may ask of the dump under examination. `struct target` stays opaque; structures of
 * the kernel are read through views, so that a renamed member costs one more name in a table.
 */
#ifndef ANALYZER_SHELL_API_H
#define ANALYZER_SHELL_API_H

#include "analyzer/base/load.h"
#include "analyzer/debug/view_spec.h"
#include "analyzer/shell/command.h"

/* Word size and byte order of the target; for get_word() and its kin of load.h. */
const struct abi *api_abi(const struct target *t);

/* "arm", "arm64"; NULL when the dump does not say. */
const char *api_architecture(const struct target *t);

/* ---- memory: kernel virtual, or physical ----------------------------------------------------- */

/* ERR_FAULT names the first address that failed, ERR_MISSING says that there is no kernel space. */
struct err *api_read(struct target *t, uint64_t va, void *buf, size_t n) MUST_CHECK;
bool api_try_read(struct target *t, uint64_t va, void *buf, size_t n);
struct err *api_read_word(struct target *t, uint64_t va, uint64_t *ret) MUST_CHECK;

/* A terminated string of at most @max - 1 bytes; a longer one is cut. */
struct err *api_read_string(struct target *t, uint64_t va, char *buf, size_t max) MUST_CHECK;
struct err *api_read_physical(struct target *t, uint64_t pa, void *buf, size_t n) MUST_CHECK;

/* ---- names and values ------------------------------------------------------------------------ */

bool api_has_symbol(const struct target *t, const char *name);

/* ERR_MISSING names the symbol. */
struct err *api_symbol(const struct target *t, const char *name, uint64_t *ret_va) MUST_CHECK;

/* Appends "schedule+0x10/0x80 [module]"; false, with nothing appended, when no symbol holds @va. */
bool api_symbol_text(const struct target *t, uint64_t va, struct strbuf *out);

/* An address as people type it: hex, a symbol, either with an offset, or an expression. */
struct err *api_address(struct target *t, const char *text, uint64_t *ret) MUST_CHECK;

/* The number that a C expression holds: "jiffies", "init_task.pid", "sizeof(struct page)". */
struct err *api_evaluate(struct target *t, const char *text, uint64_t *ret) MUST_CHECK;

/* The same as eval reads it: literals of 64 bits, a symbol is its address. For args_point(),
 * *ret_at is where in @text it is wrong. */
struct err *api_calculate(
	struct cx *cx, const char *text, uint64_t *ret, size_t *ret_at) MUST_CHECK;

/* Appends the @type ("struct page", a typedef) at @va as p prints it. */
struct err *api_print(
	struct target *t, const char *type, uint64_t va, struct strbuf *out) MUST_CHECK;

/* ---- structures ------------------------------------------------------------------------------ */

struct view;

/* The view of @spec, a constant; bound at the first call and kept. ERR_MISSING names the type or
 * the member that the kernel lacks. */
struct err *api_view(
	struct target *t, const struct view_spec *spec, const struct view **ret) MUST_CHECK;

/* Reads the object at @va into the struct that the spec was written for. */
struct err *api_view_read(
	struct target *t, const struct view *v, uint64_t va, void *ret) MUST_CHECK;
bool api_view_has(const struct view *v, size_t field);
uint64_t api_view_bytes(const struct view *v);

/* ---- tasks ----------------------------------------------------------------------------------- */

struct api_task {
	uint64_t va;
	uint32_t pid, tgid;
	uint32_t cpu;  /* UINT32_MAX when unknown */
	char state[4]; /* ps's letter */
	char comm[20]; /* terminated; a damaged one is cut */
};

/* The task that `set` chose, else the one that panicked, else the first CPU's. */
struct err *api_current_task(struct cx *cx, struct api_task *ret) MUST_CHECK;

/* An error that comes with *ret_more true concerns one task only: the walk goes on. */
struct api_tasks;
struct err *api_tasks_open(struct target *t, struct api_tasks **ret) MUST_CHECK;
struct err *api_tasks_next(struct api_tasks *it, struct api_task *ret, bool *ret_more) MUST_CHECK;
void api_tasks_close(struct api_tasks *it);

/* ---- the device tree ------------------------------------------------------------------------- */

/*
 * The property @name of the first node whose "compatible" holds @compatible, as big-endian bytes:
 * *ret is malloc'ed (not NULL even when empty). ERR_NOT_FOUND without such a node or property,
 * ERR_MISSING without a tree.
 */
struct err *api_device_property(struct target *t, const char *compatible, const char *name,
	uint8_t **ret, size_t *ret_n) MUST_CHECK;

/* Whether the machine's root node says "compatible" with this. */
bool api_machine_is(struct target *t, const char *compatible);

#endif

/*
 * Error objects. A fallible function returns `struct err *`: NULL is success, anything else is
 * owned by the caller, who returns it, wraps it, reports it or drops it with err_drop(). Faults
 * (reads of target memory that cannot be answered) carry the address and the reason, so that a
 * renderer can show them as a cell. Knows nothing of dumps, shells or terminals.
 */
#ifndef ANALYZER_BASE_ERR_H
#define ANALYZER_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum err_code {
	ERR_IO = 1,	 /* the host's system call failed */
	ERR_FORMAT,	 /* a file or a structure in the dump is not what it claims to be */
	ERR_NOT_FOUND,	 /* a name, pid, address … that does not exist */
	ERR_MISSING,	 /* the target lacks what this needs (symbol, type, note) */
	ERR_MISMATCH,	 /* two inputs do not belong together */
	ERR_FAULT,	 /* target memory cannot be read; see .fault */
	ERR_USAGE,	 /* the user's words are off */
	ERR_UNSUPPORTED, /* known, but not handled */
	ERR_LIMIT,	 /* a walk was ended by its cycle, count or depth limit */
	ERR_INTERRUPTED, /* Ctrl-C */
	ERR_NO_MEMORY,	 /* an allocation whose size came from outside failed */
};

/* Why target memory could not be read. FAULT_NONE means that it could. */
enum fault_kind {
	FAULT_NONE = 0,
	FAULT_UNMAPPED, /* the page tables have no page here */
	FAULT_EXCLUDED, /* the page exists, the dump's filter left it out */
	FAULT_BEYOND,	/* no memory of the dump has this physical address */
	FAULT_CUT,	/* the file ends before this page's bytes */
	FAULT_CORRUPT,	/* the page's bytes do not decompress, or a table entry makes no sense */
};

struct err {
	enum err_code code;
	enum fault_kind fault; /* ERR_FAULT only */
	uint64_t addr;	       /* ERR_FAULT only: the address that was asked for */
	char *msg;	       /* one line, no newline, never NULL */
};

#define MUST_CHECK	  __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

struct err *err_new(enum err_code code, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/* A read of @addr failed because of @fault; the message is @fmt followed by the fault in words. */
struct err *err_fault(enum fault_kind fault, uint64_t addr, const char *fmt, ...)
	PRINTF_LIKE(3, 4) MUST_CHECK;

/* ERR_IO with strerror(@errnum) after the formatted text. */
struct err *err_io(int errnum, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/* Puts "@fmt: " before @e's message. Takes @e, returns it; NULL stays NULL. */
struct err *err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/* Frees @e (NULL is fine). Write why dropping it is right where it is not plain. */
void err_drop(struct err *e);

/* "not mapped", "excluded from the dump", …: the same words in every command. */
const char *fault_text(enum fault_kind fault);

/* "unmapped", "excluded", …: one word, for JSON. */
const char *fault_name(enum fault_kind fault);

static inline void err_drop_scoped(struct err **e)
{
	err_drop(*e);
}
#define scoped_err __attribute__((cleanup(err_drop_scoped)))

#endif

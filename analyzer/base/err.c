/* Error objects: creation, context, release. */
#include "analyzer/base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/xalloc.h"

static struct err *err_make(enum err_code code, char *msg)
{
	struct err *e = xcalloc(1, sizeof(*e));
	e->code = code;
	e->msg = msg;
	return e;
}

struct err *err_new(enum err_code code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct err *e = err_make(code, xvasprintf(fmt, ap));
	va_end(ap);
	return e;
}

struct err *err_fault(enum fault_kind fault, uint64_t addr, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *what = xvasprintf(fmt, ap);
	va_end(ap);
	struct err *e = err_make(ERR_FAULT, xasprintf("%s: %s", what, fault_text(fault)));
	free(what);
	e->fault = fault;
	e->addr = addr;
	return e;
}

struct err *err_io(int errnum, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *what = xvasprintf(fmt, ap);
	va_end(ap);
	struct err *e = err_make(ERR_IO, xasprintf("%s: %s", what, strerror(errnum)));
	free(what);
	return e;
}

struct err *err_wrap(struct err *e, const char *fmt, ...)
{
	if (!e)
		return NULL;
	va_list ap;
	va_start(ap, fmt);
	char *context = xvasprintf(fmt, ap);
	va_end(ap);
	char *msg = xasprintf("%s: %s", context, e->msg);
	free(context);
	free(e->msg);
	e->msg = msg;
	return e;
}

void err_drop(struct err *e)
{
	if (!e)
		return;
	free(e->msg);
	free(e);
}

const char *fault_text(enum fault_kind fault)
{
	switch (fault) {
	case FAULT_NONE:
		return "present";
	case FAULT_UNMAPPED:
		return "not mapped";
	case FAULT_EXCLUDED:
		return "excluded from the dump";
	case FAULT_BEYOND:
		return "beyond the dump's memory";
	case FAULT_CUT:
		return "cut off with the end of the file";
	case FAULT_CORRUPT:
		return "corrupt in the dump";
	}
	return "unknown fault";
}

const char *fault_name(enum fault_kind fault)
{
	switch (fault) {
	case FAULT_NONE:
		return "none";
	case FAULT_UNMAPPED:
		return "unmapped";
	case FAULT_EXCLUDED:
		return "excluded";
	case FAULT_BEYOND:
		return "beyond";
	case FAULT_CUT:
		return "cut";
	case FAULT_CORRUPT:
		return "corrupt";
	}
	return "unknown";
}

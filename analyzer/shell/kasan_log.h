/* KASAN's last report as the kernel's log has it, line by line. What its words mean is not known
 * here. */
#ifndef ANALYZER_SHELL_KASAN_LOG_H
#define ANALYZER_SHELL_KASAN_LOG_H

#include "analyzer/base/vec.h"
#include "analyzer/shell/command.h"

struct kasan_log {
	VEC(char *) line;
};

/* From the report's first line on, up to its closing rule. ERR_NOT_FOUND: the log has none. Damage
 * of the log behind a report that is there is complained of. */
struct err *kasan_log_read(struct cx *cx, struct kasan_log *ret) MUST_CHECK;
void kasan_log_deinit(struct kasan_log *l);

/* The text behind @what in the first line that has it, from line @from on; NULL. *ret_line, which
 * may be NULL, is that line's number. */
const char *kasan_log_behind(
	const struct kasan_log *l, const char *what, size_t from, size_t *ret_line);

#endif

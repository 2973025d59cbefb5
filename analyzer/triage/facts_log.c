/* The kernel's log as lines: its own words only. What processes write to /dev/kmsg has another
 * facility (kernel/printk/printk.c, devkmsg_write(), 5.10 to 7.2), and may be any words. */
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/printk.h"
#include "analyzer/triage/triage.h"

enum { LINES_MAX = 200000 };

static void keep_lines(struct triage *tr, const char *text, size_t n)
{
	while (n && tr->facts.log.n < LINES_MAX) {
		const char *end = memchr(text, '\n', n);
		size_t len = end ? (size_t)(end - text) : n;
		vec_push(&tr->facts.log, arena_strndup(&tr->arena, text, len));
		n -= end ? len + 1 : len;
		text += end ? len + 1 : len;
	}
}

struct err *facts_read_log(struct triage *tr)
{
	struct printk_iter it;
	struct printk_record r;
	bool more = true;
	struct err *err = printk_iter_init(&it, tr->t);
	if (!err) {
		while (!(err = printk_iter_next(&it, &r, &more)) && more) {
			if (!r.facility)
				keep_lines(tr, r.text, r.text_bytes);
			tr->facts.log_newest_ns = r.ts_ns;
		}
		tr->facts.log_lost = it.lost;
		printk_iter_deinit(&it);
	}
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	if (err)
		triage_ledger(tr, "log", "%s", err->msg);
	else if (tr->facts.log_lost)
		triage_lost(tr, "log", "%llu of its records cannot be read",
			(unsigned long long)tr->facts.log_lost);
	else if (!tr->facts.log.n)
		triage_ledger(tr, "log", "the log is empty: what the kernel said is not known");
	err_drop(err); /* the ledger has it; what was read before the damage counts */
	return NULL;
}

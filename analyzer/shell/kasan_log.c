/* The lines of KASAN's last report, found in the log's records. mm/kasan/report.c, 4.19 to 7.2: a
 * report begins with "BUG: KASAN: " and ends with a rule of equals signs. */
#include "analyzer/shell/kasan_log.h"

#include <string.h>

#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/printk.h"

enum { LINES_MAX = 400 };

static void drop_lines(struct kasan_log *l)
{
	for (size_t i = 0; i < l->line.n; i++)
		free(l->line.v[i]);
	l->line.n = 0;
}

/* A record may hold several lines. */
static void keep_lines(struct kasan_log *l, const char *text, size_t n)
{
	while (n && l->line.n < LINES_MAX) {
		const char *end = memchr(text, '\n', n);
		size_t len = end ? (size_t)(end - text) : n;
		char *line = xcalloc(1, len + 1);
		memcpy(line, text, len);
		vec_push(&l->line, line);
		n -= end ? len + 1 : len;
		text += end ? len + 1 : len;
	}
}

static bool contains(const char *text, size_t n, const char *what)
{
	return memmem(text, n, what, strlen(what)) != NULL;
}

struct err *kasan_log_read(struct cx *cx, struct kasan_log *l)
{
	struct printk_iter it;
	struct printk_record rec;
	bool more = true, inside = false;
	struct err *err = printk_iter_init(&it, cx->target);
	if (err)
		return err;
	while (!(err = printk_iter_next(&it, &rec, &more)) && more) {
		if (contains(rec.text, rec.text_bytes, "BUG: KASAN: ")) {
			drop_lines(l);
			inside = true;
		}
		if (inside)
			keep_lines(l, rec.text, rec.text_bytes);
		inside &= !contains(rec.text, rec.text_bytes, "======");
	}
	printk_iter_deinit(&it);
	if (err && l->line.n) {
		out_complain(cx->out, err); /* the log is damaged, but a report is there */
		err = NULL;
	}
	if (!err && !l->line.n)
		err = err_new(ERR_NOT_FOUND, "the log has no report of KASAN's");
	return err;
}

const char *kasan_log_behind(
	const struct kasan_log *l, const char *what, size_t from, size_t *ret_line)
{
	for (size_t i = from; i < l->line.n; i++) {
		const char *p = strstr(l->line.v[i], what);
		if (!p)
			continue;
		if (ret_line)
			*ret_line = i;
		return p + strlen(what);
	}
	return NULL;
}

void kasan_log_deinit(struct kasan_log *l)
{
	drop_lines(l);
	vec_deinit(&l->line);
}

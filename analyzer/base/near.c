/* Near names by Damerau's edit distance, between whole names and without underscores in front. */
#include "analyzer/base/near.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/strbuf.h"

enum { LONGEST = 63 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Rows of the usual table; only three of them are ever needed. Ends once a whole row is above
 * @limit; the answer is then above it as well. */
static unsigned distance(const char *a, size_t n, const char *b, size_t m, unsigned limit)
{
	unsigned rows[3][LONGEST + 1];
	for (size_t j = 0; j <= m; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *row = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
		unsigned lowest = row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned v = last[j - 1] + (a[i - 1] != b[j - 1]);
			v = least(v, least(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				v = least(v, before[j - 2] + 1);
			row[j] = v;
			lowest = least(lowest, v);
		}
		/* (what a swap takes from two rows back is at most one below, and costs one) */
		if (lowest > limit)
			return limit + 1;
	}
	return rows[n % 3][m];
}

unsigned edit_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	if (n > LONGEST || m > LONGEST)
		return EDIT_LIMIT + 1;
	return least(distance(a, n, b, m, EDIT_LIMIT), EDIT_LIMIT + 1);
}

static uint64_t letters_of(const char *s, size_t n)
{
	uint64_t bits = 0;
	for (size_t i = 0; i < n; i++)
		bits |= 1ull << (tolower((unsigned char)s[i]) & 63);
	return bits;
}

void near_init(struct near_names *n, const char *typed)
{
	size_t len = strlen(typed);
	*n = (struct near_names){
		.typed = typed,
		.len = len <= LONGEST ? len : 0,
		.letters = letters_of(typed, len),
		.limit = len < 6    ? 1
			 : len < 12 ? 2
				    : 3,
	};
}

/* Without underscores in front and in lower case. */
static size_t bare_form(const char *s, size_t n, char *out)
{
	size_t skipped = strspn(s, "_"), k = 0;
	for (size_t i = skipped < n ? skipped : 0; i < n; i++)
		out[k++] = (char)tolower((unsigned char)s[i]);
	return k;
}

/* Twice the edits, plus one when they are counted between the bare forms; NEAR_NOT when too many.
 */
enum { NEAR_NOT = 1000 };

static unsigned nearness(const struct near_names *n, const char *name, size_t len)
{
	char a[LONGEST + 1], b[LONGEST + 1];
	/* each edit removes one letter at most that the other has not; upper case is one for all */
	if ((unsigned)__builtin_popcountll(n->letters & ~letters_of(name, len)) > n->limit)
		return NEAR_NOT;
	unsigned d = distance(n->typed, n->len, name, len, n->limit);
	size_t na = bare_form(n->typed, n->len, a), nb = bare_form(name, len, b);
	unsigned bare = distance(a, na, b, nb, n->limit);
	if (na >= 2 && na <= nb && !memcmp(a, b, na))
		bare = least(bare, 1);
	if (least(d, bare) > n->limit)
		return NEAR_NOT;
	return d <= bare ? 2 * d : 2 * bare + 1;
}

void near_offer(struct near_names *n, const char *name)
{
	size_t len = strlen(name), at = n->n;
	if (n->len < 2 || !len || len > LONGEST || !strcmp(name, n->typed))
		return;
	unsigned d = nearness(n, name, len);
	if (d == NEAR_NOT)
		return;
	for (size_t i = 0; i < n->n; i++)
		if (!strcmp(n->best[i].name, name))
			return;
	while (at && (d < n->best[at - 1].distance ||
			     (d == n->best[at - 1].distance && len < n->best[at - 1].len)))
		at--;
	if (at == NEAR_MAX)
		return;
	n->n += n->n < NEAR_MAX;
	memmove(&n->best[at + 1], &n->best[at], (n->n - 1 - at) * sizeof(n->best[0]));
	n->best[at].name = name;
	n->best[at].distance = d;
	n->best[at].len = len;
}

struct err *near_suggest(const struct near_names *n, struct err *e)
{
	struct strbuf text = { 0 };
	if (!e || !n->n)
		return e;
	strbuf_addf(&text, "%s; did you mean ", e->msg);
	for (size_t i = 0; i < n->n; i++)
		strbuf_addf(&text, "%s%s", !i ? "" : i + 1 < n->n ? ", " : " or ", n->best[i].name);
	strbuf_add_char(&text, '?');
	free(e->msg);
	e->msg = strbuf_take(&text);
	return e;
}

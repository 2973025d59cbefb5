/*
 * Finds kallsyms_token_table in all of physical memory. Characters that occur in names are their
 * own tokens, so the ten digits stand there in a row; tables of character sets have such rows too,
 * which token_index tells apart.
 */
#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/target/kallsyms_internal.h"

enum {
	DIGITS_BYTES = 20,
	FIRST_DIGIT = '0',
	TABLES_TRIED_MAX = 16, /* true ones are one, with a second kernel in memory two */
};
static const char digits[DIGITS_BYTES] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";

struct search {
	struct dump *d;
	const struct abi *abi;
	struct kallsyms *found;
	unsigned tried;
	uint8_t seam[2 * (DIGITS_BYTES - 1)]; /* the last bytes of one run, the first of the next */
	size_t nseam;
	uint64_t seam_end; /* the physical address behind the seam's bytes */
};

/* The end of the table's strings from the row of digits at @pa on; 0 when there are too few. */
static uint64_t strings_end(struct search *s, uint64_t pa)
{
	char text[TOKEN_BYTES_MAX];
	size_t n = kallsyms_read_some(s->d, pa, text, sizeof(text)), at = 0;
	for (unsigned i = FIRST_DIGIT; i < TOKENS; i++) {
		const char *nul = memchr(text + at, '\0', n - at);
		if (!nul)
			return 0;
		at = (size_t)(nul - text) + 1;
	}
	return pa + at;
}

/* A row of digits at @pa: where the table begins follows from token_index, which lies behind the
 * table's other strings at one alignment or the other. */
static struct err *try_hit(struct search *s, uint64_t pa)
{
	uint64_t end = strings_end(s, pa);
	scoped_free struct token_table *t = end ? xmalloc(sizeof(*t)) : NULL;
	for (uint64_t align = 4; end && align <= 8; align += 4) {
		uint8_t raw[2];
		struct paddr entry = { ((end + align - 1) & ~(align - 1)) + 2 * FIRST_DIGIT };
		if (dump_try_read(s->d, entry, raw, sizeof(raw), NULL) != FAULT_NONE)
			continue;
		uint16_t off = get_u16(s->abi, raw);
		if (off > pa || !token_table_read(s->d, s->abi, (struct paddr){ pa - off }, t))
			continue;
		if (s->tried++ >= TABLES_TRIED_MAX)
			return NULL;
		return kallsyms_at(s->d, s->abi, t->pa, &s->found);
	}
	return NULL;
}

static struct err *search_bytes(struct search *s, const uint8_t *p, size_t n, uint64_t pa)
{
	const uint8_t *hit = p;
	struct err *err = NULL;
	while (!err && !s->found && (size_t)(p + n - hit) >= DIGITS_BYTES &&
		(hit = memmem(hit, n - (size_t)(hit - p), digits, DIGITS_BYTES))) {
		err = try_hit(s, pa + (size_t)(hit - p));
		hit++;
	}
	return err;
}

/* The row may lie across the end of a run: pages of a compressed dump are runs of their own. */
static struct err *search_seam(struct search *s, const uint8_t *p, size_t n, uint64_t pa)
{
	size_t keep = s->seam_end == pa ? s->nseam : 0, take = DIGITS_BYTES - 1;
	struct err *err = NULL;
	if (take > n)
		take = n;
	if (keep) {
		memcpy(s->seam + keep, p, take);
		err = search_bytes(s, s->seam, keep + take, pa - keep);
	}
	size_t all = keep + take;
	if (n >= DIGITS_BYTES - 1) {
		s->nseam = DIGITS_BYTES - 1;
		memcpy(s->seam, p + n - s->nseam, s->nseam);
	} else if (keep) {
		s->nseam = all < DIGITS_BYTES - 1 ? all : DIGITS_BYTES - 1;
		memmove(s->seam, s->seam + all - s->nseam, s->nseam);
	} else {
		s->nseam = n;
		memcpy(s->seam, p, n);
	}
	s->seam_end = pa + n;
	return err;
}

/* Steps of at most @STEP keep Ctrl-C quick and memory in the cache. */
static struct err *search_extent(struct search *s, const struct dump_extent *x)
{
	enum { STEP = 4 << 20 };
	uint64_t pa = x->start.v, left = x->size;
	struct err *err = NULL;
	while (!err && !s->found && left) {
		const uint8_t *p;
		size_t n;
		if (dump_map(s->d, (struct paddr){ pa }, &p, &n) != FAULT_NONE) {
			n = (size_t)(4096 - pa % 4096);
			n = n < left ? n : (size_t)left;
		} else {
			n = n < left ? n : (size_t)left;
			n = n < STEP ? n : STEP;
			err = search_seam(s, p, n, pa);
			if (!err && !s->found)
				err = search_bytes(s, p, n, pa);
		}
		pa += n;
		left -= n;
		if (!err)
			err = interrupt_check();
	}
	return err;
}

struct err *kallsyms_search(struct dump *d, const struct abi *abi, struct kallsyms **ret)
{
	struct search s = { .d = d, .abi = abi };
	const struct dump_info *info = dump_info(d);
	struct err *err = NULL;
	for (size_t i = 0; !err && !s.found && i < info->nextents; i++)
		err = search_extent(&s, &info->extent[i]);
	if (err) {
		kallsyms_destroy(s.found);
		return err;
	}
	*ret = s.found;
	return NULL;
}

/*
 * Finds kallsyms_token_table in all of physical memory. Characters that occur in names are their
 * own tokens, so the ten digits stand there in a row; tables of character sets have such rows too,
 * which token_index tells apart.
 */
#include <stdlib.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/target/kallsyms_internal.h"
#include "analyzer/target/scan.h"

enum {
	FIRST_DIGIT = '0',
	TABLES_TRIED_MAX = 16, /* true ones are one, with a second kernel in memory two */
};
struct search {
	struct dump *d;
	const struct abi *abi;
	struct kallsyms *found;
	unsigned tried;
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

struct err *kallsyms_search_from(struct scan *scan, const struct abi *abi, struct kallsyms **ret)
{
	struct search s = { .d = scan->dump, .abi = abi };
	struct err *err = NULL;
	struct paddr pa;
	bool more = true;
	for (size_t i = 0; !err && !s.found; i++) {
		err = scan_find(scan, SCAN_DIGITS, i, &more, &pa);
		if (err || !more)
			break;
		err = try_hit(&s, pa.v);
	}
	if (err) {
		kallsyms_destroy(s.found);
		return err;
	}
	*ret = s.found;
	return NULL;
}

struct err *kallsyms_search(struct dump *d, const struct abi *abi, struct kallsyms **ret)
{
	struct scan scan;
	scan_init(&scan, d);
	struct err *err = kallsyms_search_from(&scan, abi, ret);
	scan_deinit(&scan);
	return err;
}

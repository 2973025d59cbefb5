/* A dump in which no kernel was found still has bytes: the line that panic() printed stands in some
 * log buffer, if that page is there. Which boot's it is nothing tells. */
#include <ctype.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/triage/triage.h"

static const char words[] = "Kernel panic - not syncing: ";

/* The line at @p, unless it is the format that it is made from. */
static const char *line_at(struct triage *tr, const uint8_t *p, size_t n)
{
	size_t len = 0;
	while (len < n && isprint(p[len]))
		len++;
	if (len < sizeof(words) || p[sizeof(words) - 1] == '%')
		return NULL;
	/* "---[ end Kernel panic - not syncing: … ]---", kernel/panic.c */
	static const char tail[] = " ]---";
	if (len > sizeof(words) + sizeof(tail) &&
		!memcmp(p + len - (sizeof(tail) - 1), tail, sizeof(tail) - 1))
		len -= sizeof(tail) - 1;
	return arena_strndup(&tr->arena, (const char *)p, len);
}

static void found(struct triage *tr, const char *line, struct paddr pa)
{
	struct finding *f = triage_find(tr, "raw", VERDICT_PANIC, WEIGHT_END, CONFIDENCE_GUESS);
	tr->facts.panic_text = line + sizeof(words) - 1;
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_GUESS, NULL, "panic",
		"\"%s\" stands at physical 0x%llx, of this boot or an earlier one", line,
		(unsigned long long)pa.v);
}

static bool search_bytes(struct triage *tr, const uint8_t *p, size_t n, struct paddr pa)
{
	const uint8_t *hit, *from = p;
	while ((hit = memmem(from, n - (size_t)(from - p), words, sizeof(words) - 1))) {
		const char *line = line_at(tr, hit, n - (size_t)(hit - p));
		if (line) {
			found(tr, line, (struct paddr){ pa.v + (uint64_t)(hit - p) });
			return true;
		}
		from = hit + 1;
	}
	return false;
}

/* A line that crosses a page is missed where pages do not follow each other in the dump. */
struct err *facts_search_memory(struct triage *tr)
{
	struct dump *d = tr->t->dump;
	struct paddr pa = { 0 };
	struct err *err = NULL;
	for (uint64_t last = 0; !err && dump_next_data(d, pa, &pa) && pa.v >= last; last = pa.v) {
		const uint8_t *p;
		size_t n;
		if (dump_map(d, pa, &p, &n) != FAULT_NONE)
			n = 4096 - pa.v % 4096;
		else if (search_bytes(tr, p, n, pa))
			return NULL;
		pa.v += n;
		err = interrupt_check();
	}
	return err;
}

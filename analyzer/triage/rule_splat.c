/* The log's splat of a fault, for dumps whose memory has lost the victim's stack or registers: its
 * first line says what failed, its lines of pc and calls where. Where memory has both, it needs no
 * witness. */
#include <ctype.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/triage/triage.h"

struct told {
	const char *text;
	enum verdict_class class;
	enum weight weight;
};

/* arch/arm64/mm/fault.c, arch/arm/mm/fault.c, arch/arm64/kernel/traps.c, lib/bug.c,
 * drivers/tty/sysrq.c, 4.19 to 7.2. The first that fits a line counts. */
static const struct told table[] = {
	{ "Unable to handle kernel NULL pointer dereference", VERDICT_NULL_DEREFERENCE,
		WEIGHT_TRAP },
	{ "Unable to handle kernel execute", VERDICT_EXEC_FAULT, WEIGHT_TRAP },
	{ "Unable to handle kernel ", VERDICT_WILD_DEREFERENCE, WEIGHT_TRAP },
	{ "kernel BUG at ", VERDICT_BUG, WEIGHT_TRAP },
	{ "Trigger a crash", VERDICT_SYSRQ, WEIGHT_REQUEST },
};

enum { LINES = 80 }; /* of a splat, at most */

/* The function named at @p as "name+0x1c/0x58": a copy; NULL when none is. */
static const char *function_at(struct triage *tr, const char *p)
{
	size_t n = 0;
	while (isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == '.')
		n++;
	return n && !strncmp(p + n, "+0x", 3) ? arena_strndup(&tr->arena, p, n) : NULL;
}

/* "pc : NAME+0x1c/0x58" of arm64, "PC is at NAME+0x1c/0x58" of ARM32; "NAME+0x…" and "NAME from …"
 * of their call traces. */
static const char *function_of_line(struct triage *tr, const char *line)
{
	static const char *const heads[] = { "pc : ", "PC is at " };
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		if (!strncmp(line, heads[i], strlen(heads[i])))
			return function_at(tr, line + strlen(heads[i]));
	if (*line != ' ')
		return NULL;
	while (*line == ' ')
		line++;
	return function_at(tr, line);
}

/* The first function behind line @i that is no machinery. */
static const char *culprit_behind(struct triage *tr, size_t i)
{
	const struct facts *f = &tr->facts;
	for (size_t end = i + LINES; i < f->log.n && i < end; i++) {
		const char *name = function_of_line(tr, f->log.v[i]);
		if (name && !machinery_kind(name))
			return name;
	}
	return NULL;
}

static struct err *run(struct triage *tr)
{
	const struct facts *f = &tr->facts;
	bool whole = f->has_victim && f->calls.n && !f->calls.trace.broken &&
		     (f->end != END_PANIC || f->has_end_call);
	if (f->end == END_NONE || whole)
		return NULL;
	for (size_t i = 0; i < f->log.n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(table); k++) {
			if (!strstr(f->log.v[i], table[k].text))
				continue;
			struct finding *found = triage_find(
				tr, "splat", table[k].class, table[k].weight, CONFIDENCE_LIKELY);
			if (table[k].class != VERDICT_SYSRQ)
				found->culprit_name = culprit_behind(tr, i);
			finding_say(tr, found, EVIDENCE_LOG, CONFIDENCE_SURE, "log", "report", "%s",
				f->log.v[i]);
			return NULL;
		}
	return NULL;
}

const struct triage_rule rule_splat = { "splat",
	"a fault's own lines in the log, where memory has lost it", run };

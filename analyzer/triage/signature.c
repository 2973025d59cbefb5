/* See signature.h. Machinery is left out: how a fault reaches panic() differs between releases, who
 * failed does not. */
#include "analyzer/triage/signature.h"

#include <ctype.h>
#include <sha2.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/triage/object.h"

/* A function that stands so often in one stack recurs. */
enum { RECURS = 3 };

struct names {
	VEC(const char *) of;
};

const char *signature_name(struct arena *a, const char *function)
{
	scoped_strbuf struct strbuf out = { 0 };
	const char *name = call_plain_name(a, function);
	for (const char *p = name; *p; p++) {
		if (!isdigit((unsigned char)*p)) {
			strbuf_add_char(&out, *p);
			continue;
		}
		strbuf_add_char(&out, 'N');
		while (isdigit((unsigned char)p[1]))
			p++;
	}
	return arena_strdup(a, strbuf_text(&out));
}

const char *signature_cache(struct arena *a, const char *cache)
{
	static const char *const drawn[] = { "-rnd-", "-part-" };
	for (size_t i = 0; i < ARRAY_SIZE(drawn); i++) {
		const char *at = strstr(cache, drawn[i]);
		size_t n = at ? strspn(at + strlen(drawn[i]), "0123456789") : 0;
		if (n)
			return arena_printf(
				a, "%.*s%s", (int)(at - cache), cache, at + strlen(drawn[i]) + n);
	}
	return cache;
}

/* ---- stacks ------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort(struct names *n)
{
	if (n->of.n)
		qsort(n->of.v, n->of.n, sizeof(*n->of.v), by_name);
}

static bool has(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->of.n; i++)
		if (!strcmp(n->of.v[i], name))
			return true;
	return false;
}

/* Whether the kernel itself names this frame, and nobody else's errand is done in it. */
static bool counts(const struct call *c)
{
	return c->function && !c->inlined && !machinery_kind(c->function);
}

/* From the culprit outwards: behind an exception stands what it came upon, which differs each time,
 * and a frame that is believed less than the culprit's may be a leftover. */
static void frames_from(
	struct triage *tr, const struct calls *calls, size_t culprit, struct names *ret)
{
	for (size_t i = culprit; i < calls->n && ret->of.n < SIGNATURE_FRAMES; i++) {
		const struct call *c = calls->call + i;
		if (i > culprit && c->interrupted)
			break;
		if (!counts(c) || c->trust > calls->call[culprit].trust)
			continue;
		const char *name = signature_name(&tr->arena, c->function);
		if (!has(ret, name))
			vec_push(&ret->of, name);
	}
}

static void add_frames(
	struct triage *tr, const struct calls *calls, size_t culprit, struct strbuf *out)
{
	struct names names = { 0 };
	frames_from(tr, calls, culprit, &names);
	for (size_t i = 0; i < names.of.n; i++)
		strbuf_addf(out, "frame %s\n", names.of.v[i]);
	vec_deinit(&names.of);
}

/* The functions that recur, by name: which of them met the stack's end is chance. False: none. */
static bool add_recursion(
	struct triage *tr, const struct calls *calls, size_t culprit, struct strbuf *out)
{
	struct names names = { 0 };
	bool any = false;
	for (size_t i = 0; i < calls->n; i++)
		if (counts(calls->call + i) && calls->call[i].trust <= calls->call[culprit].trust)
			vec_push(&names.of, signature_name(&tr->arena, calls->call[i].function));
	sort(&names);
	for (size_t i = 0, run; i < names.of.n; i += run) {
		for (run = 1; i + run < names.of.n && !strcmp(names.of.v[i], names.of.v[i + run]);)
			run++;
		if (run < RECURS)
			continue;
		strbuf_addf(out, "recurs %s\n", names.of.v[i]);
		any = true;
	}
	vec_deinit(&names.of);
	return any;
}

/* Each waiter's frames, in the order of their text: who came last is chance. */
static void add_circle(struct triage *tr, const struct finding *f, bool coarse, struct strbuf *out)
{
	struct names waiters = { 0 };
	for (size_t i = 0; i < f->circle.n; i++) {
		const struct calls *calls = f->circle.v[i];
		scoped_strbuf struct strbuf lines = { 0 };
		size_t culprit;
		bool found = calls_culprit(calls, 0, &culprit);
		strbuf_add(&lines, coarse ? "" : "waiter\n");
		if (found && coarse)
			strbuf_addf(&lines, "culprit %s\n",
				signature_name(&tr->arena, calls->call[culprit].function));
		else if (found)
			add_frames(tr, calls, culprit, &lines);
		vec_push(&waiters.of, arena_strdup(&tr->arena, strbuf_text(&lines)));
	}
	sort(&waiters);
	for (size_t i = 0; i < waiters.of.n; i++)
		strbuf_add(out, waiters.of.v[i]);
	vec_deinit(&waiters.of);
}

/* ---- objects ----------------------------------------------------------------------------- */

/* The first function of a saved stack that is no machinery. */
static void add_stack(
	struct triage *tr, const struct object_stack *s, const char *word, struct strbuf *out)
{
	for (uint32_t i = 0; s->known && i < s->nframes; i++) {
		struct symbol sym;
		if (!symtab_at(tr->t->syms, symtab_call_va(s->pc[i]), &sym))
			continue;
		const char *name = call_plain_name(&tr->arena, sym.name);
		if (machinery_kind(name))
			continue;
		strbuf_addf(out, "%s %s\n", word, signature_name(&tr->arena, name));
		return;
	}
}

static void add_object(struct triage *tr, const struct object *o, bool coarse, struct strbuf *out)
{
	strbuf_addf(out, "object %s%s%s\n", o->kind, o->name ? " " : "",
		o->name ? signature_cache(&tr->arena, o->name) : "");
	if (coarse)
		return;
	add_stack(tr, &o->alloc, "allocated", out);
	add_stack(tr, &o->freed, "freed", out);
}

/* ---- the whole --------------------------------------------------------------------------- */

static void add_culprit(struct triage *tr, const struct finding *f, bool coarse, struct strbuf *out)
{
	const char *name = signature_name(&tr->arena, finding_culprit(f));
	bool in_stack = f->calls && f->culprit < f->calls->n;
	if (in_stack && f->class == VERDICT_STACK_OVERFLOW &&
		add_recursion(tr, f->calls, f->culprit, out))
		return;
	if (coarse)
		strbuf_addf(out, "culprit %s\n", name);
	else if (in_stack)
		add_frames(tr, f->calls, f->culprit, out);
	else
		strbuf_addf(out, "frame %s\n", name);
}

void signature_lines(struct triage *tr, const struct finding *f, bool coarse, struct strbuf *out)
{
	strbuf_addf(out, "inquest-signature %d\nclass %s\n", SIGNATURE_VERSION,
		verdict_class_name(f->class));
	if (f->circle.n)
		add_circle(tr, f, coarse, out);
	else if (finding_culprit(f))
		add_culprit(tr, f, coarse, out);
	else if (f->object)
		add_object(tr, f->object, coarse, out);
}

/* ---- titles ------------------------------------------------------------------------------ */

static void titles_of(struct triage *tr, const struct finding *f, struct names *ret)
{
	for (size_t i = 0; i < f->circle.n; i++) {
		struct finding waiter = *f;
		finding_blame(&waiter, f->circle.v[i], 0);
		vec_push(&ret->of, triage_title(tr, &waiter));
	}
	if (!f->circle.n)
		vec_push(&ret->of, triage_title(tr, f));
	for (size_t i = 0; i < f->titles.n; i++)
		vec_push(&ret->of, f->titles.v[i]);
}

void signature_titles(struct triage *tr, struct strbuf *out)
{
	struct names titles = { 0 };
	for (size_t i = 0; i < tr->finding.n; i++)
		if (!i || tr->finding.v[i]->weight > WEIGHT_ALIVE)
			titles_of(tr, tr->finding.v[i], &titles);
	sort(&titles);
	for (size_t i = 0; i < titles.of.n; i++)
		if (!i || strcmp(titles.of.v[i - 1], titles.of.v[i]))
			strbuf_addf(out, "%s\n", titles.of.v[i]);
	vec_deinit(&titles.of);
}

void signature_hash(const char *lines, char ret[SIGNATURE_DIGITS + 1])
{
	char hex[SHA256_DIGEST_STRING_LENGTH];
	SHA256Data((const uint8_t *)lines, strlen(lines), hex);
	memcpy(ret, hex, SIGNATURE_DIGITS);
	ret[SIGNATURE_DIGITS] = '\0';
}

/* See signature.h. Machinery is left out: how a fault reaches panic() differs between releases, who
 * failed does not. */
#include "analyzer/triage/signature.h"

#include <ctype.h>
#include <sha2.h>
#include <string.h>

#include "analyzer/triage/object.h"

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

static void add_frames(struct triage *tr, const struct finding *f, struct strbuf *out)
{
	unsigned told = 0;
	for (size_t i = f->culprit; i < f->calls->n && told < SIGNATURE_FRAMES; i++) {
		const struct call *c = f->calls->call + i;
		if (!c->function || c->inlined || machinery_kind(c->function))
			continue;
		strbuf_addf(out, "frame %s\n", signature_name(&tr->arena, c->function));
		told++;
	}
}

/* The first function of a saved stack that is no machinery. */
static void add_stack(
	struct triage *tr, const struct object_stack *s, const char *word, struct strbuf *out)
{
	for (uint32_t i = 0; s->known && i < s->nframes; i++) {
		struct symbol sym;
		if (!symtab_at(tr->t->syms, s->pc[i] - 1, &sym))
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
	strbuf_addf(out, "object %s%s%s\n", o->kind, o->name ? " " : "", o->name ? o->name : "");
	if (coarse)
		return;
	add_stack(tr, &o->alloc, "allocated", out);
	add_stack(tr, &o->freed, "freed", out);
}

void signature_lines(struct triage *tr, const struct finding *f, bool coarse, struct strbuf *out)
{
	const char *culprit = finding_culprit(f);
	strbuf_addf(out, "inquest-signature %d\nclass %s\n", SIGNATURE_VERSION,
		verdict_class_name(f->class));
	if (culprit && coarse)
		strbuf_addf(out, "culprit %s\n", signature_name(&tr->arena, culprit));
	else if (culprit && f->calls && f->culprit < f->calls->n)
		add_frames(tr, f, out);
	else if (culprit)
		strbuf_addf(out, "frame %s\n", signature_name(&tr->arena, culprit));
	else if (f->object)
		add_object(tr, f->object, coarse, out);
}

void signature_hash(const char *lines, char ret[SIGNATURE_DIGITS + 1])
{
	char hex[SHA256_DIGEST_STRING_LENGTH];
	SHA256Data((const uint8_t *)lines, strlen(lines), hex);
	memcpy(ret, hex, SIGNATURE_DIGITS);
	ret[SIGNATURE_DIGITS] = '\0';
}

/* The object that the verdict is about, drawn to scale: the parts of its slot, damage, KASAN's
 * shadow, the address that it was found by; and who allocated and freed it. */
#include "analyzer/shell/report_page.h"

#include <stdio.h>
#include <string.h>

#include "analyzer/kernel/kasan_shadow.h"
#include "analyzer/kernel/slab_inspect.h"
#include "analyzer/triage/object.h"

enum { WIDTH = 1000, SHADOW_MAX = 1024, NEAR = 64 };

/* What is drawn: [from, to), offsets from the object's start. */
struct drawing {
	struct report *r;
	const struct object *o;
	int64_t from, to;
};

static double place(const struct drawing *d, int64_t offset)
{
	return (double)(offset - d->from) / (double)(d->to - d->from) * WIDTH;
}

/* A box with its name in it where it fits, and in its title anyhow. */
static void draw_box(const struct drawing *d, const char *class, int64_t from, int64_t to, int y,
	int height, const char *name)
{
	struct strbuf *out = d->r->out;
	double x = place(d, from), width = place(d, to) - x;
	strbuf_addf(out, "<g><title>");
	html_textf(out, "%s: %lld to %lld, %lld bytes", name, (long long)from, (long long)to - 1,
		(long long)(to - from));
	strbuf_addf(out,
		"</title><rect class=\"%s\" x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\"/>",
		class, x, y, width < 0.5 ? 0.5 : width, height);
	if (width > 8.0 * (double)strlen(name)) {
		strbuf_addf(
			out, "<text class=\"in\" x=\"%.2f\" y=\"%d\">", x + 4, y + height / 2 + 4);
		html_text(out, name);
		strbuf_add(out, "</text>");
	}
	strbuf_add(out, "</g>\n");
}

static void draw_shadow(const struct drawing *d)
{
	struct kasan k;
	uint8_t shadow[SHADOW_MAX];
	struct err *err = kasan_init(d->r->t, &k);
	if (!err)
		err = kasan_need_shadow(&k);
	if (err) { /* most kernels have none */
		err_drop(err);
		return;
	}
	uint64_t first =
		(kasan_untag(&k, d->o->va) + (uint64_t)d->from) & ~(uint64_t)(k.granule - 1);
	int64_t at = (int64_t)(first - kasan_untag(&k, d->o->va));
	size_t n = (size_t)((d->to - at + k.granule - 1) / k.granule);
	n = n > SHADOW_MAX ? SHADOW_MAX : n;
	err = kasan_read(&k, first, shadow, n);
	if (err) {
		html_element(d->r->out, "desc", NULL, "no shadow: %s", err->msg);
		err_drop(err);
		return;
	}
	for (size_t i = 0; i < n; i++, at += k.granule) {
		char name[96];
		int64_t from = at < d->from ? d->from : at,
			to = at + k.granule > d->to ? d->to : at + k.granule;
		enum kasan_kind kind = kasan_value_kind(&k, shadow[i]);
		const char *class = kind == KASAN_ACCESSIBLE ? "k2"
				    : kind == KASAN_PARTIAL  ? "k3"
				    : kind == KASAN_TAGGED   ? "k4"
							     : "k1";
		snprintf(name, sizeof(name), "shadow %02x, %s", shadow[i],
			kasan_value_name(&k, shadow[i]));
		draw_box(d, class, from, to, 74, 20, name);
	}
	strbuf_add(d->r->out, "<text x=\"2\" y=\"110\">KASAN shadow: a box for each granule, green "
			      "may be touched</text>\n");
}

static void draw_begin(struct drawing *d)
{
	strbuf_addf(d->r->out,
		"<svg class=\"draw\" viewBox=\"0 0 %d 120\" role=\"img\" aria-label=\"the object "
		"to scale\">\n",
		WIDTH);
}

static void draw_end(struct drawing *d)
{
	/* The address that it was found by. */
	if (d->o->offset >= d->from && d->o->offset < d->to) {
		draw_box(d, "hit", d->o->offset, d->o->offset + 1, 14, 80, "the address at hand");
		strbuf_addf(d->r->out,
			"<text x=\"%.2f\" y=\"11\" text-anchor=\"%s\">offset %lld</text>\n",
			place(d, d->o->offset),
			place(d, d->o->offset) > WIDTH / 2 ? "end" : "start",
			(long long)d->o->offset);
	}
	strbuf_add(d->r->out, "</svg>\n");
}

static const char *part_class(const char *name)
{
	return strstr(name, "redzone")	? "k1"
	       : strstr(name, "object") ? "k0"
	       : strstr(name, "track")	? "k3"
	       : strstr(name, "KASAN")	? "k4"
					: "k5";
}

static void draw_slot(struct drawing *d, const struct slab_inspect *i)
{
	struct slab_part part[SLAB_PARTS_MAX];
	unsigned n = slab_layout_parts(&i->layout, &i->object.slab, i->slot, part);
	for (unsigned k = 0; k < n; k++)
		d->from = part[k].from < d->from ? part[k].from : d->from;
	for (unsigned k = 0; k < n; k++)
		d->to = part[k].to > d->to ? part[k].to : d->to;
	draw_begin(d);
	for (unsigned k = 0; k < n; k++)
		draw_box(d, part_class(part[k].name), part[k].from, part[k].to, 18, 34,
			part[k].name);
	for (unsigned k = 0; k < i->ndamage; k++)
		draw_box(d, "damage", i->damage[k].first, i->damage[k].last + 1, 54, 14,
			arena_printf(d->r->a, "damage in %s", i->damage[k].what));
	draw_shadow(d);
	draw_end(d);
	for (unsigned k = 0; k < i->ndamage; k++)
		html_element(d->r->out, "p", "bad",
			"%s: %u bytes from offset %lld on are damaged, 0x%02x instead of 0x%02x",
			i->damage[k].what, i->damage[k].bytes, (long long)i->damage[k].first,
			i->damage[k].found, i->damage[k].expected);
}

/* No slab object: itself, with a little around it. */
static void draw_plain(struct drawing *d)
{
	uint64_t bytes = d->o->bytes > INT32_MAX ? INT32_MAX : d->o->bytes ? d->o->bytes : 1;
	int64_t around = NEAR + (int64_t)bytes / 8;
	d->from = d->o->offset < 0 && d->o->offset > -around ? d->o->offset - NEAR : -around;
	d->to = (int64_t)bytes + around;
	draw_begin(d);
	draw_box(d, "none", d->from, 0, 18, 34, "before");
	draw_box(d, "k0", 0, (int64_t)bytes, 18, 34, d->o->kind);
	draw_box(d, "none", (int64_t)bytes, d->to, 18, 34, "behind");
	draw_shadow(d);
	draw_end(d);
}

static struct err *draw_object(struct report *r, const struct object *o)
{
	struct drawing d = { .r = r, .o = o, .from = 0, .to = 1 };
	struct slab_object so;
	scoped_slab_inspect struct slab_inspect i = { 0 };
	bool is_slab = !strcmp(o->kind, "slab object");
	struct err *err = is_slab ? slab_object_find(r->t, o->va, &so) : NULL;
	if (!err && is_slab)
		err = slab_inspect_read(r->t, &so, &i);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	if (err || !is_slab)
		draw_plain(&d);
	else
		draw_slot(&d, &i);
	report_missing(r, "Its slot could not be read", err);
	return NULL;
}

static void show_stack(struct report *r, const char *what, const struct object_stack *s)
{
	if (!s->known)
		return;
	html_element(r->out, "h3", NULL, "%s by pid %u", what, s->pid);
	strbuf_add(r->out, "<ol class=\"stack\" start=\"0\">\n");
	for (uint32_t i = 0; i < s->nframes && i < OBJECT_FRAMES; i++) {
		scoped_strbuf struct strbuf text = { 0 };
		symtab_format_from(r->t->syms, symtab_call_va(s->pc[i]), s->pc[i], &text);
		html_element(r->out, "li", NULL, "%s", strbuf_text(&text));
	}
	strbuf_add(r->out, "</ol>\n");
}

struct err *report_object(struct report *r)
{
	const struct object *o = r->tr->finding.v[0]->object;
	if (!o) {
		html_element(r->out, "p", "dim", "No object belongs to this verdict.");
		return NULL;
	}
	html_element(r->out, "p", NULL,
		"%s%s%s at 0x%llx, %llu bytes%s%s; the address at hand is at offset %lld.", o->kind,
		o->name ? " " : "", o->name ? o->name : "", (unsigned long long)o->va,
		(unsigned long long)o->bytes, o->state ? ", " : "", o->state ? o->state : "",
		(long long)o->offset);
	struct err *err = draw_object(r, o);
	if (err)
		return err;
	show_stack(r, "Allocated", &o->alloc);
	show_stack(r, "Freed", &o->freed);
	return NULL;
}

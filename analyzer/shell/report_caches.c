/* Slab caches as a treemap: areas are bytes of slabs. Rows of boxes as square as they come, the
 * largest first. */
#include "analyzer/shell/report_page.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/kernel/page.h"
#include "analyzer/kernel/slab_heap.h"

enum { WIDTH = 1000, HEIGHT = 560 };

struct tile {
	const char *name;
	uint64_t bytes, inuse, objects;
};

struct area {
	double x, y, width, height;
};

static int larger_first(const void *a, const void *b)
{
	const struct tile *x = a, *y = b;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void draw_tile(struct strbuf *out, const struct tile *t, size_t number, double x, double y,
	double w, double h)
{
	strbuf_add(out, "<g><title>");
	html_textf(out, "%s: %llu KiB, %llu of %llu objects in use", t->name,
		(unsigned long long)t->bytes >> 10, (unsigned long long)t->inuse,
		(unsigned long long)t->objects);
	strbuf_addf(out,
		"</title><rect class=\"k%zu\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
		"height=\"%.2f\"/>",
		number % 6, x, y, w, h);
	if (w > 7.5 * (double)strlen(t->name) + 6 && h > 16) {
		strbuf_addf(out, "<text class=\"in\" x=\"%.2f\" y=\"%.2f\">", x + 4, y + 14);
		html_text(out, t->name);
		strbuf_add(out, "</text>");
	}
	strbuf_add(out, "</g>\n");
}

/* How far from square the worst of @n boxes is, in a row along @side that takes @sum bytes. */
static double worst(const struct tile *t, size_t n, double sum, double side, double scale)
{
	double thick = sum * scale / side, bad = 0;
	for (size_t i = 0; i < n; i++) {
		double length = (double)t[i].bytes * scale / thick;
		double ratio = length > thick ? length / thick : thick / length;
		bad = ratio > bad ? ratio : bad;
	}
	return bad;
}

/* Areas are scaled: a byte is @scale square units. */
static void draw_map(struct strbuf *out, const struct tile *t, size_t n, double scale)
{
	struct area a = { 0, 0, WIDTH, HEIGHT };
	for (size_t i = 0; i < n;) {
		bool upright = a.width > a.height; /* the row stands at the left */
		double side = upright ? a.height : a.width, sum = (double)t[i].bytes;
		size_t k = 1;
		while (i + k < n && worst(t + i, k + 1, sum + (double)t[i + k].bytes, side,
					    scale) <= worst(t + i, k, sum, side, scale))
			sum += (double)t[i + k++].bytes;
		double thick = sum * scale / side, at = 0;
		for (size_t j = i; j < i + k; j++) {
			double length = (double)t[j].bytes * scale / thick;
			draw_tile(out, t + j, j, upright ? a.x : a.x + at, upright ? a.y + at : a.y,
				upright ? thick : length, upright ? length : thick);
			at += length;
		}
		a.x += upright ? thick : 0;
		a.width -= upright ? thick : 0;
		a.y += upright ? 0 : thick;
		a.height -= upright ? 0 : thick;
		i += k;
	}
}

static void show_table(struct strbuf *out, const struct tile *t, size_t n)
{
	strbuf_add(out, "<details><summary>as a table</summary><div "
			"class=\"wide\"><table><thead><tr><th>cache</th>"
			"<th>KiB</th><th>in use</th><th>objects</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < n; i++) {
		strbuf_add(out, "<tr>");
		html_element(out, "td", "m", "%s", t[i].name);
		html_element(out, "td", "n", "%llu", (unsigned long long)t[i].bytes >> 10);
		html_element(out, "td", "n", "%llu", (unsigned long long)t[i].inuse);
		html_element(out, "td", "n", "%llu", (unsigned long long)t[i].objects);
		strbuf_add(out, "</tr>\n");
	}
	strbuf_add(out, "</tbody></table></div></details>\n");
}

/* Caches with slabs; *ret_all: the bytes of all. */
static struct err *read_tiles(struct report *r, const struct slab_heap *h, struct tile *tile,
	size_t *ret_n, uint64_t *ret_all)
{
	size_t n = 0;
	uint64_t page = UINT64_C(1) << page_shift(r->t), all = 0;
	for (size_t i = 0; i < h->ncaches; i++) {
		const struct slab_cache *c = h->cache + i;
		struct slab_totals totals;
		scoped_err struct err *damage = NULL; /* triage tells of it */
		size_t nslabs;
		const struct slab *s = slab_heap_slabs(h, c->va, &nslabs);
		uint64_t bytes = 0;
		for (size_t k = 0; k < nslabs; k++)
			bytes += s[k].npages * page;
		struct err *err = slab_heap_totals(h, c, &totals, &damage);
		if (err)
			return err;
		if (bytes)
			tile[n++] = (struct tile){ arena_strdup(r->a, c->name), bytes, totals.inuse,
				totals.objects };
		all += bytes;
	}
	*ret_n = n;
	*ret_all = all;
	return NULL;
}

struct err *report_caches(struct report *r)
{
	scoped_slab_heap struct slab_heap h = { 0 };
	size_t n = 0;
	uint64_t all = 0;
	struct err *err = slab_heap_read(r->t, &h);
	if (err)
		return err;
	struct tile *tile = arena_alloc(r->a, (h.ncaches + 1) * sizeof(*tile));
	err = read_tiles(r, &h, tile, &n, &all);
	if (err)
		return err;
	if (h.missing)
		html_element(r->out, "p", "dim",
			"%llu struct pages could not be read: slabs there are not counted.",
			(unsigned long long)h.missing);
	if (h.damage)
		html_element(r->out, "p", "bad", "Caches are left out: %s", h.damage->msg);
	if (!n)
		return err_new(ERR_NOT_FOUND, "no slab was found");
	qsort(tile, n, sizeof(*tile), larger_first);
	html_element(r->out, "p", NULL,
		"%zu caches have slabs, %llu KiB in all; an area is its slabs' bytes.", n,
		(unsigned long long)all >> 10);
	strbuf_addf(r->out,
		"<svg class=\"draw\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"slab caches "
		"by bytes\">\n",
		WIDTH, HEIGHT);
	draw_map(r->out, tile, n, (double)WIDTH * HEIGHT / (double)all);
	strbuf_add(r->out, "</svg>\n");
	show_table(r->out, tile, n);
	return NULL;
}

/* A tree of names and its picture. Knows SVG's few elements and the little script that enlarges a
 * part. */
#include "analyzer/out/flame.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/arena.h"
#include "analyzer/base/vec.h"
#include "analyzer/out/xml.h"

enum { WIDTH = 1200, ROW = 17, TOP = 32, BOTTOM = 10 };

struct node {
	struct flame_name name;
	uint64_t weight;
	VEC(struct node *) child;
};

struct flame {
	const char *title, *unit;
	struct arena nodes;
	VEC(struct node *) all; /* whose children are to be freed */
	struct node *root;
	size_t depth;
};

static struct node *node_create(struct flame *f, const struct flame_name *name)
{
	struct node *n = arena_alloc(&f->nodes, sizeof(*n));
	n->name = *name;
	vec_push(&f->all, n);
	return n;
}

struct flame *flame_create(const char *title, const char *unit)
{
	struct flame *f = xcalloc(1, sizeof(*f));
	f->title = title;
	f->unit = unit;
	f->root = node_create(f, &(struct flame_name){ .name = "all" });
	return f;
}

void flame_destroy(struct flame *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->all.n; i++)
		vec_deinit(&f->all.v[i]->child);
	vec_deinit(&f->all);
	arena_deinit(&f->nodes);
	free(f);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static struct node *child_of(struct flame *f, struct node *parent, const struct flame_name *name)
{
	for (size_t i = 0; i < parent->child.n; i++) {
		struct node *n = parent->child.v[i];
		if (same(n->name.name, name->name) && same(n->name.group, name->group))
			return n;
	}
	struct node *n = node_create(f, name);
	vec_push(&parent->child, n);
	return n;
}

void flame_add(struct flame *f, const struct flame_name *name, size_t n, uint64_t weight)
{
	struct node *at = f->root;
	at->weight += weight;
	for (size_t i = 0; i < n && i < FLAME_DEPTH_MAX; i++) {
		at = child_of(f, at, &name[i]);
		at->weight += weight;
		if (i + 1 > f->depth)
			f->depth = i + 1;
	}
}

/* ---- drawing ----------------------------------------------------------------------------- */

static int heavier_first(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return strcmp(x->name.name, y->name.name);
}

/* The same name has the same colour everywhere: warm, and what has a group cold. */
static void add_colour(const struct flame_name *name, struct strbuf *out)
{
	uint32_t hash = 2166136261u;
	for (const char *p = name->name; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	unsigned hue = (name->group ? 190 : 20) + hash % 36, light = 66 + hash / 64 % 12;
	strbuf_addf(out, "hsl(%u,80%%,%u%%)", hue, light);
}

static void add_label(const struct flame_name *name, struct strbuf *out)
{
	xml_add_text(out, name->name, strlen(name->name));
	if (!name->group)
		return;
	strbuf_add(out, " [");
	xml_add_text(out, name->group, strlen(name->group));
	strbuf_add_char(out, ']');
}

/* Rectangles and places are in the unit itself; the script turns them into what is seen. */
static void draw_node(const struct flame *f, const struct node *n, uint64_t from, size_t depth,
	struct strbuf *out)
{
	double all = (double)f->root->weight, width = (double)n->weight / all * WIDTH;
	size_t y = TOP + (f->depth - depth) * ROW;
	if (width < 0.05)
		return;
	strbuf_addf(out, "<g class=\"f\" data-x=\"%llu\" data-n=\"%llu\" data-d=\"%zu\"><title>",
		(unsigned long long)from, (unsigned long long)n->weight, depth);
	add_label(&n->name, out);
	strbuf_addf(out, ": %llu of %llu ", (unsigned long long)n->weight,
		(unsigned long long)f->root->weight);
	xml_add_text(out, f->unit, strlen(f->unit));
	strbuf_addf(out,
		", %.1f%%</title><rect x=\"%.2f\" y=\"%zu\" width=\"%.2f\" height=\"%d\" rx=\"2\" "
		"fill=\"",
		(double)n->weight / all * 100, (double)from / all * WIDTH, y, width, ROW - 1);
	add_colour(&n->name, out);
	strbuf_addf(out,
		"\"/><svg x=\"%.2f\" y=\"%zu\" width=\"%.2f\" height=\"%d\"><text x=\"4\" "
		"y=\"12\">",
		(double)from / all * WIDTH, y, width < 12 ? 0 : width - 2, ROW - 1);
	add_label(&n->name, out);
	strbuf_add(out, "</text></svg></g>\n");
}

static void draw_tree(
	const struct flame *f, struct node *n, uint64_t from, size_t depth, struct strbuf *out)
{
	draw_node(f, n, from, depth, out);
	if (n->child.n)
		qsort(n->child.v, n->child.n, sizeof(*n->child.v), heavier_first);
	/* As deep as FLAME_DEPTH_MAX at most. */
	for (size_t i = 0; i < n->child.n; i++) {
		draw_tree(f, n->child.v[i], from, depth + 1, out);
		from += n->child.v[i]->weight;
	}
}

static const char style[] =
	"<style>text{font:11px monospace;fill:#222;pointer-events:none}.t{font-size:14px}"
	".f{cursor:pointer}.f:hover rect{stroke:#222}.above rect{opacity:.5}"
	"@media(prefers-color-scheme:dark){.back{fill:#17181c}.t{fill:#e6e6ea}"
	".f:hover rect{stroke:#e6e6ea}}</style>\n";

/* A click makes that name as wide as the picture; one on a name below it goes back. */
static const char script[] =
	"<script><![CDATA[\n"
	"var all=document.querySelectorAll('.f'),W=1200;\n"
	"function show(x,n,d){all.forEach(function(g){\n"
	"var "
	"a=+g.getAttribute('data-x'),m=+g.getAttribute('data-n'),above=+g.getAttribute('data-d')<d;"
	"\n"
	"var holds=a<=x&&a+m>=x+n,out=above?!holds:a<x||a+m>x+n;\n"
	"g.style.display=out?'none':'';if(out)return;\n"
	"var "
	"l=above?0:(a-x)/n*W,w=above?W:m/n*W,r=g.querySelector('rect'),s=g.querySelector('svg');\n"
	"g.setAttribute('class',above?'f above':'f');\n"
	"r.setAttribute('x',l);r.setAttribute('width',w);\n"
	"s.setAttribute('x',l);s.setAttribute('width',w<12?0:w-2);});}\n"
	"all.forEach(function(g){g.addEventListener('click',function(){\n"
	"show(+g.getAttribute('data-x'),+g.getAttribute('data-n'),+g.getAttribute('data-d'));});});"
	"\n"
	"]]></script>\n";

void flame_draw(struct flame *f, struct strbuf *out)
{
	size_t height = TOP + (f->depth + 1) * ROW + BOTTOM;
	strbuf_addf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %zu\" width=\"%d\" "
		"height=\"%zu\">\n<title>",
		WIDTH, height, WIDTH, height);
	xml_add_text(out, f->title, strlen(f->title));
	strbuf_add(out, "</title>\n");
	strbuf_add(out, style);
	strbuf_addf(out,
		"<rect class=\"back\" width=\"%d\" height=\"%zu\" fill=\"#fff\"/>\n<text "
		"class=\"t\" x=\"4\" "
		"y=\"20\">",
		WIDTH, height);
	xml_add_text(out, f->title, strlen(f->title));
	strbuf_add(out, "</text>\n");
	if (f->root->weight)
		draw_tree(f, f->root, 0, 0, out);
	strbuf_add(out, script);
	strbuf_add(out, "</svg>\n");
}

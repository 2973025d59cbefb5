/* The renderer that renders nothing: it hands rows on. */
#include "analyzer/out/filter.h"

#include <string.h>

#include "analyzer/out/render.h"

static void filter_begin(struct out *o)
{
	(void)o;
}

static void filter_row(struct out *o, const struct row *row)
{
	o->filter.row(o->filter.cx, o->top.table, row);
}

static void filter_complain(struct out *o, const struct fault *f)
{
	o->filter.complain(o->filter.cx, o->command, f);
}

const struct renderer render_filter = {
	.begin = filter_begin,
	.table = filter_begin,
	.row = filter_row,
	.complain = filter_complain,
	.end = filter_begin,
};

struct out *out_create_filter(const struct out_filter *filter, unsigned address_bytes)
{
	struct out *o = out_create(OUT_TEXT, NULL, false);
	o->render = &render_filter;
	o->filter = *filter;
	out_set_address_bytes(o, address_bytes);
	return o;
}

void out_forward(struct out *to, const struct table *t, const struct row *row)
{
	out_table(to, t);
	out_finish_row(to);
	to->top.first = to->top.last = row_copy(&to->arena, t, row);
}

void out_forward_fault(struct out *to, const char *command, const struct fault *f)
{
	struct fault *copy = arena_alloc(&to->arena, sizeof(*copy));
	*copy = *f;
	copy->text = arena_strdup(&to->arena, f->text);
	copy->msg = strcmp(command, to->command) ?
			    arena_printf(&to->arena, "%s: %s", command, f->msg) :
			    arena_strdup(&to->arena, f->msg);
	copy->next = NULL;
	out_add_complaint(to, copy);
}

unsigned out_address_bytes(const struct out *o)
{
	return o->address_digits / 2;
}

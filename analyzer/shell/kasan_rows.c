/* Rows about KASAN's data. mm/kasan/report.c: five rows of sixteen granules, a mark before the row
 * and below the byte that is meant. */
#include "analyzer/shell/kasan_rows.h"

#include "analyzer/kernel/kasan_shadow.h"
#include "analyzer/kernel/stack_depot.h"
#include "analyzer/shell/stack_rows.h"

static const struct column memory_columns[] = { { "line", .text_only = true },
	{ "caret", .text_only = true }, { "address", .hidden = true }, { "bytes", .hidden = true },
	{ "guilty", .hidden = true }, { 0 } };
const struct table kasan_memory_table = { .layout = LAYOUT_LINES, .columns = memory_columns };

static const struct column values_columns[] = { { "value", .width = 4, .align = ALIGN_RIGHT },
	{ "meaning" }, { 0 } };
const struct table kasan_values_table = { .layout = LAYOUT_LINES, .columns = values_columns };

static const struct column tracks_columns[] = { { "text", .text_only = true },
	{ "what", .hidden = true }, { "pid", .hidden = true }, { "handle", .hidden = true },
	{ "cpu", .hidden = true }, { "time", .hidden = true }, { "tag", .hidden = true },
	{ "frames", .list = &stack_rows_table }, { 0 } };
const struct table kasan_tracks_table = { .layout = LAYOUT_LINES, .columns = tracks_columns };

/* ---- memory ----------------------------------------------- */

uint64_t kasan_first_row(const struct kasan *k, uint64_t va)
{
	uint64_t row = (uint64_t)k->granule * KASAN_ROW_BYTES;
	return (kasan_untag(k, va) & ~(row - 1)) - KASAN_ROWS_AROUND * row;
}

bool kasan_row_text(const struct kasan *k, uint64_t row_va, struct strbuf *out)
{
	bool any = false;
	for (unsigned i = 0; i < KASAN_ROW_BYTES; i++) {
		uint8_t b;
		bool have = kasan_try_byte(k, row_va + (uint64_t)i * k->granule, &b);
		any |= have;
		if (have)
			strbuf_addf(out, "%s%02x", i ? " " : "", b);
		else
			strbuf_addf(out, "%s??", i ? " " : "");
	}
	return any;
}

void kasan_rows_memory(struct cx *cx, const struct kasan *k, const char *key, uint64_t va)
{
	uint64_t row_bytes = (uint64_t)k->granule * KASAN_ROW_BYTES, row = kasan_first_row(k, va);
	int digits = k->t->abi.word_bytes * 2;
	va = kasan_untag(k, va);
	out_list_begin(cx->out, key);
	for (unsigned i = 0; i < 2 * KASAN_ROWS_AROUND + 1; i++, row += row_bytes) {
		scoped_strbuf struct strbuf bytes = { 0 };
		bool guilty = va - row < row_bytes;
		kasan_row_text(k, row, &bytes);
		out_row(cx->out);
		out_strf(cx->out, "line", "%c%0*llx: %s", guilty ? '>' : ' ', digits,
			(unsigned long long)row, strbuf_text(&bytes));
		if (guilty) {
			scoped_strbuf struct strbuf caret = { 0 };
			strbuf_pad(&caret, ' ', (size_t)digits + 3 + (va - row) / k->granule * 3);
			strbuf_add_char(&caret, '^');
			out_block(cx->out, "caret", strbuf_text(&caret));
		}
		out_addr(cx->out, "address", row);
		out_str(cx->out, "bytes", strbuf_text(&bytes));
		out_bool(cx->out, "guilty", guilty);
	}
	out_list_end(cx->out);
}

void kasan_rows_values(struct cx *cx, const struct kasan *k, const char *key, uint64_t va)
{
	uint64_t row = kasan_first_row(k, va);
	bool seen[256] = { false };
	for (unsigned i = 0; i < (2 * KASAN_ROWS_AROUND + 1) * KASAN_ROW_BYTES; i++) {
		uint8_t b;
		if (kasan_try_byte(k, row + (uint64_t)i * k->granule, &b))
			seen[b] = true;
	}
	out_list_begin(cx->out, key);
	for (unsigned v = 0; v < 256; v++) {
		if (!seen[v])
			continue;
		out_row(cx->out);
		out_strf(cx->out, "value", "%02x", v);
		out_str(cx->out, "meaning", kasan_value_name(k, (uint8_t)v));
	}
	out_list_end(cx->out);
}

/* ---- tracks ----------------------------------------------- */

static void show_frames(struct cx *cx, uint32_t handle)
{
	uint64_t pcs[STACK_DEPOT_FRAMES_MAX];
	size_t n;
	struct err *err = stack_depot_fetch(cx->target, handle, pcs, STACK_DEPOT_FRAMES_MAX, &n);
	if (err)
		out_complain(cx->out, err);
	else
		stack_rows_show(cx, "frames", pcs, n);
}

static void show_stack(struct cx *cx, const char *what, uint32_t handle)
{
	out_row(cx->out);
	out_strf(cx->out, "text", "%s:", what);
	out_str(cx->out, "what", what);
	out_hex(cx->out, "handle", handle);
	show_frames(cx, handle);
}

static void show_track(struct cx *cx, const char *what, const struct kasan_track *t)
{
	scoped_strbuf struct strbuf text = { 0 };
	strbuf_addf(&text, "%s by task %u", what, t->pid);
	if (t->has_time)
		strbuf_addf(&text, " on CPU %u at %llu.%06us", t->cpu,
			(unsigned long long)(t->time_ns / 1000000000),
			(unsigned)(t->time_ns % 1000000000 / 1000));
	if (t->has_tag)
		strbuf_addf(&text, ", pointer tag %02x", t->tag);
	out_row(cx->out);
	out_strf(cx->out, "text", t->stack ? "%s:" : "%s (no stack was saved)", strbuf_text(&text));
	out_str(cx->out, "what", what);
	out_uint(cx->out, "pid", t->pid);
	if (t->has_time) {
		out_uint(cx->out, "cpu", t->cpu);
		out_seconds(cx->out, "time", t->time_ns);
	}
	if (t->has_tag)
		out_hex(cx->out, "tag", t->tag);
	if (t->stack) {
		out_hex(cx->out, "handle", t->stack);
		show_frames(cx, t->stack);
	}
}

void kasan_rows_tracks(struct cx *cx, const struct kasan_tracks *tracks, const char *key)
{
	static const char *const aux[KASAN_AUX_STACKS] = { "Last work or callback queued",
		"Second to last work or callback queued" };
	out_list_begin(cx->out, key);
	if (tracks->alloc.known)
		show_track(cx, "Allocated", &tracks->alloc);
	if (tracks->free.known)
		show_track(cx, "Freed", &tracks->free);
	for (unsigned i = 0; i < KASAN_AUX_STACKS; i++)
		if (tracks->aux[i])
			show_stack(cx, aux[i], tracks->aux[i]);
	out_list_end(cx->out);
}

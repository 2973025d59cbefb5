/*
 * JSON: one line per answer, its rows written one by one as they come; or one line per row. Foreign
 * bytes that are not UTF-8 come as \xNN before json-c quotes them, so that the document is valid
 * whatever the dump holds.
 */
#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "analyzer/out/render.h"

enum {
	ADD_FLAGS = JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY,
	PRINT_FLAGS = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
};

static struct json_object *json_bytes(const char *s, size_t n)
{
	scoped_strbuf struct strbuf b = { 0 };
	strbuf_add_utf8(&b, s, n);
	/* json-c takes an int; no string here comes near 2 GB, and a cut one beats a wrong one. */
	size_t len = b.len < INT32_MAX ? b.len : INT32_MAX;
	return json_object_new_string_len(strbuf_text(&b), (int)len);
}

static struct json_object *json_text(const char *s)
{
	return json_bytes(s, strlen(s));
}

static struct json_object *json_hex(uint64_t v, unsigned digits)
{
	char s[32];
	snprintf(s, sizeof(s), "0x%0*llx", (int)digits, (unsigned long long)v);
	return json_object_new_string(s);
}

/* Exactly the nanoseconds, not what a double makes of them. */
static struct json_object *json_seconds(uint64_t ns)
{
	char s[40];
	snprintf(s, sizeof(s), "%llu.%09llu", (unsigned long long)(ns / 1000000000),
		(unsigned long long)(ns % 1000000000));
	return json_object_new_double_s((double)ns / 1e9, s);
}

static struct json_object *json_fault(const struct out *o, const struct fault *f)
{
	struct json_object *obj = json_object_new_object();
	json_object_object_add_ex(obj, "fault", json_text(f->name), ADD_FLAGS);
	if (f->has_addr)
		json_object_object_add_ex(
			obj, "address", json_hex(f->addr, o->address_digits), ADD_FLAGS);
	json_object_object_add_ex(obj, "message", json_text(f->msg), ADD_FLAGS);
	return obj;
}

static struct json_object *json_row(
	const struct out *o, const struct table *t, const struct row *row)
{
	struct json_object *obj = json_object_new_object();
	for (size_t i = 0; t->columns[i].key; i++) {
		const struct column *c = &t->columns[i];
		if (c->text_only)
			continue;
		json_object_object_add_ex(obj, c->key, cell_to_json(o, &row->cell[i]), ADD_FLAGS);
	}
	return obj;
}

static struct json_object *json_list(const struct out *o, const struct row_list *list)
{
	struct json_object *array = json_object_new_array();
	for (const struct row *row = list->first; row; row = row->next)
		json_object_array_add(array, json_row(o, list->table, row));
	return array;
}

struct json_object *cell_to_json(const struct out *o, const struct cell *cell)
{
	switch (cell->kind) {
	case CELL_NONE:
		return NULL;
	case CELL_UINT:
	case CELL_BYTES:
		return json_object_new_uint64(cell->u);
	case CELL_INT:
		return json_object_new_int64(cell->i);
	case CELL_HEX:
		return json_hex(cell->u, 1);
	case CELL_ADDR:
		return json_hex(cell->u, o->address_digits);
	case CELL_BOOL:
		return json_object_new_boolean(cell->b);
	case CELL_SECONDS:
		return json_seconds(cell->u);
	case CELL_STR:
	case CELL_BLOCK:
		return json_bytes(cell->s, cell->n);
	case CELL_FAULT:
		return json_fault(o, cell->fault);
	case CELL_LIST:
		return json_list(o, cell->list);
	}
	return NULL;
}

static void add_json(struct strbuf *b, struct json_object *obj)
{
	size_t len;
	const char *s = json_object_to_json_string_length(obj, PRINT_FLAGS, &len);
	strbuf_add_bytes(b, s, len);
	json_object_put(obj);
}

static void json_begin(struct out *o)
{
	strbuf_reset(&o->line);
	strbuf_add(&o->line, "{\"schema\":\"inquest/1\",\"command\":");
	add_json(&o->line, json_text(o->command));
	strbuf_add(&o->line, ",\"rows\":[");
	out_write(o, o->line.s, o->line.len);
}

static void json_table(struct out *o)
{
	(void)o; /* rows of all tables stand in one array, told apart by their keys */
}

static void json_print_row(struct out *o, const struct row *row)
{
	strbuf_reset(&o->line);
	if (o->nrows_all)
		strbuf_add_char(&o->line, ',');
	add_json(&o->line, json_row(o, o->top.table, row));
	out_write(o, o->line.s, o->line.len);
}

static void json_complain(struct out *o, const struct fault *f)
{
	if (o->faults.len)
		strbuf_add_char(&o->faults, ',');
	add_json(&o->faults, json_fault(o, f));
}

static void json_end(struct out *o)
{
	strbuf_reset(&o->line);
	strbuf_add(&o->line, "],\"faults\":[");
	strbuf_add_bytes(&o->line, strbuf_text(&o->faults), o->faults.len);
	strbuf_add(&o->line, "]}\n");
	out_write(o, o->line.s, o->line.len);
}

const struct renderer render_json = {
	.begin = json_begin,
	.table = json_table,
	.row = json_print_row,
	.complain = json_complain,
	.end = json_end,
};

/* ---- a line per row ---------------------------------------------------------------------- */

enum { FLUSH_NS = 100000000 }; /* a reader waits no longer than this for a row that is there */

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void jsonl_begin(struct out *o)
{
	(void)o; /* the command's name is on every line */
}

/* {"command":NAME,KEY:…} */
static void jsonl_line(struct out *o, const char *key, struct json_object *value)
{
	uint64_t now = now_ns();
	strbuf_reset(&o->line);
	strbuf_add(&o->line, "{\"command\":");
	add_json(&o->line, json_text(o->command));
	strbuf_addf(&o->line, ",\"%s\":", key);
	add_json(&o->line, value);
	strbuf_add(&o->line, "}\n");
	out_write(o, o->line.s, o->line.len);
	if (now - o->flushed_ns < FLUSH_NS)
		return;
	o->flushed_ns = now;
	out_flush(o);
}

static void jsonl_row(struct out *o, const struct row *row)
{
	jsonl_line(o, "row", json_row(o, o->top.table, row));
}

static void jsonl_complain(struct out *o, const struct fault *f)
{
	jsonl_line(o, "fault", json_fault(o, f));
}

static void jsonl_end(struct out *o)
{
	strbuf_reset(&o->line);
	strbuf_add(&o->line, "{\"schema\":\"inquest/1\",\"command\":");
	add_json(&o->line, json_text(o->command));
	strbuf_addf(&o->line, ",\"rows\":%llu,\"faults\":%u}\n", (unsigned long long)o->nrows_all,
		o->complaints);
	out_write(o, o->line.s, o->line.len);
}

const struct renderer render_jsonl = {
	.begin = jsonl_begin,
	.table = json_table,
	.row = jsonl_row,
	.complain = jsonl_complain,
	.end = jsonl_end,
};

/* The same rows as text, JSON and CSV: layouts, lists, faults, hostile strings, failed writes. */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/out/out.h"

static const struct column frame_columns[] = {
	{ "n", .width = 2, .align = ALIGN_RIGHT },
	{ "pc" },
	{ "symbol" },
	{ 0 },
};
static const struct table frame_lines = { LAYOUT_LINES, frame_columns };
static const struct table frame_table = { LAYOUT_TABLE, frame_columns };

#define TASK_COLUMNS(list_table)                                                                   \
	{                                                                                          \
		{ "pid", .width = 5, .align = ALIGN_RIGHT }, { "state", .width = 3 },              \
			{ "comm", .title = "COMMAND" }, { "task", .hidden = true },                \
			{ "frames", .list = &(list_table) },                                       \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

static const struct column task_columns[] = TASK_COLUMNS(frame_lines);
static const struct column task_deep_columns[] = TASK_COLUMNS(frame_table);
static const struct table task_table = { LAYOUT_TABLE, task_columns };
static const struct table task_headline = { LAYOUT_HEADLINE, task_columns };
static const struct table task_record = { LAYOUT_RECORD, task_deep_columns };

/* A sink whose rows and complaints both land in memory. */
struct capture {
	struct out *o;
	FILE *to, *errors;
	char *text, *error_text;
	size_t n, error_n;
};

static void capture_open(struct capture *c, enum out_format format, bool colour)
{
	*c = (struct capture){ 0 };
	c->to = open_memstream(&c->text, &c->n);
	c->errors = open_memstream(&c->error_text, &c->error_n);
	c->o = out_create(format, c->to, colour);
	out_set_errors(c->o, c->errors);
}

static void capture_close(struct capture *c)
{
	out_destroy(c->o);
	fclose(c->to);
	fclose(c->errors);
	free(c->text);
	free(c->error_text);
}

static void emit_task(struct out *o, uint64_t pid, const char *comm, bool frames)
{
	out_row(o);
	out_uint(o, "pid", pid);
	out_str(o, "comm", comm);
	out_addr(o, "task", 0xffff000000001000 + pid);
	if (!frames)
		return;
	out_list_begin(o, "frames");
	for (unsigned i = 0; i < 2; i++) {
		out_row(o);
		out_uint(o, "n", i);
		if (i)
			out_fault(o, "pc", err_fault(FAULT_UNMAPPED, 0x1234, "frame %u", i));
		else
			out_hex(o, "pc", 0xc0de);
		out_str(o, "symbol", i ? NULL : "panic+0x1/0x2");
	}
	out_list_end(o);
}

static void emit(struct out *o, const struct table *t, bool frames)
{
	out_begin(o, "bt");
	out_table(o, t);
	emit_task(o, 1, "init", frames);
	emit_task(o, 23, "a \"b\"", frames);
	out_end(o);
}

static void test_text_table(void **state)
{
	(void)state;
	struct capture c;
	capture_open(&c, OUT_TEXT, false);
	emit(c.o, &task_table, false);
	assert_string_equal(c.text, "  PID  STATE  COMMAND\n"
				    "    1         init\n"
				    "   23         a \"b\"\n");
	capture_close(&c);
}

static void empty_answer(struct out *o, bool table, const char *nothing, bool complaint)
{
	out_begin(o, "slub");
	if (table)
		out_table(o, &task_table);
	if (nothing)
		out_nothing(o, "%s", nothing);
	if (complaint)
		out_complain(o, err_new(ERR_MISSING, "no types"));
	out_end(o);
}

/* Text says that there is nothing, once, and not where there is something or where something went
 * wrong. */
static void test_nothing(void **state)
{
	(void)state;
	struct capture c;
	capture_open(&c, OUT_TEXT, false);
	empty_answer(c.o, true, "no damage in 7 objects", false);
	empty_answer(c.o, true, NULL, false); /* what was said is forgotten */
	empty_answer(c.o, false, NULL, false);
	empty_answer(c.o, true, "no damage", true);
	assert_string_equal(c.text, "no damage in 7 objects\nnothing to show\n");
	out_begin(c.o, "slub");
	out_table(c.o, &task_table);
	out_nothing(c.o, "no tasks");
	emit_task(c.o, 1, "init", false);
	out_end(c.o);
	assert_null(strstr(c.text, "no tasks"));
	capture_close(&c);
	for (unsigned format = OUT_JSON; format <= OUT_CSV; format++) {
		capture_open(&c, format, false);
		empty_answer(c.o, true, "no damage", false);
		assert_null(strstr(c.text, "no damage"));
		capture_close(&c);
	}
}

static void test_text_headline(void **state)
{
	(void)state;
	struct capture c;
	capture_open(&c, OUT_TEXT, false);
	emit(c.o, &task_headline, true);
	assert_string_equal(c.text, "PID:     1  COMMAND: \"init\"\n"
				    "   0 0xc0de panic+0x1/0x2\n"
				    "   1 <not mapped>\n"
				    "\n"
				    "PID:    23  COMMAND: \"a \\\"b\\\"\"\n"
				    "   0 0xc0de panic+0x1/0x2\n"
				    "   1 <not mapped>\n");
	capture_close(&c);
}

static void test_text_record(void **state)
{
	(void)state;
	struct capture c;
	capture_open(&c, OUT_TEXT, false);
	emit(c.o, &task_record, true);
	assert_string_equal(c.text, "    PID: 1\n"
				    "COMMAND: init\n"
				    "   N  PC  SYMBOL\n"
				    "   0  0xc0de  panic+0x1/0x2\n"
				    "   1  <not mapped>\n"
				    "\n"
				    "    PID: 23\n"
				    "COMMAND: a \"b\"\n"
				    "   N  PC  SYMBOL\n"
				    "   0  0xc0de  panic+0x1/0x2\n"
				    "   1  <not mapped>\n");
	capture_close(&c);
}

static void test_text_colour(void **state)
{
	(void)state;
	struct capture c;
	capture_open(&c, OUT_TEXT, true);
	out_begin(c.o, "ps");
	out_table(c.o, &frame_table);
	out_row(c.o);
	out_fault(c.o, "pc", err_fault(FAULT_EXCLUDED, 1, "x"));
	out_end(c.o);
	assert_string_equal(c.text, "\033[1m N  PC  SYMBOL\033[0m\n"
				    "    \033[31m<excluded from the dump>\033[0m\n");
	char *other = NULL;
	size_t n;
	FILE *f = open_memstream(&other, &n);
	out_set_file(c.o, f); /* a redirection: no colour */
	emit(c.o, &task_table, false);
	assert_null(strchr(other, '\033'));
	out_set_file(c.o, c.to);
	fclose(f);
	free(other);
	capture_close(&c);
}

static const struct column kind_columns[] = {
	{ "u" },
	{ "i" },
	{ "hex" },
	{ "addr" },
	{ "yes" },
	{ "size" },
	{ "time" },
	{ "s" },
	{ "block" },
	{ "none" },
	{ 0 },
};
static const struct table kind_table = { LAYOUT_LINES, kind_columns };

static void emit_kinds(struct out *o)
{
	out_begin(o, "kinds");
	out_table(o, &kind_table);
	out_row(o);
	out_uint(o, "u", UINT64_MAX);
	out_int(o, "i", INT64_MIN);
	out_hex(o, "hex", 0);
	out_addr(o, "addr", 0xc0008000);
	out_bool(o, "yes", true);
	out_bytes(o, "size", 1536 * 1024);
	out_seconds(o, "time", 12345678901);
	out_strf(o, "s", "%s-%d", "x", 7);
	out_block(o, "block", "struct {\n\tint a; \"\\n\" \033\n}");
	out_end(o);
}

static void test_text_kinds(void **state)
{
	(void)state;
	struct capture c;
	capture_open(&c, OUT_TEXT, false);
	out_set_address_bytes(c.o, 4);
	emit_kinds(c.o);
	assert_string_equal(c.text, "18446744073709551615 -9223372036854775808 0x0 0xc0008000 yes "
				    "1.5M 12.345678 x-7\n"
				    "struct {\n\tint a; \"\\n\" \\x1b\n}\n");
	capture_close(&c);
}

static void test_text_sizes(void **state)
{
	(void)state;
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = { { 0, "0\n" }, { 1023, "1023\n" }, { 1024, "1K\n" }, { 1536, "1.5K\n" },
		{ 1048575, "1M\n" }, { 65536, "64K\n" }, { UINT64_MAX, "16E\n" } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct capture c;
		capture_open(&c, OUT_TEXT, false);
		out_begin(c.o, "x");
		out_table(c.o, &kind_table);
		out_row(c.o);
		out_bytes(c.o, "size", cases[i].bytes);
		out_end(c.o);
		assert_string_equal(c.text, cases[i].text);
		capture_close(&c);
	}
}

static struct json_object *parse(const char *s)
{
	enum json_tokener_error e;
	struct json_object *obj = json_tokener_parse_verbose(s, &e);
	assert_int_equal(e, json_tokener_success);
	assert_non_null(strchr(s, '\n'));
	assert_string_equal(strchr(s, '\n'), "\n"); /* one line */
	return obj;
}

static struct json_object *at(struct json_object *obj, const char *key)
{
	struct json_object *value = NULL;
	assert_true(json_object_object_get_ex(obj, key, &value));
	return value;
}

static const char *text_at(struct json_object *obj, const char *key)
{
	struct json_object *v = at(obj, key);
	assert_true(json_object_is_type(v, json_type_string));
	return json_object_get_string(v);
}

static void test_json_rows(void **state)
{
	(void)state;
	struct capture c;
	capture_open(&c, OUT_JSON, false);
	emit(c.o, &task_headline, true);
	struct json_object *doc = parse(c.text);
	assert_string_equal(text_at(doc, "schema"), "inquest/1");
	assert_string_equal(text_at(doc, "command"), "bt");
	assert_int_equal(json_object_array_length(at(doc, "faults")), 0);
	struct json_object *rows = at(doc, "rows");
	assert_int_equal(json_object_array_length(rows), 2);
	struct json_object *row = json_object_array_get_idx(rows, 1);
	assert_int_equal(json_object_get_int(at(row, "pid")), 23);
	assert_string_equal(text_at(row, "comm"), "a \"b\"");
	assert_string_equal(text_at(row, "task"), "0xffff000000001017");
	assert_null(at(row, "state"));
	struct json_object *frames = at(row, "frames");
	assert_int_equal(json_object_array_length(frames), 2);
	struct json_object *fault = at(json_object_array_get_idx(frames, 1), "pc");
	assert_string_equal(text_at(fault, "fault"), "unmapped");
	assert_string_equal(text_at(fault, "address"), "0x0000000000001234");
	assert_string_equal(text_at(fault, "message"), "frame 1: not mapped");
	assert_null(at(json_object_array_get_idx(frames, 1), "symbol"));
	json_object_put(doc);
	capture_close(&c);
}

static void test_json_kinds(void **state)
{
	(void)state;
	struct capture c;
	capture_open(&c, OUT_JSON, false);
	emit_kinds(c.o);
	assert_string_equal(c.text,
		"{\"schema\":\"inquest/"
		"1\",\"command\":\"kinds\",\"rows\":[{\"u\":18446744073709551615,"
		"\"i\":-9223372036854775808,\"hex\":\"0x0\",\"addr\":\"0x00000000c0008000\","
		"\"yes\":true,\"size\":1572864,\"time\":12.345678901,\"s\":\"x-7\",\"block\":"
		"\"struct {\\n\\tint a; \\\"\\\\n\\\" "
		"\\u001b\\n}\",\"none\":null}],\"faults\":[]}\n");
	json_object_put(parse(c.text));
	capture_close(&c);
}

/* Ends in the middle of a nested list, with a complaint: what Ctrl-C or a bad pointer leaves. */
static void emit_broken(struct out *o)
{
	out_begin(o, "bt");
	out_table(o, &task_headline);
	out_row(o);
	out_uint(o, "pid", 1);
	out_list_begin(o, "frames");
	out_row(o);
	out_uint(o, "n", 0);
	out_complain(o, err_new(ERR_LIMIT, "cpu 3: a\tloop \033[2J"));
	out_complain(o, err_fault(FAULT_CUT, 0x10, "frame"));
	assert_int_equal(out_complaints(o), 2);
	out_end(o);
	out_end(o); /* harmless */
}

static void test_json_after_error(void **state)
{
	(void)state;
	struct capture c;
	capture_open(&c, OUT_JSON, false);
	emit_broken(c.o);
	struct json_object *doc = parse(c.text);
	struct json_object *faults = at(doc, "faults");
	assert_int_equal(json_object_array_length(faults), 2);
	struct json_object *first = json_object_array_get_idx(faults, 0);
	assert_string_equal(text_at(first, "fault"), "limit");
	assert_string_equal(text_at(first, "message"), "cpu 3: a\tloop \x1b[2J");
	assert_string_equal(
		text_at(json_object_array_get_idx(faults, 1), "address"), "0x0000000000000010");
	assert_int_equal(json_object_array_length(at(doc, "rows")), 1);
	assert_string_equal(c.error_text ? c.error_text : "", "");
	json_object_put(doc);
	capture_close(&c);
}

static void test_text_complaints(void **state)
{
	(void)state;
	struct capture c;
	capture_open(&c, OUT_TEXT, false);
	emit_broken(c.o);
	out_begin(c.o, "next"); /* begins on the top again */
	out_table(c.o, &frame_lines);
	out_row(c.o);
	out_uint(c.o, "n", 7);
	out_end(c.o);
	assert_string_equal(c.text, "PID:     1\n   0\n 7\n");
	assert_string_equal(c.error_text, "bt: cpu 3: a\\tloop \\x1b[2J\n"
					  "bt: frame: cut off with the end of the file\n");
	capture_close(&c);
}

/* More than anybody reads: the first ones and a count; JSON keeps them all. */
static void test_many_complaints(void **state)
{
	(void)state;
	for (int format = OUT_TEXT; format <= OUT_JSONL; format++) {
		struct capture c;
		unsigned lines = 0;
		capture_open(&c, (enum out_format)format, false);
		out_begin(c.o, "ps");
		out_table(c.o, &frame_lines);
		for (int i = 0; i < 27; i++)
			out_complain(c.o, err_new(ERR_IO, "task %d", i));
		out_end(c.o);
		for (const char *p = c.error_text; p && *p; p++)
			lines += *p == '\n';
		if (format == OUT_TEXT || format == OUT_CSV) {
			assert_int_equal(lines, 21);
			assert_non_null(strstr(c.error_text,
				"ps: task 19\nps: and 7 complaints more; --json has them all\n"));
		} else {
			assert_int_equal(lines, 0);
			assert_non_null(strstr(c.text, "task 26"));
		}
		capture_close(&c);
	}
}

/* Everything a hostile dump may put into a string, in every format. */
static void test_hostile_strings(void **state)
{
	(void)state;
	static const char evil[] =
		"\033]0;x\007\xff\xc3\x28\xed\xa0\x80 a,\"b\"\r\n\0\x7f\xc2\x9b\\ä";
	for (int format = OUT_TEXT; format <= OUT_CSV; format++) {
		struct capture c;
		capture_open(&c, (enum out_format)format, false);
		out_begin(c.o, "x");
		out_table(c.o, &task_headline);
		out_row(c.o);
		out_str_n(c.o, "comm", evil, sizeof(evil) - 1);
		out_end(c.o);
		for (size_t i = 0; i < c.n; i++) {
			unsigned char b = (unsigned char)c.text[i];
			bool line_end = b == '\n' || (format == OUT_CSV && b == '\r');
			assert_true(line_end || (b >= 0x20 && b != 0x7f));
			assert_true(b != 0xff && b != 0xed && b != 0x9b);
		}
		assert_non_null(strstr(c.text, "ä"));
		assert_non_null(strstr(c.text, format == OUT_JSON ? "u0000" : "x00"));
		if (format == OUT_JSON) {
			/* What JSON can say it says; what is not UTF-8, or a C1 control, it shows.
			 */
			static const char same[] =
				"\033]0;x\007\\xff\\xc3(\\xed\\xa0\\x80 a,\"b\"\r\n\0\\x7f"
				"\\xc2\\x9b\\ä";
			struct json_object *doc = parse(c.text);
			struct json_object *row = json_object_array_get_idx(at(doc, "rows"), 0);
			struct json_object *comm = at(row, "comm");
			assert_int_equal(json_object_get_string_len(comm), sizeof(same) - 1);
			assert_memory_equal(json_object_get_string(comm), same, sizeof(same) - 1);
			json_object_put(doc);
		}
		capture_close(&c);
	}
}

static void test_csv(void **state)
{
	(void)state;
	struct capture c;
	capture_open(&c, OUT_CSV, false);
	emit(c.o, &task_table, false);
	out_begin(c.o, "x");
	out_table(c.o, &frame_table);
	out_row(c.o);
	out_fault(c.o, "pc", err_fault(FAULT_EXCLUDED, 1, "x"));
	out_str(c.o, "symbol", "a,b");
	out_complain(c.o, err_new(ERR_IO, "no"));
	out_end(c.o);
	assert_string_equal(c.text, "pid,state,comm,task,frames\r\n"
				    "1,,init,0xffff000000001001,\r\n"
				    "23,,\"a \"\"b\"\"\",0xffff000000001017,\r\n"
				    "\r\n"
				    "n,pc,symbol\r\n"
				    ",<excluded from the dump>,\"a,b\"\r\n");
	assert_string_equal(c.error_text, "x: no\n");
	capture_close(&c);
}

static void test_csv_lists(void **state)
{
	(void)state;
	struct capture c;
	capture_open(&c, OUT_CSV, false);
	emit(c.o, &task_table, true);
	assert_non_null(strstr(c.text, ",\"[{\"\"n\"\":0,\"\"pc\"\":\"\"0xc0de\"\","));
	capture_close(&c);
}

static void test_text_only(void **state)
{
	(void)state;
	static const struct column c[] = {
		{ "eye", .text_only = true },
		{ "a", .hidden = true },
		{ "b", .hidden = true },
		{ 0 },
	};
	static const struct table t = { LAYOUT_LINES, c };
	static const char *const want[] = {
		[OUT_TEXT] = "1+2\n",
		[OUT_JSON] = "{\"schema\":\"inquest/1\",\"command\":\"x\",\"rows\":"
			     "[{\"a\":1,\"b\":2}],\"faults\":[]}\n",
		[OUT_CSV] = "a,b\r\n1,2\r\n",
	};
	for (int format = OUT_TEXT; format <= OUT_CSV; format++) {
		struct capture cap;
		capture_open(&cap, (enum out_format)format, false);
		out_begin(cap.o, "x");
		out_table(cap.o, &t);
		out_row(cap.o);
		out_uint(cap.o, "a", 1);
		out_uint(cap.o, "b", 2);
		out_str(cap.o, "eye", "1+2");
		out_end(cap.o);
		assert_string_equal(cap.text, want[format]);
		capture_close(&cap);
	}
}

static void test_rows_stream(void **state)
{
	(void)state;
	struct capture c;
	capture_open(&c, OUT_JSON, false);
	out_begin(c.o, "x");
	out_table(c.o, &task_table);
	emit_task(c.o, 1, "one", true);
	emit_task(c.o, 2, "two", true);
	fflush(c.to);
	assert_non_null(strstr(c.text, "one")); /* before the answer ends */
	assert_null(strstr(c.text, "two"));
	out_end(c.o);
	capture_close(&c);
}

static void test_several_tables(void **state)
{
	(void)state;
	struct capture c;
	capture_open(&c, OUT_TEXT, false);
	out_begin(c.o, "x");
	out_table(c.o, &task_table);
	emit_task(c.o, 1, "a", false);
	out_table(c.o, &task_table);
	emit_task(c.o, 2, "b", false);
	out_table(c.o, &frame_lines); /* without rows: no trace */
	out_table(c.o, &frame_table);
	out_row(c.o);
	out_uint(c.o, "n", 9);
	out_end(c.o);
	assert_string_equal(c.text, "  PID  STATE  COMMAND\n"
				    "    1         a\n"
				    "    2         b\n"
				    "\n"
				    " N  PC  SYMBOL\n"
				    " 9\n");
	capture_close(&c);
}

static void test_write_error(void **state)
{
	(void)state;
	FILE *full = fopen("/dev/full", "w");
	if (!full)
		skip();
	struct out *o = out_create(OUT_TEXT, full, false);
	interrupt_clear();
	emit(o, &task_table, false);
	assert_int_equal(out_write_error(o), ENOSPC);
	assert_true(interrupt_pending());
	interrupt_clear();
	out_set_file(o, stdout);
	assert_int_equal(out_write_error(o), 0);
	out_destroy(o);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_table),
		cmocka_unit_test(test_text_headline),
		cmocka_unit_test(test_text_record),
		cmocka_unit_test(test_text_colour),
		cmocka_unit_test(test_text_kinds),
		cmocka_unit_test(test_text_sizes),
		cmocka_unit_test(test_json_rows),
		cmocka_unit_test(test_json_kinds),
		cmocka_unit_test(test_json_after_error),
		cmocka_unit_test(test_text_complaints),
		cmocka_unit_test(test_many_complaints),
		cmocka_unit_test(test_hostile_strings),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_csv_lists),
		cmocka_unit_test(test_text_only),
		cmocka_unit_test(test_rows_stream),
		cmocka_unit_test(test_several_tables),
		cmocka_unit_test(test_write_error),
		cmocka_unit_test(test_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

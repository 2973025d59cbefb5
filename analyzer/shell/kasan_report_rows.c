/*
 * kasan report: the last report in the log, item by item, beside the same made anew from memory.
 * Where the two differ, memory was changed after the report, or something is damaged.
 * mm/kasan/report.c and report_generic.c, 4.19 to 7.2, for the words.
 */
#include <stdio.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/kasan_global.h"
#include "analyzer/kernel/kasan_shadow.h"
#include "analyzer/kernel/kasan_stack.h"
#include "analyzer/kernel/page_state.h"
#include "analyzer/kernel/stack_depot.h"
#include "analyzer/shell/kasan_log.h"
#include "analyzer/shell/kasan_rows.h"

static const struct column report_columns[] = { { "same", .width = 4 }, { "item", .width = 21 },
	{ "log", .title = "LOG", .width = 36 }, { "memory" }, { 0 } };
static const struct table report_table = { .layout = LAYOUT_TABLE, .columns = report_columns };

struct report {
	struct cx *cx;
	const struct kasan *k;
	struct kasan_log log;
	uint64_t addr; /* as the report has it: with its tag */
	uint64_t bytes;
	bool is_free, has_size;
};

/* ---- the log ----------------------------------------------- */

static const char *behind(const struct report *r, const char *what, size_t from, size_t *ret_line)
{
	return kasan_log_behind(&r->log, what, from, ret_line);
}

static struct err *parse_access(struct report *r)
{
	unsigned long long addr, bytes;
	const char *p = behind(r, " of size ", 0, NULL);
	if (p && sscanf(p, "%llu at addr %llx", &bytes, &addr) == 2) {
		r->has_size = true;
		r->bytes = bytes;
	} else {
		p = behind(r, "Free of addr ", 0, NULL);
		r->is_free = p;
		p = p ? p : behind(r, " at addr ", 0, NULL);
		if (!p || sscanf(p, "%llx", &addr) != 1)
			return err_new(ERR_FORMAT, "the log's report names no address: %s",
				r->log.line.v[0]);
	}
	r->addr = addr;
	return NULL;
}

/* ---- rows ----------------------------------------------- */

/* @log may be NULL: the log does not say; so may @memory. */
static void row(struct report *r, const char *item, const char *log, const char *memory, bool same)
{
	out_row(r->cx->out);
	out_str(r->cx->out, "same", !log || !memory ? "" : same ? "yes" : "NO");
	out_str(r->cx->out, "item", item);
	out_str(r->cx->out, "log", log);
	out_str(r->cx->out, "memory", memory);
}

static void row_number(struct report *r, const char *item, const char *log_at, int base,
	uint64_t memory, const char *format)
{
	scoped_strbuf struct strbuf log = { 0 }, ours = { 0 };
	uint64_t n = log_at ? strtoull(log_at, NULL, base) : 0;
	strbuf_addf(&ours, base == 16 ? "0x%llx" : "%llu", (unsigned long long)memory);
	strbuf_add(&ours, format);
	if (log_at) {
		strbuf_addf(&log, base == 16 ? "0x%llx" : "%llu", (unsigned long long)n);
		strbuf_add(&log, format);
	}
	row(r, item, log_at ? strbuf_text(&log) : NULL, strbuf_text(&ours), n == memory);
}

/* What the report is about: it speaks of the access's first byte, but for the rows of memory. */
static uint64_t accessed(const struct report *r)
{
	return kasan_untag(r->k, r->addr);
}

/* ---- type and first bad address ----------------------------------------------- */

/* kasan_find_first_bad_addr(): granule by granule, the first that is not wholly accessible */
static uint64_t first_bad(const struct report *r)
{
	uint64_t bad;
	if (!r->is_free && !kasan_accessible(r->k, r->addr, r->bytes ? r->bytes : 1, &bad))
		return bad;
	return accessed(r);
}

/* Tag modes have one poison for all: the ring's last event of this pointer says which it is. */
static const char *tagged_type(const struct report *r)
{
	struct kasan_object o;
	struct kasan_tracks t;
	struct err *err = kasan_object_find(r->k, r->addr, &o);
	bool found = !err && !(err = kasan_tracks_read(r->k, &o, &t));
	err_drop(err); /* no object, or none that is told of */
	if (r->is_free)
		return found && o.va == accessed(r) ? "double-free" : "invalid-free";
	if (!found || (!t.alloc.known && !t.free.known))
		return "invalid-access";
	return t.newest_is_free ? "slab-use-after-free" : "slab-out-of-bounds";
}

static void show_type(struct report *r)
{
	const char *log = behind(r, "BUG: KASAN: ", 0, NULL),
		   *end = log ? strstr(log, " in ") : NULL;
	scoped_strbuf struct strbuf word = { 0 };
	uint64_t bad = first_bad(r), ignored;
	uint8_t b = 0, next = 0;
	const char *ours = NULL;
	if (!kasan_covers(r->k, r->addr)) {
		ours = kasan_wild_bug_type(r->k, r->addr);
	} else if (r->k->mode != KASAN_GENERIC) {
		ours = tagged_type(r);
	} else if (kasan_try_byte(r->k, bad, &b)) {
		kasan_try_byte(r->k, bad + r->k->granule, &next);
		enum kasan_kind kind = kasan_value_kind(r->k, b);
		if (r->is_free)
			ours = kind == KASAN_SLAB && b != KASAN_SLAB_REDZONE ? "double-free"
									     : "invalid-free";
		else if (kasan_accessible(r->k, r->addr, r->bytes ? r->bytes : 1, &ignored))
			ours = "accessible now";
		else
			ours = kasan_bug_type(r->k, b, next);
	}
	strbuf_add_bytes(&word, log ? log : "", end ? (size_t)(end - log) : log ? strlen(log) : 0);
	/* "slab-use-after-free" is called "use-after-free" up to 6.3 */
	const char *w = strbuf_text(&word);
	bool same = ours && *w &&
		    (!strcmp(ours, w) || (strlen(ours) > strlen(w) &&
						 !strcmp(ours + strlen(ours) - strlen(w), w)));
	row(r, "type", w, ours, same);
}

/* "Pointer tag: [5d], memory tag: [fe]": the second is that of the first bad granule. */
static void show_tag(struct report *r)
{
	uint8_t b;
	const char *log = behind(r, "memory tag: [", 0, NULL);
	if (log && kasan_try_byte(r->k, first_bad(r), &b))
		row_number(r, "memory tag", log, 16, b, "");
}

/* ---- object and tracks ----------------------------------------------- */

/* Frames from line @at on against the saved stack; where they part, that frame of each. */
static void show_frames(struct report *r, const char *item, size_t at, uint32_t handle)
{
	uint64_t pcs[STACK_DEPOT_FRAMES_MAX];
	size_t n = 0, told = 0, i;
	scoped_strbuf struct strbuf log = { 0 }, ours = { 0 };
	struct err *err = stack_depot_fetch(r->cx->target, handle, pcs, STACK_DEPOT_FRAMES_MAX, &n);
	if (err) {
		out_complain(r->cx->out, err);
		n = 0;
	}
	while (at + told < r->log.line.n && *r->log.line.v[at + told] == ' ' &&
		r->log.line.v[at + told][1])
		told++;
	for (i = 0; i < n && i < told; i++) {
		strbuf_reset(&ours);
		symtab_format(r->cx->target->syms, pcs[i], false, &ours);
		if (strcmp(strbuf_text(&ours), r->log.line.v[at + i] + 1))
			break;
	}
	if (i == n && i == told) {
		strbuf_reset(&ours);
		strbuf_addf(&ours, "%zu frames", n);
		row(r, item, strbuf_text(&ours), strbuf_text(&ours), true);
		return;
	}
	strbuf_addf(&log, "#%zu %s", i, i < told ? r->log.line.v[at + i] + 1 : "(ends)");
	strbuf_reset(&ours);
	strbuf_addf(&ours, "#%zu ", i);
	if (i < n)
		symtab_format(r->cx->target->syms, pcs[i], false, &ours);
	row(r, item, strbuf_text(&log), i < n ? strbuf_text(&ours) : "(ends)", false);
}

static void show_track(struct report *r, const char *word, const char *item,
	const char *frames_item, const struct kasan_track *t)
{
	size_t at = 0;
	scoped_free char *what = xasprintf("%s by task ", word);
	const char *log = behind(r, what, 0, &at);
	if (!log && !t->known)
		return;
	if (t->known)
		row_number(r, item, log, 10, t->pid, "");
	else
		row(r, item, log, NULL, false);
	if (log && t->known && t->stack)
		show_frames(r, frames_item, at + 1, t->stack);
}

/* " which belongs to the cache kmalloc-1k of size 1024" */
static void show_cache(struct report *r, const struct kasan_object *o)
{
	const char *log = behind(r, "belongs to the cache ", 0, NULL);
	const char *end = log ? strstr(log, " of size ") : NULL;
	scoped_strbuf struct strbuf name = { 0 };
	if (end)
		strbuf_add_bytes(&name, log, (size_t)(end - log));
	row(r, "cache", end ? strbuf_text(&name) : NULL, o->cache.name,
		end && !strcmp(strbuf_text(&name), o->cache.name));
	row_number(r, "object size", end ? end + strlen(" of size ") : NULL, 10,
		o->cache.object_size, "");
}

static struct err *show_object(struct report *r, bool *ret_found)
{
	struct kasan_object o;
	struct kasan_tracks t;
	struct err *err = kasan_object_find(r->k, r->addr, &o);
	const char *log = behind(r, "belongs to the object at ", 0, NULL);
	if (err && !log && (err->code == ERR_NOT_FOUND || err->code == ERR_FAULT)) {
		err_drop(err); /* neither says that it is one */
		return NULL;
	}
	if (!err)
		err = kasan_tracks_read(r->k, &o, &t);
	if (err)
		return err;
	*ret_found = true;
	row_number(r, "object", log, 16, o.va, "");
	show_cache(r, &o);
	struct kasan_place place = kasan_object_place(&o, accessed(r));
	/* since 6.4 the kernel measures from the end of what was asked for, where it knows that */
	log = behind(r, "The buggy address is located ", 0, NULL);
	if (log && !strstr(log, "allocated "))
		row_number(r, place.relation, log, 10, place.bytes, " bytes");
	else
		row_number(r, place.relation, NULL, 10, place.bytes, " bytes");
	show_track(r, "Allocated", "allocated by pid", "allocation stack", &t.alloc);
	show_track(r, "Freed", "freed by pid", "free stack", &t.free);
	return NULL;
}

/* ---- variables ----------------------------------------------- */

static void show_frame_variable(struct report *r, const struct kasan_variable *v)
{
	scoped_free char *ours = xasprintf("[%llu, %llu) '%s'", (unsigned long long)v->offset,
		(unsigned long long)(v->offset + v->size), v->name);
	bool told = false;
	for (size_t i = 0; i < r->log.line.n && !told; i++)
		told = strstr(r->log.line.v[i], ours);
	row(r, "variable", told ? ours : behind(r, "This frame has ", 0, NULL), ours, told);
}

static struct err *show_variables(struct report *r)
{
	uint64_t va = accessed(r);
	struct task task;
	struct kasan_global g;
	size_t at;
	scoped_free struct kasan_frame *f = xcalloc(1, sizeof(*f));
	const char *log = behind(r, "is located at offset ", 0, &at);
	struct err *err = NULL;
	if (behind(r, "belongs to the variable:", 0, &at)) {
		err = kasan_global_find(r->k, va, &g);
		const char *name = at + 1 < r->log.line.n ? r->log.line.v[at + 1] + 1 : "";
		if (!err)
			row(r, "variable", name, g.name, !strncmp(name, g.name, strlen(g.name)));
		return err;
	}
	if (!log)
		return NULL;
	err = kasan_stack_task(r->cx->target, va, &task);
	if (!err)
		err = kasan_frame_find(r->k, va, task.stack, f);
	if (err)
		return err;
	scoped_strbuf struct strbuf function = { 0 };
	const char *whose = behind(r, "belongs to stack of task ", 0, NULL);
	const char *pid = whose ? strrchr(whose, '/') : NULL;
	if (pid)
		row_number(r, "stack of pid", pid + 1, 10, task.pid, "");
	symtab_format(r->cx->target->syms, f->pc, false, &function);
	row_number(r, "offset in frame", log, 10, va - f->va, "");
	const char *name =
		at + 1 < r->log.line.n && *r->log.line.v[at + 1] ? r->log.line.v[at + 1] + 1 : NULL;
	row(r, "function", name, strbuf_text(&function),
		name && !strcmp(name, strbuf_text(&function)));
	for (unsigned i = 0; i < f->nvariables; i++)
		show_frame_variable(r, &f->variable[i]);
	return NULL;
}

/* "belongs to a 1-page vmalloc region starting at 0x… allocated at caller+0x…"; the address has
 * its tag. */
static void show_area(struct report *r)
{
	static const char start[] = "-page vmalloc region starting at ", by[] = " allocated at ";
	struct vmalloc_area a;
	const char *log = behind(r, "belongs to a ", 0, NULL),
		   *at = log ? strstr(log, start) : NULL;
	const char *name = at ? strstr(at, by) : NULL;
	scoped_strbuf struct strbuf caller = { 0 };
	if (!name)
		return;
	if (!kasan_vmalloc_area(r->cx, accessed(r), &a)) {
		row(r, "vmalloc area", at + strlen(start), NULL, false);
		return;
	}
	uint64_t told = kasan_untag(r->k, strtoull(at + strlen(start), NULL, 16));
	scoped_free char *theirs = xasprintf("0x%llx", (unsigned long long)told);
	scoped_free char *ours = xasprintf("0x%llx", (unsigned long long)a.start);
	row(r, "vmalloc area", theirs, ours, told == a.start);
	row_number(r, "vmalloc pages", log, 10, a.npages, "");
	symtab_format(r->cx->target->syms, a.caller, false, &caller);
	row(r, "area allocated at", name + strlen(by), strbuf_text(&caller),
		!strcmp(name + strlen(by), strbuf_text(&caller)));
}

/* ---- the page ----------------------------------------------- */

/* "page:… refcount:1 mapcount:0 mapping:… index:0x0 pfn:0x41cc0": of a compound page in the linear
 * map its first; addr_to_page() in mm/kasan/report.c, 5.10 to 7.2 */
static void show_frame(struct report *r)
{
	struct paddr pa;
	struct page_state s;
	size_t at;
	struct target *t = r->cx->target;
	const char *log = behind(r, "belongs to the physical page:", 0, &at);
	log = log ? behind(r, " pfn:0x", at, NULL) : NULL;
	if (!log || vspace_translate(t->kernel, accessed(r), &pa, NULL))
		return;
	struct err *err = page_state_read(t, pa.v >> page_shift(t), &s);
	if (err) {
		out_complain(r->cx->out, err);
		return;
	}
	bool linear = !behind(r, "-page vmalloc region starting at ", 0, NULL);
	row_number(r, "page frame", log, 16, linear ? s.head_pfn : s.pfn, "");
}

/* "page last allocated via order 1, migratetype Unmovable, …, pid 35, tgid 35 (comm), …" and its
 * frames; 6.12 has "page last free pid 36 tgid 36 stack trace:", 6.1 no numbers */
static void show_page(struct report *r)
{
	size_t at, freed;
	struct page_owner o;
	const char *log = behind(r, "page last allocated via order ", 0, &at);
	if (!log)
		return;
	if (!kasan_page_owner(r->cx, accessed(r), &o)) {
		row(r, "page order", log, NULL, false);
		return;
	}
	row_number(r, "page order", log, 10, o.order, "");
	const char *pid = strstr(log, ", pid ");
	if (o.has_task)
		row_number(r, "page allocated by pid", pid ? pid + strlen(", pid ") : NULL, 10,
			o.pid, "");
	if (o.handle)
		show_frames(r, "page allocation stack", at + 1, o.handle);
	log = behind(r, "page last free ", at, &freed);
	if (log && !strncmp(log, "pid ", 4) && o.has_free_task)
		row_number(r, "page freed by pid", log + 4, 10, o.free_pid, "");
	if (log && o.free_handle)
		show_frames(r, "page free stack", freed + 1, o.free_handle);
	else if (log || o.free_handle)
		row(r, "page free stack", log ? "there is one" : "missing",
			o.free_handle ? "there is one" : "missing", false);
}

/* ---- memory state ----------------------------------------------- */

/* Below the guilty row stands a caret: under the first bad granule. */
static void show_caret(struct report *r, const char *line, const char *caret, uint64_t row_va)
{
	long n = (caret - line - (long)r->k->t->abi.word_bytes * 2 - 3) / 3;
	uint64_t log = row_va + (uint64_t)n * r->k->granule;
	uint64_t ours = first_bad(r) & ~(r->k->granule - 1ull);
	scoped_free char *a = xasprintf("0x%llx", (unsigned long long)log);
	scoped_free char *b = xasprintf("0x%llx", (unsigned long long)ours);
	row(r, "first bad granule", a, b, log == ours);
}

static void show_memory(struct report *r)
{
	unsigned long long va = 0;
	size_t at;
	if (!behind(r, "Memory state around the buggy address", 0, &at))
		return;
	for (unsigned rows = 0; ++at < r->log.line.n && rows < 2 * KASAN_ROWS_AROUND + 1;) {
		const char *line = r->log.line.v[at], *colon = strchr(line, ':');
		scoped_strbuf struct strbuf ours = { 0 }, log = { 0 };
		if (line[strspn(line, " ")] == '^') {
			show_caret(r, line, line + strspn(line, " "), va);
			continue;
		}
		if (!colon || (*line != ' ' && *line != '>') || sscanf(line + 1, "%llx", &va) != 1)
			continue;
		rows++;
		scoped_free char *item = xasprintf("%llx", va);
		kasan_row_text(r->k, va, &ours);
		strbuf_add(&log, colon + 1 + strspn(colon + 1, " "));
		while (log.len && log.s[log.len - 1] == ' ')
			log.s[--log.len] = '\0';
		row(r, item, strbuf_text(&log), strbuf_text(&ours),
			!strcmp(strbuf_text(&log), strbuf_text(&ours)));
	}
}

static struct err *show(struct report *r)
{
	bool in_object = false;
	struct err *err = parse_access(r);
	if (err)
		return err;
	out_table(r->cx->out, &report_table);
	row(r, "report", r->log.line.v[0], NULL, false);
	row(r, "access", r->log.line.n > 1 ? r->log.line.v[1] : NULL, NULL, false);
	if (r->k->mode != KASAN_HW_TAGS) {
		show_type(r);
		show_tag(r);
	}
	err = show_object(r, &in_object);
	if (err && err->code != ERR_INTERRUPTED) {
		out_complain(r->cx->out, err);
		err = NULL;
	}
	if (!err && !in_object)
		err = show_variables(r);
	if (!err) {
		show_area(r);
		show_frame(r);
		show_page(r);
	}
	if (!err && r->k->mode != KASAN_HW_TAGS)
		show_memory(r);
	return err;
}

struct err *kasan_report_run(struct cx *cx, const struct kasan *k, const struct args *a)
{
	struct report r = { .cx = cx, .k = k };
	struct err *err = args_count(a) > 1 ? args_error(a, 1, "report takes no argument")
					    : kasan_log_read(cx, &r.log);
	if (!err)
		err = show(&r);
	kasan_log_deinit(&r.log);
	return err;
}

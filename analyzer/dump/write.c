/* What comes before any format: which memory there is, and the notes. */
#include "analyzer/dump/write.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/base/scope.h"
#include "analyzer/dump/write_internal.h"

enum { NT_VMCOREINFO = 0, STRETCHES_MAX = 1 << 24 };

struct err *writer_each_run(struct writer *w, writer_run_fn fn, void *cx)
{
	const struct dump_bulk_options all = { .last = { UINT64_MAX } };
	struct dump_bulk *bulk;
	struct dump_run run;
	bool more = true;
	struct err *err = dump_bulk_create(w->d, &all, &bulk);
	if (err)
		return err;
	while (!err && !(err = dump_bulk_next(bulk, &run, &more)) && more) {
		err = fn(w, &run, cx);
		w->done += run.size;
		if (w->d->progress)
			w->d->progress(w->d->progress_cx, "writing", w->done, w->total);
	}
	dump_bulk_destroy(bulk);
	return err;
}

static struct err *plan_add(struct writer *w, const struct dump_run *run, void *cx)
{
	(void)cx;
	enum fault_kind fault = run->fault;
	if (fault && fault != FAULT_EXCLUDED) {
		w->result.lost_bytes += run->size;
		fault = FAULT_CUT; /* one word for all that is lost */
	}
	struct stretch *last = w->plan.n ? &w->plan.v[w->plan.n - 1] : NULL;
	if (last && last->fault == fault && last->pa + last->size == run->pa.v) {
		last->size += run->size;
		return NULL;
	}
	if (w->plan.n == STRETCHES_MAX)
		return err_new(
			ERR_UNSUPPORTED, "its memory is in more than %d pieces", STRETCHES_MAX);
	vec_push(&w->plan, ((struct stretch){ run->pa.v, run->size, fault }));
	return NULL;
}

/* Appends one note, padded to four bytes as Linux and QEMU do in either class. */
static void note_add(struct writer *w, struct strbuf *b, const char *name, uint32_t type,
	const uint8_t *desc, size_t n)
{
	uint8_t h[12];
	size_t nname = strlen(name) + 1;
	put_uint(w, h, nname, 4);
	put_uint(w, h + 4, n, 4);
	put_uint(w, h + 8, type, 4);
	strbuf_add_bytes(b, h, sizeof(h));
	strbuf_add_bytes(b, name, nname);
	strbuf_pad(b, '\0', -nname % 4);
	if (type == NT_VMCOREINFO && strcmp(name, "VMCOREINFO") == 0) {
		w->text_off = b->len;
		w->text_bytes = n;
	}
	strbuf_add_bytes(b, desc, n);
	strbuf_pad(b, '\0', -n % 4);
}

static void notes_make(struct writer *w)
{
	const struct dump_info *info = dump_info(w->d);
	const char *text = info->vmcoreinfo ? info->vmcoreinfo : w->o->vmcoreinfo;
	struct strbuf b = { 0 };
	for (size_t i = 0; i < info->nnotes; i++)
		note_add(w, &b, info->note[i].name, info->note[i].type, info->note[i].desc,
			info->note[i].desc_size);
	if (!w->text_bytes && text)
		note_add(w, &b, "VMCOREINFO", NT_VMCOREINFO, (const uint8_t *)text, strlen(text));
	w->note_bytes = b.len;
	w->note = (uint8_t *)strbuf_take(&b);
}

struct err *dump_write(
	struct dump *d, int fd, const struct dump_write_options *o, struct dump_write_result *ret)
{
	struct writer w = { .d = d, .o = o, .fd = fd };
	struct stat st;
	for (size_t i = 0; i < d->extents.n; i++)
		w.total += 2 * d->extents.v[i].size;
	struct err *err = writer_each_run(&w, plan_add, NULL);
	if (!err) {
		notes_make(&w);
		err = o->format == DUMP_WRITE_ELF ? write_elf(&w) : write_kdump(&w);
	}
	if (!err && fstat(fd, &st) < 0)
		err = err_io(errno, "writing");
	if (!err) {
		w.result.bytes = (uint64_t)st.st_size;
		*ret = w.result;
	}
	vec_deinit(&w.plan);
	free(w.note);
	return err;
}

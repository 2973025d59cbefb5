/*
 * A dump as the layers above see it: finds the reader of the files, owns what the reader found, and
 * copies bytes. Knows the list of readers and nothing of their formats.
 */
#include "analyzer/dump/reader.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/scope.h"

/* In the order of asking; each one decides by a signature of its own. */
static const struct dump_reader *const readers[] = { &elf_core_reader, &kdump_reader };

static const struct dump_reader *reader_find(const struct bytes *b, const char **ret_why)
{
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		if (readers[i]->recognises(b, ret_why))
			return readers[i];
	return NULL;
}

void dump_damaged(struct dump *d, const char *fmt, ...)
{
	if (d->damage)
		return;
	va_list ap;
	va_start(ap, fmt);
	d->damage = xvasprintf(fmt, ap);
	va_end(ap);
}

static struct err *files_open(struct dump *d, const char *const *paths, size_t npaths)
{
	d->file = xcalloc(npaths, sizeof(*d->file));
	for (size_t i = 0; i < npaths; i++) {
		struct err *err = bytes_open(paths[i], &d->file[i]);
		if (err)
			return err;
		d->nfiles++;
		const char *why = "is not a dump in a format that inquest knows";
		const struct dump_reader *reader = reader_find(d->file[i], &why);
		if (!reader)
			return err_new(ERR_FORMAT, "%s: %s", paths[i], why);
		if (d->reader && reader != d->reader)
			return err_new(ERR_MISMATCH, "%s: is %s, but %s is %s", paths[i],
				reader->name, paths[0], d->reader->name);
		d->reader = reader;
	}
	return NULL;
}

/* What the reader left in @d, as the public face shows it. */
static void info_fill(struct dump *d)
{
	struct dump_info *info = &d->info;
	bool flattened = false;
	for (size_t i = 0; i < d->nfiles; i++) {
		info->file_bytes += bytes_file_size(d->file[i]);
		flattened |= bytes_flattened(d->file[i]);
		if (bytes_cut(d->file[i]))
			dump_damaged(d, "the flattened stream ends without its end marker");
	}
	d->format = xasprintf("%s%s", d->reader->name, flattened ? ", flattened" : "");
	info->path = bytes_path(d->file[0]);
	info->format = d->format;
	info->codecs = d->codecs ? d->codecs : "";
	info->extent = d->extents.v;
	info->nextents = d->extents.n;
	info->note = d->notes.v;
	info->nnotes = d->notes.n;
	info->vmcoreinfo = d->vmcoreinfo;
	info->damage = d->damage;
}

struct err *dump_open(const char *const *paths, size_t npaths, struct dump **ret)
{
	if (npaths == 0)
		return err_new(ERR_USAGE, "no dump file is named");
	struct dump *d = xcalloc(1, sizeof(*d));
	struct err *err = files_open(d, paths, npaths);
	if (!err)
		err = err_wrap(d->reader->open(d), "%s", paths[0]);
	if (err) {
		dump_close(d);
		return err;
	}
	info_fill(d);
	*ret = d;
	return NULL;
}

void dump_close(struct dump *d)
{
	if (!d)
		return;
	if (d->reader)
		d->reader->close(d);
	for (size_t i = 0; i < d->nfiles; i++)
		bytes_close(d->file[i]);
	free(d->file);
	vec_deinit(&d->extents);
	vec_deinit(&d->notes);
	arena_deinit(&d->arena);
	free(d->vmcoreinfo);
	free(d->damage);
	free(d->format);
	free(d->codecs);
	free(d);
}

const struct dump_info *dump_info(const struct dump *d)
{
	return &d->info;
}

bool dump_recognises(const char *path)
{
	struct bytes *b;
	scoped_err struct err *err = bytes_open(path, &b); /* not readable: not recognised */
	if (err)
		return false;
	const char *why;
	bool known = reader_find(b, &why) != NULL;
	bytes_close(b);
	return known;
}

enum fault_kind dump_map(struct dump *d, struct paddr pa, const uint8_t **ret_p, size_t *ret_n)
{
	return d->reader->map(d, pa.v, ret_p, ret_n);
}

uint64_t dump_generation(const struct dump *d)
{
	return __atomic_load_n(&d->generation, __ATOMIC_ACQUIRE);
}

/*
 * Copies a first part of @n bytes. When the page cache was emptied meanwhile, the copy may be
 * zeroes: once more. (The mapping itself may have emptied it; then the second round finds its page
 * filled.) That ends, since it takes other threads a whole cache of pages to empty it again.
 */
static enum fault_kind read_part(struct dump *d, uint64_t pa, void *buf, size_t n, size_t *ret_n)
{
	for (;;) {
		uint64_t before = dump_generation(d);
		const uint8_t *p;
		size_t k;
		enum fault_kind fault = d->reader->map(d, pa, &p, &k);
		if (fault)
			return fault;
		k = k < n ? k : n;
		memcpy(buf, p, k);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (dump_generation(d) == before) {
			*ret_n = k;
			return FAULT_NONE;
		}
	}
}

enum fault_kind dump_try_read(struct dump *d, struct paddr pa, void *buf, size_t n,
	struct paddr *ret_bad)
{
	uint8_t *to = buf;
	for (uint64_t at = pa.v; n;) {
		size_t k = 0;
		enum fault_kind fault = read_part(d, at, to, n, &k);
		if (!fault && k < n && at + k < at)
			fault = FAULT_BEYOND; /* the read runs over the end of all addresses */
		if (fault) {
			if (ret_bad)
				*ret_bad = (struct paddr){ at };
			return fault;
		}
		at += k;
		to += k;
		n -= k;
	}
	return FAULT_NONE;
}

struct err *dump_read(struct dump *d, struct paddr pa, void *buf, size_t n)
{
	struct paddr bad;
	enum fault_kind fault = dump_try_read(d, pa, buf, n, &bad);
	if (fault)
		return err_fault(fault, bad.v, "physical address %#" PRIx64, bad.v);
	return NULL;
}

/*
 * A dump as the layers above see it: finds the reader of the files, owns what the reader found, and
 * copies bytes. Knows the list of readers and nothing of their formats.
 */
#include "analyzer/dump/reader.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "analyzer/base/scope.h"
#include "analyzer/dump/foreign_internal.h"
#include "analyzer/dump/page_cache.h"
#include "analyzer/dump/ram_files.h"
#include "analyzer/dump/unpack.h"

/* In the order of asking; each one decides by a signature of its own. */
static const struct dump_reader *const readers[] = { &elf_core_reader, &kdump_reader, &lime_reader,
	&avml_reader };

enum {
	RAW_BYTES_MIN =
		1 << 20, /* what is smaller, or no whole pages, is hardly all RAM of a machine */
	RAW_UNIT = 4096,
};

const uint8_t dump_zeroes[DUMP_ZEROES_BYTES];

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

/* RAM without a header can be anything, but neither ELF nor of an odd size. */
static bool may_be_raw(const struct bytes *b)
{
	uint8_t head[4];
	return bytes_size(b) >= RAW_BYTES_MIN && bytes_size(b) % RAW_UNIT == 0 &&
	       !bytes_flattened(b) && bytes_read(b, 0, head, sizeof(head)) &&
	       memcmp(head,
		       "\x7f"
		       "ELF",
		       sizeof(head)) != 0;
}

/* Which reader the file is for, and where it lies when it is raw; NULL: none. */
static const struct dump_reader *file_look(const struct bytes *b, const struct dump_options *o,
	struct ram_place *ret, const char **ret_why)
{
	const struct dump_reader *reader = reader_find(b, ret_why);
	*ret = (struct ram_place){ 0 };
	if (!reader && foreign_find(o, b))
		reader = &foreign_reader;
	if (reader)
		return reader;
	return ram_files_find(bytes_path(b), ret) || may_be_raw(b) ? &raw_reader : NULL;
}

/* Opens one more file; the first one decides what all of them are. @place is NULL when nobody said
 * that it is raw. */
static struct err *file_add(struct dump *d, const char *path, const struct ram_place *place,
	const struct dump_options *o)
{
	const char *why = "is not a dump in a format that inquest knows";
	struct ram_place found = { 0 };
	d->file = xrealloc_array(d->file, d->nfiles + 1, sizeof(*d->file));
	d->ram = xrealloc_array(d->ram, d->nfiles + 1, sizeof(*d->ram));
	struct err *err = bytes_open_packed(path, o, &d->file[d->nfiles]);
	if (err)
		return err;
	const struct bytes *b = d->file[d->nfiles++];
	const struct dump_reader *reader = place ? &raw_reader : file_look(b, o, &found, &why);
	if (!reader)
		return err_new(ERR_FORMAT, "%s: %s", path, why);
	if (d->reader && reader != d->reader)
		return err_new(ERR_MISMATCH, "%s: is %s, but %s is %s", path, reader->name,
			bytes_path(d->file[0]), d->reader->name);
	d->reader = reader;
	d->foreign = reader == &foreign_reader ? foreign_find(o, b) : NULL;
	d->ram[d->nfiles - 1] = place ? *place : found;
	return NULL;
}

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static struct err *folder_add(struct dump *d, const char *path, const struct dump_options *o)
{
	struct ram_files files;
	struct err *err = NULL;
	ram_files_list(path, &files);
	if (!files.file.n)
		err = err_new(ERR_IO,
			"%s: is a directory without raw RAM and its addresses "
			"(dump_info.txt, load.cmm)",
			path);
	for (size_t i = 0; i < files.file.n && !err; i++) {
		scoped_free char *name = xasprintf("%s/%s", path, files.file.v[i].name);
		err = file_add(d, name, &files.file.v[i].place, o);
	}
	if (files.missing)
		dump_damaged(
			d, "%s, which a table of the folder names, is not there", files.missing);
	ram_files_deinit(&files);
	return err;
}

static struct err *files_open(
	struct dump *d, const struct dump_file *files, size_t nfiles, const struct dump_options *o)
{
	struct err *err = NULL;
	for (size_t i = 0; i < nfiles && !err; i++) {
		struct ram_place at = { true, files[i].ram_at.v, 0 };
		if (!files[i].is_ram && is_folder(files[i].path))
			err = folder_add(d, files[i].path, o);
		else
			err = file_add(d, files[i].path, files[i].is_ram ? &at : NULL, o);
	}
	return err;
}

/* "gzip, kdump-compressed, flattened": from the outside to the inside. */
static char *format_words(const struct dump *d)
{
	const char *packing = bytes_packing(d->file[0]);
	bool flattened = false;
	for (size_t i = 0; i < d->nfiles; i++)
		flattened |= bytes_flattened(d->file[i]);
	return xasprintf("%s%s%s%s%s", packing ? packing : "", packing ? ", " : "",
		d->foreign ? d->foreign->name : d->reader->name,
		d->nfiles > 1 ? ", several files" : "", flattened ? ", flattened" : "");
}

/* What the reader left in @d, as the public face shows it. */
static void info_fill(struct dump *d)
{
	struct dump_info *info = &d->info;
	for (size_t i = 0; i < d->nfiles; i++) {
		info->file_bytes += bytes_file_size(d->file[i]);
		if (bytes_cut(d->file[i]) && bytes_flattened(d->file[i]))
			dump_damaged(d, "the flattened stream ends without its end marker");
		else if (bytes_cut(d->file[i]))
			dump_damaged(d,
				"cut off or damaged: its %s stream ends after %" PRIu64
				" bytes of content",
				bytes_packing(d->file[i]), bytes_size(d->file[i]));
	}
	d->format = format_words(d);
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

struct err *dump_open_files(const struct dump_file *files, size_t nfiles,
	const struct dump_options *o, struct dump **ret)
{
	if (nfiles == 0)
		return err_new(ERR_USAGE, "no dump file is named");
	struct dump *d = xcalloc(1, sizeof(*d));
	d->cache_limit_bytes = o && o->cache_bytes ? o->cache_bytes : page_cache_default_limit();
	d->progress = o ? o->progress : NULL;
	d->progress_cx = o ? o->progress_cx : NULL;
	struct err *err = files_open(d, files, nfiles, o);
	if (!err)
		err = err_wrap(d->reader->open(d), "%s", bytes_path(d->file[0]));
	if (err) {
		dump_close(d);
		return err;
	}
	info_fill(d);
	*ret = d;
	return NULL;
}

struct err *dump_open(const char *const *paths, size_t npaths, struct dump **ret)
{
	scoped_free struct dump_file *files = xcalloc(npaths + 1, sizeof(*files));
	for (size_t i = 0; i < npaths; i++)
		files[i].path = paths[i];
	return dump_open_files(files, npaths, NULL, ret);
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
	free(d->ram);
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

/* A packed vmlinux is no dump, and need not be unpacked to know that. */
static bool packed_is_dump(const struct bytes *b)
{
	enum { HEAD = 65536 };
	const uint8_t *p;
	uint8_t head[EI_NIDENT + 2];
	size_t n = HEAD, have = sizeof(head);
	if (!bytes_map(b, 0, &p, &n) || !unpack_recognises(p, n))
		return false;
	unpack_head(p, n, head, &have);
	bool elf = have == sizeof(head) && memcmp(head, ELFMAG, SELFMAG) == 0;
	struct abi abi = { 4, elf && head[EI_DATA] == ELFDATA2MSB };
	return !elf || get_u16(&abi, head + EI_NIDENT) == ET_CORE;
}

static bool folder_recognises(const char *path)
{
	struct ram_files files;
	ram_files_list(path, &files);
	bool some = files.file.n != 0;
	ram_files_deinit(&files);
	return some;
}

bool dump_recognises(const char *path)
{
	struct bytes *b;
	if (is_folder(path))
		return folder_recognises(path);
	scoped_err struct err *err = bytes_open(path, &b); /* not readable: not recognised */
	if (err)
		return false;
	const uint8_t *p;
	const char *why;
	struct ram_place place;
	size_t n = 4096;
	bool packed = bytes_map(b, 0, &p, &n) && unpack_recognises(p, n);
	bool known = packed ? packed_is_dump(b) : file_look(b, NULL, &place, &why) != NULL;
	bytes_close(b);
	return known;
}

bool dump_next_data(struct dump *d, struct paddr pa, struct paddr *ret)
{
	return d->reader->next_data(d, pa.v, &ret->v);
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

enum fault_kind dump_try_read(
	struct dump *d, struct paddr pa, void *buf, size_t n, struct paddr *ret_bad)
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

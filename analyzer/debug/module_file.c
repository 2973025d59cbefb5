/* Finds the files of modules by build-id and by name. Folders are walked once; what a file says of
 * itself is read only when its name is asked for. */
#include "analyzer/debug/module_file.h"

#include <elfutils/libdwelf.h>
#include <fts.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/arena.h"
#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/strmap.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/debug_file.h"
#include "analyzer/debug/module_unpack.h"

#define SYSTEM_DEBUG_DIR "/usr/lib/debug"

/* A distribution's kernel has 4,000 modules, seven folders deep; a folder given by mistake may have
 * anything. */
enum { DEPTH_MAX = 16, ENTRIES_MAX = 1 << 20, NAME_LENGTH_MAX = 128 };

struct named_file {
	const char *path;
	struct named_file *next; /* of the same name, in the order of places */
};

struct module_files {
	char *symbols_dir, *vmlinux, *release;
	struct arena arena;
	struct strmap by_name; /* to a list of named_file */
	bool walked;
	unsigned entries;
};

struct module_files *module_files_create(
	const char *symbols_dir, const char *vmlinux, const char *release)
{
	struct module_files *f = xcalloc(1, sizeof(*f));
	f->symbols_dir = symbols_dir ? xstrdup(symbols_dir) : NULL;
	f->vmlinux = vmlinux ? xstrdup(vmlinux) : NULL;
	f->release = release ? xstrdup(release) : NULL;
	return f;
}

void module_files_destroy(struct module_files *f)
{
	if (!f)
		return;
	free(f->symbols_dir);
	free(f->vmlinux);
	free(f->release);
	strmap_deinit(&f->by_name);
	arena_deinit(&f->arena);
	free(f);
}

/* ---- folders ----------------------------------------------- */

static bool cut_end(char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	if (n <= m || strcmp(s + n - m, end))
		return false;
	s[n - m] = '\0';
	return true;
}

static void note_file(struct module_files *f, const char *file, const char *path)
{
	char name[NAME_LENGTH_MAX];
	if (strlen(file) >= sizeof(name))
		return;
	memcpy(name, file, strlen(file) + 1);
	if (!cut_end(name, ".ko.debug") && !cut_end(name, ".ko") && !cut_end(name, ".ko.xz") &&
		!cut_end(name, ".ko.zst") && !cut_end(name, ".ko.gz"))
		return;
	for (char *p = name; *p; p++)
		*p = *p == '-' ? '_' : *p;
	struct named_file *n = arena_alloc(&f->arena, sizeof(*n));
	n->path = arena_strdup(&f->arena, path);
	struct named_file *first = strmap_get(&f->by_name, name);
	if (!first) {
		strmap_set(&f->by_name, arena_strdup(&f->arena, name), n);
		return;
	}
	while (first->next)
		first = first->next;
	first->next = n;
}

static struct err *walk(struct module_files *f, char *folder, int depth)
{
	char *roots[] = { folder, NULL };
	struct err *err = NULL;
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	for (FTSENT *e; fts && !err && (e = fts_read(fts)) && f->entries < ENTRIES_MAX;
		f->entries++) {
		if (e->fts_info == FTS_D && e->fts_level >= depth)
			fts_set(fts, e, FTS_SKIP);
		else if (e->fts_info != FTS_D && e->fts_info != FTS_DP)
			note_file(f, e->fts_name, e->fts_path);
		err = interrupt_check();
	}
	if (fts)
		fts_close(fts);
	free(folder);
	return err;
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? xasprintf("%.*s", (int)(slash - path + (slash == path)), path)
		     : xstrdup(".");
}

static struct err *walk_all(struct module_files *f)
{
	struct err *err = f->symbols_dir ? walk(f, xstrdup(f->symbols_dir), DEPTH_MAX) : NULL;
	if (!err && f->vmlinux) {
		scoped_free char *folder = folder_of(f->vmlinux);
		err = walk(f, xasprintf("%s/modules", folder), DEPTH_MAX);
		if (!err)
			err = walk(f, xstrdup(folder), 1);
	}
	/* A release comes from the dump: it must not lead elsewhere. */
	if (!err && f->release && *f->release && *f->release != '.' && !strchr(f->release, '/')) {
		err = walk(
			f, xasprintf("%s/lib/modules/%s", SYSTEM_DEBUG_DIR, f->release), DEPTH_MAX);
		if (!err)
			err = walk(f, xasprintf("/lib/modules/%s", f->release), DEPTH_MAX);
	}
	f->walked = !err;
	return err;
}

/* ---- is it the one ----------------------------------------------- */

/* .modinfo: "key=value", terminated, one after the other. */
static bool same_srcversion(Elf *elf, const char *wanted)
{
	static const char key[] = "srcversion=";
	size_t names, n = strlen(wanted), k = sizeof(key) - 1;
	Elf_Scn *scn = elf_getshdrstrndx(elf, &names) ? NULL : elf_nextscn(elf, NULL);
	for (; scn; scn = elf_nextscn(elf, scn)) {
		GElf_Shdr sh;
		const char *name =
			gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;
		if (!name || strcmp(name, ".modinfo") || sh.sh_type == SHT_NOBITS)
			continue;
		Elf_Data *d = elf_rawdata(scn, NULL);
		for (size_t i = 0; d && d->d_buf && i + k + n < d->d_size; i++) {
			const char *p = (const char *)d->d_buf + i;
			if ((!i || !p[-1]) && !memcmp(p, key, k) && !memcmp(p + k, wanted, n) &&
				!p[k + n])
				return true;
		}
	}
	return false;
}

enum verdict { NO_FILE, DAMAGED, OTHER_BUILD, SYMBOLS_ONLY, WITH_DEBUG };

static enum verdict judge(const char *path, const struct module_wanted *w)
{
	scoped_fd int fd = -1;
	scoped_err struct err *err = module_unpack_open(path, &fd);
	if (err)
		return err->code == ERR_IO ? NO_FILE : DAMAGED;
	elf_version(EV_CURRENT);
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	const void *id = NULL;
	GElf_Ehdr header;
	enum verdict v = OTHER_BUILD;
	bool same = false;
	if (elf && gelf_getehdr(elf, &header) && header.e_type == ET_REL) {
		ssize_t n = w->build_id_bytes ? dwelf_elf_gnu_build_id(elf, &id) : -1;
		if (w->build_id_bytes)
			same = n > 0 && (size_t)n == w->build_id_bytes &&
			       !memcmp(id, w->build_id, (size_t)n);
		else
			same = w->srcversion && same_srcversion(elf, w->srcversion);
	}
	if (same)
		v = debug_file_not_needed(elf) ? WITH_DEBUG : SYMBOLS_ONLY;
	elf_end(elf);
	return v;
}

/* Keeps the better one of @path (taken) and what there is. */
static void consider(
	const struct module_wanted *w, char *path, enum verdict *io_best, char **io_path)
{
	enum verdict v = judge(path, w);
	if (v <= *io_best) {
		free(path);
		return;
	}
	*io_best = v;
	free(*io_path);
	*io_path = path;
}

static char *id_path(const char *dir, const struct module_wanted *w)
{
	struct strbuf b = { 0 };
	strbuf_addf(&b, "%s/.build-id/%02x/", dir, w->build_id[0]);
	for (size_t i = 1; i < w->build_id_bytes; i++)
		strbuf_addf(&b, "%02x", w->build_id[i]);
	strbuf_add(&b, ".debug");
	return strbuf_take(&b);
}

struct err *module_files_find(
	struct module_files *f, const struct module_wanted *w, char **ret, bool *ret_debug)
{
	enum verdict best = NO_FILE;
	char *path = NULL;
	if (!w->build_id_bytes && !w->srcversion)
		return err_new(
			ERR_MISSING, "module %s has no build-id to know its file by", w->name);
	if (w->build_id_bytes && f->symbols_dir)
		consider(w, id_path(f->symbols_dir, w), &best, &path);
	if (w->build_id_bytes && best != WITH_DEBUG)
		consider(w, id_path(SYSTEM_DEBUG_DIR, w), &best, &path);
	struct err *err = best == WITH_DEBUG || f->walked ? NULL : walk_all(f);
	const struct named_file *n = err ? NULL : strmap_get(&f->by_name, w->name);
	for (; n && best != WITH_DEBUG; n = n->next)
		consider(w, xstrdup(n->path), &best, &path);
	if (!err && best == OTHER_BUILD)
		err = err_new(ERR_MISMATCH, "%s is of another build than module %s", path, w->name);
	if (!err && best == DAMAGED)
		err = err_new(ERR_FORMAT, "%s cannot be unpacked", path);
	if (!err && best == NO_FILE)
		err = err_new(ERR_NOT_FOUND, "no file %s.ko, .ko.debug, .ko.xz, .ko.zst or .ko.gz",
			w->name);
	if (err) {
		free(path);
		return err;
	}
	*ret = path;
	*ret_debug = best == WITH_DEBUG;
	return NULL;
}

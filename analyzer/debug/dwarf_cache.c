/*
 * Keeps the DWARF index: takes it from the cache, extends it, builds the whole of it in the
 * background.
 *
 * A run of single commands is not delayed by any of this, nor does it leave a process behind that a
 * person did not ask for: at its end it writes the names of those units that its questions have
 * scanned, a part of the order of search that is right as far as it goes, so that the same
 * questions find them next time. Where somebody sits at the prompt a thread of low priority scans
 * the rest (half a second for four million DIEs), with a libdw handle of its own because a handle
 * is not for two threads; its result is published by one pointer and written at once. When the
 * program ends before, the thread stops within one unit.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "analyzer/base/xalloc.h"
#include "analyzer/debug/dwarf_mend.h"
#include "analyzer/debug/dwarf_index.h"
#include "analyzer/debug/index_cache.h"
#include "analyzer/debug/type.h"

struct dwarf_cache {
	struct index_cache *file; /* borrowed */
	int fd;			  /* of the DWARF; -1: not known */
	struct dwarf_index_origin origin;
	struct dwarf_index *saved; /* over the cache's bytes; NULL: none */
	pthread_t thread;
	bool running;
	atomic_bool stop;
	_Atomic(struct dwarf_index *) built; /* NULL: not yet */
};

void types_use_cache(struct types *db, struct index_cache *file)
{
	db->dwarf_cache = xcalloc(1, sizeof(*db->dwarf_cache));
	db->dwarf_cache->file = file;
	db->dwarf_cache->fd = -1;
}

void dwarf_cache_set_file(struct dwarf_cache *c, int fd)
{
	struct stat st;
	const void *bytes;
	size_t n;
	if (c->fd >= 0 || fstat(fd, &st))
		return;
	c->fd = fd;
	c->origin = (struct dwarf_index_origin){ (uint64_t)st.st_size,
		st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec };
	if (!index_cache_section(c->file, INDEX_DWARF, &bytes, &n))
		return;
	c->saved = dwarf_index_open(bytes, n, &c->origin);
	if (!c->saved)
		index_cache_reject(c->file, INDEX_DWARF);
}

/* ---- a source's part ----------------------------------------------- */

void dwarf_cache_open(struct dwarf_source *s)
{
	struct dwarf_cache *c = s->cache;
	if (!c || !c->saved) {
		dwarf_units_open(s);
		return;
	}
	s->index = c->saved;
	dwarf_index_units(s->index, s);
	s->next_unscanned = dwarf_index_covered(s->index, s->unit.n);
}

void dwarf_cache_adopt(struct dwarf_source *s)
{
	struct dwarf_index *built = s->cache ? atomic_load(&s->cache->built) : NULL;
	if (!built || s->next_unscanned == s->unit.n ||
		dwarf_index_covered(built, s->unit.n) != s->unit.n)
		return;
	s->index = built;
	s->next_unscanned = s->unit.n;
}

void dwarf_cache_reject(struct dwarf_source *s)
{
	s->index = NULL;
	dwarf_units_deinit(s);
	s->order = NULL;
	s->names = (struct dwarf_names){ 0 };
	s->next_unscanned = 0;
	vec_deinit(&s->range);
	s->ranges_made = s->prefixes_made = false;
	dwarf_units_open(s);
	index_cache_reject(s->cache->file, INDEX_DWARF);
	s->cache = NULL; /* this run answers from the file itself, and keeps nothing */
}

void dwarf_cache_keep(struct dwarf_source *s)
{
	struct dwarf_cache *c = s->cache;
	size_t n;
	if (!c || c->fd < 0 || !s->unit.n || !index_cache_writable(c->file) ||
		atomic_load(&c->built))
		return;
	if (c->saved && s->next_unscanned <= dwarf_index_covered(c->saved, s->unit.n) &&
		s->ranges_made == dwarf_index_has_ranges(c->saved))
		return;
	void *bytes = dwarf_index_build(s, &c->origin, &n);
	if (bytes)
		index_cache_put(c->file, INDEX_DWARF, bytes, n);
}

/* ---- in the background ----------------------------------------------- */

/* All names of the file into a source of its own; false when it was told to stop. */
static bool scan_all(struct dwarf_cache *c, struct dwarf_source *s)
{
	dwarf_units_open(s);
	while (s->next_unscanned < s->unit.n && !atomic_load(&c->stop))
		dwarf_units_scan_next(s);
	if (s->next_unscanned < s->unit.n || !s->unit.n)
		return false;
	dwarf_make_ranges(s);
	return true;
}

static void publish(struct dwarf_cache *c, const struct dwarf_source *s)
{
	size_t n;
	void *bytes = dwarf_index_build(s, &c->origin, &n);
	struct dwarf_index *ix = bytes ? dwarf_index_open(bytes, n, &c->origin) : NULL;
	if (!ix) {
		free(bytes);
		return;
	}
	ix->owned = bytes;
	atomic_store(&c->built, ix);
	if (index_cache_writable(c->file)) {
		void *copy = xmalloc(n);
		memcpy(copy, bytes, n);
		index_cache_put(c->file, INDEX_DWARF, copy, n);
		index_cache_save(c->file);
	}
}

static void *run(void *arg)
{
	struct dwarf_cache *c = arg;
	setpriority(PRIO_PROCESS, 0, 10); /* Linux: of this thread only */
	Elf *elf;
	Dwarf *dw = dwarf_begin_mended(c->fd, &elf, NULL);
	struct dwarf_source *s = xcalloc(1, sizeof(*s));
	s->dw = dw;
	if (dw && scan_all(c, s))
		publish(c, s);
	dwarf_units_deinit(s);
	vec_deinit(&s->range);
	free(s);
	dwarf_end(dw);
	elf_end(elf);
	return NULL;
}

void types_index_in_background(struct types *db)
{
	struct dwarf_cache *c = db->dwarf_cache;
	if (!c || c->fd < 0 || c->running ||
		(c->saved && dwarf_index_covered(c->saved, dwarf_index_nunits(c->saved)) ==
				     dwarf_index_nunits(c->saved)))
		return;
	c->running = !pthread_create(&c->thread, NULL, run, c);
}

void dwarf_cache_destroy(struct dwarf_cache *c)
{
	if (!c)
		return;
	atomic_store(&c->stop, true);
	if (c->running)
		pthread_join(c->thread, NULL);
	dwarf_index_destroy(atomic_load(&c->built));
	dwarf_index_destroy(c->saved);
	free(c);
}

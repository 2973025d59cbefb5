/* Reads a cache file: maps it, proves whose it is, hands out sections whose sums are right. */
#include "analyzer/debug/index_cache_internal.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "analyzer/base/load.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"

/* ---- sums ----------------------------------------------- */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9fb21c651e98df25ull;
	return h << 29 | h >> 35;
}

uint64_t index_sum(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t lane[4] = { n, 1, 2, 3 }, v[4];
	for (; n >= sizeof(v); n -= sizeof(v), b += sizeof(v)) {
		memcpy(v, b, sizeof(v));
		for (int i = 0; i < 4; i++)
			lane[i] = mix(lane[i], v[i]);
	}
	memset(v, 0, sizeof(v));
	memcpy(v, b, n);
	for (int i = 0; i < 4; i++)
		lane[i] = mix(lane[i], v[i]);
	uint64_t h = mix(mix(lane[0], lane[1]), mix(lane[2], lane[3]));
	return h ^ h >> 32;
}

/* ---- identity ----------------------------------------------- */

/* The build-id of this very program; what it wrote is what another build may read differently. */
static int find_own_id(struct dl_phdr_info *info, size_t size, void *cx)
{
	uint8_t *id = cx;
	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		const uint8_t *p = (const uint8_t *)(info->dlpi_addr + ph->p_vaddr);
		size_t left = ph->p_type == PT_NOTE ? ph->p_memsz : 0;
		while (left >= sizeof(ElfW(Nhdr))) {
			ElfW(Nhdr) n;
			memcpy(&n, p, sizeof(n));
			size_t name = (n.n_namesz + 3u) & ~3u, desc = (n.n_descsz + 3u) & ~3u;
			size_t all = sizeof(n) + name + desc;
			if (all > left)
				break;
			if (n.n_type == NT_GNU_BUILD_ID && n.n_descsz <= INDEX_ID_BYTES)
				memcpy(id, p + sizeof(n) + name, n.n_descsz);
			p += all;
			left -= all;
		}
	}
	return 1; /* the first object is the program */
}

static bool set_identity(struct index_file_header *want, const struct index_key *key)
{
	struct stat st;
	if (fstat(key->fd, &st) || !S_ISREG(st.st_mode))
		return false;
	*want = (struct index_file_header){
		.magic = INDEX_MAGIC,
		.version = INDEX_VERSION,
		.byte_order = INDEX_BYTE_ORDER,
		.vmlinux_bytes = (uint64_t)st.st_size,
		.vmlinux_changed_ns = st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec,
	};
	memcpy(want->build_id, key->build_id, key->build_id_bytes);
	dl_iterate_phdr(find_own_id, want->program);
	return true;
}

/* What is wrong with a file's header, in words; NULL: nothing. */
static const char *judge(
	const struct index_file_header *h, const struct index_file_header *want, size_t file_bytes)
{
	if (memcmp(h->magic, want->magic, sizeof(h->magic)) ||
		h->sum != index_sum(h, offsetof(struct index_file_header, sum)) ||
		h->file_bytes != file_bytes)
		return "being built: the file there was damaged";
	if (h->version != want->version || h->byte_order != want->byte_order ||
		memcmp(h->program, want->program, sizeof(h->program)))
		return "being built: the one there was another version's";
	if (memcmp(h->build_id, want->build_id, sizeof(h->build_id)) ||
		h->vmlinux_bytes != want->vmlinux_bytes ||
		h->vmlinux_changed_ns != want->vmlinux_changed_ns)
		return "being built: the vmlinux has changed since";
	for (int i = 0; i < INDEX_SECTIONS_END; i++)
		if (!range_inside(h->section[i].offset, h->section[i].bytes, file_bytes) ||
			h->section[i].offset % 8)
			return "being built: the file there was damaged";
	return NULL;
}

/* ---- opening ----------------------------------------------- */

/* The time of change says when a file was last used; once an hour is often enough. */
static void touch(int fd, const struct stat *st)
{
	if (time(NULL) - st->st_mtime > 3600)
		futimens(fd, NULL); /* only its place in the queue suffers when that fails */
}

/* Maps the file; on failure the reason in words. */
static const char *map_file(struct index_cache *c)
{
	struct stat st;
	scoped_fd int fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return "being built: there was none";
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		st.st_mode & (S_IWGRP | S_IWOTH))
		return "being built: the one there is not this user's alone";
	size_t n = (size_t)st.st_size;
	if (st.st_size < (off_t)sizeof(struct index_file_header))
		return "being built: the file there was damaged";
	const uint8_t *map = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return "being built: the one there could not be mapped";
	const char *wrong = judge((const struct index_file_header *)map, &c->want, n);
	if (wrong) {
		munmap((void *)map, n);
		return wrong;
	}
	c->map = map;
	c->map_bytes = n;
	touch(fd, &st);
	return NULL;
}

struct index_cache *index_cache_none(const char *why)
{
	struct index_cache *c = xcalloc(1, sizeof(*c));
	pthread_mutex_init(&c->lock, NULL);
	c->state = why;
	return c;
}

struct index_cache *index_cache_open(const struct index_key *key)
{
	uint64_t limit = index_folder_limit();
	const char *why;
	if (!key->build_id_bytes || key->build_id_bytes > INDEX_ID_BYTES)
		return index_cache_none("not used: the vmlinux has no build-id");
	if (!limit)
		return index_cache_none("not used: INQUEST_CACHE_MB is 0");
	char *folder = index_folder_open(&why);
	if (!folder)
		return index_cache_none(why);
	struct index_cache *c = index_cache_none("");
	c->folder = folder;
	c->limit_bytes = limit;
	struct strbuf b = { 0 };
	strbuf_addf(&b, "%s/", folder);
	for (size_t i = 0; i < key->build_id_bytes; i++)
		strbuf_addf(&b, "%02x", key->build_id[i]);
	strbuf_add(&b, ".index");
	c->path = strbuf_take(&b);
	why = set_identity(&c->want, key) ? map_file(c)
					  : "being built: the vmlinux is no regular file";
	c->state = why ? why : "used";
	return c;
}

void index_cache_close(struct index_cache *c)
{
	if (!c)
		return;
	for (int i = 0; i < INDEX_SECTIONS_END; i++)
		free(c->put[i].bytes);
	if (c->map)
		munmap((void *)c->map, c->map_bytes);
	pthread_mutex_destroy(&c->lock);
	free(c->path);
	free(c->folder);
	free(c);
}

/* ---- sections ----------------------------------------------- */

static bool sum_is_right(struct index_cache *c, enum index_section what)
{
	const struct index_file_header *h = (const struct index_file_header *)c->map;
	const struct index_file_section *s = &h->section[what];
	if (c->checked[what] == SUM_UNKNOWN) {
		bool good = s->offset >= sizeof(*h) &&
			    index_sum(c->map + s->offset, s->bytes) == s->sum;
		c->checked[what] = good ? SUM_GOOD : SUM_BAD;
		if (!good && s->offset)
			c->state = "being built: a part of the file there was damaged";
	}
	return c->checked[what] == SUM_GOOD;
}

bool index_cache_section(
	struct index_cache *c, enum index_section what, const void **ret, size_t *ret_n)
{
	pthread_mutex_lock(&c->lock);
	bool good = c->map && sum_is_right(c, what);
	pthread_mutex_unlock(&c->lock);
	if (!good)
		return false;
	const struct index_file_section *s =
		&((const struct index_file_header *)c->map)->section[what];
	*ret = c->map + s->offset;
	*ret_n = s->bytes;
	return true;
}

void index_cache_reject(struct index_cache *c, enum index_section what)
{
	pthread_mutex_lock(&c->lock);
	c->checked[what] = SUM_BAD;
	c->state = "being built: a part of the file there made no sense";
	pthread_mutex_unlock(&c->lock);
}

bool index_cache_writable(const struct index_cache *c)
{
	return c->path != NULL;
}

const char *index_cache_state(const struct index_cache *c)
{
	return c->state;
}

const char *index_cache_path(const struct index_cache *c)
{
	return c->path;
}

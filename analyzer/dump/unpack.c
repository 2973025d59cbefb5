/*
 * The cache of unpacked files and the loop that fills it. The streams are unpack_stream.c's. Knows
 * nothing of what the bytes mean.
 */
#include "analyzer/dump/unpack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/dump/sparse.h"
#include "analyzer/dump/unpack_stream.h"

enum {
	HEAD_BYTES = 65536,
	IN_BYTES = 1 << 18,
	OUT_BYTES = 1 << 20,
	KEEP_DAYS = 14, /* what nobody opened for so long goes when something new comes */
};

static const char prefix[] = "unpacked-";

const char *unpack_recognises(const uint8_t *p, size_t n)
{
	return unpack_stream_name(unpack_stream_kind(p, n));
}

void unpack_head(const uint8_t *p, size_t np, uint8_t *to, size_t *n)
{
	struct unpack_stream *s = unpack_stream_create(unpack_stream_kind(p, np));
	size_t room = *n, got = 0;
	*n = 0;
	while (s && got < room) {
		size_t used = np, made = room - got;
		enum unpack_state state = unpack_stream_run(s, p, &used, to + got, &made);
		got += made;
		p += used;
		np -= used;
		if (state != UNPACK_MORE || (!used && !made))
			break;
	}
	*n = got;
	unpack_stream_destroy(s);
}

/* The folder, made if need be. */
static struct err *folder_open(int *ret)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	bool has_xdg = xdg && *xdg == '/';
	if (!has_xdg && (!home || *home != '/'))
		return err_new(ERR_IO,
			"no folder for the unpacked file: neither XDG_CACHE_HOME nor "
			"HOME is set");
	scoped_free char *cache = has_xdg ? xstrdup(xdg) : xasprintf("%s/.cache", home);
	scoped_free char *folder = xasprintf("%s/inquest", cache);
	(void)mkdir(cache, 0700); /* what matters is whether the folder opens */
	(void)mkdir(folder, 0700);
	*ret = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? err_io(errno, "%s, for the unpacked file", folder) : NULL;
}

/* FNV-1a (Fowler, Noll, Vo), 64 bits */
static uint64_t hash_add(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;
	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3ULL;
	return h;
}

/* A file is known again by its place, its size, its time and its first bytes. */
static char *key_make(const struct stat *st, const uint8_t *head, size_t n)
{
	const uint64_t v[] = { st->st_dev, st->st_ino, (uint64_t)st->st_size,
		(uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec };
	uint64_t h = hash_add(0xcbf29ce484222325ULL, v, sizeof(v));
	return xasprintf("%s%016" PRIx64, prefix, hash_add(h, head, n));
}

/* The unpacked file if it is there, whole or as far as a cut one went; else -1. */
static int cached_open(int folder, const char *name, bool *ret_cut)
{
	scoped_free char *cut = xasprintf("%s.cut", name);
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	*ret_cut = fd < 0;
	if (fd < 0)
		fd = openat(folder, cut, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)futimens(fd, NULL); /* only makes it stay longer */
	return fd;
}

static void old_remove(int folder)
{
	int fd = dup(folder);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	struct stat st;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	rewinddir(dir);
	while ((e = readdir(dir))) {
		if (strncmp(e->d_name, prefix, sizeof(prefix) - 1) == 0 &&
			fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			st.st_mtime + (time_t)KEEP_DAYS * 86400 < time(NULL))
			(void)unlinkat(
				folder, e->d_name, 0); /* still open elsewhere: stays there */
	}
	closedir(dir);
}

struct job {
	struct unpack_stream *stream;
	const struct dump_options *o;
	int from, to;
	uint64_t read, written, total;
	bool cut;
	uint8_t *in, *out;
};

/* Unpacks @n bytes of job->in; *ret_end: the stream ended. */
static struct err *chunk_unpack(struct job *j, size_t n, bool *ret_end)
{
	const uint8_t *p = j->in;
	for (;;) {
		struct err *err = interrupt_check();
		size_t used = n, made = OUT_BYTES;
		if (err)
			return err;
		enum unpack_state state = unpack_stream_run(j->stream, p, &used, j->out, &made);
		err = sparse_write(j->to, j->out, made, j->written);
		if (err)
			return err_wrap(err, "the unpacked file");
		j->written += made;
		p += used;
		n -= used;
		*ret_end = state == UNPACK_END;
		j->cut = state == UNPACK_BAD;
		if (state != UNPACK_MORE || (!used && !made) || (!n && made < OUT_BYTES))
			return NULL;
	}
}

static struct err *job_run(struct job *j)
{
	bool end = false;
	while (!end && !j->cut) {
		ssize_t n = pread(j->from, j->in, IN_BYTES, (off_t)j->read);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_io(errno, "reading");
		/* xz only says at the file's end that no further stream follows */
		if (n == 0) {
			j->cut = !unpack_stream_may_end(j->stream);
			break;
		}
		struct err *err = chunk_unpack(j, (size_t)n, &end);
		if (err)
			return err;
		j->read += (uint64_t)n;
		if (j->o && j->o->progress)
			j->o->progress(j->o->progress_cx, "unpacking", j->read, j->total);
	}
	return ftruncate(j->to, (off_t)j->written) ? err_io(errno, "writing the unpacked file")
						   : NULL;
}

static struct err *fill(int fd, const struct stat *st, enum unpack_kind kind, int folder,
	const char *name, const struct dump_options *o, bool *ret_cut)
{
	scoped_free char *part = xasprintf("%s.part-%ld", name, (long)getpid());
	scoped_fd int to = openat(folder, part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (to < 0)
		return err_io(errno, "making the unpacked file");
	struct job j = { .stream = unpack_stream_create(kind),
		.o = o,
		.from = fd,
		.to = to,
		.total = (uint64_t)st->st_size,
		.in = xmalloc(IN_BYTES),
		.out = xmalloc(OUT_BYTES) };
	struct err *err = j.stream ? job_run(&j) : err_new(ERR_NO_MEMORY, "unpacking");
	unpack_stream_destroy(j.stream);
	free(j.in);
	free(j.out);
	scoped_free char *whole = xasprintf("%s%s", name, j.cut ? ".cut" : "");
	if (!err && j.written == 0)
		err = err_new(ERR_FORMAT, "is packed, and holds nothing");
	if (!err && renameat(folder, part, folder, whole))
		err = err_io(errno, "naming the unpacked file");
	if (err)
		(void)unlinkat(folder, part, 0);
	*ret_cut = j.cut;
	return err;
}

struct err *unpack_open(int fd, const struct dump_options *o, int *ret_fd, bool *ret_cut)
{
	struct stat st;
	scoped_free uint8_t *head = xmalloc(HEAD_BYTES);
	ssize_t n = pread(fd, head, HEAD_BYTES, 0);
	if (n < 0 || fstat(fd, &st) < 0)
		return err_io(errno, "reading");
	scoped_fd int folder = -1;
	struct err *err = folder_open(&folder);
	if (err)
		return err;
	scoped_free char *name = key_make(&st, head, (size_t)n);
	*ret_fd = cached_open(folder, name, ret_cut);
	if (*ret_fd >= 0)
		return NULL;
	old_remove(folder);
	err = fill(fd, &st, unpack_stream_kind(head, (size_t)n), folder, name, o, ret_cut);
	if (err)
		return err;
	*ret_fd = cached_open(folder, name, ret_cut);
	return *ret_fd < 0 ? err_io(errno, "opening the unpacked file") : NULL;
}

/* Writes a cache file: all sections into a file of its own, which is then renamed into place. */
#include "analyzer/debug/index_cache_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

void index_cache_put(struct index_cache *c, enum index_section what, void *bytes, size_t n)
{
	if (!c->path) {
		free(bytes);
		return;
	}
	pthread_mutex_lock(&c->lock);
	free(c->put[what].bytes);
	c->put[what].bytes = bytes;
	c->put[what].n = n;
	c->dirty = true;
	pthread_mutex_unlock(&c->lock);
}

static bool write_all(int fd, const void *p, size_t n)
{
	const char *at = p;
	while (n) {
		ssize_t done = write(fd, at, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		at += done;
		n -= (size_t)done;
	}
	return true;
}

struct content {
	const void *bytes;
	size_t n;
};

/* What section @i of the new file holds: what was put, else what the old file has and is good. */
static struct content content_of(const struct index_cache *c, int i)
{
	if (c->put[i].bytes)
		return (struct content){ c->put[i].bytes, c->put[i].n };
	if (!c->map || c->checked[i] == SUM_BAD)
		return (struct content){ 0 };
	const struct index_file_section *s =
		&((const struct index_file_header *)c->map)->section[i];
	if (!s->offset ||
		(c->checked[i] == SUM_UNKNOWN && index_sum(c->map + s->offset, s->bytes) != s->sum))
		return (struct content){ 0 };
	return (struct content){ c->map + s->offset, s->bytes };
}

static bool write_file(const struct index_cache *c, int fd)
{
	static const char padding[8];
	struct content content[INDEX_SECTIONS_END];
	struct index_file_header h = c->want;
	uint64_t at = (sizeof(h) + 7) & ~7ull;
	for (int i = 0; i < INDEX_SECTIONS_END; i++) {
		content[i] = content_of(c, i);
		if (!content[i].bytes)
			continue;
		h.section[i] = (struct index_file_section){ at, content[i].n,
			index_sum(content[i].bytes, content[i].n) };
		at += (content[i].n + 7) & ~7ull;
	}
	h.file_bytes = at;
	h.sum = index_sum(&h, offsetof(struct index_file_header, sum));
	if (at > c->limit_bytes)
		return errno = EFBIG, false;
	bool good = write_all(fd, &h, sizeof(h)) &&
		    write_all(fd, padding, ((sizeof(h) + 7) & ~7ull) - sizeof(h));
	for (int i = 0; i < INDEX_SECTIONS_END && good; i++)
		good = write_all(fd, content[i].bytes, content[i].n) &&
		       write_all(fd, padding, -content[i].n & 7);
	return good;
}

static bool write_and_rename(const struct index_cache *c)
{
	scoped_free char *temporary = xasprintf("%s.tmp-XXXXXX", c->path);
	scoped_fd int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return false;
	if (write_file(c, fd) && !rename(temporary, c->path))
		return true;
	int reason = errno;
	unlink(temporary);
	errno = reason;
	return false;
}

static const char *why_not(int reason)
{
	switch (reason) {
	case EFBIG:
		return "not written: larger than INQUEST_CACHE_MB allows";
	case ENOSPC:
	case EDQUOT:
		return "not written: no space is left";
	case EACCES:
	case EPERM:
	case EROFS:
		return "not written: no permission";
	default:
		return "not written: its folder cannot be written to";
	}
}

void index_cache_save(struct index_cache *c)
{
	pthread_mutex_lock(&c->lock);
	if (c->dirty) {
		c->dirty = false;
		if (write_and_rename(c)) {
			c->state = "built";
			index_folder_trim(c->folder, c->limit_bytes, strrchr(c->path, '/') + 1);
		} else {
			c->state = why_not(errno);
		}
	}
	pthread_mutex_unlock(&c->lock);
}

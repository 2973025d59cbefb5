/* Files of modules that are packed as a whole. What packs them is told by their first bytes, not by
 * the name; knows nothing of ELF. */
#include "analyzer/debug/module_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/dump/unpack_stream.h"

/* amdgpu.ko, the largest of all, has 0.4 GiB with its debug information. */
enum { CHUNK_BYTES = 1 << 16 };
#define MODULE_BYTES_MAX (1ull << 30)

static struct err *write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno != EINTR)
			return err_new(ERR_IO, "%s", strerror(errno));
		p += done < 0 ? 0 : done;
		n -= done < 0 ? 0 : (size_t)done;
	}
	return NULL;
}

/* Unpacks the @n bytes at @p to @to_fd. *ret_end: what follows does not belong to it. */
static struct err *unpack_piece(struct unpack_stream *s, const uint8_t *p, size_t n, int to_fd,
	uint64_t *io_bytes, bool *ret_end)
{
	scoped_free uint8_t *room = xmalloc(CHUNK_BYTES);
	struct err *err = NULL;
	size_t used, got = 1;
	*ret_end = false;
	while (!err && !*ret_end && (n || got == CHUNK_BYTES)) {
		used = n;
		got = CHUNK_BYTES;
		enum unpack_state state = unpack_stream_run(s, p, &used, room, &got);
		p += used;
		n -= used;
		*io_bytes += got;
		*ret_end = state == UNPACK_END;
		if (state == UNPACK_BAD || (state == UNPACK_MORE && n && !used && !got))
			return err_new(ERR_FORMAT, "damaged");
		if (*io_bytes > MODULE_BYTES_MAX)
			return err_new(ERR_LIMIT, "unpacks to more than a module can be");
		err = write_all(to_fd, room, got);
		if (!err)
			err = interrupt_check();
	}
	return err;
}

static struct err *unpack(struct unpack_stream *s, int fd, int to_fd)
{
	scoped_free uint8_t *chunk = xmalloc(CHUNK_BYTES);
	uint64_t bytes = 0;
	bool end = false;
	struct err *err = NULL;
	ssize_t n = 1;
	while (!err && !end && (n = read(fd, chunk, CHUNK_BYTES)) > 0)
		err = unpack_piece(s, chunk, (size_t)n, to_fd, &bytes, &end);
	if (err)
		return err;
	if (n < 0)
		return err_new(ERR_IO, "%s", strerror(errno));
	return end || unpack_stream_may_end(s) ? NULL : err_new(ERR_FORMAT, "cut off");
}

struct err *module_unpack_open(const char *path, int *ret_fd)
{
	uint8_t head[16];
	scoped_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);
	if (n < 0)
		return err_new(ERR_IO, "%s: %s", path, strerror(errno));
	enum unpack_kind kind = unpack_stream_kind(head, (size_t)n);
	if (kind == UNPACK_NONE) {
		*ret_fd = fd;
		fd = -1;
		return NULL;
	}
	scoped_fd int to_fd = memfd_create("module", MFD_CLOEXEC);
	if (to_fd < 0)
		return err_new(ERR_IO, "%s: %s", path, strerror(errno));
	struct unpack_stream *s = unpack_stream_create(kind);
	struct err *err = s ? unpack(s, fd, to_fd) : err_new(ERR_UNSUPPORTED, "cannot unpack it");
	unpack_stream_destroy(s);
	if (err)
		return err_wrap(err, "%s (%s)", path, unpack_stream_name(kind));
	*ret_fd = to_fd;
	to_fd = -1;
	return NULL;
}

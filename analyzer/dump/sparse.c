/* Zeroes are left out, and the file system gives them back when the file is read. */
#include "analyzer/dump/sparse.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { HOLE_BYTES = 65536 };

bool sparse_is_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && p[n - 1] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

struct err *sparse_write(int fd, const uint8_t *p, size_t n, uint64_t off)
{
	while (n) {
		size_t k = HOLE_BYTES - off % HOLE_BYTES;
		k = k < n ? k : n;
		for (size_t done = 0; done < k && !sparse_is_zero(p, k);) {
			ssize_t got = pwrite(fd, p + done, k - done, (off_t)(off + done));
			if (got < 0 && errno != EINTR)
				return err_io(errno, "writing");
			done += got > 0 ? (size_t)got : 0;
		}
		p += k;
		off += k;
		n -= k;
	}
	return NULL;
}

/* Asks the formats of others whether a file is theirs. Opens nothing for them. */
#include "analyzer/dump/foreign_internal.h"

#include "analyzer/base/scope.h"

const struct foreign_format *foreign_find(const struct dump_options *o, const struct bytes *b)
{
	uint8_t head[FOREIGN_HEAD_BYTES];
	uint64_t size = bytes_size(b);
	size_t n = size < sizeof(head) ? (size_t)size : sizeof(head);
	if (!o || !o->nforeign || !bytes_read(b, 0, head, n))
		return NULL;
	for (size_t i = 0; i < o->nforeign; i++) {
		const struct foreign_format *f = &o->foreign[i];
		if (f->recognises(f->cx, head, n, size))
			return f;
	}
	return NULL;
}

bool foreign_recognises(const struct dump_options *o, const char *path)
{
	struct bytes *b;
	if (!o || !o->nforeign)
		return false;
	scoped_err struct err *err = bytes_open(path, &b); /* not readable: not recognised */
	if (err)
		return false;
	bool known = foreign_find(o, b) != NULL;
	bytes_close(b);
	return known;
}

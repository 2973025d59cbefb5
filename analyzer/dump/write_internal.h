/* What the writers share: the plan, the notes, bytes in the target's order. */
#ifndef ANALYZER_DUMP_WRITE_INTERNAL_H
#define ANALYZER_DUMP_WRITE_INTERNAL_H

#include "analyzer/base/strbuf.h"
#include "analyzer/base/vec.h"
#include "analyzer/dump/bulk.h"
#include "analyzer/dump/reader.h"
#include "analyzer/dump/write.h"

/* Memory of one kind: bytes (FAULT_NONE), excluded, or lost. */
struct stretch {
	uint64_t pa, size;
	enum fault_kind fault;
};

struct writer {
	struct dump *d;
	const struct dump_write_options *o;
	int fd;
	VEC(struct stretch) plan; /* ascending; neighbours of one kind are one */
	uint8_t *note;
	size_t note_bytes;
	size_t text_off, text_bytes; /* VMCOREINFO's in them; text_bytes 0: none */
	uint64_t done, total;
	struct dump_write_result result;
};

/* Writes @v in the target's byte order. */
static inline void put_uint(const struct writer *w, uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[w->o->abi.big_endian ? n - 1 - i : i] = (uint8_t)(v >> (8 * i));
}

/* Goes over all readable memory once more, run by run. */
typedef struct err *(*writer_run_fn)(struct writer *w, const struct dump_run *run, void *cx);
struct err *writer_each_run(struct writer *w, writer_run_fn fn, void *cx) MUST_CHECK;

struct err *write_elf(struct writer *w) MUST_CHECK;
struct err *write_kdump(struct writer *w) MUST_CHECK;

#endif

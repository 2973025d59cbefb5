/* What the module_layout*.c files share: the search, and the modules that it asks. */
#ifndef ANALYZER_KERNEL_MODULE_LAYOUT_INTERNAL_H
#define ANALYZER_KERNEL_MODULE_LAYOUT_INTERNAL_H

#include "analyzer/base/vec.h"
#include "analyzer/kernel/module_layout.h"

/* struct module has 384 to 1280 bytes in 6.1 and 6.12 (bin); 64-byte lines and debugging make it
 * longer. */
enum { STRUCT_BYTES = 4096 };

struct sample {
	uint64_t va;
	size_t n; /* bytes of raw */
	uint8_t raw[STRUCT_BYTES];
	bool chosen; /* its table is proved */
	bool typetab;
	/* Of its table: the bytes that it takes; the lowest and highest symbol of code, 0: none */
	uint64_t start, end, text_lo, text_hi;
};

struct search {
	struct target *t;
	VEC(struct sample *) m;
	unsigned word;
	uint64_t budget;
	struct module_layout l;
};

/* 0 beyond what was read. */
uint64_t sample_word(const struct search *s, const struct sample *m, size_t off);
uint32_t sample_u32(const struct search *s, const struct sample *m, size_t off);

bool search_readable(const struct search *s, uint64_t va);

/* Fills s->l's .part…, .nparts and .text_size by the modules that are chosen. */
bool search_parts(struct search *s);

/* Fills s->l's .exports… where modules prove it. */
void search_exports(struct search *s);

/* The parts of @m by @l, those that make no sense included. */
void sample_parts(const struct search *s, const struct module_layout *l, const struct sample *m,
	struct module *ret);

#endif

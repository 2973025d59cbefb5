/* What the three files of kallsyms share: raw pieces of physical memory and the found tables. */
#ifndef ANALYZER_TARGET_KALLSYMS_INTERNAL_H
#define ANALYZER_TARGET_KALLSYMS_INTERNAL_H

#include "analyzer/target/kallsyms.h"

enum { TOKENS = 256, TOKEN_BYTES_MAX = 16384, MARKER_STEP = 256 };

/* kallsyms_token_table and what kallsyms_token_index says of it. */
struct token_table {
	struct paddr pa;
	struct paddr end;	/* behind token_index */
	uint16_t index[TOKENS]; /* checked: each is where the table's next string begins */
	char text[TOKEN_BYTES_MAX];
};

/* kallsyms_names, as found before a token table. */
struct name_table {
	uint32_t nsyms;
	struct paddr num_syms; /* where the count itself stands */
	uint8_t *bytes;	       /* all names, compressed; the caller frees them */
	size_t nbytes;
};

/* As much of [pa, pa+n) as the dump has from its beginning on. */
size_t kallsyms_read_some(struct dump *d, uint64_t pa, void *buf, size_t n);

/* A token table at @pa; false when the bytes there are none. */
bool token_table_read(
	struct dump *d, const struct abi *abi, struct paddr pa, struct token_table *ret);

/* Walks backwards from @t to the count and the names that fit to it. False when there are none. */
bool name_table_find(
	struct dump *d, const struct abi *abi, const struct token_table *t, struct name_table *ret);

#endif

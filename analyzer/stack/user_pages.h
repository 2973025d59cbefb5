/*
 * Pages of files that the kernel has in its page cache: struct address_space's tree. A program's
 * code and tables are there even where the program has never touched them. For this folder only.
 */
#ifndef ANALYZER_STACK_USER_PAGES_H
#define ANALYZER_STACK_USER_PAGES_H

#include "analyzer/target/target.h"

struct user_pages;
struct user_pages *user_pages_create(struct target *t);
void user_pages_destroy(struct user_pages *c);

/* @n bytes at @offset of the struct file at @file, within one page. False: not in the dump. */
bool user_pages_read(struct user_pages *c, uint64_t file, uint64_t offset, void *buf, size_t n);

/* The same of a special mapping (the vDSO, ARM's sigpage): of its vm_special_mapping at @special.
 * They too are mapped page by page, when they are touched. */
bool user_pages_read_special(
	struct user_pages *c, uint64_t special, uint64_t offset, void *buf, size_t n);

#endif

/* What the forms of the kasan command share: shadow drawn as the kernel's reports draw it, and
 * tracks. */
#ifndef ANALYZER_SHELL_KASAN_ROWS_H
#define ANALYZER_SHELL_KASAN_ROWS_H

#include "analyzer/kernel/kasan_meta.h"
#include "analyzer/kernel/page_owner.h"
#include "analyzer/kernel/vmalloc.h"
#include "analyzer/shell/command.h"

enum { KASAN_ROW_BYTES = 16, KASAN_ROWS_AROUND = 2 };

/* For columns' .list. Memory: line address bytes guilty. Values: value meaning count. Tracks: what
 * pid handle cpu time tag frames. */
extern const struct table kasan_memory_table, kasan_values_table, kasan_tracks_table;

/* "ff fb ?? …": a row's shadow bytes; false when none could be read. */
bool kasan_row_text(const struct kasan *k, uint64_t row_va, struct strbuf *out);

/* The first of the five rows around @va. */
uint64_t kasan_first_row(const struct kasan *k, uint64_t va);

/* The neighbourhood of @va, and the names of the values that stand there. */
void kasan_rows_memory(struct cx *cx, const struct kasan *k, const char *key, uint64_t va);
void kasan_rows_values(struct cx *cx, const struct kasan *k, const char *key, uint64_t va);

/* Allocation, free, auxiliary stacks. What cannot be read is told in its place. */
void kasan_rows_tracks(struct cx *cx, const struct kasan_tracks *tracks, const char *key);

/* False: the kernel kept nothing about the page at @va (page_owner off, or no page). */
bool kasan_page_owner(struct cx *cx, uint64_t va, struct page_owner *ret);

/* The same as rows of kasan_tracks_table: who allocated the page and who freed it. */
void kasan_rows_page(struct cx *cx, uint64_t va, const char *key);

/* False: @va is in no area of vmalloc's whose pages and caller the kernel kept. */
bool kasan_vmalloc_area(struct cx *cx, uint64_t va, struct vmalloc_area *ret);

/* The same as the cells "area", "area_pages" and "area_caller". */
void kasan_rows_area(struct cx *cx, uint64_t va);

/* kasan map, scan, quarantine, report. */
struct err *kasan_map_run(struct cx *cx, const struct kasan *k, const struct args *a) MUST_CHECK;
struct err *kasan_scan_run(struct cx *cx, const struct kasan *k, const struct args *a) MUST_CHECK;
struct err *kasan_quarantine_run(
	struct cx *cx, const struct kasan *k, const struct args *a) MUST_CHECK;
struct err *kasan_report_run(struct cx *cx, const struct kasan *k, const struct args *a) MUST_CHECK;

#endif

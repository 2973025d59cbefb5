/* What the machine says of itself: names, clocks, command line, memory, the panic's own words. */
#ifndef ANALYZER_KERNEL_SYSTEM_H
#define ANALYZER_KERNEL_SYSTEM_H

#include "analyzer/base/arena.h"
#include "analyzer/target/target.h"

struct system_names {
	char nodename[65], release[65], version[65], machine[65];
};

/* init_uts_ns. */
struct err *system_names_read(struct target *t, struct system_names *ret) MUST_CHECK;

struct system_clock {
	int64_t realtime_s; /* seconds since 1970 at the last tick before death */
	int64_t uptime_s;   /* /proc/uptime's */
};

struct err *system_clock_read(struct target *t, struct system_clock *ret) MUST_CHECK;

/* A kernel string variable (char * or char[]), into @a: saved_command_line, linux_banner … */
struct err *system_string(
	struct target *t, const char *pointer_symbol, struct arena *a, const char **ret) MUST_CHECK;
struct err *system_text(
	struct target *t, const char *array_symbol, struct arena *a, const char **ret) MUST_CHECK;

/* Pages the page allocator manages (_totalram_pages; totalram_pages up to v4.20), in bytes. */
struct err *system_ram_bytes(struct target *t, uint64_t *ret) MUST_CHECK;

/* The last "Kernel panic - not syncing: …" of the log, without those words; NULL when there is
 * none. */
struct err *system_panic_message(struct target *t, struct arena *a, const char **ret) MUST_CHECK;

/* avenrun[0..2], load averages times 100, as /proc/loadavg rounds them. */
struct err *system_load(struct target *t, unsigned ret[3]) MUST_CHECK;

#endif

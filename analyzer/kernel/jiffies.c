/*
 * CONFIG_HZ, where the dump has the kernel's configuration; else the clock source that counts
 * jiffies, whose rate is TICK_NSEC: kernel/time/jiffies.c, clocksource_jiffies, 4.19 to 7.2.
 */
#include "analyzer/kernel/jiffies.h"

enum { HZ_MAX = 100000, NSEC_PER_SEC = 1000000000 };

struct raw_clock {
	uint32_t mult, shift;
};
static const struct view_field clock_fields[] = {
	FIELD(struct raw_clock, mult, "mult"),
	FIELD(struct raw_clock, shift, "shift"),
};
static const struct view_spec clock_spec = { .type = "clocksource",
	.hint = "kernel/time/jiffies.c",
	.fields = clock_fields,
	.nfields = ARRAY_SIZE(clock_fields) };

static bool by_clock(struct target *t, uint64_t *ret)
{
	const struct view *v;
	struct raw_clock raw = { 0 };
	uint64_t va;
	struct err *err = target_symbol(t, "clocksource_jiffies", &va);
	if (!err)
		err = target_view(t, &clock_spec, &v);
	bool found = !err && view_try_read(v, t->kernel, va, &raw) && raw.shift < 32 &&
		     raw.mult >> raw.shift;
	err_drop(err); /* not known by this way */
	if (!found)
		return false;
	uint64_t tick_ns = raw.mult >> raw.shift;
	*ret = (NSEC_PER_SEC + tick_ns / 2) / tick_ns;
	return true;
}

bool jiffies_hz(struct target *t, uint64_t *ret)
{
	uint64_t hz = 0;
	if ((!target_number(t, "CONFIG(HZ)", &hz) || !hz) && !by_clock(t, &hz))
		return false;
	if (!hz || hz > HZ_MAX)
		return false;
	*ret = hz;
	return true;
}

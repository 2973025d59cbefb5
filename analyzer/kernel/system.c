/* Answers for `sys`, each from one or two variables of the kernel. */
#include "analyzer/kernel/system.h"

#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/printk.h"

enum { STRING_MAX = 8192 };

static const struct view_field uts_fields[] = {
	FIELD_BYTES(struct system_names, nodename, "name.nodename"),
	FIELD_BYTES(struct system_names, release, "name.release"),
	FIELD_BYTES(struct system_names, version, "name.version"),
	FIELD_BYTES(struct system_names, machine, "name.machine"),
};
static const struct view_spec uts_spec = {
	.type = "uts_namespace",
	.hint = "init/version.c",
	.fields = uts_fields,
	.nfields = ARRAY_SIZE(uts_fields),
};

struct err *system_names_read(struct target *t, struct system_names *ret)
{
	const struct view *view;
	uint64_t va;
	struct err *err = target_symbol(t, "init_uts_ns", &va);
	if (!err)
		err = target_view(t, &uts_spec, &view);
	if (!err)
		err = view_read(view, t->kernel, va, ret);
	if (err)
		return err_wrap(err, "init_uts_ns");
	ret->nodename[64] = ret->release[64] = ret->version[64] = ret->machine[64] = '\0';
	return NULL;
}

struct timekeeper {
	int64_t xtime_s, to_monotonic_s, boot_ns;
};
static const struct view_field timekeeper_fields[] = {
	FIELD(struct timekeeper, xtime_s, "xtime_sec"),
	FIELD(struct timekeeper, to_monotonic_s, "wall_to_monotonic.tv_sec"),
	FIELD(struct timekeeper, boot_ns, "offs_boot"),
};
static const struct view_spec timekeeper_spec = {
	.type = "timekeeper",
	.hint = "kernel/time/timekeeping.c",
	.fields = timekeeper_fields,
	.nfields = ARRAY_SIZE(timekeeper_fields),
};

/*
 * kernel/time/timekeeping.c. Up to v6.12 shadow_timekeeper is a struct timekeeper of its own, the
 * copy that each tick leaves, and needs no type of a variable. Later it went into tk_core (struct
 * tk_data), and since v6.17 tk_core is a macro for timekeeper_data[0].
 */
static struct err *find_timekeeper(struct target *t, uint64_t *ret_va)
{
	const struct type *type;
	struct field_ref field;
	if (target_has_symbol(t, "shadow_timekeeper"))
		return target_symbol(t, "shadow_timekeeper", ret_va);
	bool array = target_has_symbol(t, "timekeeper_data");
	const char *name = array ? "timekeeper_data" : "tk_core";
	struct err *err = target_symbol(t, name, ret_va);
	if (!err)
		err = types_find_variable(t->types, name, timekeeper_spec.hint, &type);
	if (!err)
		err = type_field(t->types, type, array ? "[0].timekeeper" : "timekeeper", &field);
	if (!err)
		*ret_va += field.bit_offset / 8;
	return err;
}

struct err *system_clock_read(struct target *t, struct system_clock *ret)
{
	const struct view *view;
	struct timekeeper tk;
	uint64_t va;
	struct err *err = find_timekeeper(t, &va);
	if (!err)
		err = target_view(t, &timekeeper_spec, &view);
	if (!err)
		err = view_read(view, t->kernel, va, &tk);
	if (err)
		return err_wrap(err, "clock");
	ret->realtime_s = tk.xtime_s;
	/* Unsigned: what a damaged dump holds may overflow. */
	ret->uptime_s = (int64_t)((uint64_t)tk.xtime_s + (uint64_t)tk.to_monotonic_s +
				  (uint64_t)(tk.boot_ns / 1000000000));
	return NULL;
}

static struct err *read_text(struct target *t, uint64_t va, struct arena *a, const char **ret)
{
	scoped_free char *buf = xmalloc(STRING_MAX);
	struct err *err = vspace_read_str(t->kernel, va, buf, STRING_MAX);
	if (!err)
		*ret = arena_strdup(a, buf);
	return err;
}

struct err *system_string(
	struct target *t, const char *pointer_symbol, struct arena *a, const char **ret)
{
	uint64_t va;
	struct err *err = target_read_variable(t, pointer_symbol, 0, &va);
	return err ? err : err_wrap(read_text(t, va, a, ret), "%s", pointer_symbol);
}

struct err *system_text(
	struct target *t, const char *array_symbol, struct arena *a, const char **ret)
{
	uint64_t va;
	struct err *err = target_need_kernel(t);
	if (!err)
		err = target_symbol(t, array_symbol, &va);
	return err ? err : err_wrap(read_text(t, va, a, ret), "%s", array_symbol);
}

struct err *system_ram_bytes(struct target *t, uint64_t *ret)
{
	const char *name =
		target_has_symbol(t, "_totalram_pages") ? "_totalram_pages" : "totalram_pages";
	uint64_t pages;
	struct err *err = target_read_variable(t, name, 0, &pages);
	if (!err)
		*ret = pages << vspace_facts(t->kernel)->layout.paging.page_shift;
	return err;
}

struct err *system_panic_message(struct target *t, struct arena *a, const char **ret)
{
	static const char words[] = "Kernel panic - not syncing: ";
	struct printk_iter it;
	bool more = true;
	struct err *err = printk_iter_init(&it, t);
	*ret = NULL;
	while (!err) {
		struct printk_record r;
		err = printk_iter_next(&it, &r, &more);
		if (err || !more)
			break;
		size_t n = sizeof(words) - 1;
		if (!r.facility && r.text_bytes >= n && !memcmp(r.text, words, n))
			*ret = arena_strndup(a, r.text + n, r.text_bytes - n);
	}
	printk_iter_deinit(&it);
	return err;
}

/* include/linux/sched/loadavg.h: avenrun[] has 11 fraction bits. */
struct err *system_load(struct target *t, unsigned ret[3])
{
	enum { FSHIFT = 11, FIXED_1 = 1 << FSHIFT };
	uint64_t va;
	struct err *err = target_need_kernel(t);
	if (!err)
		err = target_symbol(t, "avenrun", &va);
	for (unsigned i = 0; !err && i < 3; i++) {
		uint64_t v;
		err = vspace_read_word(t->kernel, va + i * t->abi.word_bytes, &v);
		if (err)
			break;
		v += FIXED_1 / 200;
		ret[i] = (unsigned)((v >> FSHIFT) * 100 + (((v & (FIXED_1 - 1)) * 100) >> FSHIFT));
	}
	return err_wrap(err, "load average");
}

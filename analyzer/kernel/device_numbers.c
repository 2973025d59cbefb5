/*
 * fs/char_dev.c: chrdevs[], block/genhd.c: major_names[], both hash tables by major (4.19 to 7.2).
 * Drivers that hold their struct cdev themselves are in cdev_map (drivers/base/map.c) alone.
 */
#include "analyzer/kernel/device_numbers.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analyzer/base/interrupt.h"

enum { BUCKETS = 255, CHAIN_MAX = 1 << 16, MINOR_BITS = 20 };

struct raw_number {
	uint64_t next, cdev;
	uint32_t major, minor, minors;
	char name[64];
};
static const struct view_field char_fields[] = {
	FIELD(struct raw_number, next, "next"),
	FIELD(struct raw_number, major, "major"),
	FIELD(struct raw_number, minor, "baseminor"),
	FIELD(struct raw_number, minors, "minorct"),
	FIELD(struct raw_number, cdev, "cdev"),
	FIELD_BYTES(struct raw_number, name, "name"),
};
static const struct view_spec char_spec = { .type = "char_device_struct",
	.hint = "fs/char_dev.c",
	.fields = char_fields,
	.nfields = ARRAY_SIZE(char_fields) };

static const struct view_field block_fields[] = {
	FIELD(struct raw_number, next, "next"),
	FIELD(struct raw_number, major, "major"),
	FIELD_BYTES(struct raw_number, name, "name"),
};
static const struct view_spec block_spec = { .type = "blk_major_name",
	.hint = "block/genhd.c",
	.fields = block_fields,
	.nfields = ARRAY_SIZE(block_fields) };

struct raw_probe {
	uint64_t next, data, range;
	uint32_t device;
};
static const struct view_field probe_fields[] = {
	FIELD(struct raw_probe, next, "next"),
	FIELD(struct raw_probe, data, "data"),
	FIELD(struct raw_probe, device, "dev"),
	FIELD(struct raw_probe, range, "range"),
};
static const struct view_spec probe_spec = { .type = "probe",
	.hint = "drivers/base/map.c",
	.fields = probe_fields,
	.nfields = ARRAY_SIZE(probe_fields) };

struct raw_cdev {
	uint64_t operations;
};
static const struct view_field cdev_fields[] = { FIELD(struct raw_cdev, operations, "ops") };
static const struct view_spec cdev_spec = { .type = "cdev",
	.hint = "fs/char_dev.c",
	.fields = cdev_fields,
	.nfields = ARRAY_SIZE(cdev_fields) };

void device_numbers_deinit(struct device_numbers *n)
{
	vec_deinit(&n->all);
}

/* The struct cdev that cdev_map has for a device number; 0: none, or not to be found out. */
static uint64_t find_cdev(struct target *t, const struct raw_number *raw)
{
	const struct view *v;
	uint64_t map, va = 0, data = 0;
	uint32_t device = raw->major << MINOR_BITS | raw->minor;
	struct err *err = target_view(t, &probe_spec, &v);
	if (err || !target_try_variable(t, "cdev_map", &map)) {
		err_drop(err); /* the row is shown without */
		return 0;
	}
	vspace_try_word(t->kernel, map + raw->major % BUCKETS * t->abi.word_bytes, &va);
	for (unsigned n = 0; va && n < CHAIN_MAX && !data; n++) {
		struct raw_probe probe = { 0 };
		if (!view_try_read(v, t->kernel, va, &probe))
			break;
		if (device >= probe.device && device - probe.device < probe.range)
			data = probe.data;
		va = probe.next;
	}
	return data;
}

static void find_operations(
	struct target *t, const struct raw_number *raw, struct device_number *ret)
{
	const struct view *v;
	struct raw_cdev cdev = { 0 };
	ret->cdev = raw->cdev ? raw->cdev : find_cdev(t, raw);
	if (!ret->cdev)
		return;
	struct err *err = target_view(t, &cdev_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, ret->cdev, &cdev);
	err_drop(err); /* the row is shown without */
	ret->operations = cdev.operations;
}

/* One bucket: the chain is ordered by major and minor, so a second look at a number is a circle. */
static struct err *read_chain(struct target *t, const struct view *v, uint64_t head, bool is_block,
	struct device_numbers *ret)
{
	uint64_t va;
	struct err *err = vspace_read_word(t->kernel, head, &va);
	for (unsigned n = 0; !err && va; n++) {
		struct raw_number raw = { 0 };
		struct device_number d = { .is_block = is_block, .va = va };
		err = n < CHAIN_MAX
			      ? interrupt_check()
			      : err_new(ERR_LIMIT,
					"the numbers at 0x%" PRIx64 " go round in a circle", head);
		if (!err)
			err = view_read(v, t->kernel, va, &raw);
		if (err)
			break;
		d.major = raw.major;
		d.minor = raw.minor;
		d.minors = raw.minors;
		memcpy(d.name, raw.name, sizeof(d.name) - 1);
		if (!is_block)
			find_operations(t, &raw, &d);
		vec_push(&ret->all, d);
		va = raw.next;
	}
	return err;
}

static struct err *read_table(struct target *t, const char *symbol, const struct view_spec *spec,
	bool is_block, struct device_numbers *ret)
{
	const struct view *v;
	uint64_t va;
	struct err *first = NULL, *err = target_symbol(t, symbol, &va);
	if (!err)
		err = target_view(t, spec, &v);
	for (unsigned i = 0; !err && i < BUCKETS; i++) {
		err = read_chain(t, v, va + i * t->abi.word_bytes, is_block, ret);
		if (!err || err->code == ERR_INTERRUPTED)
			continue;
		err_drop(first ? err : NULL); /* the first says enough */
		first = first ? first : err;
		err = NULL;
	}
	if (err && first)
		err_drop(first); /* being stopped comes first */
	return err_wrap(err ? err : first, "%s", symbol);
}

static int by_major(const void *a, const void *b)
{
	const struct device_number *x = *(const struct device_number *const *)a,
				   *y = *(const struct device_number *const *)b;
	if (x->is_block != y->is_block)
		return x->is_block ? 1 : -1;
	if (x->major != y->major)
		return x->major < y->major ? -1 : 1;
	return x < y ? -1 : x > y; /* as they came */
}

static void sort(struct device_numbers *n)
{
	VEC(const struct device_number *) order = { 0 };
	struct device_numbers sorted = { 0 };
	for (size_t i = 0; i < n->all.n; i++)
		vec_push(&order, &n->all.v[i]);
	if (order.n)
		qsort(order.v, order.n, sizeof(*order.v), by_major);
	for (size_t i = 0; i < order.n; i++)
		vec_push(&sorted.all, *order.v[i]);
	vec_deinit(&order);
	vec_deinit(&n->all);
	*n = sorted;
}

struct err *device_numbers_read(struct target *t, struct device_numbers *ret)
{
	struct err *err = target_need_kernel(t);
	if (!err)
		err = read_table(t, "chrdevs", &char_spec, false, ret);
	if (!err && target_has_symbol(t, "major_names")) /* else CONFIG_BLOCK is off */
		err = read_table(t, "major_names", &block_spec, true, ret);
	sort(ret);
	return err;
}

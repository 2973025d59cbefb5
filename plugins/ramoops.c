/*
 * ramoops: what pstore kept in reserved RAM: kernel logs of earlier and of this death, the console,
 * the function trace, user space's messages. Knows where the region lies and how it is cut into
 * zones (fs/pstore/ram.c); the kernel does not need to have been found for a region that is given
 * by hand.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/api.h"
#include "plugins/ramoops/zone.h"

enum {
	REGION_MAX = 256 << 20, /* more is no region that a person reserved */
	ZONES_MAX = 4096,
};

enum zone_kind { ZONE_DMESG, ZONE_CONSOLE, ZONE_FTRACE, ZONE_PMSG };
static const char *const kind_names[] = { "dmesg", "console", "ftrace", "pmsg" };
static const char *const state_names[] = { "good", "empty", "no zone", "damaged" };

/* Where the region lies and how it is cut up; bytes. */
struct region {
	uint64_t pa, size, record_size, console_size, ftrace_size, pmsg_size;
	uint64_t nftrace; /* zones that the ftrace part is cut into */
	const char *source;
};

/* ---- the region -------------------------------------------------------------------------- */

struct driver {
	uint64_t phys_addr, size, record_size, console_size, ftrace_size, pmsg_size, nftrace;
};
static const struct view_field driver_fields[] = {
	FIELD(struct driver, phys_addr, "phys_addr"),
	FIELD(struct driver, size, "size"),
	FIELD(struct driver, record_size, "record_size"),
	FIELD_OPTIONAL(struct driver, console_size, "console_size"),
	FIELD_OPTIONAL(struct driver, ftrace_size, "ftrace_size"),
	FIELD_OPTIONAL(struct driver, pmsg_size, "pmsg_size"),
	FIELD_OPTIONAL(struct driver, nftrace, "max_ftrace_cnt"),
};
static const struct view_spec driver_spec = {
	.type = "ramoops_context", .fields = driver_fields, .nfields = ARRAY_SIZE(driver_fields)
};

/* The driver's own variable, oops_cxt: what was really used. */
static struct err *region_of_driver(struct target *t, struct region *ret)
{
	const struct view *v;
	struct driver d;
	uint64_t va;
	struct err *err = api_symbol(t, "oops_cxt", &va);
	if (!err)
		err = api_view(t, &driver_spec, &v);
	if (!err)
		err = api_view_read(t, v, va, &d);
	if (!err && !d.size)
		err = err_new(ERR_NOT_FOUND, "the driver was given no region");
	if (err)
		return err;
	*ret = (struct region){ d.phys_addr, d.size, d.record_size, d.console_size, d.ftrace_size,
		d.pmsg_size, d.nftrace ? d.nftrace : 1, "driver" };
	return NULL;
}

static uint64_t cells(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* A property of one big-endian cell; 0 when it is absent. */
static struct err *device_number(struct target *t, const char *name, uint64_t *ret)
{
	scoped_free uint8_t *p = NULL;
	size_t n;
	struct err *err = api_device_property(t, "ramoops", name, &p, &n);
	*ret = 0;
	if (err && err->code == ERR_NOT_FOUND) {
		err_drop(err);
		return NULL;
	}
	if (!err && n == 4)
		*ret = cells(p, n);
	else if (!err)
		err = err_new(ERR_FORMAT, "the device tree's %s has %zu bytes", name, n);
	return err;
}

/* The driver rounds the zones' sizes down to these (fs/pstore/ram.c, ramoops_probe). */
static uint64_t power_of_two(uint64_t n)
{
	while (n & (n - 1))
		n &= n - 1;
	return n;
}

/* "reg" below /reserved-memory: as many cells for the address as for the size, one or two. */
static struct err *region_of_tree(struct target *t, struct region *ret)
{
	scoped_free uint8_t *reg = NULL;
	size_t n;
	struct region r = { .nftrace = 1, .source = "device tree" };
	struct err *err = api_device_property(t, "ramoops", "reg", &reg, &n);
	if (!err && n != 8 && n != 16)
		err = err_new(ERR_FORMAT, "the device tree's reg has %zu bytes", n);
	if (err)
		return err;
	r.pa = cells(reg, n / 2);
	r.size = cells(reg + n / 2, n / 2);
	const struct {
		const char *name;
		uint64_t *to;
	} sizes[] = { { "record-size", &r.record_size }, { "console-size", &r.console_size },
		{ "ftrace-size", &r.ftrace_size }, { "pmsg-size", &r.pmsg_size } };
	for (size_t i = 0; !err && i < ARRAY_SIZE(sizes); i++) {
		err = device_number(t, sizes[i].name, sizes[i].to);
		*sizes[i].to = power_of_two(*sizes[i].to);
	}
	*ret = r;
	return err;
}

static struct err *region_check(const struct region *r)
{
	if (!r->size || r->size > REGION_MAX || r->pa + r->size < r->pa)
		return err_new(ERR_FORMAT, "a region of %#llx bytes at %#llx cannot be",
			(unsigned long long)r->size, (unsigned long long)r->pa);
	uint64_t rest = r->size;
	const uint64_t parts[] = { r->console_size, r->ftrace_size, r->pmsg_size };
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (parts[i] > rest)
			return err_new(ERR_FORMAT,
				"the zones are larger than the region's %#llx bytes",
				(unsigned long long)r->size);
		rest -= parts[i];
	}
	return NULL;
}

/* Takes both, why the driver and why the device tree do not tell. */
static struct err *no_region(struct err *driver, struct err *tree)
{
	struct err *err = err_new(ERR_MISSING,
		"no region is known (%s; %s); give it: ramoops -a ADDRESS -s BYTES", driver->msg,
		tree->msg);
	err_drop(driver);
	err_drop(tree);
	return err;
}

/* By hand with -a and -s, else as the driver has it, else as the device tree wants it. */
static struct err *region_find(struct cx *cx, const struct args *a, struct region *ret)
{
	struct region r = { .nftrace = 1, .source = "given" };
	struct err *err = NULL;
	if (args_option(a, 'a')) {
		if (!number_parse_hex(args_option(a, 'a'), &r.pa))
			return err_new(ERR_USAGE, "-a wants a physical address in hexadecimal");
		const struct {
			char letter;
			uint64_t otherwise, *to;
		} sizes[] = { { 's', 0, &r.size }, { 'r', 4096, &r.record_size },
			{ 'c', 4096, &r.console_size }, { 'f', 4096, &r.ftrace_size },
			{ 'm', 4096, &r.pmsg_size },
			{ 'n', 1, &r.nftrace } }; /* the module parameters' defaults */
		for (size_t i = 0; !err && i < ARRAY_SIZE(sizes); i++)
			err = args_option_uint(a, sizes[i].letter, sizes[i].otherwise, sizes[i].to);
		if (!err && !r.size)
			err = err_new(
				ERR_USAGE, "-a wants the size of the region beside it: -s BYTES");
	} else {
		struct err *first = region_of_driver(cx->target, &r);
		if (first && first->code != ERR_INTERRUPTED) {
			err = region_of_tree(cx->target, &r);
			if (err)
				err = no_region(first, err);
			else
				err_drop(first); /* the device tree knew */
		} else {
			err = first;
		}
	}
	if (!err)
		err = region_check(&r);
	if (!err)
		*ret = r;
	return err;
}

/* ---- rows -------------------------------------------------------------------------------- */

static const struct column zone_columns[] = { { "zone", .width = 8 },
	{ "n", .width = 3, .align = ALIGN_RIGHT }, { "physical", .width = WIDTH_ADDRESS },
	{ "size", .width = 6, .align = ALIGN_RIGHT }, { "state", .width = 8 },
	{ "used", .width = 6, .align = ALIGN_RIGHT }, { "time", .width = 17, .align = ALIGN_RIGHT },
	{ "compressed", .width = 10 }, { "source", .hidden = true }, { 0 } };
static const struct table zone_table = { .layout = LAYOUT_TABLE, .columns = zone_columns };
static const struct column text_columns[] = { { "zone", .width = 8 }, { "n" }, { "time" },
	{ "text" }, { 0 } };
static const struct table text_table = { .layout = LAYOUT_LINES, .columns = text_columns };
static const struct column trace_columns[] = { { "n", .width = 3, .align = ALIGN_RIGHT },
	{ "cpu", .width = 3, .align = ALIGN_RIGHT }, { "time", .width = 12, .align = ALIGN_RIGHT },
	{ "ip", .width = WIDTH_ADDRESS }, { "symbol", .width = 32 },
	{ "parent", .width = WIDTH_ADDRESS }, { "caller" }, { 0 } };
static const struct table trace_table = { .layout = LAYOUT_TABLE, .columns = trace_columns };

struct show {
	struct cx *cx;
	const struct region *region;
	bool list;	  /* the zones only */
	const char *only; /* a kind's name, or NULL */
};

static void show_text(
	const struct show *s, enum zone_kind kind, uint64_t n, const uint8_t *p, size_t len)
{
	struct out *o = s->cx->out;
	struct record_header h = { 0 };
	scoped_strbuf struct strbuf plain = { 0 };
	struct err *err = NULL;
	if (kind == ZONE_DMESG)
		h = record_header_parse(p, len);
	if (h.there && h.compressed)
		err = record_inflate(p + h.bytes, len - h.bytes, &plain);
	else
		strbuf_add_bytes(
			&plain, p + (h.there ? h.bytes : 0), len - (h.there ? h.bytes : 0));
	out_table(o, &text_table);
	out_row(o);
	out_str(o, "zone", kind_names[kind]);
	out_uint(o, "n", n);
	if (h.there)
		out_strf(o, "time", "%llu.%06llu", (unsigned long long)h.seconds,
			(unsigned long long)h.microseconds);
	scoped_strbuf struct strbuf shown = { 0 };
	strbuf_add_block(&shown, plain.len ? plain.s : "", plain.len);
	if (err && !plain.len)
		out_fault(o, "text", err);
	else
		out_block(o, "text", strbuf_text(&shown));
	if (err && plain.len)
		out_complain(o, err);
}

static void show_trace(const struct show *s, uint64_t n, const uint8_t *p, size_t len)
{
	const struct abi *abi = api_abi(s->cx->target);
	struct out *o = s->cx->out;
	size_t bytes = trace_entry_bytes(abi);
	out_table(o, &trace_table);
	/* A ring that wrapped cuts its oldest entry: the newest ends at the end. */
	for (size_t at = len % bytes; at + bytes <= len && !interrupt_pending(); at += bytes) {
		struct trace_entry e = trace_entry_parse(abi, p + at);
		scoped_strbuf struct strbuf symbol = { 0 }, caller = { 0 };
		out_row(o);
		out_uint(o, "n", n);
		out_uint(o, "cpu", e.cpu);
		out_uint(o, "time", e.time);
		out_addr(o, "ip", e.ip);
		if (api_symbol_text(s->cx->target, e.ip, &symbol))
			out_str(o, "symbol", strbuf_text(&symbol));
		out_addr(o, "parent", e.parent);
		if (api_symbol_text(s->cx->target, e.parent, &caller))
			out_str(o, "caller", strbuf_text(&caller));
	}
}

static void list_zone(const struct show *s, enum zone_kind kind, uint64_t n, uint64_t pa,
	uint64_t size, enum zone_state state, const uint8_t *text, size_t used)
{
	struct out *o = s->cx->out;
	struct record_header h = { 0 };
	if (kind == ZONE_DMESG && used)
		h = record_header_parse(text, used);
	out_table(o, &zone_table);
	out_row(o);
	out_str(o, "zone", kind_names[kind]);
	out_uint(o, "n", n);
	out_addr(o, "physical", pa);
	out_bytes(o, "size", size);
	out_str(o, "state", state_names[state]);
	out_bytes(o, "used", used);
	if (h.there) {
		out_strf(o, "time", "%llu.%06llu", (unsigned long long)h.seconds,
			(unsigned long long)h.microseconds);
		out_bool(o, "compressed", h.compressed);
	}
	out_str(o, "source", s->region->source);
}

static void show_zone(
	const struct show *s, enum zone_kind kind, uint64_t n, uint64_t pa, uint64_t size)
{
	scoped_free uint8_t *p = malloc(size), *text = malloc(size);
	size_t used = 0;
	if (s->only && strcmp(s->only, kind_names[kind]))
		return;
	struct err *err = p && text ? api_read_physical(s->cx->target, pa, p, size)
				    : err_new(ERR_NO_MEMORY, "a zone of %llu bytes",
					      (unsigned long long)size);
	if (err) {
		out_complain(s->cx->out,
			err_wrap(err, "%s zone %llu", kind_names[kind], (unsigned long long)n));
		return;
	}
	enum zone_state state =
		zone_unroll(api_abi(s->cx->target), p, size, kind == ZONE_FTRACE, text, &used);
	if (s->list)
		list_zone(s, kind, n, pa, size, state, text, used);
	else if (state == ZONE_DAMAGED || state == ZONE_NOT_ONE)
		out_complain(s->cx->out,
			err_new(ERR_FORMAT, "%s zone %llu at %#llx is %s", kind_names[kind],
				(unsigned long long)n, (unsigned long long)pa,
				state == ZONE_DAMAGED ? "damaged"
						      : "none: its signature is another"));
	else if (state == ZONE_GOOD && kind == ZONE_FTRACE)
		show_trace(s, n, text, used);
	else if (state == ZONE_GOOD)
		show_text(s, kind, n, text, used);
}

/* Zones of @each bytes and more in the next @bytes of the region: what does not divide is shared
 * out, in even bytes, and the next part follows at once (fs/pstore/ram.c, ramoops_init_przs(),
 * 5.10 to 7.2). */
static struct err *show_part(
	const struct show *s, enum zone_kind kind, uint64_t *io_pa, uint64_t bytes, uint64_t each)
{
	struct err *err = NULL;
	uint64_t pa = *io_pa;
	if (!bytes || !each)
		return NULL;
	if (bytes / each > ZONES_MAX)
		return err_new(ERR_LIMIT, "%llu zones", (unsigned long long)(bytes / each));
	uint64_t zones = bytes / each;
	if (!zones)
		return NULL;
	each = (bytes / zones) & ~1ull;
	for (uint64_t n = 0; !err && n < zones; n++, pa += each) {
		show_zone(s, kind, n, pa, each);
		err = interrupt_check();
	}
	*io_pa = pa;
	return err;
}

static struct err *ramoops_run(struct cx *cx, const struct args *a)
{
	struct region r = { 0 };
	struct show s = { cx, &r, args_flag(a, 'l'), args_get(a, 0) };
	bool known = !s.only;
	for (size_t i = 0; !known && i < ARRAY_SIZE(kind_names); i++)
		known = !strcmp(s.only, kind_names[i]);
	if (!known)
		return args_error(a, 0, "dmesg, console, ftrace or pmsg stands here");
	struct err *err = region_find(cx, a, &r);
	if (err)
		return err;
	uint64_t pa = r.pa, rest = r.size - r.console_size - r.ftrace_size - r.pmsg_size;
	err = show_part(&s, ZONE_DMESG, &pa, rest, r.record_size);
	if (!err)
		err = show_part(&s, ZONE_CONSOLE, &pa, r.console_size, r.console_size);
	if (!err)
		err = show_part(&s, ZONE_FTRACE, &pa, r.ftrace_size,
			r.ftrace_size / (r.nftrace ? r.nftrace : 1));
	if (!err)
		err = show_part(&s, ZONE_PMSG, &pa, r.pmsg_size, r.pmsg_size);
	return err;
}

static const struct option ramoops_options[] = { { 'l', NULL,
							 "list the zones, not what is in them" },
	{ 'a', "ADDRESS", "the region's physical address, in hexadecimal" },
	{ 's', "BYTES", "its size" }, { 'r', "BYTES", "of one dmesg record (4096)" },
	{ 'c', "BYTES", "of the console (4096)" }, { 'f', "BYTES", "of the function trace (4096)" },
	{ 'm', "BYTES", "of user space's messages (4096)" },
	{ 'n', "N", "the function trace has so many zones, one a CPU (1)" }, { 0 } };
static const char *const ramoops_examples[] = { "ramoops -l\twhich zones there are",
	"ramoops dmesg\tthe kernel logs of panics and oopses",
	"ramoops -a 9ff00000 -s 0x100000 console\ta region that nothing in the dump tells", NULL };

static const struct command ramoops = {
	.name = "ramoops",
	.summary = "the logs that pstore keeps in reserved memory",
	.usage = "[dmesg|console|ftrace|pmsg]",
	.details =
		"The region is the driver's (oops_cxt), else the one that the device tree "
		"reserves, "
		"else it is given. A zone without its signature was never used or lost its bytes.",
	.options = ramoops_options,
	.examples = ramoops_examples,
	.max_args = 1,
	.run = ramoops_run,
};

static const struct command *const commands[] = { &ramoops, NULL };

const struct plugin plugin = {
	PLUGIN_BUILT_BY,
	.name = "ramoops",
	.version = "1",
	.summary = "pstore's zones in reserved memory",
	.commands = commands,
};

/* machine: the board and its CPUs, in the boot log's words. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column machine_columns[] = {
	{ "model" }, { "hardware" },
	{ "cpu", .title = "CPU LINE" }, { "caches", .title = "CACHE LINE" },
	{ "control" }, { "hwcap" },
	{ "missing", .title = "NOT KNOWN" },
	{ 0 }
};
static const struct table machine_table = { .layout = LAYOUT_RECORD, .columns = machine_columns };

static const struct column cpu_columns[] = {
	{ "cpu", .width = 4, .align = ALIGN_RIGHT },
	{ "midr", .width = 10 },
	{ "implementer", .hidden = true },
	{ "variant", .hidden = true },
	{ "architecture", .hidden = true },
	{ "part", .hidden = true },
	{ "revision", .title = "REV", .width = 5 },
	{ "name", .width = 12 },
	{ "mpidr", .width = 12 },
	{ "icache", .width = 8 },
	{ "cache_type", .width = 10 },
	{ "banner" },
	{ 0 }
};
static const struct table cpu_table = { .layout = LAYOUT_TABLE, .columns = cpu_columns };

static void show_text(struct cx *cx, const char *key, const char *text)
{
	if (text[0])
		out_str(cx->out, key, text);
}

static void show_machine(struct cx *cx, const struct machine *m)
{
	scoped_strbuf struct strbuf missing = { 0 };
	out_row(cx->out);
	show_text(cx, "model", m->model);
	show_text(cx, "hardware", m->descriptor);
	show_text(cx, "cpu", m->banner);
	show_text(cx, "caches", m->caches);
	if (m->has_control)
		out_hex(cx->out, "control", m->control);
	if (m->has_hwcap)
		out_hex(cx->out, "hwcap", m->hwcap);
	strbuf_add(&missing, m->model[0] ? "" : "the model (of_root)");
	if (!m->banner[0])
		strbuf_addf(&missing, "%sthe CPU's banner (%s)", missing.len ? ", " : "",
			cx->target->abi.word_bytes == 8 ? "cpu_data, __cpu_logical_map"
							: "processor_id, cpu_name");
	if (missing.len)
		out_strf(cx->out, "missing", "%s: the vmlinux of this kernel would tell",
			strbuf_text(&missing));
}

static void show_cpu(struct cx *cx, const struct machine_cpu *c)
{
	const char *name = machine_part_name(c->midr);
	struct out *o = cx->out;
	out_row(o);
	out_uint(o, "cpu", c->cpu);
	out_strf(o, "midr", "0x%08x", c->midr);
	out_hex(o, "implementer", c->midr >> 24);
	out_hex(o, "variant", c->midr >> 20 & 15);
	out_hex(o, "architecture", c->midr >> 16 & 15);
	out_hex(o, "part", c->midr >> 4 & 0xfff);
	out_strf(o, "revision", "r%up%u", c->midr >> 20 & 15, c->midr & 15);
	if (name)
		out_str(o, "name", name);
	else
		out_strf(o, "name", "part 0x%03x", c->midr >> 4 & 0xfff);
	if (c->has_mpidr)
		out_hex(o, "mpidr", c->mpidr);
	if (c->has_cache_type) {
		out_str(o, "icache", machine_icache_policy(c->cache_type));
		out_hex(o, "cache_type", c->cache_type);
	}
	show_text(cx, "banner", c->banner);
}

static struct err *machine_run(struct cx *cx, const struct args *a)
{
	struct machine m;
	struct cpu_mask cpus;
	struct err *err = machine_read(cx->target, &m);
	(void)a;
	if (err)
		return err;
	out_table(cx->out, &machine_table);
	show_machine(cx, &m);
	err = cpu_mask_read(cx->target, CPUS_PRESENT, &cpus);
	if (err)
		return err;
	out_table(cx->out, &cpu_table);
	for (unsigned cpu = 0; (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		struct machine_cpu c;
		err = machine_cpu_read(cx->target, cpu, &c);
		if (err && err->code == ERR_MISSING)
			return err; /* the others would lack the same */
		if (err)
			out_complain(cx->out, err);
		else
			show_cpu(cx, &c);
	}
	return NULL;
}

static const char *const machine_examples[] = {
	"machine\tthe board, and each CPU's identification",
	NULL,
};

const struct command cmd_machine = {
	.name = "machine",
	.summary = "the board and the CPUs, as the boot log introduced them",
	.usage = "",
	.details = "MIDR is the CPU's identification register as each CPU stored it; CONTROL is "
		   "ARM32's control "
		   "register as cr_alignment keeps it.",
	.examples = machine_examples,
	.run = machine_run,
};

/*
 * Variables of arch/arm/kernel/setup.c, head-common.S and arch/arm64/kernel/cpuinfo.c, setup.c
 * (4.19 to 7.2). machine_desc itself is init data and gone after boot; its name is kept in
 * machine_name.
 */
#include "analyzer/kernel/machine.h"

#include <inttypes.h>
#include <stdio.h>

#include "analyzer/kernel/device_tree.h"

/* ---- the board ----------------------------------------------- */

struct model_search {
	char *text;
	bool has_model;
};

static struct err *find_model(void *cx, const struct device_tree_event *e)
{
	struct model_search *s = cx;
	bool is_model = e->kind == DEVICE_TREE_PROPERTY && !e->depth && !strcmp(e->name, "model");
	bool is_compatible =
		e->kind == DEVICE_TREE_PROPERTY && !e->depth && !strcmp(e->name, "compatible");
	/* of_flat_dt_get_machine_name(): the model, else the first of compatible */
	if ((is_model || (is_compatible && !s->has_model)) && e->length)
		snprintf(s->text, MACHINE_TEXT_BYTES, "%.*s",
			(int)strnlen((const char *)e->value, e->length < 128 ? e->length : 128),
			e->value);
	s->has_model |= is_model;
	return e->kind == DEVICE_TREE_NODE && e->depth ? err_new(ERR_LIMIT, "enough") : NULL;
}

static void drop_complaint(void *cx, struct err *e)
{
	(void)cx;
	err_drop(e); /* dt tells about damage */
}

static void read_model(struct target *t, char *ret)
{
	struct model_search s = { .text = ret };
	err_drop(device_tree_walk(t, find_model, drop_complaint, &s)); /* no tree, no model */
}

/* The text that the pointer variable @symbol leads to; "" where it does not. */
static void read_text(struct target *t, const char *symbol, char *ret)
{
	uint64_t va;
	if (!target_try_variable(t, symbol, &va) || !va)
		return;
	struct err *err = vspace_read_str(t->kernel, va, ret, MACHINE_TEXT_BYTES / 2);
	if (err)
		ret[0] = 0;
	err_drop(err);
}

/* ---- ARM32's banner ----------------------------------------------- */

/* arch/arm/include/asm/system_info.h, CPU_ARCH_…, and proc_arch[] of setup.c */
static const char *const architectures[] = { "undefined/unknown", "3", "4", "4T", "5", "5T", "5TE",
	"5TEJ", "6TEJ", "7", "7M" };

static void format_arm_banner(struct target *t, struct machine *m)
{
	uint64_t midr, arch;
	if (!target_try_variable(t, "processor_id", &midr) || !m->cpu_name[0])
		return;
	bool known = target_try_variable(t, "__cpu_architecture", &arch) &&
		     arch < ARRAY_SIZE(architectures);
	int n = snprintf(m->banner, sizeof(m->banner), "CPU: %s [%08x] revision %u (ARMv%s)",
		m->cpu_name, (uint32_t)midr, (uint32_t)midr & 15,
		known ? architectures[arch] : "?");
	if (m->has_control && n > 0 && (size_t)n < sizeof(m->banner))
		snprintf(m->banner + n, sizeof(m->banner) - (size_t)n, ", cr=%08" PRIx64,
			m->control);
}

/* cacheid_init() in arch/arm/kernel/setup.c; bits of arch/arm/include/asm/cachetype.h */
static void format_caches(struct target *t, struct machine *m)
{
	enum {
		VIVT = 1,
		NONALIASING = 2,
		ALIASING = 4,
		ASID_TAGGED = 8,
		I_ALIASING = 16,
		PIPT = 32
	};
	uint64_t id;
	if (!target_try_variable(t, "cacheid", &id))
		return;
	const char *data = id & VIVT	      ? "VIVT"
			   : id & ALIASING    ? "VIPT aliasing"
			   : id & NONALIASING ? "PIPT / VIPT nonaliasing"
					      : "unknown";
	const char *insn = id & VIVT	      ? "VIVT"
			   : id & ASID_TAGGED ? "VIVT ASID tagged"
			   : id & I_ALIASING  ? "VIPT aliasing"
			   : id & PIPT	      ? "PIPT"
			   : id & NONALIASING ? "VIPT nonaliasing"
					      : "unknown";
	snprintf(m->caches, sizeof(m->caches), "CPU: %s data cache, %s instruction cache", data,
		insn);
}

struct err *machine_read(struct target *t, struct machine *ret)
{
	struct machine m = { 0 };
	struct machine_cpu boot;
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	read_model(t, m.model);
	read_text(t, "machine_name", m.descriptor);
	read_text(t, "cpu_name", m.cpu_name);
	m.has_control = target_try_variable(t, "cr_alignment", &m.control);
	m.has_hwcap = target_try_variable(t, "elf_hwcap", &m.hwcap);
	format_arm_banner(t, &m);
	format_caches(t, &m);
	if (!m.banner[0]) {
		err = machine_cpu_read(t, 0, &boot);
		if (!err)
			memcpy(m.banner, boot.banner, sizeof(m.banner));
		err_drop(err); /* the CPUs' own rows say what is missing */
	}
	*ret = m;
	return NULL;
}

/* ---- CPUs ----------------------------------------------- */

struct cpu_registers {
	uint32_t midr;
	uint64_t cache_type;
};
enum { CPU_CACHE_TYPE = 1 };
static const struct view_field arm64_fields[] = {
	FIELD(struct cpu_registers, midr, "reg_midr"),
	FIELD(struct cpu_registers, cache_type, "reg_ctr"),
};
static const struct view_spec arm64_spec = { .type = "cpuinfo_arm64",
	.hint = "arch/arm64/kernel/cpuinfo.c",
	.fields = arm64_fields,
	.nfields = ARRAY_SIZE(arm64_fields) };
static const struct view_field arm_fields[] = {
	FIELD(struct cpu_registers, midr, "cpuid"),
	FIELD_OPTIONAL(struct cpu_registers, cache_type, "reg_ctr"), /* never: keeps the order */
};
static const struct view_spec arm_spec = { .type = "cpuinfo_arm",
	.hint = "arch/arm/kernel/setup.c",
	.fields = arm_fields,
	.nfields = ARRAY_SIZE(arm_fields) };

/* __cpu_logical_map[]: u32 on arm, u64 on arm64 (asm/smp_plat.h of both). */
static void read_mpidr(struct target *t, struct machine_cpu *c)
{
	struct symbol sym;
	unsigned bytes = t->abi.word_bytes;
	c->has_mpidr =
		symtab_find_kernel(t->syms, "__cpu_logical_map", &sym) &&
		vspace_try_uint(t->kernel, sym.va + (uint64_t)c->cpu * bytes, bytes, &c->mpidr);
}

/* setup_arch() and smp_setup_processor_id() for the first, secondary_start_kernel() for the others.
 */
static void format_cpu_banner(const struct target *t, struct machine_cpu *c)
{
	bool wide = t->abi.word_bytes == 8;
	if (!c->has_mpidr)
		return;
	if (!c->cpu && wide)
		snprintf(c->banner, sizeof(c->banner),
			"Booting Linux on physical CPU 0x%010" PRIx64 " [0x%08x]", c->mpidr,
			c->midr);
	else if (!c->cpu)
		snprintf(c->banner, sizeof(c->banner), "Booting Linux on physical CPU 0x%" PRIx64,
			c->mpidr);
	else if (wide)
		snprintf(c->banner, sizeof(c->banner),
			"CPU%u: Booted secondary processor 0x%010" PRIx64 " [0x%08x]", c->cpu,
			c->mpidr, c->midr);
	else
		snprintf(c->banner, sizeof(c->banner), "CPU%u: physical CPU 0x%" PRIx64, c->cpu,
			c->mpidr);
}

struct err *machine_cpu_read(struct target *t, unsigned cpu, struct machine_cpu *ret)
{
	struct machine_cpu c = { .cpu = cpu };
	struct cpu_registers r = { 0 };
	const struct view *v;
	uint64_t va, midr;
	struct err *err = target_view(t, t->abi.word_bytes == 8 ? &arm64_spec : &arm_spec, &v);
	if (!err)
		err = percpu_symbol(t, "cpu_data", cpu, &va);
	if (!err)
		err = view_read(v, t->kernel, va, &r);
	if (err)
		return err_wrap(err, "CPU %u", cpu);
	/* a kernel for one CPU never fills cpu_data in (arch/arm/kernel/smp.c does) */
	if (!r.midr && !cpu && target_try_variable(t, "processor_id", &midr))
		r.midr = (uint32_t)midr;
	c.midr = r.midr;
	c.cache_type = r.cache_type;
	c.has_cache_type = view_has(v, CPU_CACHE_TYPE);
	read_mpidr(t, &c);
	format_cpu_banner(t, &c);
	*ret = c;
	return NULL;
}

/* arch/arm64/include/asm/cputype.h, arch/arm/include/asm/cputype.h */
const char *machine_part_name(uint32_t midr)
{
	static const struct {
		uint16_t part;
		const char *name;
	} parts[] = {
		{ 0xb02, "ARM11 MPCore" },
		{ 0xb36, "ARM1136" },
		{ 0xb56, "ARM1156" },
		{ 0xb76, "ARM1176" },
		{ 0xc05, "Cortex-A5" },
		{ 0xc07, "Cortex-A7" },
		{ 0xc08, "Cortex-A8" },
		{ 0xc09, "Cortex-A9" },
		{ 0xc0d, "Cortex-A12" },
		{ 0xc0e, "Cortex-A17" },
		{ 0xc0f, "Cortex-A15" },
		{ 0xd03, "Cortex-A53" },
		{ 0xd04, "Cortex-A35" },
		{ 0xd05, "Cortex-A55" },
		{ 0xd07, "Cortex-A57" },
		{ 0xd08, "Cortex-A72" },
		{ 0xd09, "Cortex-A73" },
		{ 0xd0a, "Cortex-A75" },
		{ 0xd0b, "Cortex-A76" },
		{ 0xd0c, "Neoverse-N1" },
		{ 0xd0d, "Cortex-A77" },
		{ 0xd0f, "AEM v8 model" },
		{ 0xd40, "Neoverse-V1" },
		{ 0xd41, "Cortex-A78" },
		{ 0xd44, "Cortex-X1" },
		{ 0xd46, "Cortex-A510" },
		{ 0xd47, "Cortex-A710" },
		{ 0xd48, "Cortex-X2" },
		{ 0xd49, "Neoverse-N2" },
		{ 0xd4d, "Cortex-A715" },
		{ 0xd4e, "Cortex-X3" },
		{ 0xd4f, "Neoverse-V2" },
		{ 0xd80, "Cortex-A520" },
		{ 0xd81, "Cortex-A720" },
		{ 0xd82, "Cortex-X4" },
		{ 0xd84, "Neoverse-V3" },
		{ 0xd85, "Cortex-X925" },
		{ 0xd8e, "Neoverse-N3" },
	};
	enum { IMPLEMENTER_ARM = 0x41 };
	for (size_t i = 0; midr >> 24 == IMPLEMENTER_ARM && i < ARRAY_SIZE(parts); i++)
		if (parts[i].part == (midr >> 4 & 0xfff))
			return parts[i].name;
	return NULL;
}

const char *machine_icache_policy(uint64_t cache_type)
{
	static const char *const policy[] = { "VPIPT", "reserved", "VIPT", "PIPT" };
	return policy[cache_type >> 14 & 3];
}

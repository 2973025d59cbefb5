/*
 * bpf_kallsyms, a list of struct bpf_ksym (kernel/bpf/core.c, since v5.7; before, it was a list of
 * programs and is left out), and the pages of kprobe_insn_slots and kprobe_optinsn_slots with the
 * kprobes that kprobe_table leads to (kernel/kprobes.c), 5.10 to 7.2. Neither architecture has
 * ftrace trampolines.
 */
#include "analyzer/kernel/generated_code.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/list.h"
#include "analyzer/kernel/page.h"

#define SPEC(t, h, f)                                                                              \
	{                                                                                          \
		.type = (t), .hint = (h), .fields = (f), .nfields = ARRAY_SIZE(f)                  \
	}

/* A crafted dump may have more; a real one has some thousands at most. */
enum { CODES_MAX = 1 << 20, CODE_BYTES_MAX = 1 << 24 };

struct reading {
	struct target *t;
	struct generated_codes *out;
	struct err **damage;
};

/* Keeps the first trouble; gives back only Ctrl-C. */
static struct err *trouble(struct reading *r, struct err *err)
{
	if (!err || err->code == ERR_INTERRUPTED)
		return err;
	if (*r->damage)
		err_drop(err); /* the first is told */
	else
		*r->damage = err;
	return NULL;
}

static void add(struct reading *r, const struct generated_code *c)
{
	if (c->end > c->start && c->end - c->start <= CODE_BYTES_MAX && r->out->code.n < CODES_MAX)
		vec_push(&r->out->code, *c);
}

static struct err *read_view(struct target *t, const struct view_spec *spec, uint64_t va,
	const struct view **ret_view, void *ret)
{
	struct err *err = target_view(t, spec, ret_view);
	return err ? err : view_read(*ret_view, t->kernel, va, ret);
}

/* ---- BPF --------------------------------------------------------------------------------- */

struct raw_ksym {
	uint64_t start, end, name_va, node;
	uint8_t program;
};
static const struct view_field ksym_fields[] = {
	FIELD(struct raw_ksym, start, "start"),
	FIELD(struct raw_ksym, end, "end"),
	FIELD_ADDRESS(struct raw_ksym, name_va, "name"),
	FIELD_ADDRESS(struct raw_ksym, node, "lnode"),
	FIELD_OPTIONAL(struct raw_ksym, program, "prog"),
};
enum { KSYM_NODE = 3 };
static const struct view_spec ksym_spec = SPEC("bpf_ksym", "kernel/bpf/core.c", ksym_fields);

static struct err *add_ksym(struct reading *r, const struct view *v, uint64_t va)
{
	struct raw_ksym k = { 0 };
	struct err *err = view_read(v, r->t->kernel, va, &k);
	if (err)
		return err_wrap(err, "bpf_ksym 0x%" PRIx64, va);
	struct generated_code c = { .start = k.start,
		.end = k.end,
		.object_va = va,
		.type = "struct bpf_ksym",
		.kind = k.program ? CODE_BPF_PROGRAM : CODE_BPF_IMAGE };
	uint64_t offset;
	if (k.program && target_number(r->t, "offsetof(bpf_prog_aux.ksym)", &offset)) {
		c.object_va = va - offset;
		c.type = "struct bpf_prog_aux";
	}
	err_drop(vspace_read_str(
		r->t->kernel, k.name_va, c.name, sizeof(c.name))); /* its place is known */
	add(r, &c);
	return NULL;
}

static struct err *read_bpf(struct reading *r)
{
	const struct view *v;
	struct list_iter it;
	uint64_t head, node;
	bool more = true;
	if (!target_has_symbol(r->t, "bpf_kallsyms"))
		return NULL; /* no BPF, or no compiler for it */
	struct err *err = target_symbol(r->t, "bpf_kallsyms", &head);
	if (!err)
		err = target_view(r->t, &ksym_spec, &v);
	if (err)
		return err_wrap(err, "BPF programs' code");
	list_iter_init(&it, r->t, head);
	while (more) {
		err = list_iter_next(&it, &node, &more);
		if (err)
			return err_wrap(err, "bpf_kallsyms");
		if (more)
			err = trouble(r,
				add_ksym(r, v, list_entry(r->t, node, view_offset(v, KSYM_NODE))));
		if (err)
			return err;
	}
	return NULL;
}

/* ---- kprobes ----------------------------------------------------------------------------- */

struct raw_slots {
	uint64_t pages, insn_size;
};
static const struct view_field slots_fields[] = {
	FIELD_ADDRESS(struct raw_slots, pages, "pages"),
	FIELD(struct raw_slots, insn_size, "insn_size"),
};
static const struct view_spec slots_spec =
	SPEC("kprobe_insn_cache", "kernel/kprobes.c", slots_fields);

struct raw_slot_page {
	uint64_t node, insns, used_va;
};
static const struct view_field slot_page_fields[] = {
	FIELD_ADDRESS(struct raw_slot_page, node, "list"),
	FIELD(struct raw_slot_page, insns, "insns"),
	FIELD_ADDRESS(struct raw_slot_page, used_va, "slot_used"),
};
enum { SLOT_PAGE_NODE = 0 };
static const struct view_spec slot_page_spec =
	SPEC("kprobe_insn_page", "kernel/kprobes.c", slot_page_fields);

struct raw_kprobe {
	uint64_t next, addr, slot;
};
static const struct view_field kprobe_fields[] = {
	FIELD(struct raw_kprobe, next, "hlist.next"),
	FIELD(struct raw_kprobe, addr, "addr"),
	/* arm64 since v6.17; arm64 before; ARM32 */
	FIELD(struct raw_kprobe, slot, "ainsn.xol_insn", "ainsn.api.insn", "ainsn.insn"),
};
static const struct view_spec kprobe_spec = SPEC("kprobe", "kernel/kprobes.c", kprobe_fields);

/* Both architectures: typedef u32 (or __le32) kprobe_opcode_t. SLOT_DIRTY and SLOT_USED are 1
 * and 2. */
enum { OPCODE_BYTES = 4, INSNS_MAX = 1024, SLOT_CLEAN = 0 };

static struct err *add_slots(
	struct reading *r, const struct raw_slots *cache, uint64_t page_va, bool optimized)
{
	struct raw_slot_page page;
	const struct view *v;
	struct err *err = read_view(r->t, &slot_page_spec, page_va, &v, &page);
	if (err)
		return err_wrap(err, "kprobe_insn_page 0x%" PRIx64, page_va);
	uint64_t bytes = cache->insn_size * OPCODE_BYTES, n = (1ull << page_shift(r->t)) / bytes;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t used;
		if (!vspace_try_uint(r->t->kernel, page.used_va + i, 1, &used))
			return err_new(ERR_FAULT, "kprobe_insn_page 0x%" PRIx64 " cannot be read",
				page_va);
		struct generated_code c = { .start = page.insns + i * bytes,
			.end = page.insns + (i + 1) * bytes,
			.object_va = page_va,
			.type = "struct kprobe_insn_page",
			.kind = CODE_KPROBE_SLOT_FREE };
		if (used != SLOT_CLEAN)
			c.kind = optimized ? CODE_OPTIMIZED_SLOT : CODE_KPROBE_SLOT;
		add(r, &c);
	}
	return NULL;
}

static struct err *read_slots(struct reading *r, const char *symbol, bool optimized)
{
	struct raw_slots cache = { 0 };
	const struct view *v;
	struct list_iter it;
	uint64_t va, node, offset = 0;
	bool more = true;
	if (!target_has_symbol(r->t, symbol))
		return NULL; /* no kprobes, or none that are optimised */
	struct err *err = target_symbol(r->t, symbol, &va);
	if (!err)
		err = read_view(r->t, &slots_spec, va, &v, &cache);
	if (!err && target_has_symbol(r->t, symbol))
		err = target_view(r->t, &slot_page_spec, &v);
	if (err)
		return err_wrap(err, "%s", symbol);
	if (!cache.insn_size || cache.insn_size > INSNS_MAX)
		return NULL; /* optimised ones: their size is set as the first is registered */
	offset = view_offset(v, SLOT_PAGE_NODE);
	list_iter_init(&it, r->t, cache.pages);
	while (more) {
		err = list_iter_next(&it, &node, &more);
		if (err)
			return err_wrap(err, "%s", symbol);
		if (more)
			err = trouble(
				r, add_slots(r, &cache, list_entry(r->t, node, offset), optimized));
		if (!err)
			err = interrupt_check();
		if (err)
			return err;
	}
	return NULL;
}

static int by_start(const void *a, const void *b)
{
	const struct generated_code *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

static void sort(struct generated_codes *c)
{
	if (c->code.n)
		qsort(c->code.v, c->code.n, sizeof(*c->code.v), by_start);
}

/* SIZE_MAX: none holds @va. */
static size_t index_of(const struct generated_codes *c, uint64_t va)
{
	size_t lo = 0, hi = c->code.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (c->code.v[mid].start <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && va < c->code.v[lo - 1].end ? lo - 1 : SIZE_MAX;
}

/* The slots of a probe are its own; a probe of several users stands in the table itself. */
static void name_slot(struct reading *r, uint64_t kprobe_va, const struct raw_kprobe *k)
{
	size_t at = index_of(r->out, k->slot);
	struct symbol s;
	if (at == SIZE_MAX || r->out->code.v[at].start != k->slot ||
		r->out->code.v[at].kind != CODE_KPROBE_SLOT)
		return; /* its instruction is simulated and has no slot */
	struct generated_code *c = &r->out->code.v[at];
	c->object_va = kprobe_va;
	c->type = "struct kprobe";
	c->probed_va = k->addr;
	if (!symtab_at(r->t->syms, k->addr, &s))
		return;
	uint64_t offset = k->addr - s.va;
	if (offset)
		snprintf(c->name, sizeof(c->name), "%s+0x%" PRIx64, s.name, offset);
	else
		snprintf(c->name, sizeof(c->name), "%s", s.name);
}

static struct err *name_slots(struct reading *r)
{
	/* KPROBE_HASH_BITS, kernel/kprobes.c */
	enum { BUCKETS = 64, KPROBES_MAX = 1 << 20 };
	const struct view *v;
	uint64_t table, va, walked = 0;
	if (!r->out->code.n || !target_has_symbol(r->t, "kprobe_table"))
		return NULL;
	struct err *err = target_symbol(r->t, "kprobe_table", &table);
	if (!err)
		err = target_view(r->t, &kprobe_spec, &v);
	for (unsigned i = 0; !err && i < BUCKETS; i++) {
		err = vspace_read_word(
			r->t->kernel, table + (uint64_t)i * r->t->abi.word_bytes, &va);
		while (!err && va && walked++ < KPROBES_MAX) {
			struct raw_kprobe k = { 0 };
			uint64_t at = list_entry(r->t, va, view_offset(v, 0));
			err = view_read(v, r->t->kernel, at, &k);
			if (!err)
				name_slot(r, at, &k);
			if (!err)
				err = interrupt_check();
			va = k.next;
		}
	}
	return err ? err_wrap(err, "kprobe_table") : NULL;
}

/* ---- all --------------------------------------------------------------------------------- */

struct err *generated_codes_read(
	struct target *t, struct generated_codes *ret, struct err **ret_damage)
{
	scoped_generated_codes struct generated_codes codes = { 0 };
	struct err *damage = NULL;
	struct reading r = { .t = t, .out = &codes, .damage = &damage };
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	err = trouble(&r, read_slots(&r, "kprobe_insn_slots", false));
	if (!err)
		err = trouble(&r, read_slots(&r, "kprobe_optinsn_slots", true));
	sort(&codes);
	if (!err)
		err = trouble(&r, name_slots(&r));
	if (!err)
		err = trouble(&r, read_bpf(&r));
	if (err) {
		err_drop(damage); /* Ctrl-C says enough */
		return err;
	}
	sort(&codes);
	*ret = codes;
	codes = (struct generated_codes){ 0 };
	*ret_damage = damage;
	return NULL;
}

void generated_codes_deinit(struct generated_codes *c)
{
	vec_deinit(&c->code);
}

const struct generated_code *generated_codes_find(const struct generated_codes *c, uint64_t va)
{
	size_t i = index_of(c, va);
	return i == SIZE_MAX ? NULL : &c->code.v[i];
}

const char *generated_code_kind_name(enum generated_code_kind k)
{
	static const char *const name[] = {
		[CODE_BPF_PROGRAM] = "compiled BPF program",
		[CODE_BPF_IMAGE] = "BPF trampoline",
		[CODE_KPROBE_SLOT] = "kprobe's copy of an instruction",
		[CODE_KPROBE_SLOT_FREE] = "free slot for kprobes",
		[CODE_OPTIMIZED_SLOT] = "detour of an optimised kprobe",
	};
	return (size_t)k < ARRAY_SIZE(name) ? name[k] : "?";
}

/* The list of modules and each one's symbol table in memory. include/linux/module.h: core_layout
 * and init_layout up to v6.3, mem[] since v6.4; struct mod_kallsyms in every version from 4.19 on.
 */
#include "analyzer/kernel/module.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/kernel/module_layout.h"

#define MODULE_HINT "kernel/module/main.c"

enum module_field_index { MODULE_LIST };

struct module_view {
	struct module m;
	uint64_t list_va;
	uint64_t old_init_va;
	uint32_t old_init_size, old_size, old_text_size;
	uint64_t old_va;
};

#define PART(i)                                                                                    \
	FIELD_OPTIONAL(struct module_view, m.part[i].va, "mem[" #i "].base"),                      \
		FIELD_OPTIONAL(struct module_view, m.part[i].size, "mem[" #i "].size")

static const struct view_field module_fields[] = {
	[MODULE_LIST] = FIELD_ADDRESS(struct module_view, list_va, "list"),
	FIELD_BYTES(struct module_view, m.name, "name"),
	FIELD(struct module_view, m.state, "state"),
	FIELD_OPTIONAL(struct module_view, m.kallsyms, "kallsyms"),
	FIELD_OPTIONAL(struct module_view, m.exports, "syms"),
	FIELD_OPTIONAL(struct module_view, m.num_exports, "num_syms"),
	PART(0),
	PART(1),
	PART(2),
	PART(3),
	PART(4),
	PART(5),
	PART(6),
	FIELD_OPTIONAL(struct module_view, old_va, "core_layout.base"),
	FIELD_OPTIONAL(struct module_view, old_size, "core_layout.size"),
	FIELD_OPTIONAL(struct module_view, old_text_size, "core_layout.text_size"),
	FIELD_OPTIONAL(struct module_view, old_init_va, "init_layout.base"),
	FIELD_OPTIONAL(struct module_view, old_init_size, "init_layout.size"),
};
static const struct view_spec module_spec = {
	.type = "module",
	.hint = MODULE_HINT,
	.fields = module_fields,
	.nfields = ARRAY_SIZE(module_fields),
};

static const struct view_field kallsyms_fields[] = {
	FIELD(struct mod_kallsyms, symtab, "symtab"),
	FIELD(struct mod_kallsyms, num_symtab, "num_symtab"),
	FIELD(struct mod_kallsyms, strtab, "strtab"),
	FIELD_OPTIONAL(struct mod_kallsyms, typetab, "typetab"), /* since v5.2 */
};
static const struct view_spec kallsyms_spec = {
	.type = "mod_kallsyms",
	.hint = MODULE_HINT,
	.fields = kallsyms_fields,
	.nfields = ARRAY_SIZE(kallsyms_fields),
};

struct unwind_table {
	uint64_t start, stop, begin, end;
	uint64_t list_va;
};
static const struct view_field unwind_fields[] = {
	FIELD_ADDRESS(struct unwind_table, list_va, "list"),
	FIELD(struct unwind_table, start, "start"),
	FIELD(struct unwind_table, stop, "stop"),
	FIELD(struct unwind_table, begin, "begin_addr"),
	FIELD(struct unwind_table, end, "end_addr"),
};
static const struct view_spec unwind_spec = {
	.type = "unwind_table",
	.hint = "arch/arm/kernel/unwind.c",
	.fields = unwind_fields,
	.nfields = ARRAY_SIZE(unwind_fields),
};

struct err *module_iter_init(struct module_iter *it, struct target *t)
{
	uint64_t head;
	const struct view *view;
	*it = (struct module_iter){ .t = t };
	struct err *err = target_symbol(t, "modules", &head);
	if (err)
		return err;
	err = target_view(t, &module_spec, &view);
	it->layout.by_types = !err;
	if (err && err->code == ERR_MISSING && t->kernel) {
		scoped_err struct err *types = err;
		err = err_wrap(module_layout_find(t, head, &it->layout), "%s, and", types->msg);
	}
	if (err)
		return err;
	list_iter_init(&it->list, t, head);
	return NULL;
}

static void fill_old_layout(struct module_view *v)
{
	if (!v->old_va)
		return;
	v->m.part[0] = (struct module_part){ v->old_va, v->old_size };
	v->m.part[1] = (struct module_part){ v->old_init_va, v->old_init_size };
	v->m.text_bytes = v->old_text_size;
}

static struct err *read_by_types(struct target *t, uint64_t node, struct module *ret)
{
	const struct view *view;
	struct module_view v = { 0 };
	struct err *err = target_view(t, &module_spec, &view);
	if (err)
		return err;
	v.m.va = list_entry(t, node, view_offset(view, MODULE_LIST));
	err = view_read(view, t->kernel, v.m.va, &v);
	v.m.name[sizeof(v.m.name) - 1] = '\0';
	v.m.text_bytes = v.m.part[0].size;
	fill_old_layout(&v);
	*ret = v.m;
	return err;
}

struct err *module_iter_next(struct module_iter *it, struct module *ret, bool *ret_more)
{
	uint64_t node;
	for (;;) {
		struct module m = { 0 };
		struct err *err = list_iter_next(&it->list, &node, ret_more);
		if (err || !*ret_more)
			return err;
		if (it->layout.by_types)
			err = read_by_types(it->t, node, &m);
		else
			err = module_layout_read(
				&it->layout, it->t, list_entry(it->t, node, it->layout.list), &m);
		if (err)
			return err_wrap(err, "module 0x%" PRIx64, m.va);
		if (m.state == MODULE_UNFORMED)
			continue;
		*ret = m;
		return NULL;
	}
}

struct module_symbol module_symbol_decode(const struct abi *abi, const uint8_t *p, char type)
{
	bool wide = abi->word_bytes == 8;
	struct module_symbol s = { .name = get_u32(abi, p), .type = type };
	s.va = wide ? get_u64(abi, p + 8) : get_u32(abi, p + 4);
	unsigned section = get_u16(abi, wide ? p + 6 : p + 14);
	unsigned info = wide ? p[4] : p[12];
	bool function = ELF32_ST_TYPE(info) == STT_FUNC;
	if (!type) {
		uint64_t size = wide ? get_u64(abi, p + 16) : get_u32(abi, p + 8);
		bool in_info = isalpha((int)info) || info == '?';
		if (in_info)
			s.type = (char)info;
		else if (size < 128 && isalpha((int)size))
			s.type = (char)size;
		function |= in_info && tolower(s.type) == 't';
	}
	/* Thumb functions carry bit 0. */
	if (!wide && function)
		s.va &= ~1ull;
	s.defined = section != SHN_UNDEF && s.va;
	return s;
}

/* The names that the kernel's own lookup skips: kernel/module/kallsyms.c, is_arm_mapping_symbol().
 */
static bool is_name(const char *s)
{
	return *s && *s != '$' && strncmp(s, ".L", 2) && strncmp(s, "L0\001", 3);
}

struct table {
	struct target *t;
	const struct module *m;
	struct mod_kallsyms k;
	uint8_t *syms, *types;
	struct module_exports exports;
};

/* kernel/kallsyms.c, s_show(): what a module exports is a capital, all else is not. */
static void add_entry(const struct table *table, const struct module_symbol *s, const char *name)
{
	bool exported = module_is_exported(table->t, &table->exports, name, s->va);
	int type = s->type ? s->type : 't';
	symtab_add(table->t->syms, name, s->va, 0, (char)(exported ? toupper(type) : tolower(type)),
		table->m->name);
}

/* Those whose names cannot be read are left out, the first such reason comes back. */
static struct err *add_entries(const struct table *table)
{
	struct target *t = table->t;
	size_t each = module_symbol_bytes(&t->abi);
	struct err *first = NULL;
	for (uint32_t i = 1; i < table->k.num_symtab; i++) {
		char name[SYMBOL_NAME_MAX];
		struct module_symbol s = module_symbol_decode(
			&t->abi, table->syms + i * each, (char)table->types[i]);
		if (interrupt_pending())
			break;
		if (!s.defined)
			continue;
		uint64_t name_va = table->k.strtab + s.name;
		if (t->abi.word_bytes == 4)
			name_va = (uint32_t)name_va;
		struct err *err = vspace_read_str(t->kernel, name_va, name, sizeof(name));
		if (!err && is_name(name))
			add_entry(table, &s, name);
		if (first)
			err_drop(err);
		else
			first = err_wrap(err, "symbol %u", i);
	}
	return first;
}

static struct err *read_kallsyms(
	struct target *t, const struct module_layout *l, uint64_t va, struct mod_kallsyms *ret)
{
	const struct view *view;
	if (!l->by_types)
		return module_layout_read_kallsyms(l, t, va, ret);
	struct err *err = target_view(t, &kallsyms_spec, &view);
	return err ? err : view_read(view, t->kernel, va, ret);
}

static struct err *add_symbols(
	struct target *t, const struct module_layout *l, const struct module *m)
{
	struct table table = { .t = t, .m = m };
	struct mod_kallsyms *k = &table.k;
	struct err *err = read_kallsyms(t, l, m->kallsyms, k);
	if (err)
		return err;
	if (k->num_symtab > MODULE_SYMBOLS_MAX)
		return err_new(ERR_FORMAT, "claims %u symbols", k->num_symtab);
	size_t each = module_symbol_bytes(&t->abi);
	scoped_free uint8_t *syms = NULL, *types = NULL;
	err = mem_alloc_array(k->num_symtab, each, "module symbols", &syms);
	if (!err)
		err = mem_alloc_array(k->num_symtab, 1, "module symbols", &types);
	if (!err)
		err = vspace_read(t->kernel, k->symtab, syms, k->num_symtab * each);
	if (err)
		return err;
	/* The letters are not worth losing the symbols for. */
	if (k->typetab && vspace_try_read(t->kernel, k->typetab, types, k->num_symtab, NULL))
		memset(types, 't', k->num_symtab);
	table.syms = syms;
	table.types = types;
	module_exports_read(t, l, m, &table.exports);
	err = add_entries(&table);
	free(table.exports.v);
	return err;
}

/* A damaged part must not make the kernel's or other modules' addresses its own. */
static struct err *add_ranges(struct target *t, const struct module *m)
{
	struct err *err = NULL;
	uint64_t kernel_end = t->image.va + t->image.size;
	for (unsigned i = 0; i < MODULE_PARTS_MAX; i++) {
		uint64_t start = m->part[i].va, size = m->part[i].size, end = start + size;
		if (!size)
			continue;
		bool in_kernel = t->image.va && start < kernel_end && end > t->image.va;
		/* Up to v6.3 the first part goes on with data: no function reaches into it. */
		uint64_t text_end = i || m->text_bytes > size ? end : start + m->text_bytes;
		if (size <= PART_BYTES_MAX && end > start && !in_kernel) {
			symtab_add_range(t->syms, start, text_end, m->name);
			symtab_add_range(t->syms, text_end, end, m->name);
		} else {
			err_drop(err);
			err = err_new(ERR_FORMAT,
				"part %u at 0x%" PRIx64 " of %" PRIu64 " bytes makes no "
				"sense",
				i, start, size);
		}
	}
	return err;
}

struct err *module_add_symbols(struct target *t)
{
	struct module_iter it;
	struct err *first = NULL;
	bool more = true;
	struct err *err = module_iter_init(&it, t);
	while (!err && more) {
		struct module m;
		err = module_iter_next(&it, &m, &more);
		if (!err && more) {
			err = add_ranges(t, &m);
			if (!err && m.kallsyms)
				err = add_symbols(t, &it.layout, &m);
			err = err_wrap(err, "module %s", m.name);
		}
		if (!err)
			err = interrupt_check();
		if (err && more && err->code != ERR_INTERRUPTED) {
			if (first)
				err_drop(err);
			else
				first = err;
			err = NULL;
		}
	}
	symtab_finish(t->syms);
	if (err)
		err_drop(first);
	return err ? err : first;
}

void module_load_symbols(struct target *t)
{
	struct err *err = module_add_symbols(t);
	if (err)
		target_warn(t, "module symbols: %s", err->msg);
	err_drop(err);
}

static void load_symbols(void *cx)
{
	module_load_symbols(cx);
}

void module_symbols_later(struct target *t)
{
	if (t->kernel)
		symtab_load_later(t->syms, load_symbols, t);
}

/* List unwind_tables, of struct unwind_table: arch/arm/kernel/unwind.c, 4.19 to 7.3. */
bool module_unwind_table(struct target *t, uint64_t pc, uint64_t *ret_start, uint64_t *ret_stop)
{
	const struct view *view;
	struct list_iter it;
	uint64_t head, node;
	bool more = true;
	scoped_err struct err *err = target_symbol(t, "unwind_tables", &head);
	if (!err)
		err = target_view(t, &unwind_spec, &view);
	if (err)
		return false;
	list_iter_init(&it, t, head);
	while (!(err = list_iter_next(&it, &node, &more)) && more) {
		struct unwind_table table = { 0 };
		if (!view_try_read(
			    view, t->kernel, list_entry(t, node, view_offset(view, 0)), &table))
			continue;
		if (pc >= table.begin && pc < table.end) {
			*ret_start = table.start;
			*ret_stop = table.stop;
			return true;
		}
	}
	return false;
}

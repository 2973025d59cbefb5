/* Section attributes of modules. kernel/module/sysfs.c (kernel/module.c up to v5.18): an array of
 * struct module_sect_attr up to v6.13, pointers to bin_attributes with the address as .private
 * since. Knows nothing of the modules' files. */
#include "analyzer/kernel/module_sections.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"

#define MODULE_HINT "kernel/module/main.c"
#define SYSFS_HINT  "kernel/module/sysfs.c"

/* The largest modules of a distribution have about 70 sections; one compiled with a section for
 * each function has thousands. */
enum { SECTIONS_MAX = 1 << 16, SECTION_NAME_MAX = 256, BTF_BYTES_MAX = 1 << 28 };

struct details {
	uint64_t sect_attrs, percpu, srcversion;
	uint32_t btf_base_bytes; /* since v6.11 */
	uint8_t build_id[20]; /* since v5.14, CONFIG_STACKTRACE_BUILD_ID: include/linux/module.h */
};
static const struct view_field details_fields[] = {
	FIELD_OPTIONAL(struct details, sect_attrs, "sect_attrs"),
	FIELD_OPTIONAL(struct details, percpu, "percpu"),
	FIELD_OPTIONAL(struct details, srcversion, "srcversion"),
	FIELD_OPTIONAL(struct details, btf_base_bytes, "btf_base_data_size"),
	FIELD_BYTES_OPTIONAL(struct details, build_id, "build_id"),
};
static const struct view_spec details_spec = {
	.type = "module",
	.hint = MODULE_HINT,
	.fields = details_fields,
	.nfields = ARRAY_SIZE(details_fields),
};

struct attrs {
	uint64_t pointers, array_va;
	uint32_t n;
};
enum attrs_field_index { ATTRS_N, ATTRS_POINTERS };
static const struct view_field attrs_fields[] = {
	[ATTRS_N] = FIELD_OPTIONAL(struct attrs, n, "nsections"),
	[ATTRS_POINTERS] =
		FIELD_OPTIONAL(struct attrs, pointers, "grp.bin_attrs_new", "grp.bin_attrs"),
	FIELD_ADDRESS(struct attrs, array_va, "attrs"),
};
static const struct view_spec attrs_spec = {
	.type = "module_sect_attrs",
	.hint = SYSFS_HINT,
	.fields = attrs_fields,
	.nfields = ARRAY_SIZE(attrs_fields),
};

struct attr {
	uint64_t name, address;
};
static const struct view_field old_attr_fields[] = {
	/* .name up to v5.7 */
	FIELD(struct attr, name, "battr.attr.name", "name", "mattr.attr.name"),
	FIELD(struct attr, address, "address"),
};
static const struct view_spec old_attr_spec = {
	.type = "module_sect_attr",
	.hint = SYSFS_HINT,
	.fields = old_attr_fields,
	.nfields = ARRAY_SIZE(old_attr_fields),
};
static const struct view_field attr_fields[] = {
	FIELD(struct attr, name, "attr.name"),
	FIELD(struct attr, address, "private"),
};
static const struct view_spec attr_spec = {
	.type = "bin_attribute",
	.hint = SYSFS_HINT,
	.fields = attr_fields,
	.nfields = ARRAY_SIZE(attr_fields),
};

struct reading {
	struct target *t;
	const struct module *m;
	struct arena *arena;
	VEC(struct module_section) list;
};

static struct err *read_details(struct target *t, const struct module *m, struct details *ret)
{
	const struct view *view;
	struct err *err = target_view(t, &details_spec, &view);
	return err ? err : view_read(view, t->kernel, m->va, ret);
}

/* Freed memory may be another module's by now. */
static bool in_memory(const struct module *m, uint64_t va)
{
	for (unsigned i = 0; i < MODULE_PARTS_MAX; i++)
		if (va >= m->part[i].va && va - m->part[i].va < m->part[i].size)
			return true;
	return false;
}

static struct err *take(struct reading *r, const struct attr *a)
{
	char name[SECTION_NAME_MAX];
	if (!in_memory(r->m, a->address))
		return NULL;
	struct err *err = vspace_read_str(r->t->kernel, a->name, name, sizeof(name));
	if (err)
		return err_wrap(err, "name of a section");
	struct module_section s = { arena_strdup(r->arena, name), a->address };
	vec_push(&r->list, s);
	return NULL;
}

static struct err *read_array(struct reading *r, const struct attrs *attrs)
{
	const struct view *view;
	struct err *err = target_view(r->t, &old_attr_spec, &view);
	if (!err && attrs->n > SECTIONS_MAX)
		err = err_new(ERR_FORMAT, "claims %u sections", attrs->n);
	for (uint32_t i = 0; !err && i < attrs->n; i++) {
		struct attr a;
		err = view_read(view, r->t->kernel, attrs->array_va + i * view_size(view), &a);
		if (!err)
			err = take(r, &a);
		if (!err)
			err = interrupt_check();
	}
	return err;
}

static struct err *read_pointers(struct reading *r, const struct attrs *attrs)
{
	const struct abi *abi = &r->t->abi;
	const struct view *view;
	struct err *err = target_view(r->t, &attr_spec, &view);
	for (uint32_t i = 0; !err; i++) {
		uint8_t word[8];
		struct attr a;
		if (i >= SECTIONS_MAX)
			return err_new(ERR_LIMIT, "its list of sections has no end");
		err = vspace_read(r->t->kernel, attrs->pointers + (uint64_t)i * abi->word_bytes,
			word, abi->word_bytes);
		uint64_t va = err ? 0 : load_uint(abi, word, abi->word_bytes);
		if (!err && !va)
			return NULL;
		if (!err)
			err = view_read(view, r->t->kernel, va, &a);
		if (!err)
			err = take(r, &a);
		if (!err)
			err = interrupt_check();
	}
	return err;
}

static struct err *read_all(struct reading *r)
{
	const struct view *view;
	struct details d;
	struct attrs attrs;
	struct err *err = read_details(r->t, r->m, &d);
	if (!err && !d.sect_attrs)
		err = err_new(ERR_MISSING, "the kernel did not keep where its sections lie");
	if (!err)
		err = target_view(r->t, &attrs_spec, &view);
	if (!err)
		err = view_read(view, r->t->kernel, d.sect_attrs, &attrs);
	if (err)
		return err;
	if (view_has(view, ATTRS_N))
		err = read_array(r, &attrs);
	else
		err = read_pointers(r, &attrs);
	/* kernel/module/main.c: taken out of the section table, but symbols point there. */
	struct module_section percpu = { ".data..percpu", d.percpu };
	if (!err && d.percpu)
		vec_push(&r->list, percpu);
	return err;
}

struct err *module_sections_read(struct target *t, const struct module *m, struct arena *arena,
	struct module_section **ret, size_t *ret_n)
{
	struct reading r = { .t = t, .m = m, .arena = arena };
	struct err *err = read_all(&r);
	if (!err) {
		*ret = arena_alloc(arena, (r.list.n + 1) * sizeof(**ret));
		*ret_n = r.list.n;
		if (r.list.n)
			memcpy(*ret, r.list.v, r.list.n * sizeof(**ret));
	}
	vec_deinit(&r.list);
	return err_wrap(err, "sections of module %s", m->name);
}

/* ---- whose file ----------------------------------------------- */

/* An ELF note: sizes of its name and its text, type 3 (NT_GNU_BUILD_ID), "GNU". */
static void read_note(struct target *t, uint64_t va, struct module_identity *ret)
{
	uint8_t head[16];
	if (vspace_try_read(t->kernel, va, head, sizeof(head), NULL) ||
		get_u32(&t->abi, head) != 4 || get_u32(&t->abi, head + 8) != 3 ||
		memcmp(head + 12, "GNU", 4))
		return;
	uint32_t n = get_u32(&t->abi, head + 4);
	if (n && n <= MODULE_BUILD_ID_MAX &&
		!vspace_try_read(t->kernel, va + sizeof(head), ret->build_id, n, NULL))
		ret->build_id_bytes = n;
}

void module_identity_read(struct target *t, const struct module *m,
	const struct module_section *section, size_t n, struct arena *arena,
	struct module_identity *ret)
{
	char text[64];
	struct details d = { 0 };
	*ret = (struct module_identity){ 0 };
	scoped_err struct err *err = read_details(t, m, &d);
	for (size_t i = 0; i < n && !ret->build_id_bytes; i++)
		if (!strcmp(section[i].name, ".note.gnu.build-id"))
			read_note(t, section[i].va, ret);
	for (size_t i = 0; !err && i < sizeof(d.build_id) && !ret->build_id_bytes; i++) {
		if (!d.build_id[i])
			continue;
		ret->build_id_bytes = sizeof(d.build_id);
		memcpy(ret->build_id, d.build_id, sizeof(d.build_id));
	}
	scoped_err struct err *unread =
		d.srcversion ? vspace_read_str(t->kernel, d.srcversion, text, sizeof(text)) : NULL;
	if (d.srcversion && !unread && text[0])
		ret->srcversion = arena_strdup(arena, text);
}

struct btf_module {
	uint64_t list_va, module, data;
	uint32_t bytes;
};

/* kernel/bpf/btf.c, since v5.11: the module's own .btf_data is freed with the file it was loaded
 * from. */
static const struct view_field btf_fields[] = {
	FIELD_ADDRESS(struct btf_module, list_va, "list"),
	FIELD(struct btf_module, module, "module"),
	FIELD(struct btf_module, data, "btf"),
};
static const struct view_spec btf_spec = {
	.type = "btf_module",
	.hint = "kernel/bpf/btf.c",
	.fields = btf_fields,
	.nfields = ARRAY_SIZE(btf_fields),
};
static const struct view_field btf_data_fields[] = {
	FIELD(struct btf_module, data, "data"),
	FIELD(struct btf_module, bytes, "data_size"),
};
static const struct view_spec btf_data_spec = {
	.type = "btf",
	.hint = "kernel/bpf/btf.c",
	.fields = btf_data_fields,
	.nfields = ARRAY_SIZE(btf_data_fields),
};

/* Where the kernel keeps the BTF of @m. */
static struct err *find_btf(struct target *t, const struct module *m, struct btf_module *ret)
{
	const struct view *view, *data;
	struct list_iter it;
	uint64_t head, node;
	bool more = true;
	if (!target_has_symbol(t, "btf_modules"))
		return err_new(ERR_MISSING, "no list of modules' BTF");
	struct err *err = target_symbol(t, "btf_modules", &head);
	if (!err)
		err = target_view(t, &btf_spec, &view);
	if (!err)
		err = target_view(t, &btf_data_spec, &data);
	if (err)
		return err;
	list_iter_init(&it, t, head);
	while (!(err = list_iter_next(&it, &node, &more)) && more) {
		err = view_read(view, t->kernel, list_entry(t, node, view_offset(view, 0)), ret);
		if (err)
			return err;
		if (ret->module == m->va)
			return view_read(data, t->kernel, ret->data, ret);
	}
	return err ? err : err_new(ERR_MISSING, "module %s has no BTF", m->name);
}

struct err *module_btf_read(
	struct target *t, const struct module *m, uint8_t **ret, size_t *ret_bytes)
{
	struct details d;
	struct btf_module b = { 0 };
	scoped_free uint8_t *bytes = NULL;
	struct err *err = read_details(t, m, &d);
	if (!err)
		err = find_btf(t, m, &b);
	if (err)
		return err;
	if (d.btf_base_bytes)
		return err_new(ERR_UNSUPPORTED, "BTF of module %s has a base of its own", m->name);
	if (!b.bytes || b.bytes > BTF_BYTES_MAX)
		return err_new(ERR_FORMAT, "module %s claims %u bytes of BTF", m->name, b.bytes);
	err = mem_alloc_array(b.bytes, 1, "module's BTF", &bytes);
	if (!err)
		err = vspace_read(t->kernel, b.data, bytes, b.bytes);
	if (err)
		return err_wrap(err, "BTF of module %s", m->name);
	*ret = take_ptr(bytes);
	*ret_bytes = b.bytes;
	return NULL;
}

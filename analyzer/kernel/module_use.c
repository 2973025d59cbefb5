/*
 * struct module's counter and lists (include/linux/module.h, kernel/module/main.c, 4.19 to 7.2),
 * which only kernels with CONFIG_MODULE_UNLOAD have; taint_flags[] (kernel/panic.c) says which bit
 * is which letter.
 */
#include "analyzer/kernel/module_use.h"

#include <inttypes.h>

#define MODULE_HINT "kernel/module/main.c"

enum { TAINTS_MAX = 64, USERS_MAX = 1 << 16 };

struct raw_module {
	int64_t references;
	uint64_t taints, users_va, name_va, init, exit;
};
enum { MODULE_REFERENCES, MODULE_TAINTS, MODULE_USERS, MODULE_NAME, MODULE_EXIT };
static const struct view_field module_fields[] = {
	[MODULE_REFERENCES] = FIELD_OPTIONAL(struct raw_module, references, "refcnt.counter"),
	[MODULE_TAINTS] = FIELD_OPTIONAL(struct raw_module, taints, "taints"),
	[MODULE_USERS] = FIELD_ADDRESS_OPTIONAL(struct raw_module, users_va, "source_list"),
	[MODULE_NAME] = FIELD_ADDRESS(struct raw_module, name_va, "name"),
	[MODULE_EXIT] = FIELD_OPTIONAL(struct raw_module, exit, "exit"),
	FIELD(struct raw_module, init, "init"),
};
static const struct view_spec module_spec = { .type = "module",
	.hint = MODULE_HINT,
	.fields = module_fields,
	.nfields = ARRAY_SIZE(module_fields) };

struct raw_use {
	uint64_t node_va, user;
};
static const struct view_field use_fields[] = {
	FIELD_ADDRESS(struct raw_use, node_va, "source_list"),
	FIELD(struct raw_use, user, "source"),
};
static const struct view_spec use_spec = { .type = "module_use",
	.hint = MODULE_HINT,
	.fields = use_fields,
	.nfields = ARRAY_SIZE(use_fields) };

struct raw_taint {
	uint8_t letter, module;
};
static const struct view_field taint_fields[] = {
	FIELD(struct raw_taint, letter, "c_true"),
	FIELD_OPTIONAL(struct raw_taint, module, "module"), /* all are, since v7.0 */
};
static const struct view_spec taint_spec = { .type = "taint_flag",
	.hint = "kernel/panic.c",
	.fields = taint_fields,
	.nfields = ARRAY_SIZE(taint_fields) };

static struct err *read_module(
	struct target *t, uint64_t va, const struct view **ret_view, struct raw_module *ret)
{
	struct err *err = target_view(t, &module_spec, ret_view);
	return err ? err : view_read(*ret_view, t->kernel, va, ret);
}

struct err *module_references(struct target *t, uint64_t module_va, int64_t *ret, bool *ret_known)
{
	const struct view *v;
	struct raw_module raw = { 0 };
	struct err *err = read_module(t, module_va, &v, &raw);
	if (err)
		return err;
	*ret_known = view_has(v, MODULE_REFERENCES);
	*ret = raw.references - 1; /* MODULE_REF_BASE: the kernel's own */
	return NULL;
}

struct err *module_users_format(struct target *t, uint64_t module_va, struct strbuf *out)
{
	const struct view *v, *use_view;
	struct raw_module raw = { 0 };
	struct list_iter it;
	uint64_t node;
	bool more = true;
	struct err *err = read_module(t, module_va, &v, &raw);
	if (err || !view_has(v, MODULE_USERS))
		return err;
	err = target_view(t, &use_spec, &use_view);
	if (err)
		return err;
	list_iter_init(&it, t, raw.users_va);
	for (unsigned n = 0;
		!err && n < USERS_MAX && !(err = list_iter_next(&it, &node, &more)) && more; n++) {
		struct raw_use use = { 0 };
		char name[64];
		err = view_read(
			use_view, t->kernel, list_entry(t, node, view_offset(use_view, 0)), &use);
		if (!err)
			err = vspace_read_str(t->kernel, use.user + view_offset(v, MODULE_NAME),
				name, sizeof(name));
		if (!err)
			strbuf_addf(out, "%s%s", n ? "," : "", name);
	}
	if (!err && raw.init && !raw.exit && view_has(v, MODULE_EXIT))
		strbuf_addf(out, "%s[permanent]", out->len ? "," : "");
	return err_wrap(err, "who uses it");
}

struct err *module_taints_format(struct target *t, uint64_t module_va, struct strbuf *out)
{
	const struct view *v, *taint_view;
	struct raw_module raw = { 0 };
	uint64_t table;
	struct err *err = read_module(t, module_va, &v, &raw);
	if (err || !raw.taints)
		return err;
	err = target_view(t, &taint_spec, &taint_view);
	if (!err)
		err = target_symbol(t, "taint_flags", &table);
	for (unsigned i = 0; !err && i < TAINTS_MAX; i++) {
		struct raw_taint taint = { 0 };
		if (!(raw.taints >> i & 1))
			continue;
		err = view_read(taint_view, t->kernel, table + i * view_size(taint_view), &taint);
		if (!err && (taint.module || !view_has(taint_view, 1)))
			strbuf_add_char(out, (char)taint.letter);
	}
	return err;
}

const char *module_state_name(const struct module *m)
{
	static const char *const names[] = { "Live", "Loading", "Unloading", "Unformed" };
	return m->state < ARRAY_SIZE(names) ? names[m->state] : "?";
}

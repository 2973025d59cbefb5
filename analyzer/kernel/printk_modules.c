/*
 * The letter b of %pS, %pF and %pB: the build-id of the module that holds the symbol, behind its
 * name, as kernel/kallsyms.c:append_buildid() has it. The kernel's own symbols get none, there as
 * here; nor do modules of a kernel without CONFIG_STACKTRACE_BUILD_ID.
 */
#include <stdio.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/printk_objects_internal.h"

enum { MODULES_MAX = 8192, BUILD_ID_BYTES = 20 };

struct module_id {
	uint64_t next;
	char name[64];
	uint8_t build_id[BUILD_ID_BYTES];
};
enum module_id_field { MODULE_ID_NEXT, MODULE_ID_NAME, MODULE_ID_BUILD_ID };
static const struct view_field module_fields[] = {
	[MODULE_ID_NEXT] = FIELD(struct module_id, next, "list.next"),
	[MODULE_ID_NAME] = FIELD_BYTES(struct module_id, name, "name"),
	[MODULE_ID_BUILD_ID] = FIELD_BYTES_OPTIONAL(struct module_id, build_id, "build_id"),
};
static const struct view_spec module_spec = { .type = "module",
	.hint = "kernel/module/main.c",
	.fields = module_fields,
	.nfields = ARRAY_SIZE(module_fields) };

/* Empty in @ret when there is none. */
static struct err *find_build_id(
	const struct debug_env *env, const char *name, char ret[static 2 * BUILD_ID_BYTES + 1])
{
	scoped_printk_view struct view *v = NULL;
	struct symbol head;
	uint64_t va;
	*ret = '\0';
	if (!env->vs || !symtab_find_kernel(env->syms, "modules", &head))
		return NULL;
	struct err *err = view_bind(env->types, &module_spec, &v);
	if (err || !view_has(v, MODULE_ID_BUILD_ID)) {
		err_drop(err); /* a target without its types shows symbols all the same */
		return NULL;
	}
	uint64_t offset = view_offset(v, MODULE_ID_NEXT);
	err = printk_read_uint(env, head.va, types_abi(env->types)->word_bytes, &va);
	for (unsigned i = 0; !err && va != head.va && !(err = interrupt_check()); i++) {
		struct module_id m = { 0 };
		if (i == MODULES_MAX)
			return err_new(ERR_LIMIT, "more than %d modules", MODULES_MAX);
		err = view_read(v, env->vs, va - offset, &m);
		if (!err && !strncmp(m.name, name, sizeof(m.name))) {
			for (unsigned k = 0; k < BUILD_ID_BYTES; k++)
				snprintf(ret + 2 * k, 3, "%02x", m.build_id[k]);
			return NULL;
		}
		va = m.next;
	}
	return err;
}

static struct err *print(const struct printk_pointer *p, bool is_return, struct strbuf *out)
{
	char id[2 * BUILD_ID_BYTES + 1] = "";
	struct symbol sym;
	struct err *err = NULL;
	bool asked = strchr(p->letters, 'b') && p->env->syms;
	if (asked && symtab_at(p->env->syms, p->va - is_return, &sym) && sym.module)
		err = find_build_id(p->env, sym.module, id);
	return err ? err : printk_add_symbol(p, is_return, *id ? id : NULL, out);
}

static struct err *print_symbol(const struct printk_pointer *p, struct strbuf *out)
{
	return print(p, false, out);
}

static struct err *print_backtrace(const struct printk_pointer *p, struct strbuf *out)
{
	return print(p, true, out);
}

void printk_modules_register(struct printk_formats *f)
{
	static const struct printk_extension rows[] = {
		{ "S", "Rb", "symbol+offset/size [module] (b: and its build-id)", true,
			print_symbol },
		{ "F", "Rb", "as %pS (kernels before 5.5)", true, print_symbol },
		{ "B", "Rb", "a return address: the symbol that holds the byte before it", true,
			print_backtrace },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		printk_formats_add(f, &rows[i]);
}

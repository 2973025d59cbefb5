/* Questions to an open target: symbols, variables, views, numbers by key, and the callbacks through
 * which an architecture asks the same. */
#include "analyzer/target/target.h"

#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/target/private.h"

struct symtab *target_symbols(struct target *t)
{
	return t->syms;
}

struct err *target_need_kernel(const struct target *t)
{
	if (t->kernel)
		return NULL;
	return err_new(ERR_MISSING,
		"the kernel's memory cannot be read: the kernel was not found in "
		"this dump%s",
		t->vmlinux ? "" : " (a vmlinux may help)");
}

bool target_has_symbol(const struct target *t, const char *name)
{
	struct symbol sym;
	return symtab_find_kernel(t->syms, name, &sym);
}

static struct err *no_symbol(const struct target *t, const char *name)
{
	return err_new(
		ERR_MISSING, "no symbol %s%s", name, t->vmlinux ? "" : " (no vmlinux was given)");
}

struct err *target_symbol(const struct target *t, const char *name, uint64_t *ret_va)
{
	struct symbol sym;
	if (!symtab_find_kernel(t->syms, name, &sym))
		return no_symbol(t, name);
	*ret_va = sym.va;
	return NULL;
}

struct err *target_read_variable(
	const struct target *t, const char *name, unsigned bytes, uint64_t *ret)
{
	struct symbol sym;
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	if (!symtab_find_kernel(t->syms, name, &sym))
		return no_symbol(t, name);
	err = vspace_read_uint(t->kernel, sym.va, bytes ? bytes : t->abi.word_bytes, ret);
	return err_wrap(err, "%s", name);
}

/* How wide a variable is: as its symbol says; where that has no size, at most to the next symbol.
 */
static unsigned variable_bytes(const struct target *t, const struct symbol *sym)
{
	uint64_t n = sym->object_size ? sym->object_size : sym->size;
	bool whole = n == 1 || n == 2 || n == 4 || n == 8;
	return whole && (sym->object_size || n < t->abi.word_bytes) ? (unsigned)n
								    : t->abi.word_bytes;
}

bool target_try_variable(const struct target *t, const char *name, uint64_t *ret)
{
	struct symbol sym;
	uint8_t raw[8];
	if (!t->kernel || !symtab_find_kernel(t->syms, name, &sym))
		return false;
	unsigned n = variable_bytes(t, &sym);
	if (vspace_try_read(t->kernel, sym.va, raw, n, NULL) != FAULT_NONE)
		return false;
	*ret = load_uint(&t->abi, raw, n);
	return true;
}

struct err *target_view(struct target *t, const struct view_spec *spec, const struct view **ret)
{
	for (size_t i = 0; i < t->priv->views.n; i++) {
		if (t->priv->views.v[i].spec == spec) {
			*ret = t->priv->views.v[i].view;
			return NULL;
		}
	}
	struct bound_view bound = { .spec = spec };
	struct err *err = target_need_kernel(t);
	if (!err)
		err = view_bind(t->types, spec, &bound.view);
	if (err)
		return err;
	vec_push(&t->priv->views, bound);
	*ret = bound.view;
	return NULL;
}

/* "offsetof(TYPE.member)", "sizeof(TYPE)" and "sizeof(TYPE.member)", TYPE being a struct's tag. */
static bool type_number(const struct target *t, const char *key, uint64_t *ret)
{
	char type_name[64], member[128] = "";
	const struct type *type;
	struct field_ref field;
	bool offset = sscanf(key, "offsetof(%63[^.].%127[^)])", type_name, member) == 2;
	if (!t->types ||
		(!offset && sscanf(key, "sizeof(%63[^.)].%127[^)])", type_name, member) < 1))
		return false;
	scoped_err struct err *err =
		types_find(t->types, TYPE_STRUCT, type_name, "init/main.c", &type);
	if (!err && *member)
		err = type_field(t->types, type, member, &field);
	if (err)
		return false;
	*ret = offset ? field.bit_offset / 8 : *member ? field.type->size : type->size;
	return true;
}

/* "enum(TAG.NAME)": an enumerator's value. */
static bool enumerator_number(const struct target *t, const char *key, uint64_t *ret)
{
	char tag[64], name[128];
	const struct type *type;
	if (!t->types || sscanf(key, "enum(%63[^.].%127[^)])", tag, name) != 2)
		return false;
	scoped_err struct err *err = types_find(t->types, TYPE_ENUM, tag, "init/main.c", &type);
	if (!err)
		err = type_complete(t->types, type);
	for (uint32_t i = 0; !err && i < type->nenumerators; i++) {
		if (strcmp(type->enumerator[i].name, name))
			continue;
		*ret = type->enumerator[i].value;
		return true;
	}
	return false;
}

/* VMCOREINFO names the options it knows of as CONFIG_X=y; else the configuration itself is asked,
 * where the kernel has it. With neither, silence means no, if there is a VMCOREINFO. */
static bool config_number(const struct target *t, const char *key, uint64_t *ret)
{
	const char *vmcoreinfo = target_vmcoreinfo(t);
	char option[64], line[80];
	if (sscanf(key, "CONFIG(%63[^)])", option) != 1)
		return false;
	snprintf(line, sizeof(line), "CONFIG_%s", option);
	scoped_free char *value = NULL;
	*ret = vmcoreinfo_find(vmcoreinfo, line, &value);
	return *ret || target_config_number((struct target *)t, option, ret) || vmcoreinfo;
}

/* Facts of the kernel's place wait until memory has been asked; all others count at once. */
static bool override_counts(const struct target *t, const char *key)
{
	for (const struct override_fact *f = override_facts; f->name; f++)
		if (!strcmp(f->key, key))
			return t->priv->overrides_count;
	return true;
}

bool target_said(const struct target *t, const char *key, uint64_t *ret)
{
	return (override_counts(t, key) && overrides_number(&t->priv->overrides, key, ret)) ||
	       vmcoreinfo_number(target_vmcoreinfo(t), key, ret);
}

/* Unwinders ask for the same few members of a struct at each frame. */
static bool known_type_number(const struct target *t, const char *key, uint64_t *ret)
{
	const uint64_t *known = strmap_get(&t->priv->type_numbers, key);
	if (known)
		*ret = *known;
	return known;
}

static void keep_type_number(const struct target *t, const char *key, uint64_t v)
{
	uint64_t *kept = arena_alloc(&t->priv->type_number_keys, sizeof(*kept));
	*kept = v;
	strmap_set(&t->priv->type_numbers, arena_strdup(&t->priv->type_number_keys, key), kept);
}

bool target_number(const struct target *t, const char *key, uint64_t *ret)
{
	if (known_type_number(t, key, ret) || target_said(t, key, ret) ||
		config_number(t, key, ret))
		return true;
	if (!type_number(t, key, ret))
		return enumerator_number(t, key, ret);
	keep_type_number(t, key, *ret);
	return true;
}

static bool answer_read(void *cx, uint64_t va, void *buf, size_t n)
{
	const struct target *t = cx;
	return t->kernel && vspace_try_read(t->kernel, va, buf, n, NULL) == FAULT_NONE;
}

static bool answer_symbol(void *cx, const char *name, uint64_t *ret_va)
{
	const struct target *t = cx;
	struct symbol sym;
	char key[96];
	snprintf(key, sizeof(key), "SYMBOL(%s)", name);
	if (override_counts(t, key) && overrides_number(&t->priv->overrides, key, ret_va))
		return true;
	if (!symtab_find_kernel(t->syms, name, &sym)) {
		*ret_va = t->priv->claimed_root_va;
		return *ret_va && !strcmp(name, "swapper_pg_dir");
	}
	*ret_va = sym.va;
	return true;
}

static bool answer_function(void *cx, uint64_t pc, const char **ret_name, uint64_t *ret_start)
{
	const struct target *t = cx;
	struct symbol sym;
	if (!symtab_at(t->syms, pc, &sym))
		return false;
	*ret_name = sym.name;
	*ret_start = sym.va;
	return true;
}

static bool answer_number(void *cx, const char *key, uint64_t *ret)
{
	return target_number(cx, key, ret);
}

struct arch_env target_arch_env(const struct target *t)
{
	return (struct arch_env){
		.cx = (void *)t,
		.read = answer_read,
		.symbol = answer_symbol,
		.function = answer_function,
		.number = answer_number,
	};
}

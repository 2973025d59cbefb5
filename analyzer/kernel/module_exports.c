/* What a module exports, which is what makes its letters capitals in /proc/kallsyms:
 * kernel/module/kallsyms.c, is_exported(), kernel/module.c up to v5.18. Knows struct kernel_symbol
 * in both of its forms, nothing of CRCs. */
#include "analyzer/kernel/module_internal.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"

enum { ALIASES_MAX = 64 }; /* names of one address */

struct kernel_symbol {
	uint64_t value, name;
	uint64_t value_offset, name_offset;
};
enum { VALUE_OFFSET = 2 };

/* include/linux/export.h, since v6.4 include/linux/export-internal.h, kernel/module/internal.h */
static const struct view_field kernel_symbol_fields[] = {
	FIELD_OPTIONAL(struct kernel_symbol, value, "value"),
	FIELD_OPTIONAL(struct kernel_symbol, name, "name"),
	[VALUE_OFFSET] = FIELD_OPTIONAL(struct kernel_symbol, value_offset, "value_offset"),
	FIELD_OPTIONAL(struct kernel_symbol, name_offset, "name_offset"),
};
static const struct view_spec kernel_symbol_spec = {
	.type = "kernel_symbol",
	.hint = "kernel/module/main.c",
	.fields = kernel_symbol_fields,
	.nfields = ARRAY_SIZE(kernel_symbol_fields),
};

static uint64_t to_word(const struct target *t, uint64_t va)
{
	return t->abi.word_bytes == 4 ? (uint32_t)va : va;
}

bool module_export_read(
	struct target *t, const struct export_form *form, uint64_t va, struct module_export *ret)
{
	uint8_t raw[2 * sizeof(uint64_t)];
	unsigned each = form->relative ? 4 : t->abi.word_bytes;
	if (vspace_try_read(t->kernel, va, raw, 2 * each, NULL))
		return false;
	if (form->relative) {
		ret->va = to_word(t, va + (uint64_t)(int32_t)get_u32(&t->abi, raw));
		ret->name_va = to_word(t, va + 4 + (uint64_t)(int32_t)get_u32(&t->abi, raw + 4));
	} else {
		ret->va = get_word(&t->abi, raw);
		ret->name_va = get_word(&t->abi, raw + each);
	}
	return true;
}

static bool find_form(struct target *t, const struct module_layout *l, struct export_form *ret)
{
	const struct view *view;
	if (!l->by_types) {
		*ret = (struct export_form){ l->exports_relative, l->export_bytes };
		return l->export_bytes != 0;
	}
	scoped_err struct err *err = target_view(t, &kernel_symbol_spec, &view);
	if (err)
		return false;
	*ret = (struct export_form){ view_has(view, VALUE_OFFSET), (uint32_t)view_size(view) };
	return ret->bytes >= 8 && (view_has(view, VALUE_OFFSET) || view_has(view, 0));
}

static int by_address(const void *a, const void *b)
{
	const struct module_export *x = a, *y = b;
	return x->va < y->va ? -1 : x->va > y->va;
}

void module_exports_read(struct target *t, const struct module_layout *l, const struct module *m,
	struct module_exports *ret)
{
	struct export_form form;
	*ret = (struct module_exports){ 0 };
	if (!m->exports || !m->num_exports || m->num_exports > MODULE_EXPORTS_MAX ||
		!find_form(t, l, &form))
		return;
	ret->v = xcalloc(m->num_exports, sizeof(*ret->v));
	for (uint32_t i = 0; i < m->num_exports && !interrupt_pending(); i++)
		ret->n += module_export_read(
			t, &form, m->exports + (uint64_t)i * form.bytes, &ret->v[ret->n]);
	qsort(ret->v, ret->n, sizeof(*ret->v), by_address);
}

bool module_is_exported(
	struct target *t, const struct module_exports *e, const char *name, uint64_t va)
{
	size_t low = 0, high = e->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (e->v[mid].va < va)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t end = low + ALIASES_MAX; low < e->n && low < end && e->v[low].va == va; low++) {
		char text[SYMBOL_NAME_MAX];
		scoped_err struct err *err =
			vspace_read_str(t->kernel, e->v[low].name_va, text, sizeof(text));
		if (!err && !strcmp(text, name))
			return true;
	}
	return false;
}

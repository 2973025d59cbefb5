/* Parsing and looking up. Knows names and notations of facts, not what they are good for. */
#include "analyzer/target/overrides.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/number.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"

const struct override_fact override_facts[] = {
	{ "kimage_voffset", "NUMBER(kimage_voffset)", "image: virtual minus physical (arm64)" },
	{ "kaslr", "KERNELOFFSET", "how far the image moved from where it was linked" },
	{ "phys_offset", "NUMBER(PHYS_OFFSET)", "physical address of the linear map's beginning" },
	{ "page_offset", "PAGE_OFFSET", "where the linear map begins (ARM32: the VMSPLIT)" },
	{ "va_bits", "NUMBER(VA_BITS)", "bits of kernel addresses (arm64)" },
	{ "t1sz", "NUMBER(TCR_EL1_T1SZ)", "the CPU's T1SZ: 64 less the bits it walks (arm64)" },
	{ "page_size", "PAGESIZE", "bytes of a page" },
	{ "lpae", "CONFIG(ARM_LPAE)", "1: long descriptors, 0: short ones (ARM32)" },
	{ "swapper_pg_dir", "SYMBOL(swapper_pg_dir)",
		"virtual address of the kernel's page table" },
	{ 0 },
};

static const char *key_of(const char *name)
{
	for (const struct override_fact *f = override_facts; f->name; f++)
		if (!strcmp(f->name, name))
			return f->key;
	return NULL;
}

/* What VMCOREINFO could have: NUMBER(X), SYMBOL(X), OFFSET(X.y), SIZE(X), LENGTH(X), CONFIG(X),
 * PAGESIZE, KERNELOFFSET, PAGE_OFFSET. */
static bool is_key(const char *name)
{
	static const char *const kinds[] = { "NUMBER(", "SYMBOL(", "OFFSET(", "SIZE(", "LENGTH(",
		"CONFIG(" };
	size_t n = strlen(name);
	for (const struct override_fact *f = override_facts; f->name; f++)
		if (!strcmp(f->key, name))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strncmp(name, kinds[i], strlen(kinds[i])))
			return name[n - 1] == ')' && n > strlen(kinds[i]) + 1;
	return false;
}

static struct err *unknown(const char *name)
{
	scoped_strbuf struct strbuf b = { 0 };
	for (const struct override_fact *f = override_facts; f->name; f++)
		strbuf_addf(&b, "%s%s", f == override_facts ? "" : ", ", f->name);
	return err_new(ERR_USAGE, "--set %s: no such fact; there are %s, and VMCOREINFO's keys",
		name, strbuf_text(&b));
}

/* Keys of VMCOREINFO take its notation, plain names the usual one. */
static bool parse_value(const char *name, const char *text, uint64_t *ret)
{
	bool hex = !strncmp(name, "SYMBOL(", 7) || !strcmp(name, "KERNELOFFSET");
	int64_t v;
	if (hex)
		return number_parse_hex(!strncmp(text, "0x", 2) ? text + 2 : text, ret);
	if (*text != '-')
		return number_parse(text, ret);
	if (!number_parse_signed(text, &v))
		return false;
	*ret = (uint64_t)v;
	return true;
}

struct err *overrides_add(struct overrides *o, const char *text)
{
	const char *equals = strrchr(text, '=');
	if (!equals || equals == text)
		return err_new(ERR_USAGE, "--set %s: NAME=VALUE is wanted", text);
	scoped_free char *name = xstrndup(text, (size_t)(equals - text));
	const char *key = key_of(name);
	uint64_t value;
	if (!key && !is_key(name))
		return unknown(name);
	if (!parse_value(name, equals + 1, &value))
		return err_new(ERR_USAGE, "--set %s: %s is no number", name, equals + 1);
	struct override one = { .key = xstrdup(key ? key : name), .value = value };
	one.name = take_ptr(name);
	vec_push(&o->v, one);
	return NULL;
}

struct override *overrides_find(const struct overrides *o, const char *key)
{
	for (size_t i = o->v.n; i--;)
		if (!o->v.v[i].off && !strcmp(o->v.v[i].key, key))
			return &o->v.v[i];
	return NULL;
}

bool overrides_number(const struct overrides *o, const char *key, uint64_t *ret)
{
	const struct override *one = overrides_find(o, key);
	if (one)
		*ret = one->value;
	return one;
}

void overrides_deinit(struct overrides *o)
{
	for (size_t i = 0; i < o->v.n; i++) {
		free(o->v.v[i].name);
		free(o->v.v[i].key);
	}
	vec_deinit(&o->v);
}

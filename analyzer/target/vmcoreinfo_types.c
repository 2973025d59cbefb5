/* Finds struct timekeeper's members by what they must say of each other, and adds the types. */
#include "analyzer/target/vmcoreinfo_types.h"

#include "analyzer/base/scope.h"
#include "analyzer/target/private.h"
#include "analyzer/target/vmcoreinfo_btf.h"

/*
 * kernel/time/timekeeping.c, tk_set_wall_to_mono(): offs_real is wall_to_monotonic negated, to the
 * nanosecond; ktime_sec is the sum of the seconds, give or take one for the fractions.
 */
static bool members_agree(const struct abi *abi, const uint8_t *p)
{
	const int64_t ns = 1000000000;
	int64_t xtime = (int64_t)get_u64(abi, p), wall = (int64_t)get_u64(abi, p + 16);
	int64_t real = (int64_t)get_u64(abi, p + 32), nsec = (int64_t)get_word(abi, p + 24);
	int64_t ktime = (int64_t)get_word(abi, p + 8);
	if (xtime <= 0 || xtime > 1ll << 34 || wall >= 0 || wall < -(1ll << 33) || nsec < 0 ||
		nsec >= ns || real != -(wall * ns + nsec))
		return false;
	int64_t off = xtime + wall - ktime;
	return off >= -1 && off <= 1;
}

static void find_timekeeper(const struct target *t, struct timekeeper_place *ret)
{
	static const char *const variables[] = { "shadow_timekeeper" };
	enum { SPAN = 640, ROW = 48 };
	for (size_t i = 0; t->kernel && i < ARRAY_SIZE(variables); i++) {
		uint8_t raw[SPAN];
		struct symbol s;
		if (!symtab_find_kernel(t->syms, variables[i], &s) ||
			vspace_try_read(t->kernel, s.va, raw, sizeof(raw), NULL) != FAULT_NONE)
			continue;
		for (uint32_t at = 0; at + ROW <= SPAN; at += 8) {
			if (!members_agree(&t->abi, raw + at))
				continue;
			*ret = (struct timekeeper_place){ variables[i], at };
			return;
		}
	}
}

void vmcoreinfo_add_types(struct target *t)
{
	struct timekeeper_place tk = { 0 };
	size_t n;
	if (types_source(t->types) || t->priv->btf)
		return;
	find_timekeeper(t, &tk);
	t->priv->btf = vmcoreinfo_btf(target_vmcoreinfo(t), &t->abi, &tk, &n);
	if (!t->priv->btf)
		return;
	struct err *err = types_add_btf_part(
		t->types, t->priv->btf, n, "VMCOREINFO", "OFFSET() and SIZE() lines");
	if (err)
		target_warn(t, "%s", err->msg);
	err_drop(err);
}

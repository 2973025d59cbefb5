/*
 * Where KASAN's shadow is: include/linux/kasan.h, arch/arm64/include/asm/memory.h,
 * arch/arm/include/asm/ kasan_def.h, 4.19 to 7.2. Each architecture checks at build time that the
 * shadow's end is the shadow of the address behind the last one, so the end alone gives the offset.
 * A place is believed only if the shadow of an object that must be there looks as it must.
 */
#include "analyzer/kernel/kasan.h"

#include <inttypes.h>

#include "analyzer/kernel/address_map.h"
#include "analyzer/kernel/kasan_shadow.h"

#define KASAN_HINT "mm/kasan/generic.c"

static const char *const mode_names[] = { "generic", "sw_tags", "hw_tags" };

const char *kasan_mode_name(enum kasan_mode mode)
{
	return mode_names[mode];
}

static uint64_t all_ones(const struct kasan *k)
{
	return k->t->abi.word_bytes == 8 ? UINT64_MAX : UINT32_MAX;
}

/* ---- addresses ----------------------------------------------- */

uint64_t kasan_untag(const struct kasan *k, uint64_t va)
{
	if (k->mode == KASAN_GENERIC || k->t->abi.word_bytes != 8)
		return va & all_ones(k);
	return (uint64_t)sign_extend(va, 56);
}

unsigned kasan_tag(const struct kasan *k, uint64_t va)
{
	return k->mode == KASAN_GENERIC || k->t->abi.word_bytes != 8 ? 0xff : (unsigned)(va >> 56);
}

uint64_t kasan_to_shadow(const struct kasan *k, uint64_t va)
{
	return ((kasan_untag(k, va) >> k->scale) + k->offset) & all_ones(k);
}

uint64_t kasan_from_shadow(const struct kasan *k, uint64_t shadow_va)
{
	return ((shadow_va - k->offset) << k->scale) & all_ones(k);
}

bool kasan_covers(const struct kasan *k, uint64_t va)
{
	return kasan_untag(k, va) >= kasan_from_shadow(k, k->start);
}

/* ---- reading ----------------------------------------------- */

enum kasan_backing kasan_backing(const struct kasan *k, uint64_t va, enum fault_kind *ret_fault)
{
	struct paddr pa;
	if (ret_fault)
		*ret_fault = FAULT_NONE;
	if (!kasan_covers(k, va))
		return KASAN_OUTSIDE;
	enum fault_kind fault = vspace_translate(k->t->kernel, kasan_to_shadow(k, va), &pa, NULL);
	if (ret_fault)
		*ret_fault = fault;
	if (fault)
		return KASAN_UNMAPPED;
	uint64_t page = UINT64_MAX << vspace_facts(k->t->kernel)->layout.paging.page_shift;
	return k->zero_va && (pa.v & page) == k->zero_pa ? KASAN_ZERO : KASAN_REAL;
}

const char *kasan_backing_name(enum kasan_backing b)
{
	static const char *const name[] = { "real", "zero page", "unmapped", "none" };
	return name[b];
}

bool kasan_try_byte(const struct kasan *k, uint64_t va, uint8_t *ret)
{
	return kasan_covers(k, va) &&
	       !vspace_try_read(k->t->kernel, kasan_to_shadow(k, va), ret, 1, NULL);
}

struct err *kasan_read(const struct kasan *k, uint64_t va, uint8_t *buf, size_t n)
{
	if (!kasan_covers(k, va))
		return err_new(ERR_NOT_FOUND,
			"0x%" PRIx64 " has no shadow: it lies below 0x%" PRIx64, va,
			kasan_from_shadow(k, k->start));
	struct err *err = vspace_read(k->t->kernel, kasan_to_shadow(k, va), buf, n);
	return err_wrap(err, "shadow of 0x%" PRIx64, va);
}

/* ---- finding ----------------------------------------------- */

static bool find_mode(struct target *t, enum kasan_mode *ret)
{
	static const struct {
		const char *config, *symbol, *other;
		enum kasan_mode mode;
	} known[] = {
		{ "CONFIG(KASAN_SW_TAGS)", "__hwasan_load1_noabort", "kasan_init_sw_tags",
			KASAN_SW_TAGS },
		{ "CONFIG(KASAN_HW_TAGS)", "kasan_init_hw_tags", "kasan_enable_hw_tags",
			KASAN_HW_TAGS },
		{ "CONFIG(KASAN_GENERIC)", "__asan_load1_noabort", "__asan_register_globals",
			KASAN_GENERIC },
		/* 4.19 has one mode, and no name for it */
		{ "CONFIG(KASAN)", "kasan_zero_page", "kasan_zero_page", KASAN_GENERIC },
	};
	uint64_t on;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		*ret = known[i].mode;
		if (target_has_symbol(t, known[i].symbol) || target_has_symbol(t, known[i].other))
			return true;
		if (target_number(t, known[i].config, &on) && on == 1)
			return true;
	}
	return false;
}

/* Without it the zero page is not told from other shadow. kasan_zero_page up to 4.20. */
static void find_zero_page(struct kasan *k)
{
	struct symbol s;
	struct paddr pa;
	if (!symtab_find_kernel(k->t->syms, "kasan_early_shadow_page", &s) &&
		!symtab_find_kernel(k->t->syms, "kasan_zero_page", &s))
		return;
	if (vspace_translate(k->t->kernel, s.va, &pa, NULL))
		return;
	k->zero_va = s.va;
	k->zero_pa = pa.v;
}

struct root_cache {
	uint64_t object_size;
};
static const struct view_field root_fields[] = { FIELD(
	struct root_cache, object_size, "object_size") };
static const struct view_spec root_spec = { .type = "kmem_cache",
	.hint = "mm/slub.c",
	.fields = root_fields,
	.nfields = ARRAY_SIZE(root_fields) };

/*
 * The cache of caches is an allocated object of its own: its first granule may be touched, what
 * lies behind its last may not; tag modes have its pointer's tag in its shadow. *ret_known false:
 * it cannot be looked at.
 */
static bool prove_by_cache(const struct kasan *k, bool *ret_known)
{
	const struct view *v;
	struct root_cache c;
	uint64_t va;
	uint8_t first, behind;
	scoped_err struct err *err = target_read_variable(k->t, "kmem_cache", 0, &va);
	*ret_known = false;
	if (!err)
		err = target_view(k->t, &root_spec, &v);
	if (!err)
		err = view_read(v, k->t->kernel, kasan_untag(k, va), &c);
	if (err)
		return false;
	*ret_known = true;
	uint64_t end =
		kasan_untag(k, va) + ((c.object_size + k->granule - 1) & ~(k->granule - 1ull));
	if (!kasan_try_byte(k, va, &first) || !kasan_try_byte(k, end, &behind))
		return false;
	if (k->mode == KASAN_SW_TAGS)
		return first == kasan_tag(k, va) && behind == KASAN_TAG_INVALID;
	return !first && behind == KASAN_SLAB_REDZONE;
}

/* Generic mode only: a global variable of the kernel's core, and the redzone that the compiler put
 * behind it (kernel/nsproxy.c, kernel/pid.c, init/version.c, kernel/user.c). */
static bool prove_by_global(const struct kasan *k, bool *ret_known)
{
	static const char *const name[] = { "init_nsproxy", "init_pid_ns", "init_uts_ns",
		"init_user_ns" };
	*ret_known = false;
	for (size_t i = 0; i < ARRAY_SIZE(name); i++) {
		struct symbol s;
		uint8_t first, behind;
		if (!symtab_find_kernel(k->t->syms, name[i], &s) || !s.object_size)
			continue;
		*ret_known = true;
		if (kasan_try_byte(k, s.va, &first) && !first &&
			kasan_try_byte(k, s.va + s.object_size + k->granule - 1, &behind) &&
			(behind == KASAN_GLOBAL_REDZONE || behind == KASAN_GLOBAL_REDZONE_OLD))
			return true;
	}
	return false;
}

/* False: something known lies elsewhere. */
static bool prove(struct kasan *k)
{
	bool known, global_known = false;
	k->proof = NULL;
	if (prove_by_cache(k, &known))
		k->proof = "the redzone of kmem_cache's own object";
	else if (k->mode == KASAN_GENERIC && prove_by_global(k, &global_known))
		k->proof = "a global variable's redzone";
	return k->proof || (!known && !global_known);
}

static bool try_end(struct kasan *k, uint64_t end, uint64_t start, const char *source)
{
	unsigned bits = k->t->abi.word_bytes * 8;
	k->end = end;
	k->start = start;
	k->offset = (end - (1ull << (bits - k->scale))) & all_ones(k);
	k->source = source;
	return prove(k);
}

/*
 * The address map's region first: it knows the kernel's own markers. Then the configuration, then
 * the values of arch/arm64/Kconfig (5.11 and later, 5.0 to 5.10) and
 * arch/arm/include/asm/kasan_def.h.
 */
static struct err *find_shadow(struct kasan *k)
{
	scoped_free struct address_map *map = xcalloc(1, sizeof(*map));
	const struct arch_layout *l = &vspace_facts(k->t->kernel)->layout;
	unsigned bits = k->t->abi.word_bytes == 8 ? l->paging.va_bits : 32;
	uint64_t offset;
	scoped_err struct err *err = address_map_find(k->t, map);
	const struct map_region *r = err ? NULL : address_map_get(map, "KASAN shadow");
	if (r && try_end(k, r->last + 1, r->start, r->source))
		return NULL;
	uint64_t span = 1ull << (bits - k->scale);
	if (target_number(k->t, "CONFIG(KASAN_SHADOW_OFFSET)", &offset) && offset) {
		uint64_t end =
			(offset + (1ull << (k->t->abi.word_bytes * 8 - k->scale))) & all_ones(k);
		if (try_end(k, end, end - span, "CONFIG_KASAN_SHADOW_OFFSET"))
			return NULL;
	}
	if (k->t->abi.word_bytes == 8) {
		unsigned least = bits <= 48 ? bits : 48;
		uint64_t split = UINT64_MAX << (least - 1);
		if (try_end(k, split, split - span, "computed") ||
			try_end(k, split + span, split, "computed"))
			return NULL;
	} else {
		uint64_t end = l->page_offset - (16u << 20);
		if (try_end(k, end, (end >> 3) + end - 0x20000000u, "computed"))
			return NULL;
	}
	return err_new(ERR_FORMAT,
		"KASAN's shadow is not where this kernel should have it: no place for it "
		"agrees with kmem_cache's own object");
}

static bool has_free_track(struct target *t)
{
	uint64_t offset;
	const struct type *type;
	struct field_ref f;
	scoped_err struct err *err =
		types_find(t->types, TYPE_STRUCT, "kasan_free_meta", KASAN_HINT, &type);
	if (err) /* no types: what is common today */
		return !target_number(t, "sizeof(kasan_free_meta)", &offset);
	err = type_field(t->types, type, "free_track", &f);
	return !err;
}

struct err *kasan_need_shadow(const struct kasan *k)
{
	if (k->mode != KASAN_HW_TAGS)
		return NULL;
	return err_new(ERR_UNSUPPORTED,
		"hardware tags lie in memory that no dump format has: there is no "
		"shadow to look at (pointers' tags and the stack ring are shown)");
}

struct err *kasan_init(struct target *t, struct kasan *ret)
{
	struct kasan k = { .t = t };
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	if (!find_mode(t, &k.mode))
		return err_new(ERR_MISSING, "this kernel was built without KASAN (no symbol and no "
					    "configuration of it is there)");
	k.scale = k.mode == KASAN_GENERIC ? 3 : 4;
	k.granule = 1u << k.scale;
	if (k.mode != KASAN_HW_TAGS) {
		find_zero_page(&k);
		k.free_track = k.mode == KASAN_GENERIC && has_free_track(t);
		err = find_shadow(&k);
	}
	if (!err)
		*ret = k;
	return err;
}

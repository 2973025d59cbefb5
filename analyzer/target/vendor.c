/* Decoding of those blocks. Where a vendor changed its layout without a mark, each word that could
 * be the wanted number is a claim of its own: the proof is cheap and tells. */
#include "analyzer/target/vendor.h"

#include "analyzer/base/scope.h"
#include "analyzer/target/kinfo.h"
#include "analyzer/target/private.h"

/* ---- debug-kinfo ----------------------------------------------- */

static void claim(struct vendor_iter *it, const char *finder, const char *how, struct paddr pa,
	uint64_t voffset)
{
	for (size_t i = 0; i < it->nclaims; i++)
		if (it->claim[i].voffset == voffset)
			return;
	if (it->nclaims < VENDOR_CLAIMS_MAX)
		it->claim[it->nclaims++] = (struct vendor_place){ finder, how, pa, voffset };
}

/* The same field was _stext's and is _text's in the version of 2026. */
static void claim_kinfo(struct vendor_iter *it, struct paddr pa)
{
	static const char *const names[] = { "_stext", "_text" };
	struct target *t = it->t;
	struct kinfo k;
	if (!kinfo_read(t->dump, pa, &k)) {
		attempts_add(&t->priv->attempts, "debug-kinfo", ATTEMPT_REFUTED,
			"its checksum is wrong", "at 0x%" PRIx64, pa.v);
		return;
	}
	attempts_add(&t->priv->attempts, "debug-kinfo", ATTEMPT_FOUND, "its checksum is right",
		"Linux %s, swapper_pg_dir at physical 0x%" PRIx64 ", block at 0x%" PRIx64,
		k.release, k.swapper.v, pa.v);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct symbol s;
		if (symtab_find_kernel(t->syms, names[i], &s))
			claim(it, "debug-kinfo", "debug-kinfo, proved by page tables", pa,
				s.va - k.stext.v);
	}
}

/* ---- MediaTek, Unisoc ----------------------------------------------- */

/*
 * arm64's kimage_voffset: the image is in the upper half, so the distance is too, and both ends are
 * aligned to pages. MediaTek's machdesc has it at 80 or so
 * (drivers/misc/mediatek/aee/mrdump/mrdump.h, differs by release), Unisoc's header behind the
 * dump's path, where newer kernels have it at all.
 */
static void claim_words(
	struct vendor_iter *it, const char *finder, const char *how, struct paddr pa)
{
	enum { BLOCK_BYTES = 1024 };
	uint8_t p[BLOCK_BYTES];
	struct target *t = it->t;
	if (dump_try_read(t->dump, pa, p, sizeof(p), NULL) != FAULT_NONE)
		return;
	for (size_t at = 8; at + 8 <= sizeof(p); at += 4) {
		uint64_t v = load_u64le(p + at);
		if (v >> 52 == 0xfff && !(v & 0xfff) && v << 12)
			claim(it, finder, how, pa, v);
	}
	attempts_add(&t->priv->attempts, finder, ATTEMPT_FOUND, NULL,
		"block at 0x%" PRIx64 ", %zu words that could be kimage_voffset", pa.v,
		it->nclaims);
}

/* ---- all ----------------------------------------------- */

enum { KINDS = 3, BLOCKS_MAX = 8 };
static const enum scan_mark kind_mark[KINDS] = { SCAN_KINFO, SCAN_MRDUMP, SCAN_SYSDUMP };

void vendor_iter_init(struct vendor_iter *it, struct target *t, bool all)
{
	*it = (struct vendor_iter){ .t = t, .all = all };
}

static bool next_block(struct vendor_iter *it, struct paddr *ret)
{
	struct scan *scan = &it->t->priv->scan;
	bool found = false;
	if (it->hit >= BLOCKS_MAX)
		return false;
	if (!it->all)
		return scan_seen(scan, kind_mark[it->kind], it->hit++, ret);
	scoped_err struct err *err = scan_find(scan, kind_mark[it->kind], it->hit++, &found, ret);
	return !err && found; /* Ctrl-C is noticed by whoever comes next */
}

bool vendor_iter_next(struct vendor_iter *it, struct vendor_place *ret)
{
	while (it->next >= it->nclaims) {
		struct paddr pa;
		if (it->kind >= KINDS)
			return false;
		it->nclaims = it->next = 0;
		if (!next_block(it, &pa)) {
			it->kind++;
			it->hit = 0;
		} else if (it->kind == 0) {
			claim_kinfo(it, pa);
		} else if (it->kind == 1) {
			claim_words(it, "MediaTek's mrdump block",
				"MediaTek's mrdump block, proved by page tables", pa);
		} else {
			claim_words(it, "Unisoc's sysdump header",
				"Unisoc's sysdump header, proved by page tables", pa);
		}
	}
	*ret = it->claim[it->next++];
	return true;
}

/*
 * Boot loaders put u32 0xdead4ead and u64 KASLR offset at 0x6d0 of IMEM, when that is part of the
 * dump. The offset alone places nothing; it agrees with the proved place or tells of another boot.
 */
void vendor_check_kaslr(struct target *t)
{
	enum { OFFSET = 0x6d4 };
	uint8_t raw[8];
	struct paddr pa;
	if (!t->image.va || !t->image.link_va || !scan_seen(&t->priv->scan, SCAN_IMEM, 0, &pa) ||
		dump_try_read(t->dump, (struct paddr){ pa.v + OFFSET }, raw, 8, NULL) != FAULT_NONE)
		return;
	uint64_t said = load_u64le(raw), slide = t->image.va - t->image.link_va;
	attempts_add(&t->priv->attempts, "Qualcomm's KASLR word",
		said == slide ? ATTEMPT_PROVED : ATTEMPT_REFUTED, t->image_finder,
		"0x%" PRIx64 " in the page at 0x%" PRIx64, said, pa.v);
}

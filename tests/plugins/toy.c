/*
 * A plugin for the tests of what can be added besides commands and walkers: printers, a reader of a
 * toy container, a bootstrap finder. TOY_CLAIM and TOY_CRASH in the environment say what it claims
 * and where it crashes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/api.h"

static void crash_in(const char *where)
{
	static volatile int *volatile nowhere = (volatile int *)8;
	const char *wanted = getenv("TOY_CRASH");
	if (wanted && !strcmp(wanted, where))
		*nowhere = 1;
}

/* ---- printers ---------------------------------------------------------------------------- */

static struct err *print_atomic(struct target *t, uint64_t va, struct strbuf *out, bool *ret_done)
{
	uint8_t raw[4];
	crash_in("printer");
	struct err *err = api_read(t, va, raw, sizeof(raw));
	if (err)
		return err;
	strbuf_addf(out, "atomic\n%d", (int32_t)get_u32(api_abi(t), raw));
	*ret_done = true;
	return NULL;
}
static const struct plugin_printer atomic = { "atomic_t", "its number alone", print_atomic };

/* The usual form with a word before it: asks for the same object again. */
static struct err *print_list(struct target *t, uint64_t va, struct strbuf *out, bool *ret_done)
{
	strbuf_add(out, "ring ");
	*ret_done = true;
	return api_print(t, "struct list_head", va, out);
}
static const struct plugin_printer list = { "struct list_head", "with a word before it",
	print_list };

static struct err *print_nothing(struct target *t, uint64_t va, struct strbuf *out, bool *ret_done)
{
	(void)t, (void)va, (void)out, (void)ret_done;
	return NULL;
}
static const struct plugin_printer nothing = { "struct plist_head", "leaves it as it is",
	print_nothing };

static struct err *print_wrong(struct target *t, uint64_t va, struct strbuf *out, bool *ret_done)
{
	uint8_t byte;
	(void)va, (void)out, (void)ret_done;
	return api_read(t, 8, &byte, 1);
}
static const struct plugin_printer wrong = { "struct sched_info", "cannot read", print_wrong };

/* ---- a dump reader ----------------------------------------------------------------------- */

/* "TOYDUMP1", u32 ranges, u32 architecture (0: not said, 1: arm, 2: arm64), u64 bytes of
 * VMCOREINFO, the ranges as three u64 (address, bytes, place in the file), the text. Little-endian.
 */
enum { HEAD_BYTES = 24, RANGE_BYTES = 24, RANGES_MAX = 4096, TEXT_MAX = 1 << 16 };

static bool toy_recognises(const uint8_t *head, size_t n, uint64_t file_bytes)
{
	crash_in("reader");
	return n >= HEAD_BYTES && file_bytes >= HEAD_BYTES && !memcmp(head, "TOYDUMP1", 8);
}

static struct err *toy_text(struct api_opening *o, uint64_t at, uint64_t n)
{
	scoped_free char *text = malloc(TEXT_MAX);
	if (!n)
		return NULL;
	if (n > TEXT_MAX)
		return err_new(ERR_FORMAT, "its text has more than %d bytes", TEXT_MAX);
	struct err *err = api_opening_read(o, at, text, n);
	if (!err)
		api_opening_add_vmcoreinfo(o, text, n);
	return err;
}

static struct err *toy_open(struct api_opening *o)
{
	static const char *const architecture[] = { NULL, "arm", "arm64" };
	uint8_t h[HEAD_BYTES], r[RANGE_BYTES];
	struct err *err = api_opening_read(o, 0, h, sizeof(h));
	uint32_t n = err ? 0 : load_u32le(h + 8), machine = err ? 0 : load_u32le(h + 12);
	if (!err && (n > RANGES_MAX || machine > 2))
		err = err_new(ERR_FORMAT, "its head makes no sense");
	if (!err && machine)
		err = api_opening_set_architecture(o, architecture[machine]);
	for (uint32_t i = 0; !err && i < n; i++) {
		err = api_opening_read(o, HEAD_BYTES + i * RANGE_BYTES, r, sizeof(r));
		if (!err)
			err = api_opening_add_range(
				o, load_u64le(r), load_u64le(r + 8), load_u64le(r + 16));
	}
	return err ? err : toy_text(o, HEAD_BYTES + (uint64_t)n * RANGE_BYTES, load_u64le(h + 16));
}
static const struct plugin_reader toy = { "toy container", "for tests", toy_recognises, toy_open };

/* ---- a bootstrap finder ------------------------------------------------------------------ */

/* TOY_CLAIM: "TEXT_PA,TEXT_VA,ROOT_PA" in hex, several behind each other with ';'. */
static struct err *toy_find(struct target *t, struct api_claims *to)
{
	const char *said = getenv("TOY_CLAIM");
	uint64_t pa, n;
	crash_in("finder");
	if (!api_ram(t, 0, &pa, &n))
		return err_new(ERR_MISSING, "no RAM");
	for (; said && *said; said += strcspn(said, ";"), said += *said == ';') {
		struct api_claim c = { 0 };
		if (sscanf(said, "%" SCNx64 ",%" SCNx64 ",%" SCNx64, &c.text_pa, &c.text_va,
			    &c.root_pa) != 3)
			return err_new(ERR_FORMAT, "TOY_CLAIM is no claim");
		struct err *err = api_claim(to, &c);
		if (err)
			return err;
	}
	return NULL;
}
static const struct plugin_finder finder = { "toy claim", "what TOY_CLAIM says", toy_find };

static const struct plugin_printer *const printers[] = { &atomic, &list, &nothing, &wrong, NULL };
static const struct plugin_reader *const readers[] = { &toy, NULL };
static const struct plugin_finder *const finders[] = { &finder, NULL };

const struct plugin plugin = {
	PLUGIN_BUILT_BY,
	.name = "toy",
	.version = "1",
	.summary = "for tests",
	.printers = printers,
	.readers = readers,
	.finders = finders,
};

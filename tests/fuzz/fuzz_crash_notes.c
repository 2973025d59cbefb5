/* A crash_notes buffer. The first byte chooses architecture and byte order. */
#include "analyzer/stack/crash_notes.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct crash_note note;
	if (!n)
		return 0;
	const struct arch *arch = p[0] & 1 ? &arch_arm64 : &arch_arm;
	struct abi abi = arch->abi;
	abi.big_endian = p[0] & 2;
	/* Exactly so many bytes, for the sanitizer to see one too many. */
	uint8_t *copy = malloc(n);
	memcpy(copy, p + 1, n - 1);
	struct err *err = crash_note_parse(arch, &abi, copy, n - 1, &note);
	if (err ? !err->msg[0] : note.saved && note.desc_bytes < arch->prstatus_bytes)
		abort();
	err_drop(err);
	free(copy);
	return 0;
}

static void seed(const struct arch *arch, uint8_t first, fuzz_add_fn add)
{
	uint8_t raw[1 + 20 + CRASH_NOTE_BYTES_MAX] = { first, 5 };
	raw[5] = (uint8_t)arch->prstatus_bytes;
	raw[6] = (uint8_t)(arch->prstatus_bytes >> 8);
	raw[9] = NT_PRSTATUS;
	memcpy(raw + 13, "CORE", 5);
	add(raw, 1 + 20 + arch->prstatus_bytes);
	raw[1] = 0;
	add(raw, sizeof(raw));
}

void fuzz_seed(fuzz_add_fn add)
{
	seed(&arch_arm64, 1, add);
	seed(&arch_arm, 0, add);
	add((const uint8_t[21]){ 1 }, 21);
}

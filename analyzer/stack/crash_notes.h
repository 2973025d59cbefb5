/*
 * The registers that the kernel noted for each CPU when it crashed: crash_notes, a per-CPU buffer
 * with one ELF note, which kexec's notes of a dump are copies of. Empty unless a crash kernel was
 * loaded.
 */
#ifndef ANALYZER_STACK_CRASH_NOTES_H
#define ANALYZER_STACK_CRASH_NOTES_H

#include "analyzer/kernel/percpu.h"

enum { CRASH_NOTE_BYTES_MAX = 400 }; /* of struct elf_prstatus: arm64 has 392 */

struct crash_note {
	bool saved; /* the rest means something */
	uint32_t pid;
	struct regs regs;
	uint8_t desc[CRASH_NOTE_BYTES_MAX]; /* as it stands, to compare with a dump's notes */
	uint32_t desc_bytes;
};

/* Of @cpu. ERR_MISSING: this kernel has no crash_notes (no kexec). ERR_FORMAT: the buffer holds
 * something else. */
struct err *crash_note_read(struct target *t, unsigned cpu, struct crash_note *ret) MUST_CHECK;

/* The same from the @n bytes of a buffer. A buffer that begins with zeros is an empty one. */
struct err *crash_note_parse(const struct arch *arch, const struct abi *abi, const uint8_t *p,
	size_t n, struct crash_note *ret) MUST_CHECK;

/* The registers of a struct elf_prstatus, which has arch->prstatus_bytes at least. */
struct regs prstatus_regs(const struct arch *arch, const struct abi *abi, const uint8_t *prstatus);

#endif

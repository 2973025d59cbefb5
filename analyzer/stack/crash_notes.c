/* Reads crash_notes. What is done with the registers, and whether they are to be believed, is
 * task_regs.c's. */
#include "analyzer/stack/crash_notes.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

/* kernel/kexec_core.c (crash_core.c since v6.9), crash_save_cpu() and append_elf_note(), 4.19
 * to 7.2: name "CORE" with its terminator, padded to words. */
enum {
	NOTE_HEAD = 12,
	NAME_BYTES = 5,
	NAME_PADDED = 8,
	NOTE_BYTES_MAX = NOTE_HEAD + NAME_PADDED + CRASH_NOTE_BYTES_MAX
};

struct regs prstatus_regs(const struct arch *arch, const struct abi *abi, const uint8_t *prstatus)
{
	struct regs regs = { 0 };
	const uint8_t *p = prstatus + arch->prstatus_regs_off;
	for (unsigned i = 0; i < arch->nregs; i++)
		regs_set(&regs, i, get_word(abi, p + (size_t)i * abi->word_bytes));
	return regs;
}

struct err *crash_note_parse(const struct arch *arch, const struct abi *abi, const uint8_t *p,
	size_t n, struct crash_note *ret)
{
	struct crash_note note = { 0 };
	if (n < NOTE_HEAD)
		return err_new(ERR_FORMAT, "the buffer has %zu bytes only", n);
	uint32_t name = get_u32(abi, p), desc = get_u32(abi, p + 4), type = get_u32(abi, p + 8);
	if (!name && !desc && !type) {
		*ret = note;
		return NULL;
	}
	if (name != NAME_BYTES || type != NT_PRSTATUS || desc < arch->prstatus_bytes ||
		desc > CRASH_NOTE_BYTES_MAX || n - NOTE_HEAD < NAME_PADDED ||
		n - NOTE_HEAD - NAME_PADDED < desc || memcmp(p + NOTE_HEAD, "CORE", NAME_BYTES))
		return err_new(ERR_FORMAT,
			"the buffer holds no NT_PRSTATUS note (name of %u bytes, %u bytes, "
			"type %u)",
			name, desc, type);
	p += NOTE_HEAD + NAME_PADDED;
	note.saved = true;
	note.desc_bytes = desc;
	memcpy(note.desc, p, desc);
	note.pid = get_u32(abi, p + arch->prstatus_pid_off);
	note.regs = prstatus_regs(arch, abi, p);
	*ret = note;
	return NULL;
}

/* crash_notes is a pointer to per-CPU memory: what it holds is moved by the CPU's offset. */
struct err *crash_note_read(struct target *t, unsigned cpu, struct crash_note *ret)
{
	uint64_t notes, va;
	uint8_t raw[NOTE_BYTES_MAX];
	size_t n = NOTE_HEAD + NAME_PADDED + t->arch->prstatus_bytes;
	struct err *err = target_read_variable(t, "crash_notes", 0, &notes);
	if (!err && !notes)
		err = err_new(ERR_MISSING, "crash_notes is NULL");
	if (!err)
		err = percpu_address(t, notes, cpu, &va);
	if (!err)
		err = vspace_read(t->kernel, va, raw, n);
	if (!err)
		err = crash_note_parse(t->arch, &t->abi, raw, n, ret);
	return err_wrap(err, "crash_notes of CPU %u", cpu);
}

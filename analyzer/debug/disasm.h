/* Disassembly through capstone, with branch targets and pc-relative addresses as symbols. */
#ifndef ANALYZER_DEBUG_DISASM_H
#define ANALYZER_DEBUG_DISASM_H

#include "analyzer/debug/symtab.h"
#include "analyzer/space/vspace.h"

struct insn {
	uint64_t va;
	uint8_t bytes[4];
	uint8_t size;       /* 2 or 4 */
	char text[160];     /* "bl 0xc0100104 <panic>"; undecodable: ".inst 0x…" */
	uint64_t target;    /* of a direct branch, 0: none */
};

struct disasm;

/* @thumb: ARM32 only, decode as Thumb-2. */
struct err *disasm_open(struct vspace *vs, const struct symtab *syms, bool thumb,
	struct disasm **ret) MUST_CHECK;
void disasm_close(struct disasm *d);

/* One instruction at @va. Faults when its bytes are not there. */
struct err *disasm_one(struct disasm *d, uint64_t va, struct insn *ret) MUST_CHECK;

#endif

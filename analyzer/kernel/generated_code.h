/*
 * Code that the kernel wrote while it ran and that no symbol table has: BPF programs compiled for
 * the machine, BPF trampolines, and the slots into which kprobes copy the instructions that they
 * replace. Knows their places and names, not what the code does.
 */
#ifndef ANALYZER_KERNEL_GENERATED_CODE_H
#define ANALYZER_KERNEL_GENERATED_CODE_H

#include "analyzer/base/vec.h"
#include "analyzer/target/target.h"

enum generated_code_kind {
	CODE_BPF_PROGRAM,
	CODE_BPF_IMAGE, /* trampolines and dispatchers */
	CODE_KPROBE_SLOT,
	CODE_KPROBE_SLOT_FREE,
	CODE_OPTIMIZED_SLOT, /* the detour of a kprobe that is a jump */
};

enum { CODE_NAME_BYTES = 128 };

struct generated_code {
	uint64_t start, end;
	enum generated_code_kind kind;
	uint64_t object_va; /* bpf_prog_aux, bpf_ksym, kprobe or kprobe_insn_page */
	const char *type;   /* of that: "struct kprobe" */
	uint64_t
		probed_va; /* of a kprobe's slot: the instruction that was replaced; 0: not known */
	char name[CODE_NAME_BYTES]; /* "bpf_prog_6deef7357e7b4530_count"; "": it has none */
};

struct generated_codes {
	VEC(struct generated_code) code; /* by start */
};

/* A kernel without BPF or kprobes has none of these. A list that leads astray ends where it does,
 * and what was found stays: the first such error is *ret_damage (NULL: none). */
struct err *generated_codes_read(
	struct target *t, struct generated_codes *ret, struct err **ret_damage) MUST_CHECK;
void generated_codes_deinit(struct generated_codes *c);
#define scoped_generated_codes __attribute__((cleanup(generated_codes_deinit)))

/* NULL: none holds @va. */
const struct generated_code *generated_codes_find(const struct generated_codes *c, uint64_t va);

const char *generated_code_kind_name(enum generated_code_kind k);

#endif

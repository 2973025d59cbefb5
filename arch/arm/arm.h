/* What the files of arch/arm share: registers by number, page-table forms, the unwinders. */
#ifndef ARCH_ARM_ARM_H
#define ARCH_ARM_ARM_H

#include "arch/address_map.h"

enum { ARM_FP = 11, ARM_IP, ARM_SP, ARM_LR, ARM_PC, ARM_CPSR, ARM_ORIG_R0, ARM_NREGS };

/*
 * Short descriptors as Linux uses them: second-level entries are Linux's own words, which stand
 * 2048 bytes below the hardware's. Pages that are resident but old have a zero hardware entry, and
 * swap entries have one too.
 */
extern const struct paging arm_paging_short;

/* Short descriptors as the MMU reads them, large pages included: tables that Linux did not make. */
extern const struct paging arm_paging_short_hw;

extern const struct paging arm_paging_lpae;

struct err *arm_layout(const struct arch_env *env, struct dump *dump,
	const struct kernel_image *image, struct arch_layout *ret) MUST_CHECK;

void arm_whole_table(
	const struct arch_layout *l, struct paging *ret, struct paddr *ret_root, uint64_t *ret_lo);

extern const struct map_words arm_map_words[];
void arm_address_map(const struct arch_env *env, struct dump *dump,
	const struct kernel_image *image, const struct arch_layout *l, struct address_map *io);

uint8_t arm_swap_form(const struct arch_env *env);

struct err *arm_vectors(const struct arch_env *env, const struct arch_layout *l, arch_vector_fn fn,
	void *cx) MUST_CHECK;

bool arm_find_image(const struct arch_env *env, struct dump *dump, struct paddr rodata,
	const uint64_t *voffset, struct kernel_image *ret);

struct err *arm_unwind(const struct arch_env *env, const struct arch_layout *l, struct regs *io,
	struct unwind_step *step) MUST_CHECK;

struct err *arm_unwind_user(const struct arch_env *env, const struct arch_layout *l,
	struct regs *io, struct unwind_step *step) MUST_CHECK;

/* The frame-pointer chain, for kernels without unwind tables; arguments as arm_unwind(). */
void arm_unwind_fp(const struct arch_env *env, const struct abi *abi, struct regs *io,
	struct unwind_step *step);

/* To the caller that lr names: nothing was pushed yet, or never is. */
void arm_unwind_lr(struct regs *io, struct unwind_step *step);

/* Sets @step as an end. */
static inline void arm_unwind_end(struct unwind_step *step, bool broken, const char *why)
{
	step->end = true;
	step->broken = broken;
	step->why = why;
}

/* All registers from the pt_regs at @va; false when it cannot be read. */
bool arm_read_pt_regs(
	const struct arch_env *env, const struct abi *abi, uint32_t va, struct regs *ret);

/* CPSR in words: "nZCvq aIF SVC ARM". */
void arm_describe_status(uint64_t status, struct strbuf *out);
bool arm_kernel_status(uint64_t status);

/* The context that was interrupted, of a CPU that was stopped in a vector's stub. */
bool arm_interrupted_entry(const struct arch_env *env, const struct abi *abi, struct regs *io);

enum tail_answer arm_tail(const struct arch_env *env, const struct abi *abi, uint64_t called,
	uint64_t callee, bool thumb);

bool arm_saved_regs(const struct arch_env *env, const struct regs *regs, bool exact,
	uint64_t *ret_lost, uint64_t *ret_saved);

/* fsr.c */
void arm_describe_fault(uint64_t fsr, struct fault_status *ret);
const char *arm_exception_name(const char *entry, enum exception_kind *ret_kind);
const char *arm_trap_name(const uint8_t code[4], bool thumb);

void arm_code_refs(const uint8_t *code, size_t n, uint64_t pc, code_ref_fn fn, void *cx);

enum canary_answer arm_canary(const struct arch_env *env, const struct abi *abi,
	const struct canary_source *from, const struct canary_code *code, struct canary_slot *ret);

#endif

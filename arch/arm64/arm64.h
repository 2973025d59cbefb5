/* What the files of arch/arm64 share: registers by number, page-table forms, the unwinder. */
#ifndef ARCH_ARM64_ARM64_H
#define ARCH_ARM64_ARM64_H

#include "arch/address_map.h"

enum { A64_FP = 29, A64_LR, A64_SP, A64_PC, A64_PSTATE, A64_NREGS };

/* Fills @ret with the form of @page_shift (12, 14, 16) and @va_bits as the CPU walks it: the bits
 * of TCR_EL1.T1SZ, not those the kernel was built for. False for what no kernel uses. */
bool arm64_paging(unsigned page_shift, unsigned va_bits, struct paging *ret);

struct err *arm64_layout(const struct arch_env *env, struct dump *dump,
	const struct kernel_image *image, struct arch_layout *ret) MUST_CHECK;

void arm64_whole_table(
	const struct arch_layout *l, struct paging *ret, struct paddr *ret_root, uint64_t *ret_lo);

extern const struct map_words arm64_map_words[];
void arm64_address_map(const struct arch_env *env, struct dump *dump,
	const struct kernel_image *image, const struct arch_layout *l, struct address_map *io);

uint8_t arm64_swap_form(const struct arch_env *env);

struct err *arm64_vectors(const struct arch_env *env, const struct arch_layout *l,
	arch_vector_fn fn, void *cx) MUST_CHECK;

bool arm64_find_image(const struct arch_env *env, struct dump *dump, struct paddr rodata,
	const uint64_t *voffset, struct kernel_image *ret);

struct err *arm64_unwind(const struct arch_env *env, const struct arch_layout *l, struct regs *io,
	struct unwind_step *step) MUST_CHECK;

struct err *arm64_unwind_user(const struct arch_env *env, const struct arch_layout *l,
	struct regs *io, struct unwind_step *step) MUST_CHECK;
bool arm64_compat_regs(const struct regs *r, struct regs *ret);

/* PSTATE in words: "nZCv DAIF PAN EL1h". */
void arm64_describe_status(uint64_t status, struct strbuf *out);

bool arm64_kernel_status(uint64_t status);

/* esr.c */
void arm64_describe_fault(uint64_t esr, struct fault_status *ret);
bool arm64_plausible_fault(uint64_t esr);
const char *arm64_exception_name(const char *entry, enum exception_kind *ret_kind);

uint64_t arm64_strip(const struct arch_layout *l, uint64_t va);

void arm64_code_refs(const uint8_t *code, size_t n, uint64_t pc, code_ref_fn fn, void *cx);

enum canary_answer arm64_canary(const struct arch_env *env, const struct abi *abi,
	const struct canary_source *from, const struct canary_code *code, struct canary_slot *ret);

#endif

/*
 * What an architecture is to the rest of the program: a table of data and a few functions. Adding
 * one means filling `struct arch` in a folder of its own and naming it in arch.c, and nothing else.
 *
 * An architecture never looks for symbols, types or notes itself: it asks through `struct
 * arch_env`, or it names what it wants and the caller resolves it (member paths of struct
 * task_struct, offset keys like "offsetof(pt_regs.stackframe)"). It may use base and dump.
 */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/base/err.h"
#include "analyzer/base/load.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/dump/dump.h"

/* ---- what an architecture needs from above ----------------------------------------------- */

struct arch_env {
	void *cx; /* handed to each; any function may be NULL: then nothing is known of that kind */
	/* Kernel virtual memory; false when any byte is missing. NULL before spaces exist. */
	bool (*read)(void *cx, uint64_t va, void *buf, size_t n);
	/* Run-time address of a kernel symbol. */
	bool (*symbol)(void *cx, const char *name, uint64_t *ret_va);
	/* Name of the function that holds @pc and where it begins; the name is borrowed. */
	bool (*function)(void *cx, uint64_t pc, const char **ret_name, uint64_t *ret_start);
	/* A number by key: VMCOREINFO's own keys ("NUMBER(VA_BITS)", "PAGESIZE"), overrides by the
	 * same keys, or "offsetof(TYPE.member)", "sizeof(TYPE[.member])" and "enum(TAG.ENUMERATOR)"
	 * from the types. ARM32 asks for "CONFIG(ARM_LPAE)" (0 or 1 when known) and the override
	 * "PAGE_OFFSET" too. */
	bool (*number)(void *cx, const char *key, uint64_t *ret);
	/* Bounds of the stack that holds @sp (task, irq, overflow …). */
	bool (*stack)(void *cx, uint64_t sp, uint64_t *ret_lo, uint64_t *ret_hi);
	/* The unwind table of the code at @pc, ARM32 only. */
	bool (*unwind_table)(void *cx, uint64_t pc, uint64_t *ret_start, uint64_t *ret_stop);
};

/* ---- page tables ------------------------------------------------------------------------- */

enum { PAGING_MAX_LEVELS = 5 };

enum pte_kind {
	PTE_NONE,    /* empty */
	PTE_TABLE,   /* points to the next level's table at .pa */
	PTE_LEAF,    /* maps 1 << .size_shift bytes at .pa */
	PTE_ABSENT,  /* not empty, but no translation: swap, migration */
	PTE_INVALID, /* a value that the format forbids */
};

struct pte {
	enum pte_kind kind;
	struct paddr pa;    /* TABLE and LEAF */
	uint8_t size_shift; /* LEAF: may exceed the level's shift (supersection, large page) */
};

struct paging;
typedef struct pte (*pte_decode_fn)(const struct paging *p, unsigned level, uint64_t raw);

/* Appends the entry's attributes in the words of the kernel's page-table dump (ptdump),
 * blank-separated: "VALID RW NX SHD AF UXN MEM/NORMAL", or "F" first where the hardware would
 * fault.
 * @raw as decoded; for PTE_TABLE "TABLE" and the table's own attributes. */
typedef void (*pte_describe_fn)(
	const struct paging *p, unsigned level, uint64_t raw, struct strbuf *out);

/*
 * One word of the kernel's own dump of its page tables (ptdump): @set for an entry with
 * (raw & .mask) == .value, else @clear; NULL: nothing, not even a blank. An array ends with mask 0.
 * The masks of one array together are what the kernel compares when it joins entries into a line.
 */
struct pte_word {
	uint64_t mask, value;
	const char *set, *clear;
};

/* An entry without translation that the kernel made (swap, migration, a marker), as swp_entry_t. */
struct pte_swap {
	unsigned type;
	uint64_t offset;
	bool exclusive; /* PTE_SWP_EXCLUSIVE, where the form has it */
	bool soft_none; /* no swap at all: the page is resident, access is refused (PROT_NONE) */
};

/* How the bits of a swap entry lie; what each architecture makes of it stands at its .swap. */
enum pte_swap_form {
	SWAP_UNKNOWN,
	SWAP_PLAIN,	      /* type and offset only */
	SWAP_EXCLUSIVE,	      /* with a bit for PG_anon_exclusive: arm64 5.19, ARM32 6.3 */
	SWAP_PRESENT_INVALID, /* arm64 6.10 and later: PROT_NONE is nG, bit 11 */
};

struct paging_level {
	const char *name;    /* "pgd", "pud", "pmd", "pte" */
	uint8_t shift, bits; /* index = va >> shift & (1 << bits) - 1 */
	uint8_t entry_bytes; /* 4 or 8 */
};

/* One form of page table, as data plus a decoder of its descriptors. Level 0 is the root. */
struct paging {
	const char *name; /* "arm short descriptors", "arm64 4K, 39 bits" */
	uint8_t nlevels;
	uint8_t page_shift;
	uint8_t va_bits; /* of one half; addresses sign-extend from here when .two_halves */
	bool two_halves; /* arm64: kernel and user roots are different registers */
	bool lpa2, lpa;	 /* where output address bits 51:48 stand; arm64 only */
	bool mair_known;
	uint8_t mair[8]; /* arm64, LPAE: the MAIR byte of each attribute index */
	bool big_endian;
	struct paging_level level[PAGING_MAX_LEVELS];
	pte_decode_fn decode;
	pte_describe_fn describe;
	/* @raw without its output address: what tells two leafs of a level apart but for the place.
	 */
	uint64_t (*attributes)(const struct paging *p, unsigned level, uint64_t raw);
	/* The words of the kernel's dump for leafs of @level; NULL where the kernel prints none. */
	const struct pte_word *(*words)(const struct paging *p, unsigned level);
	/* The domain in the kernel's words by the first-level entry; NULL: this form has none. */
	const char *(*domain)(uint64_t raw);
	/* Of a PTE_ABSENT entry of the last level; false when it is no swp_entry_t of this form. */
	bool (*swap)(const struct paging *p, uint64_t raw, struct pte_swap *ret);
	uint8_t swap_form; /* enum pte_swap_form; chooses among .swap's layouts */
	bool pairs;	   /* Linux takes the root's entries two and two: ARM32's short form */
};

/* How the kernel's own dump of its page tables is laid out, beyond the words of the paging form. */
struct arch_ptdump {
	bool holes;	       /* empty stretches have lines, and a section without any does too */
	const char *levelless; /* a kernel whose sections have this name prints no levels; may be
				  NULL */
};

/* ---- where the kernel lies --------------------------------------------------------------- */

/* Where the kernel image is, as the finders have proved it. */
struct kernel_image {
	uint64_t
		link_va; /* _text (ARM32: also the lowmem address) as linked; 0 without a vmlinux */
	uint64_t va;	 /* _text in the running kernel */
	struct paddr pa; /* _text in memory */
	uint64_t size;	 /* _end - _text */
};

/* A window of virtual addresses whose translation is a subtraction. */
struct arch_window {
	const char *name; /* "linear map", "kernel image" */
	uint64_t va, size;
	struct paddr pa;
};

/* The facts that a kernel's address space needs. */
struct arch_layout {
	struct paging paging;
	struct paddr pgd; /* swapper_pg_dir, ready for the walker */
	uint64_t page_offset;
	struct paddr phys_offset; /* memstart_addr, PHYS_OFFSET */
	struct arch_window window[2];
	unsigned nwindows;
	uint64_t user_end; /* first address that is not user space */
	/* The tables below the root are missing from the dump: windows hold as they were said, all
	 * other addresses cannot be read. */
	bool tables_missing;
};

/* The kernel's memory map, and the words of its page-table dump: arch/address_map.h */
struct address_map;
struct map_words;

/* ---- exception vectors ------------------------------------------------------------------- */

/* A vector, or something else of the vectors page that has a name. */
struct arch_vector {
	char set[40];	  /* the table: "vectors page", "tramp_vectors[2]" */
	const char *name; /* "irq", "el1h sync", "kuser cmpxchg" */
	uint64_t va;
	uint64_t table_va; /* where the table begins */
	uint64_t insn_va;  /* the instruction that leads to the handler; 0: there is none */
	bool thumb;	   /* and it is Thumb code (ARM32) */
	uint64_t target;   /* the handler, where a word of data says it; else 0 */
	char note[96];	   /* "poison", …; may be empty */
};
typedef void (*arch_vector_fn)(void *cx, const struct arch_vector *v);

/* ---- registers and stacks ---------------------------------------------------------------- */

enum { ARCH_MAX_REGS = 36 };

struct regs {
	uint64_t v[ARCH_MAX_REGS];
	uint64_t valid; /* bit i: v[i] is known */
};

static inline bool regs_has(const struct regs *r, unsigned i)
{
	return r->valid >> i & 1;
}
static inline void regs_set(struct regs *r, unsigned i, uint64_t v)
{
	r->v[i] = v;
	r->valid |= 1ull << i;
}

/* A register's home in a structure of the target: task_struct member paths, newest name first. */
struct reg_home {
	uint8_t reg;
	const char *path[3]; /* "thread.cpu_context.x19" */
};

/* A kind of per-CPU stack, by the symbol that leads to it. */
struct arch_stack {
	const char *name;   /* "irq", "overflow" */
	const char *symbol; /* NULL ends the array; absent in kernels without this stack */
	bool is_pointer;    /* the variable points to the stack, else it is the stack */
	bool is_top;	    /* … to its upper end, else to its base */
	bool is_global;	    /* the variable is not per-CPU: one such stack for the machine */
	uint32_t bytes;	    /* 0: THREAD_SIZE */
};

enum frame_how { HOW_REGS, HOW_FP, HOW_EXIDX, HOW_CFI, HOW_SCS, HOW_SCAN, HOW_CODE };

/*
 * In and out: one struct serves a whole chain. Before the first step the caller sets .exact and
 * leaves the rest zero: true for registers of an interrupted or stopped CPU, false for those of a
 * switched-out task, whose pc is a return address. Each step replaces every member.
 *
 * A return address may lie past the end of the caller (a call that never returns may be its last
 * instruction), so functions, tables and lines are looked up at pc - 1 unless .exact. ARM32: the pc
 * never has the Thumb bit.
 */
struct unwind_step {
	enum frame_how how;
	bool end;	   /* @io was the outermost frame; the registers were not changed */
	bool exact;	   /* in: @io's pc, out: the new pc was interrupted there; else it is a
			    * return address */
	bool thumb;	   /* out: the new pc is a return address into Thumb code (ARM32) */
	bool unproved;	   /* the caller is what lr held, and no table says that lr was intact */
	bool aside;	   /* the same, but the frames beyond come from elsewhere: only this one may
			    * be wrong */
	uint64_t floor_va; /* in, out: the stack below is used up; 0: not known yet */
	uint64_t pt_regs_va; /* not 0: the new registers come from a pt_regs at this address */
	const char *why;     /* end: in words: "user mode entry", "no unwind information" */
	bool broken;	     /* end: the chain broke off before its proper end */
};

/* Whether a function ends in a jump to another one. */
enum tail_answer { TAIL_ELSEWHERE, TAIL_MAY_REACH, TAIL_REACHES };

/* ---- fault status ------------------------------------------------------------------------ */

enum exception_kind {
	EXCEPTION_ASIDE, /* the code that it came upon has nothing to do with it */
	EXCEPTION_FAULT, /* that code caused it, and a status register says how */
	EXCEPTION_TRAP,	 /* that code caused it, and no register says more */
};

enum fault_access { FAULT_ACCESS_UNKNOWN, FAULT_READS, FAULT_WRITES, FAULT_EXECUTES };

enum fault_cause {
	CAUSE_OTHER, /* no access to memory, or none of the below */
	CAUSE_TRANSLATION,
	CAUSE_PERMISSION,
	CAUSE_ACCESS_FLAG,
	CAUSE_ADDRESS_SIZE,
	CAUSE_ALIGNMENT,
	CAUSE_EXTERNAL,
	CAUSE_TAG,
	CAUSE_DOMAIN,
};

enum { FAULT_FIELDS_MAX = 14 };

/* A fault status register (ESR_EL1; ARM32: DFSR, or IFSR with Linux's bit 31) and what it says. */
struct fault_status {
	const char *what;    /* the exception: "DABT (current EL)", "data abort" */
	const char *details; /* of it: "level 2 translation fault", "BUG()"; NULL: there are none */
	enum fault_access access;
	enum fault_cause cause;
	bool has_address; /* the fault address register means something */
	struct fault_field {
		const char *name; /* the manual's: "EC", "WnR" */
		uint64_t value;
		const char *meaning; /* NULL: the number says it all */
	} field[FAULT_FIELDS_MAX];
	unsigned nfields;
};

static inline void fault_field_add(
	struct fault_status *s, const char *name, uint64_t value, const char *meaning)
{
	if (s->nfields < FAULT_FIELDS_MAX)
		s->field[s->nfields++] = (struct fault_field){ name, value, meaning };
}

/* ---- addresses in code ------------------------------------------------------------------- */

enum code_ref_kind {
	CODE_ADDRESS, /* the address itself ends in a register */
	CODE_LOAD,    /* memory is read there */
	CODE_STORE,
};

/* A fixed address that instructions form: adrp and add, movw and movt, a literal pool; also what
 * lies a constant further (compilers reach neighbours from one anchor). */
struct code_ref {
	uint64_t va, pc;
	enum code_ref_kind kind;
	uint8_t bytes; /* LOAD and STORE: how much */
};
typedef void (*code_ref_fn)(void *cx, const struct code_ref *ref);

/* ---- the stack protector ----------------------------------------------------------------- */

/* Where functions take the word from that they keep a copy of in their frames. */
struct canary_source {
	enum canary_owner {
		CANARY_OF_ALL,	 /* .where is its address */
		CANARY_OF_TASK,	 /* .where: its offset in the running task's task_struct */
		CANARY_OF_STACK, /* .where: its offset from the base of the stack in use */
	} kind;
	uint64_t where, stack_bytes;
};

/* A place in a function's code, in front of the instruction at .pc. */
struct canary_code {
	uint64_t start, size, pc;
	bool thumb; /* ARM32 */
};

enum canary_answer {
	CANARY_UNKNOWN,	  /* the code is not understood */
	CANARY_NONE,	  /* the function never stores one */
	CANARY_ELSEWHERE, /* it does, but it is not certain that it stands in the frame here */
	CANARY_HELD,	  /* it does, and the function looks at it before it returns */
};

/* CANARY_HELD: the word's distance from the stack pointer and from the frame pointer, whichever are
 * known to be of the frame there. */
struct canary_slot {
	bool by_sp, by_fp;
	int64_t from_sp, from_fp;
};

struct arch {
	const char *name; /* "arm64" */
	uint16_t elf_machine;
	struct abi abi; /* byte order: the dump's or vmlinux's word overrides */

	const char *const *reg_name;
	uint8_t nregs, reg_pc, reg_sp, reg_fp, reg_lr, reg_status;
	uint64_t saved_regs; /* bit i: register i is as it was when a called function returns */
	bool noreturn_saves_none; /* a function that never returns saves no register but lr, as gcc
				     compiles it */
	bool frame_records; /* behind a prologue, fp is the address of the saved pair fp, lr */

	/* NT_PRSTATUS: where pid and registers stand; registers are consecutive words in reg order.
	 */
	uint16_t prstatus_bytes, prstatus_pid_off, prstatus_regs_off;

	/* struct pt_regs: this many registers, consecutive words in reg order, from offset 0. */
	uint8_t pt_regs_regs;

	/* Registers that a switched-out task left in its task_struct. ARM32 kernels up to 5.15 keep
	 * them in struct thread_info at the stack's base instead: thread_info_home. */
	const struct reg_home *switch_home;
	const struct reg_home *thread_info_home;
	uint8_t nswitch_home;

	const struct arch_stack *stacks; /* other than the tasks' own */

	/* The page-table form and the windows of a kernel at @image. Needs env->number, ->symbol;
	 * ->read may be NULL; physical memory comes through @dump. Each answer that can be checked
	 * is: walking the image's text must give its place in memory. (Not at _text itself: arm64
	 * leaves
	 * [_text, _stext) unmapped.) ERR_NOT_FOUND says what is missing. */
	struct err *(*layout)(const struct arch_env *env, struct dump *dump,
		const struct kernel_image *image, struct arch_layout *ret);

	/*
	 * The kernel's table as the kernel itself sees it, for dumps of all of it: form, root, and
	 * the lowest kernel address. It is the layout's but on arm64, where a kernel built for 52
	 * bits has a larger table than a CPU of 48 is given.
	 */
	void (*whole_table)(const struct arch_layout *l, struct paging *ret, struct paddr *ret_root,
		uint64_t *ret_lo);

	/* Adds to @io, which holds what surer sources said, the areas that the kernel's headers
	 * place and it lacks. Needs env->symbol, ->number, ->read. */
	void (*address_map)(const struct arch_env *env, struct dump *dump,
		const struct kernel_image *image, const struct arch_layout *l,
		struct address_map *io);
	const struct map_words *map_words;
	struct arch_ptdump ptdump;
	uint8_t fixmap_pages_above; /* of the fixmap, from slot 0's address to the area's end */

	/* enum pte_swap_form by what VMCOREINFO says, or else the types: before there are any,
	 * SWAP_UNKNOWN may be the answer, and another one later. */
	uint8_t (*swap_form)(const struct arch_env *env);

	/* Calls @fn for each exception vector, a table's together. ERR_MISSING when none can be
	 * found. Needs env->symbol, ->function, ->read. */
	struct err *(*vectors)(const struct arch_env *env, const struct arch_layout *l,
		arch_vector_fn fn, void *cx);
	const char
		*cpu_vectors; /* per CPU: the table that user space traps into; NULL: all use one */

	/*
	 * Without a vmlinux: the image that has @rodata somewhere behind its text. Symbols (_text
	 * or _stext at least) are asked for through env->symbol. @voffset (may be NULL) is va - pa
	 * as something claims it; else the page tables are searched for. size is 0 where only
	 * symbols could say it. False when memory has no such image. layout() is the proof.
	 */
	bool (*find_image)(const struct arch_env *env, struct dump *dump, struct paddr rodata,
		const uint64_t *voffset, struct kernel_image *ret);

	/* A kernel image linked at _text lies at a physical address that is the same modulo this.
	 */
	uint64_t image_align;

	/* Canonical form of a code pointer: tags and pointer authentication removed. */
	uint64_t (*strip)(const struct arch_layout *l, uint64_t va);

	/* The address that a load of @va would use: only the ignored top byte removed. Data
	 * pointers take this one: strip() would make LIST_POISON1 (0xdead000000000100) an address
	 * of RAM. */
	uint64_t (*untag)(const struct arch_layout *l, uint64_t va);

	/* From one frame to its caller. On success @io holds the caller's registers (those no
	 * longer known lose their valid bit) or step->end is set. Memory that cannot be read is an
	 * end with .broken, not an error: only Ctrl-C and the like are errors. Within one stack
	 * each step goes up; a crafted pair of stacks could still lead in circles, so callers limit
	 * the depth. */
	struct err *(*unwind)(const struct arch_env *env, const struct arch_layout *l,
		struct regs *io, struct unwind_step *step);

	/* The same in a program, by what user mode leaves of itself: here @env's memory is the
	 * task's, its stacks are the areas that can be written, its functions and unwind tables
	 * those of mapped files. */
	struct err *(*unwind_user)(const struct arch_env *env, const struct arch_layout *l,
		struct regs *io, struct unwind_step *step);

	/* Programs of another architecture that run here: its ELF machine, and the user registers
	 * @r in its order; false when @r are of this one's own programs. May be NULL. */
	uint16_t compat_machine;
	bool (*compat_regs)(const struct regs *r, struct regs *ret);

	/* Registers of a CPU that was stopped on its way into an exception handler, with a stack
	 * pointer and link register of the exception's mode: turns @io into what is known of the
	 * interrupted context (pc; sp and lr are lost) and returns true. Else false. May be NULL.
	 */
	bool (*interrupted)(struct regs *io);

	/* The same of a CPU that was stopped further on, where entry code has begun to save things
	 * on a small stack of the exception's own mode: env->read is needed. sp and lr are lost.
	 * May be NULL. */
	bool (*interrupted_entry)(
		const struct arch_env *env, const struct abi *abi, struct regs *io);

	/* True when the registers are of user mode. */
	bool (*user_mode)(const struct regs *r);

	/* Whether the kernel can have been interrupted with this status register: a mode it runs
	 * in, and no bit that is never set. */
	bool (*kernel_status)(uint64_t status);

	/* Bytes that stay free above the pt_regs at a task stack's upper end. */
	uint8_t stack_reserve_bytes;

	/* Appends the status register in words: flags, masks, mode. A capital letter is a set bit.
	 */
	void (*describe_status)(uint64_t status, struct strbuf *out);

	/* Decodes a fault status register. */
	void (*describe_fault)(uint64_t status, struct fault_status *ret);

	/* Whether @status can be what the kernel got with an exception in its own mode: only for
	 * telling likely words on a stack from others. NULL: the register's values are too common
	 * for that. */
	bool (*plausible_fault)(uint64_t status);

	/* The exception by the name of the entry code that saved its registers: "data abort",
	 * "interrupt", …; NULL when @entry is none. */
	const char *(*exception_name)(const char *entry, enum exception_kind *ret_kind);

	/* What a trapping instruction is for: "BUG()"; NULL when it is none. May be NULL, where the
	 * status tells. */
	const char *(*trap_name)(const uint8_t code[4], bool thumb);

	/* Whether the instruction before return address @ra is a call, and of what: *ret_target is
	 * 0 for an indirect call. @code holds the 4 bytes before @ra. ARM32: bit 0 of @ra tells
	 * Thumb and does not count as address; targets come without it. */
	bool (*is_call)(const uint8_t code[4], uint64_t ra, uint64_t *ret_target);

	/* What the function at @regs' pc, which was interrupted there when @exact, else is a return
	 * address, has done to its caller's .saved_regs by its own instructions: those that it has
	 * overwritten and not saved, and those that are in its frame. False: nothing is known. May
	 * be NULL. */
	bool (*saved_regs_at)(const struct arch_env *env, const struct regs *regs, bool exact,
		uint64_t *ret_lost, uint64_t *ret_saved);

	/* Whether the function that begins at @called can have jumped, maybe by way of others, to
	 * the one that begins at @callee, which then returns to its caller. MAY_REACH: it jumps
	 * through a register. Needs env->read, ->function. May be NULL. */
	enum tail_answer (*tail)(const struct arch_env *env, const struct abi *abi, uint64_t called,
		uint64_t callee, bool thumb);

	/*
	 * Calls @fn for each fixed address that the @n bytes of one function's code at @pc form, in
	 * the order of the instructions. Registers are followed along the addresses, not along
	 * branches: now and then one is wrong, so that the caller must prove what it takes. ARM32:
	 * ARM code only, no Thumb.
	 */
	void (*code_refs)(const uint8_t *code, size_t n, uint64_t pc, code_ref_fn fn, void *cx);

	/* Where in its frame the function of @code keeps its copy of the word at @from, by all ways
	 * through its instructions. Needs env->read. */
	enum canary_answer (*canary)(const struct arch_env *env, const struct abi *abi,
		const struct canary_source *from, const struct canary_code *code,
		struct canary_slot *ret);

	/* capstone's cs_arch and cs_mode for the code at @pc. */
	int capstone_arch, capstone_mode, capstone_thumb_mode;
};

extern const struct arch arch_arm, arch_arm64;

/* By ELF machine, NULL when unknown. */
const struct arch *arch_find(uint16_t elf_machine);

/* ---- shared helpers for the folders below ------------------------------------------------ */

/* The environment's functions, false where it has none. */
static inline bool env_read(const struct arch_env *e, uint64_t va, void *buf, size_t n)
{
	return e->read && e->read(e->cx, va, buf, n);
}
static inline bool env_symbol(const struct arch_env *e, const char *name, uint64_t *ret_va)
{
	return e->symbol && e->symbol(e->cx, name, ret_va);
}
static inline bool env_function(
	const struct arch_env *e, uint64_t pc, const char **ret_name, uint64_t *ret_start)
{
	return e->function && e->function(e->cx, pc, ret_name, ret_start);
}
static inline bool env_number(const struct arch_env *e, const char *key, uint64_t *ret)
{
	return e->number && e->number(e->cx, key, ret);
}
static inline bool env_stack(
	const struct arch_env *e, uint64_t sp, uint64_t *ret_lo, uint64_t *ret_hi)
{
	return e->stack && e->stack(e->cx, sp, ret_lo, ret_hi);
}
static inline bool env_unwind_table(
	const struct arch_env *e, uint64_t pc, uint64_t *ret_start, uint64_t *ret_stop)
{
	return e->unwind_table && e->unwind_table(e->cx, pc, ret_start, ret_stop);
}

/* True when @va is canonical: sign- or zero-extended from the form's va_bits. */
bool paging_canonical(const struct paging *p, uint64_t va);

/*
 * Walks @p's tables for @va; true when a leaf was found and *ret_pa is its physical address. For
 * layout proofs; the full walker with provenance is space/walk.h.
 */
bool paging_probe(const struct paging *p, struct dump *d, struct paddr root, uint64_t va,
	struct paddr *ret_pa);

/* The same, with the reason: FAULT_UNMAPPED: the tables say that nothing is there; else why one of
 * them could not be read. */
enum fault_kind paging_probe_fault(const struct paging *p, struct dump *d, struct paddr root,
	uint64_t va, struct paddr *ret_pa);

#endif

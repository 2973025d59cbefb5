/*
 * Hostile programs: the input is a task's memory, with an ELF header at its beginning and a stack
 * at its end. Frames of both architectures are walked over it, with what the header says of tables
 * and symbols. A chain ends, and its end changes no register.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/stack/user_elf.h"
#include "arch/arm/arm.h"
#include "arch/arm64/arm64.h"
#include "tests/fuzz/fuzz.h"

enum { BASE = 0x400000, CODE_OFF = 1024, STACK_BYTES = 1024, LEAST = 4096, STEPS_MAX = 64 };

struct image {
	const uint8_t *data;
	size_t size;
	struct user_elf elf;
	bool has_elf;
	struct user_symbol sym;
};

static bool image_read(void *cx, uint64_t va, void *buf, size_t n)
{
	const struct image *im = cx;
	if (va < BASE || va - BASE > im->size || n > im->size - (va - BASE))
		return false;
	memcpy(buf, im->data + (va - BASE), n);
	return true;
}

static bool image_stack(void *cx, uint64_t sp, uint64_t *ret_lo, uint64_t *ret_hi)
{
	const struct image *im = cx;
	uint64_t hi = BASE + (im->size & ~7ull);
	if (sp < hi - STACK_BYTES || sp > hi)
		return false;
	*ret_lo = hi - STACK_BYTES;
	*ret_hi = hi;
	return true;
}

static bool image_function(void *cx, uint64_t pc, const char **ret_name, uint64_t *ret_start)
{
	struct image *im = cx;
	const struct user_memory m = { .cx = im, .read = image_read };
	if (!im->has_elf || !user_elf_symbol(&m, &im->elf, pc, &im->sym))
		return false;
	if (pc < im->sym.va || pc - im->sym.va >= im->sym.size || !im->sym.name[0])
		abort();
	*ret_name = im->sym.name;
	*ret_start = im->sym.va;
	return true;
}

static bool image_table(void *cx, uint64_t pc, uint64_t *ret_start, uint64_t *ret_stop)
{
	const struct image *im = cx;
	(void)pc;
	*ret_start = im->elf.exidx;
	*ret_stop = im->elf.exidx_end;
	return im->has_elf && im->elf.exidx_end > im->elf.exidx;
}

static void walk(struct image *im, const struct arch *arch)
{
	const struct arch_env env = { .cx = im,
		.read = image_read,
		.function = image_function,
		.stack = image_stack,
		.unwind_table = image_table };
	const struct arch_layout layout = { .paging = { .va_bits = 48 } };
	const uint8_t *seed = im->data + 768;
	struct regs r = { 0 };
	struct unwind_step st = { .exact = true };
	for (unsigned i = 0; i < arch->nregs; i++)
		regs_set(&r, i,
			BASE + CODE_OFF + load_u16le(seed + 2 * (i % 32)) % (im->size - CODE_OFF));
	r.v[arch->reg_status] = arch == &arch_arm ? 0x10 | (seed[64] & 0x20) : 0;
	r.v[arch->reg_sp] = BASE + (im->size & ~7ull) - STACK_BYTES + (seed[65] & ~7u);
	r.v[arch->reg_fp] = r.v[arch->reg_sp] + (seed[66] & ~3u);
	for (unsigned n = 0; !st.end && n < STEPS_MAX; n++) {
		struct regs before = r;
		struct err *err = arch->unwind_user(&env, &layout, &r, &st);
		if (err)
			abort();
		if (st.end ? memcmp(&before, &r, sizeof(r)) != 0 || !st.why
			   : !regs_has(&r, arch->reg_pc))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image im = { .data = data, .size = size };
	const struct user_memory m = { .cx = &im, .read = image_read };
	if (size < LEAST || size > 1 << 16)
		return 0;
	bool wide = data[EI_CLASS] == ELFCLASS64;
	const struct abi abi = { .word_bytes = wide ? 8 : 4 };
	im.has_elf = user_elf_read(&m, &abi, BASE, &im.elf);
	if (im.has_elf && im.elf.exidx_end < im.elf.exidx)
		abort();
	walk(&im, wide ? &arch_arm64 : &arch_arm);
	return 0;
}

static void put(uint8_t *b, size_t off, const void *p, size_t n)
{
	memcpy(b + off, p, n);
}

static void add_code(uint8_t *b, const uint32_t *code, size_t words, uint32_t return_address)
{
	for (size_t off = CODE_OFF; off + 4 * words <= LEAST - STACK_BYTES; off += 4 * words)
		put(b, off, code, 4 * words);
	for (size_t off = LEAST - STACK_BYTES; off + 8 <= LEAST; off += 8) {
		uint32_t up = BASE + (uint32_t)off + 32;
		put(b, off, &up, 4);
		put(b, off + 4, &return_address, 4);
	}
	/* every register where the call returns to, lr nowhere */
	for (unsigned i = 0; i < 32; i++) {
		uint16_t at = i == 14 ? 0 : (uint16_t)(return_address - BASE - CODE_OFF) & ~1u;
		put(b, 768 + 2 * i, &at, 2);
	}
}

static void seed64(fuzz_add_fn add)
{
	static uint8_t b[LEAST];
	Elf64_Ehdr e = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB },
		.e_machine = EM_AARCH64,
		.e_phoff = 64,
		.e_phentsize = 56,
		.e_phnum = 2 };
	Elf64_Phdr p[2] = { { .p_type = PT_LOAD, .p_memsz = LEAST },
		{ .p_type = PT_DYNAMIC, .p_vaddr = 0x100, .p_memsz = 0x50 } };
	Elf64_Dyn d[] = { { DT_SYMTAB, { 0x180 } }, { DT_STRTAB, { 0x1d0 } }, { DT_STRSZ, { 16 } },
		{ DT_HASH, { 0x1e0 } }, { DT_NULL, { 0 } } };
	Elf64_Sym s[] = { { 0 }, { 1, STT_FUNC, 0, 1, CODE_OFF, 0x400 } };
	static const uint32_t hash[] = { 1, 2 };
	/* stp; bl back; adrp x16; ldr x17; add; br x17; mov x8, #139; svc */
	static const uint32_t code[] = { 0xa9be7bfd, 0x97ffff80, 0x90000010, 0xf9400211, 0x91000210,
		0xd61f0220, 0xd2801168, 0xd4000001 };
	put(b, 0, &e, sizeof(e));
	put(b, 64, p, sizeof(p));
	put(b, 0x100, d, sizeof(d));
	put(b, 0x180, s, sizeof(s));
	put(b, 0x1d0, "\0name", 6);
	put(b, 0x1e0, hash, sizeof(hash));
	add_code(b, code, 8, BASE + CODE_OFF + 8);
	for (size_t off = LEAST - STACK_BYTES; off + 16 <= LEAST; off += 16) {
		uint64_t record[2] = { BASE + off + 32, BASE + CODE_OFF + 8 };
		put(b, off, record, sizeof(record));
	}
	add(b, sizeof(b));
	d[3].d_tag = DT_GNU_HASH;
	put(b, 0x100, d, sizeof(d));
	add(b, sizeof(b));
}

static void seed32(fuzz_add_fn add)
{
	static uint8_t b[LEAST];
	Elf32_Ehdr e = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB },
		.e_machine = EM_ARM,
		.e_phoff = 52,
		.e_phentsize = 32,
		.e_phnum = 2 };
	Elf32_Phdr p[2] = { { .p_type = PT_LOAD, .p_memsz = LEAST },
		{ .p_type = PT_ARM_EXIDX, .p_vaddr = 0x200, .p_memsz = 16 } };
	uint32_t index[] = { CODE_OFF - 0x200, 0x80a8b0b0, CODE_OFF + 0x100 - 0x208, 1 };
	/* push {r4, lr}; sub sp, #16; bl back; mov r7, #173; swi; push {fp, ip, lr, pc}; pop */
	static const uint32_t arm[] = { 0xe92d4010, 0xe24dd010, 0xebfffffc, 0xe1a00000, 0xe3a070ad,
		0xef9000ad, 0xe92dd800, 0xe8bd8010 };
	/* push {r4, r5, lr}; sub sp, #20; bl back; mov r7; svc; vpush; push.w; pop.w; add sp; pop
	 */
	static const uint32_t thumb[] = { 0xb085b530, 0xfffcf7ff, 0xdf0027ad, 0x8b02ed2d,
		0x4080e92d, 0x80f0e8bd, 0xbd30b005, 0xbf004770 };
	put(b, 0, &e, sizeof(e));
	put(b, 52, p, sizeof(p));
	put(b, 0x200, index, sizeof(index));
	/* by the tables, and where these say nothing */
	for (uint32_t off = CODE_OFF; off <= CODE_OFF + 0x200; off += 0x200) {
		b[768 + 64] = 0;
		add_code(b, arm, 8, BASE + off + 12);
		add(b, sizeof(b));
		add_code(b, thumb, 8, BASE + off + 9);
		b[768 + 64] = 0x20;
		add(b, sizeof(b));
	}
}

void fuzz_seed(fuzz_add_fn add)
{
	seed64(add);
	seed32(add);
}

/* Two BPF programs and a trampoline on bpf_kallsyms, a page of kprobes' slots with two in use, and
 * the two kprobes, in one bucket of kprobe_table; one of them is simulated. Three shapes of struct
 * kprobe: ARM32's, arm64's up to 6.16, arm64's since. */
#ifndef TESTS_UNIT_FAKE_CODE_H
#define TESTS_UNIT_FAKE_CODE_H

#include "analyzer/kernel/generated_code.h"
#include "tests/unit/fake_kernel.h"

enum { CODE_ERAS = 3 };
enum {
	CODE_LIST = 0x1000,
	CODE_KSYM = 0x2000,
	CODE_KSYM_BYTES = 0x400,
	CODE_CACHE = 0x4000,
	CODE_SLOT_PAGE = 0x5000,
	CODE_TABLE = 0x6000,
	CODE_KPROBE = 0x7000,
	CODE_KPROBE_BYTES = 0x100,
	CODE_INSNS = 0x10000,
	CODE_BODY = 0x20000,
	CODE_FUNCTION = 0x30000,
};

static inline void code_types(struct fake *f, unsigned era)
{
	FAKE_STRUCT(f, "latch", "x:word[6]");
	FAKE_STRUCT(f, "bpf_ksym", "start:word", "end:word", "name:char[512]", "lnode:list",
		"tnode:latch", "prog:u8");
	FAKE_STRUCT(f, "bpf_prog_aux", "id:u32", "ksym:bpf_ksym");
	FAKE_STRUCT(f, "kprobe_insn_cache", "mutex:word[3]", "sym:word", "pages:list",
		"insn_size:word");
	FAKE_STRUCT(f, "kprobe_insn_page", "list:list", "insns:word", "cache:word", "nused:u32",
		"ngarbage:u32", "slot_used:char[1]");
	FAKE_STRUCT(f, "hlist", "next:word", "pprev:word");
	FAKE_STRUCT(f, "api", "insn:word", "handler:word");
	if (era == 0)
		FAKE_STRUCT(f, "ainsn", "insn:word", "handler:word");
	else if (era == 1)
		FAKE_STRUCT(f, "ainsn", "api:api");
	else
		FAKE_STRUCT(f, "ainsn", "api:api", "xol_insn:word");
	FAKE_STRUCT(f, "kprobe", "hlist:hlist", "list:list", "addr:word", "ainsn:ainsn");
}

static inline void code_link(struct fake *f, uint64_t from, uint64_t to)
{
	unsigned word = f->t->abi.word_bytes;
	fake_put(f->t->dump, from, fake_va(f, to), word);
	fake_put(f->t->dump, to + word, fake_va(f, from), word);
}

static inline void code_ksym(struct fake *f, unsigned i, const char *name, bool program)
{
	uint64_t at = CODE_KSYM + i * CODE_KSYM_BYTES;
	fake_set(f, "bpf_ksym", at, "start", fake_va(f, CODE_BODY + i * 0x100));
	fake_set(f, "bpf_ksym", at, "end", fake_va(f, CODE_BODY + i * 0x100 + 0x58));
	fake_bytes(f, at + fake_offsetof(f, "bpf_ksym", "name"), name, strlen(name) + 1);
	fake_set(f, "bpf_ksym", at, "prog", program);
}

static inline uint64_t code_node(struct fake *f, unsigned i)
{
	return CODE_KSYM + i * CODE_KSYM_BYTES + fake_offsetof(f, "bpf_ksym", "lnode");
}

static inline void code_kprobe(struct fake *f, unsigned era, unsigned i, uint64_t slot)
{
	static const char *const member[] = { "ainsn.insn", "ainsn.api.insn", "ainsn.xol_insn" };
	uint64_t at = CODE_KPROBE + i * CODE_KPROBE_BYTES;
	fake_set(f, "kprobe", at, "addr", fake_va(f, CODE_FUNCTION + i * 0x10));
	fake_set(f, "kprobe", at, member[era], slot);
	fake_set(f, "kprobe", at, "hlist.next", i ? 0 : fake_va(f, at + CODE_KPROBE_BYTES));
}

static inline void fake_code(struct fake *f, unsigned word, unsigned era)
{
	fake_init(f, word);
	code_types(f, era);
	fake_symbol(f, "bpf_kallsyms", CODE_LIST, 16);
	fake_symbol(f, "kprobe_insn_slots", CODE_CACHE, 64);
	fake_symbol(f, "kprobe_table", CODE_TABLE, 64 * word);
	fake_symbol(f, "vfs_write", CODE_FUNCTION, 0x100);
	fake_number(f, "bpf_jit_enable", 0x100, 1, 4);
	code_ksym(f, 0, "bpf_prog_aa_count", true);
	code_ksym(f, 1, "bpf_trampoline_7", false);
	code_ksym(f, 2, "bpf_prog_bb", true);
	code_link(f, CODE_LIST, code_node(f, 2));
	code_link(f, code_node(f, 2), code_node(f, 0));
	code_link(f, code_node(f, 0), code_node(f, 1));
	code_link(f, code_node(f, 1), CODE_LIST);
	uint64_t pages = CODE_CACHE + fake_offsetof(f, "kprobe_insn_cache", "pages");
	fake_set(f, "kprobe_insn_cache", CODE_CACHE, "insn_size", 2);
	code_link(f, pages, CODE_SLOT_PAGE);
	code_link(f, CODE_SLOT_PAGE, pages);
	fake_set(f, "kprobe_insn_page", CODE_SLOT_PAGE, "insns", fake_va(f, CODE_INSNS));
	uint64_t used = CODE_SLOT_PAGE + fake_offsetof(f, "kprobe_insn_page", "slot_used");
	fake_bytes(f, used, "\2\1", 2);
	code_kprobe(f, era, 0, fake_va(f, CODE_INSNS));
	code_kprobe(f, era, 1, 0);
	fake_put(f->t->dump, CODE_TABLE + 5 * word, fake_va(f, CODE_KPROBE), word);
	fake_at(f->t->dump, CODE_INSNS);
}

#endif

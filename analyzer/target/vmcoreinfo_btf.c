/* Writes BTF, so that everything that understands types understands these. VMCOREINFO gives places
 * and sizes but no types: those are the kernel's, the same in every release that exports the lines.
 */
#include "analyzer/target/vmcoreinfo_btf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/btf.h"
#include "analyzer/dump/dump.h"

/* ---- what there is ----------------------------------------------- */

/* Base types get these ids; structs follow. */
enum base_type {
	T_VOID,
	T_U8,
	T_U16,
	T_U32,
	T_U64,
	T_S64,
	T_LONG,
	T_ULONG,
	T_CHAR,
	T_PTR,
	T_STRUCT,      /* .of names it */
	T_TEXT,	       /* char[LENGTH(.of)] */
	T_UTS,	       /* char[65]: include/uapi/linux/utsname.h, __NEW_UTS_LEN + 1 */
	T_FACILITY,    /* no line of its own: u8 behind the member before */
	T_FLAGS_LEVEL, /* and behind that u8 flags:5, level:3 */
};

struct known_member {
	const char *name;
	enum base_type type;
	const char *of;
};

enum { MEMBERS_MAX = 8, STRUCT_BYTES_MAX = 1 << 20 };

struct known_struct {
	const char *name;
	struct known_member member[MEMBERS_MAX];
};

/* kernel/printk/printk_ringbuffer.h, 5.10 to 7.3; printk.c's struct printk_log, 4.19 to 5.9;
 * include/linux/types.h. A struct follows those that it has as members. */
static const struct known_struct known[] = {
	{ "list_head", { { "next", T_PTR }, { "prev", T_PTR } } },
	{ "atomic_long_t", { { "counter", T_LONG } } },
	{ "prb_data_blk_lpos", { { "begin", T_ULONG }, { "next", T_ULONG } } },
	{ "prb_desc", { { "state_var", T_STRUCT, "atomic_long_t" },
			      { "text_blk_lpos", T_STRUCT, "prb_data_blk_lpos" } } },
	{ "prb_desc_ring", { { "count_bits", T_U32 }, { "descs", T_PTR }, { "infos", T_PTR },
				   { "head_id", T_STRUCT, "atomic_long_t" },
				   { "tail_id", T_STRUCT, "atomic_long_t" } } },
	{ "prb_data_ring", { { "size_bits", T_U32 }, { "data", T_PTR },
				   { "head_lpos", T_STRUCT, "atomic_long_t" },
				   { "tail_lpos", T_STRUCT, "atomic_long_t" } } },
	{ "dev_printk_info", { { "subsystem", T_TEXT, "printk_info_subsystem" },
				     { "device", T_TEXT, "printk_info_device" } } },
	{ "printk_info",
		{ { "seq", T_U64 }, { "ts_nsec", T_U64 }, { "text_len", T_U16 },
			{ "facility", T_FACILITY }, { "flags", T_FLAGS_LEVEL },
			{ "caller_id", T_U32 }, { "dev_info", T_STRUCT, "dev_printk_info" } } },
	{ "printk_ringbuffer", { { "desc_ring", T_STRUCT, "prb_desc_ring" },
				       { "text_data_ring", T_STRUCT, "prb_data_ring" },
				       { "fail", T_STRUCT, "atomic_long_t" } } },
	{ "printk_log", { { "ts_nsec", T_U64 }, { "len", T_U16 }, { "text_len", T_U16 },
				{ "dict_len", T_U16 }, { "facility", T_FACILITY },
				{ "flags", T_FLAGS_LEVEL } } },
	{ "new_utsname",
		{ { "sysname", T_UTS }, { "nodename", T_UTS }, { "release", T_UTS },
			{ "version", T_UTS }, { "machine", T_UTS }, { "domainname", T_UTS } } },
	{ "uts_namespace", { { "name", T_STRUCT, "new_utsname" } } },
};
enum { UTS_BYTES = 65, STRUCTS_MAX = ARRAY_SIZE(known) + 4, PLACED_MAX = MEMBERS_MAX + 1 };

/* ---- places ----------------------------------------------- */

struct placed {
	const char *name;
	enum base_type type;
	uint32_t struct_index; /* T_STRUCT */
	uint32_t count;	       /* of chars; 0: no array */
	uint64_t bits, bytes;  /* offset in bits; size */
	uint8_t bit_size;      /* 0: no bitfield */
};

struct made_struct {
	const char *name;
	uint64_t bytes;
	struct placed member[PLACED_MAX];
	size_t n;
};

struct maker {
	const char *text;
	const struct abi *abi;
	struct made_struct made[STRUCTS_MAX];
	size_t nmade;
	struct strbuf types, strings;
	uint32_t nstructs_first; /* id of made[0] */
};

static bool line_number(
	const struct maker *m, const char *kind, const char *a, const char *b, uint64_t *ret)
{
	char key[128];
	snprintf(key, sizeof(key), "%s(%s%s%s)", kind, a, b ? "." : "", b ? b : "");
	return vmcoreinfo_number(m->text, key, ret) && *ret < STRUCT_BYTES_MAX;
}

static const struct made_struct *find_made(const struct maker *m, const char *name, uint32_t *ret_i)
{
	for (size_t i = 0; i < m->nmade; i++) {
		if (strcmp(m->made[i].name, name))
			continue;
		*ret_i = (uint32_t)i;
		return &m->made[i];
	}
	return NULL;
}

static uint64_t base_bytes(const struct maker *m, enum base_type type)
{
	switch (type) {
	case T_U8:
	case T_CHAR:
		return 1;
	case T_U16:
		return 2;
	case T_U32:
		return 4;
	case T_U64:
	case T_S64:
		return 8;
	default:
		return m->abi->word_bytes;
	}
}

/* Sizes @p; false when what it is made of is not known. */
static bool size_member(const struct maker *m, const struct known_member *k, struct placed *p)
{
	uint64_t n;
	p->name = k->name;
	p->type = k->type;
	if (k->type == T_STRUCT) {
		const struct made_struct *s = find_made(m, k->of, &p->struct_index);
		p->bytes = s ? s->bytes : 0;
		return s;
	}
	if (k->type == T_TEXT || k->type == T_UTS) {
		if (k->type == T_TEXT && !line_number(m, "LENGTH", k->of, NULL, &n))
			return false;
		p->type = T_CHAR;
		p->count = k->type == T_UTS ? UTS_BYTES : (uint32_t)n;
		p->bytes = p->count;
		return p->count;
	}
	p->bytes = base_bytes(m, p->type);
	return true;
}

static void put_member(struct made_struct *s, const struct placed *p)
{
	if (s->n < PLACED_MAX && p->bits / 8 + p->bytes <= STRUCT_BYTES_MAX)
		s->member[s->n++] = *p;
}

/*
 * u16 text_len (dict_len in the old log), u8 facility, u8 flags:5 level:3 follow each other in
 * every release; the lines skip the last two.
 */
static void put_unsaid(struct made_struct *s, const struct known_member *k)
{
	if (!s->n)
		return;
	const struct placed *before = &s->member[s->n - 1];
	struct placed p = {
		.name = k->name, .type = T_U8, .bytes = 1, .bits = before->bits + before->bytes * 8
	};
	if (k->type == T_FLAGS_LEVEL)
		p.bit_size = 5;
	put_member(s, &p);
	if (k->type != T_FLAGS_LEVEL)
		return;
	p.name = "level";
	p.bits += 5;
	p.bit_size = 3;
	put_member(s, &p);
}

static void finish(struct maker *m, struct made_struct *s, uint64_t said_bytes)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->n; i++) {
		uint64_t end = (s->member[i].bits + 7) / 8 +
			       (s->member[i].bit_size ? 0 : s->member[i].bytes);
		if (said_bytes && end > said_bytes)
			continue; /* contradicts the struct's own size */
		s->bytes = end > s->bytes ? end : s->bytes;
		s->member[kept++] = s->member[i];
	}
	s->n = kept;
	s->bytes = said_bytes ? said_bytes : s->bytes;
	m->nmade += kept && m->nmade < STRUCTS_MAX;
}

static void make_struct(struct maker *m, const struct known_struct *k)
{
	struct made_struct *s = &m->made[m->nmade];
	uint64_t said = 0, at = 0;
	*s = (struct made_struct){ .name = k->name };
	line_number(m, "SIZE", k->name, NULL, &said);
	for (size_t i = 0; i < MEMBERS_MAX && k->member[i].name; i++) {
		const struct known_member *km = &k->member[i];
		struct placed p = { 0 };
		if (km->type == T_FACILITY || km->type == T_FLAGS_LEVEL) {
			put_unsaid(s, km);
			continue;
		}
		if (!size_member(m, km, &p))
			continue;
		bool said_at = line_number(m, "OFFSET", k->name, km->name, &at);
		if (km->type == T_UTS) /* an ABI: no line is needed */
			at = i * UTS_BYTES;
		else if (!said_at)
			continue;
		p.bits = at * 8;
		put_member(s, &p);
	}
	finish(m, s, said);
}

/* include/linux/timekeeper_internal.h, 4.19 to 7.3: u64 xtime_sec, unsigned long ktime_sec, struct
 * timespec64 wall_to_monotonic, ktime_t offs_real, offs_boot stand in a row. */
static void make_timekeeper(struct maker *m, const struct timekeeper_place *tk)
{
	uint64_t at = tk->xtime_sec;
	struct made_struct *s = &m->made[m->nmade];
	uint32_t span = (uint32_t)m->nmade;
	if (!tk->variable || m->nmade + 2 >= STRUCTS_MAX)
		return;
	*s = (struct made_struct){ .name = "timespec64" };
	put_member(s, &(struct placed){ .name = "tv_sec", .type = T_S64, .bytes = 8 });
	put_member(s, &(struct placed){ .name = "tv_nsec",
			      .type = T_LONG,
			      .bits = 64,
			      .bytes = m->abi->word_bytes });
	finish(m, s, 16);
	s = &m->made[m->nmade];
	*s = (struct made_struct){ .name = "timekeeper" };
	put_member(s,
		&(struct placed){ .name = "xtime_sec", .type = T_U64, .bits = at * 8, .bytes = 8 });
	put_member(s, &(struct placed){ .name = "ktime_sec",
			      .type = T_ULONG,
			      .bits = (at + 8) * 8,
			      .bytes = m->abi->word_bytes });
	put_member(s, &(struct placed){ .name = "wall_to_monotonic",
			      .type = T_STRUCT,
			      .struct_index = span,
			      .bits = (at + 16) * 8,
			      .bytes = 16 });
	put_member(
		s, &(struct placed){
			   .name = "offs_real", .type = T_S64, .bits = (at + 32) * 8, .bytes = 8 });
	put_member(
		s, &(struct placed){
			   .name = "offs_boot", .type = T_S64, .bits = (at + 40) * 8, .bytes = 8 });
	finish(m, s, 0);
}

/* ---- BTF ----------------------------------------------- */

static void put_u32(struct maker *m, struct strbuf *to, uint32_t v)
{
	uint32_t host = m->abi->big_endian ? __builtin_bswap32(v) : v;
	strbuf_add_bytes(to, &host, sizeof(host));
}

static uint32_t put_name(struct maker *m, const char *s)
{
	uint32_t at = (uint32_t)m->strings.len;
	if (!*s)
		return 0;
	strbuf_add_bytes(&m->strings, s, strlen(s) + 1);
	return at;
}

static void put_type(struct maker *m, const char *name, unsigned kind, uint32_t vlen, bool flag,
	uint32_t size_or_type)
{
	put_u32(m, &m->types, put_name(m, name));
	put_u32(m, &m->types, (uint32_t)kind << 24 | vlen | (uint32_t)flag << 31);
	put_u32(m, &m->types, size_or_type);
}

static void put_base_types(struct maker *m)
{
	static const char *const names[] = { [T_U8] = "unsigned char",
		[T_U16] = "unsigned short",
		[T_U32] = "unsigned int",
		[T_U64] = "unsigned long long",
		[T_S64] = "long long",
		[T_LONG] = "long",
		[T_ULONG] = "unsigned long",
		[T_CHAR] = "char" };
	for (unsigned i = T_U8; i <= T_CHAR; i++) {
		bool sign = i == T_S64 || i == T_LONG;
		uint32_t bytes = (uint32_t)base_bytes(m, i);
		put_type(m, names[i], BTF_INT, 0, false, bytes);
		put_u32(m, &m->types, (uint32_t)sign << 24 | bytes * 8);
	}
	put_type(m, "", BTF_PTR, 0, false, T_VOID);
}

/* Members' types: base, struct, or one of the arrays of char, which follow all structs. */
static uint32_t member_type(const struct maker *m, const struct placed *p, uint32_t *narrays)
{
	uint32_t first = T_PTR + 1;
	if (p->type == T_STRUCT)
		return first + p->struct_index;
	return p->count ? first + (uint32_t)m->nmade + (*narrays)++ : p->type;
}

static void put_structs(struct maker *m)
{
	uint32_t narrays = 0;
	for (size_t i = 0; i < m->nmade; i++) {
		const struct made_struct *s = &m->made[i];
		put_type(m, s->name, BTF_STRUCT, (uint32_t)s->n, true, (uint32_t)s->bytes);
		for (size_t j = 0; j < s->n; j++) {
			const struct placed *p = &s->member[j];
			put_u32(m, &m->types, put_name(m, p->name));
			put_u32(m, &m->types, member_type(m, p, &narrays));
			put_u32(m, &m->types, (uint32_t)p->bit_size << 24 | (uint32_t)p->bits);
		}
	}
	for (size_t i = 0; i < m->nmade; i++) {
		for (size_t j = 0; j < m->made[i].n; j++) {
			uint32_t count = m->made[i].member[j].count;
			if (!count)
				continue;
			put_type(m, "", BTF_ARRAY, 0, false, 0);
			put_u32(m, &m->types, T_CHAR);
			put_u32(m, &m->types, T_U32);
			put_u32(m, &m->types, count);
		}
	}
}

static uint8_t *put_header(struct maker *m, size_t *ret_n)
{
	enum { HEADER_BYTES = 24 };
	struct strbuf all = { 0 };
	uint16_t magic = m->abi->big_endian ? 0x9feb : 0xeb9f;
	strbuf_add_bytes(&all, &magic, 2);
	strbuf_add_bytes(&all, "\1\0", 2);
	put_u32(m, &all, HEADER_BYTES);
	put_u32(m, &all, 0);
	put_u32(m, &all, (uint32_t)m->types.len);
	put_u32(m, &all, (uint32_t)m->types.len);
	put_u32(m, &all, (uint32_t)m->strings.len);
	strbuf_add_bytes(&all, m->types.s, m->types.len);
	strbuf_add_bytes(&all, m->strings.s, m->strings.len);
	*ret_n = all.len;
	return (uint8_t *)strbuf_take(&all);
}

uint8_t *vmcoreinfo_btf(
	const char *text, const struct abi *abi, const struct timekeeper_place *tk, size_t *ret_n)
{
	scoped_free struct maker *m = xcalloc(1, sizeof(*m));
	uint8_t *btf = NULL;
	uint32_t ring;
	m->text = text;
	m->abi = abi;
	for (size_t i = 0; text && i < ARRAY_SIZE(known); i++)
		make_struct(m, &known[i]);
	make_timekeeper(m, tk);
	/* list_head and utsname alone are no news */
	if (tk->variable || find_made(m, "printk_info", &ring) ||
		find_made(m, "printk_log", &ring)) {
		strbuf_add_bytes(&m->strings, "", 1);
		put_base_types(m);
		put_structs(m);
		btf = put_header(m, ret_n);
	}
	strbuf_deinit(&m->types);
	strbuf_deinit(&m->strings);
	return btf;
}

/* %p formats of addresses, identifiers and times whose layout is a standard or user-space ABI: MAC,
 * IP, sockaddr, UUID, rtc_time, time64_t. */
#include <string.h>
#include <time.h>

#include "analyzer/debug/printk_format_internal.h"

static struct err *add(const struct printk_pointer *p, const struct strbuf *b, struct strbuf *out)
{
	printk_add_text(out, &p->spec, strbuf_text(b), b->len);
	return NULL;
}

static bool has(const struct printk_pointer *p, char letter)
{
	return strchr(p->letters, letter) != NULL;
}

/* ---- MAC and UUID ----------------------------------------------- */

static struct err *format_mac(const struct printk_pointer *p, bool separated, struct strbuf *out)
{
	uint8_t mac[6];
	scoped_strbuf struct strbuf b = { 0 };
	struct err *err = printk_read(p->env, p->va, mac, sizeof(mac));
	if (err)
		return err;
	for (unsigned i = 0; i < 6; i++) {
		if (i && separated)
			strbuf_add_char(&b, has(p, 'F') ? '-' : ':');
		strbuf_addf(&b, "%02x", mac[has(p, 'R') ? 5 - i : i]);
	}
	return add(p, &b, out);
}

static struct err *print_mac(const struct printk_pointer *p, struct strbuf *out)
{
	return format_mac(p, true, out);
}

static struct err *print_mac_digits(const struct printk_pointer *p, struct strbuf *out)
{
	return format_mac(p, false, out);
}

/* lib/uuid.c: a GUID's first three fields are little-endian */
static struct err *print_uuid(const struct printk_pointer *p, struct strbuf *out)
{
	static const uint8_t big[] = { 0, 1, 2, 3, 4, 5, 6, 7 },
			     little[] = { 3, 2, 1, 0, 5, 4, 7, 6 };
	const uint8_t *order = has(p, 'l') || has(p, 'L') ? little : big;
	bool upper = has(p, 'B') || has(p, 'L');
	uint8_t id[16];
	scoped_strbuf struct strbuf b = { 0 };
	struct err *err = printk_read(p->env, p->va, id, sizeof(id));
	if (err)
		return err;
	for (unsigned i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			strbuf_add_char(&b, '-');
		strbuf_addf(&b, upper ? "%02X" : "%02x", id[i < 8 ? order[i] : i]);
	}
	return add(p, &b, out);
}

/* ---- IP ----------------------------------------------- */

/* @bytes are in network order, unless the letters say little-endian or the host's order. */
static void add_ip4(
	const struct printk_pointer *p, const uint8_t *bytes, bool zeros, struct strbuf *b)
{
	bool reversed = has(p, 'l') || (has(p, 'h') && !types_abi(p->env->types)->big_endian);
	for (unsigned i = 0; i < 4; i++)
		strbuf_addf(
			b, zeros ? "%s%03u" : "%s%u", i ? "." : "", bytes[reversed ? 3 - i : i]);
}

static void add_ip6_digits(const uint8_t *bytes, bool colons, struct strbuf *b)
{
	for (unsigned i = 0; i < 16; i++)
		strbuf_addf(b, colons && i && i % 2 == 0 ? ":%02x" : "%02x", bytes[i]);
}

/* The last four bytes are an IPv4 address: ::ffff:0:0/96 (RFC 4291), and ISATAP interface
 * identifiers (RFC 5214; include/net/addrconf.h:ipv6_addr_is_isatap() ignores the u bit). */
static bool embeds_ip4(const uint8_t *bytes)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t isatap[3] = { 0x00, 0x5e, 0xfe };
	return !memcmp(bytes, mapped, 12) ||
	       ((bytes[8] | 0x02) == 0x02 && !memcmp(bytes + 9, isatap, 3));
}

/* RFC 5952: the first longest run of at least two zero groups becomes "::". */
static void add_ip6_compressed(
	const struct printk_pointer *p, const uint8_t *bytes, struct strbuf *b)
{
	bool ip4 = embeds_ip4(bytes);
	unsigned groups = ip4 ? 6 : 8, best = 0, best_n = 1;
	for (unsigned i = 0, n = 0; i < groups; i++) {
		n = bytes[2 * i] | bytes[2 * i + 1] ? 0 : n + 1;
		if (n > best_n) {
			best_n = n;
			best = i + 1 - n;
		}
	}
	bool colon = false;
	for (unsigned i = 0; i < groups; i++) {
		if (best_n > 1 && i == best) {
			strbuf_add(b, "::");
			colon = false;
			i += best_n - 1;
			continue;
		}
		strbuf_addf(b, colon ? ":%x" : "%x", bytes[2 * i] << 8 | bytes[2 * i + 1]);
		colon = true;
	}
	if (!ip4)
		return;
	struct printk_pointer network = *p;
	network.letters = "";
	strbuf_add(b, colon ? ":" : "");
	add_ip4(&network, bytes + 12, false, b);
}

static struct err *format_ip4(const struct printk_pointer *p, bool zeros, struct strbuf *out)
{
	uint8_t bytes[4];
	scoped_strbuf struct strbuf b = { 0 };
	struct err *err = printk_read(p->env, p->va, bytes, sizeof(bytes));
	if (err)
		return err;
	add_ip4(p, bytes, zeros, &b);
	return add(p, &b, out);
}

static struct err *print_ip4(const struct printk_pointer *p, struct strbuf *out)
{
	return format_ip4(p, false, out);
}

static struct err *print_ip4_zeros(const struct printk_pointer *p, struct strbuf *out)
{
	return format_ip4(p, true, out);
}

static struct err *format_ip6(const struct printk_pointer *p, bool colons, struct strbuf *out)
{
	uint8_t bytes[16];
	scoped_strbuf struct strbuf b = { 0 };
	struct err *err = printk_read(p->env, p->va, bytes, sizeof(bytes));
	if (err)
		return err;
	if (colons && has(p, 'c'))
		add_ip6_compressed(p, bytes, &b);
	else
		add_ip6_digits(bytes, colons, &b);
	return add(p, &b, out);
}

static struct err *print_ip6(const struct printk_pointer *p, struct strbuf *out)
{
	return format_ip6(p, true, out);
}

static struct err *print_ip6_digits(const struct printk_pointer *p, struct strbuf *out)
{
	return format_ip6(p, false, out);
}

/* ---- sockaddr ----------------------------------------------- */

/* include/uapi/linux/in6.h: port at 2, flowinfo at 4, address at 8, scope (the host's order) at 24
 */
static struct err *format_sockaddr6(const struct printk_pointer *p, bool colons, struct strbuf *out)
{
	uint8_t sa[28];
	scoped_strbuf struct strbuf b = { 0 };
	bool more = has(p, 'p') || has(p, 'f') || has(p, 's');
	struct err *err = printk_read(p->env, p->va, sa, sizeof(sa));
	if (err)
		return err;
	strbuf_add(&b, more ? "[" : "");
	if (colons && has(p, 'c'))
		add_ip6_compressed(p, sa + 8, &b);
	else
		add_ip6_digits(sa + 8, colons, &b);
	strbuf_add(&b, more ? "]" : "");
	if (has(p, 'p'))
		strbuf_addf(&b, ":%u", sa[2] << 8 | sa[3]);
	if (has(p, 'f')) /* IPV6_FLOWINFO_MASK: 28 bits */
		strbuf_addf(&b, "/%u", (sa[4] & 0xfu) << 24 | sa[5] << 16 | sa[6] << 8 | sa[7]);
	if (has(p, 's'))
		strbuf_addf(&b, "%%%u", (unsigned)load_uint(types_abi(p->env->types), sa + 24, 4));
	return add(p, &b, out);
}

/* include/uapi/linux/in.h: port at 2, address at 4 */
static struct err *format_sockaddr4(const struct printk_pointer *p, bool zeros, struct strbuf *out)
{
	uint8_t sa[8];
	scoped_strbuf struct strbuf b = { 0 };
	struct err *err = printk_read(p->env, p->va, sa, sizeof(sa));
	if (err)
		return err;
	add_ip4(p, sa + 4, zeros, &b);
	if (has(p, 'p'))
		strbuf_addf(&b, ":%u", sa[2] << 8 | sa[3]);
	return add(p, &b, out);
}

static struct err *format_sockaddr(const struct printk_pointer *p, bool dotted, struct strbuf *out)
{
	uint64_t family;
	struct err *err = printk_read_uint(p->env, p->va, 2, &family);
	if (err)
		return err;
	if (family == 2) /* AF_INET */
		return format_sockaddr4(p, !dotted, out);
	if (family == 10) /* AF_INET6 */
		return format_sockaddr6(p, dotted, out);
	printk_add_text(out, &p->spec, "(einval)", 8);
	return NULL;
}

static struct err *print_sockaddr(const struct printk_pointer *p, struct strbuf *out)
{
	return format_sockaddr(p, true, out);
}

static struct err *print_sockaddr_zeros(const struct printk_pointer *p, struct strbuf *out)
{
	return format_sockaddr(p, false, out);
}

/* ---- times ----------------------------------------------- */

struct rtc {
	int32_t sec, min, hour, mday, mon, year; /* as struct tm: year - 1900, month from 0 */
};

static void add_field(struct strbuf *out, int32_t n, int digits)
{
	const struct printk_spec spec = { .zero = true, .width = digits, .precision = -1 };
	/* lib/vsprintf.c: default_dec02_spec has no sign: a negative one is as wide as it gets */
	printk_add_number(out, &spec, (uint64_t)(int64_t)n, PRINTK_DECIMAL);
}

static struct err *format_time(
	const struct printk_pointer *p, const struct rtc *t, struct strbuf *out)
{
	bool date = !has(p, 't') || has(p, 'd'), time = !has(p, 'd');
	bool raw = has(p, 'r');
	if (date) {
		add_field(out, (int32_t)((uint32_t)t->year + (raw ? 0 : 1900)), 4);
		strbuf_add_char(out, '-');
		add_field(out, (int32_t)((uint32_t)t->mon + (raw ? 0 : 1)), 2);
		strbuf_add_char(out, '-');
		add_field(out, t->mday, 2);
	}
	if (date && time)
		strbuf_add_char(out, has(p, 's') ? ' ' : 'T');
	if (time) {
		add_field(out, t->hour, 2);
		strbuf_add_char(out, ':');
		add_field(out, t->min, 2);
		strbuf_add_char(out, ':');
		add_field(out, t->sec, 2);
	}
	return NULL;
}

/* include/uapi/linux/rtc.h: nine ints, in the order of struct tm */
static struct err *print_rtc_time(const struct printk_pointer *p, struct strbuf *out)
{
	uint8_t b[24];
	int32_t v[6];
	struct err *err = printk_read(p->env, p->va, b, sizeof(b));
	if (err)
		return err;
	for (unsigned i = 0; i < 6; i++)
		v[i] = (int32_t)load_uint(types_abi(p->env->types), b + 4 * i, 4);
	return format_time(p, &(struct rtc){ v[0], v[1], v[2], v[3], v[4], v[5] }, out);
}

static struct err *format_seconds(
	const struct printk_pointer *p, uint64_t seconds, struct strbuf *out)
{
	struct tm tm;
	time_t when = (time_t)seconds;
	if ((int64_t)when != (int64_t)seconds || !gmtime_r(&when, &tm)) {
		printk_add_text(out, &p->spec, "(einval)", 8); /* a year beyond 32 bits */
		return NULL;
	}
	return format_time(p,
		&(struct rtc){
			tm.tm_sec, tm.tm_min, tm.tm_hour, tm.tm_mday, tm.tm_mon, tm.tm_year },
		out);
}

static struct err *print_time64(const struct printk_pointer *p, struct strbuf *out)
{
	uint64_t n;
	struct err *err = printk_read_uint(p->env, p->va, 8, &n);
	return err ? err : format_seconds(p, n, out);
}

/* include/linux/time64.h: a time64_t and a long */
static struct err *print_timespec64(const struct printk_pointer *p, struct strbuf *out)
{
	static const struct printk_spec decimal = { .width = -1, .precision = -1 },
					nine = { .zero = true, .width = 9, .precision = -1 };
	uint64_t seconds, ns;
	struct err *err = printk_read_uint(p->env, p->va, 8, &seconds);
	if (!err)
		err = printk_read_uint(
			p->env, p->va + 8, types_abi(p->env->types)->word_bytes, &ns);
	if (err)
		return err;
	if (has(p, 'p'))
		printk_add_number(out, &decimal, seconds, PRINTK_DECIMAL);
	else
		err = format_seconds(p, seconds, out);
	strbuf_add_char(out, '.');
	printk_add_number(out, &nine, ns, PRINTK_DECIMAL);
	return err;
}

const struct printk_extension printk_net_extensions[] = {
	{ "M", "FR", "a MAC address: 00:01:02:03:04:05 (F: dashes, R: reversed)", false,
		print_mac },
	{ "m", "FR", "a MAC address without separators", false, print_mac_digits },
	{ "I4", "hnbl", "an IPv4 address: 1.2.3.4 (byte order: host, network, big, little)", false,
		print_ip4 },
	{ "i4", "hnbl", "an IPv4 address: 001.002.003.004", false, print_ip4_zeros },
	{ "I6", "c", "an IPv6 address with all its zeros (c: without)", false, print_ip6 },
	{ "i6", "", "an IPv6 address without colons", false, print_ip6_digits },
	{ "IS", "pfschnbl", "a struct sockaddr (p: port, f: flowinfo, s: scope)", false,
		print_sockaddr },
	{ "iS", "pfschnbl", "a struct sockaddr, digits as %pi4 or %pi6", false,
		print_sockaddr_zeros },
	{ "U", "bBlL", "a UUID (l: as a GUID is stored, capitals: in capitals)", false,
		print_uuid },
	{ "tR", "dtrs", "a struct rtc_time (d: date, t: time, r: raw, s: a blank for the T)", false,
		print_rtc_time },
	{ "tT", "dtrs", "a time64_t, with the same letters", false, print_time64 },
	{ "tS", "dtrsp", "a struct timespec64 (p: as seconds), with the same letters (6.19)", false,
		print_timespec64 },
	{ 0 },
};

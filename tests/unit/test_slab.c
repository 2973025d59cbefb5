/* Free lists and patterns of slabs made by hand: every code, both word sizes, damage of each kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/kernel/slab_damage.h"

enum { SLOT = 64, OBJECTS = 8, BASE = 0x10000 };

struct made {
	struct target t;
	struct slab_cache c;
	struct slab s;
	uint8_t bytes[SLOT * OBJECTS], state[OBJECTS];
};

static void start(struct made *m, unsigned word)
{
	memset(m, 0, sizeof(*m));
	m->t.abi.word_bytes = word;
	m->c = (struct slab_cache){ .size = SLOT,
		.object_size = 40,
		.inuse = 48,
		.offset = 48,
		.red_left_pad = 8,
		.hardened = true,
		.random = word == 4 ? 0x89abcdefu : 0x0123456789abcdef };
	m->s = (struct slab){ .base_va = BASE, .objects = OBJECTS, .inuse = OBJECTS - 3 };
}

static uint64_t encode(const struct made *m, enum slab_code code, uint64_t v, uint64_t at)
{
	bool narrow = m->t.abi.word_bytes == 4;
	if (code == SLAB_CODE_PLAIN)
		return v;
	if (code == SLAB_CODE_XOR_SWAB)
		at = narrow ? __builtin_bswap32((uint32_t)at) : __builtin_bswap64(at);
	return narrow ? (uint32_t)(v ^ m->c.random ^ at) : v ^ m->c.random ^ at;
}

static uint64_t object(const struct made *m, uint32_t i)
{
	return slab_object_va(&m->c, &m->s, i);
}

static void link_to(struct made *m, enum slab_code code, uint32_t from, uint64_t to)
{
	uint64_t at = object(m, from) + m->c.offset, word = encode(m, code, to, at);
	for (unsigned b = 0; b < m->t.abi.word_bytes; b++)
		m->bytes[at - BASE + b] = (uint8_t)(word >> 8 * b);
}

static struct slab_chain walk(struct made *m, enum slab_code code)
{
	memset(m->state, 0, sizeof(m->state));
	return slab_freelist_mark(
		&m->t, &m->c, &m->s, code, object(m, 5), m->bytes, m->state, SLAB_FREE);
}

/* 5 -> 2 -> 6 -> end */
static void make_list(struct made *m, enum slab_code code)
{
	link_to(m, code, 5, object(m, 2));
	link_to(m, code, 2, object(m, 6));
	link_to(m, code, 6, 0);
}

#define EACH                                                                                       \
	for (unsigned word = 4; word <= 8; word += 4)                                              \
		for (unsigned code = SLAB_CODE_PLAIN; code <= SLAB_CODE_XOR_SWAB; code++)

static void test_whole(void **state)
{
	(void)state;
	EACH
	{
		struct made m;
		start(&m, word);
		m.c.hardened = code != SLAB_CODE_PLAIN;
		make_list(&m, code);
		struct slab_chain chain = walk(&m, code);
		assert_int_equal(chain.end, SLAB_CHAIN_WHOLE);
		assert_int_equal(chain.free, 3);
		for (uint32_t i = 0; i < OBJECTS; i++)
			assert_int_equal(m.state[i], i == 5 || i == 2 || i == 6 ? SLAB_FREE : 0);
		/* another code leads nowhere */
		if (code)
			assert_int_not_equal(walk(&m, 3 - code).end, SLAB_CHAIN_WHOLE);
	}
}

static void test_damaged(void **state)
{
	(void)state;
	EACH
	{
		struct made m;
		start(&m, word);
		m.c.hardened = code != SLAB_CODE_PLAIN;
		make_list(&m, code);
		link_to(&m, code, 6, object(&m, 5));
		struct slab_chain chain = walk(&m, code);
		assert_int_equal(chain.end, SLAB_CHAIN_TWICE);
		assert_int_equal(chain.free, 3);
		assert_int_equal(chain.link, object(&m, 5));
		assert_int_equal(chain.link_va, object(&m, 6) + m.c.offset);
		link_to(&m, code, 2, object(&m, 6) + 1);
		chain = walk(&m, code);
		assert_int_equal(chain.end, SLAB_CHAIN_STRAY);
		assert_int_equal(chain.free, 2);
		assert_int_equal(chain.link, object(&m, 6) + 1);
		link_to(&m, code, 2, object(&m, OBJECTS));
		assert_int_equal(walk(&m, code).end, SLAB_CHAIN_STRAY);
	}
}

static void test_tag_is_no_part(void **state)
{
	struct target t = { .abi.word_bytes = 8 };
	(void)state;
	assert_int_equal(slab_untag(&t, 0xf4ffff8000001000), 0xffffff8000001000);
	assert_int_equal(slab_untag(&t, 0x0000ff8000001000 & ~(1ull << 55)), 0x0000ff8000001000);
	t.abi.word_bytes = 4;
	assert_int_equal(slab_untag(&t, 0xc0001000), 0xc0001000);
}

static void test_counts(void **state)
{
	struct made m;
	struct err *err;
	(void)state;
	start(&m, 8);
	assert_null(slab_check_counts(&m.c, &m.s));
	m.s.inuse = OBJECTS + 1;
	err = slab_check_counts(&m.c, &m.s);
	assert_non_null(err);
	err_drop(err);
	m.s.inuse = m.s.objects = 0;
	err = slab_check_counts(&m.c, &m.s);
	assert_non_null(err);
	err_drop(err);
	m.s.objects = 32767;
	m.c.size = 1 << 26;
	err = slab_check_counts(&m.c, &m.s);
	assert_non_null(err);
	err_drop(err);
}

/* Object 3 with its patterns, as the kernel leaves it. */
static void fill(struct made *m, bool is_free)
{
	uint8_t *o = m->bytes + 3 * SLOT + m->c.red_left_pad;
	memset(o - 8, is_free ? 0xbb : 0xcc, 8);
	memset(o + 40, is_free ? 0xbb : 0xcc, 8);
	memset(o, is_free ? 0x6b : 0x17, 40);
	if (is_free)
		o[39] = 0xa5;
}

static void test_damage(void **state)
{
	struct slab_damage d[SLAB_DAMAGE_MAX];
	(void)state;
	for (int is_free = 0; is_free < 2; is_free++) {
		struct made m;
		start(&m, 8);
		uint8_t *o = m.bytes + 3 * SLOT + m.c.red_left_pad;
		fill(&m, is_free);
		o[42] = 1;
		assert_int_equal(slab_damage_find(&m.c, m.bytes, 3, is_free, d), 0);
		fill(&m, is_free);
		m.c.known = 1u << SLAB_FLAG_RED_ZONE | 1u << SLAB_FLAG_POISON |
			    1u << SLAB_FLAG_OBJECT_POISON;
		assert_int_equal(slab_damage_find(&m.c, m.bytes, 3, is_free, d), 0);
		o[41] = o[43] = 9;
		o[-1] = 8;
		assert_int_equal(slab_damage_find(&m.c, m.bytes, 3, is_free, d), 2);
		assert_string_equal(d[0].what, "left redzone");
		assert_int_equal(d[0].first, -1);
		assert_int_equal(d[0].last, -1);
		assert_string_equal(d[1].what, "right redzone");
		assert_int_equal(d[1].first, 41);
		assert_int_equal(d[1].last, 43);
		assert_int_equal(d[1].bytes, 2);
		assert_int_equal(d[1].found, 9);
		assert_int_equal(d[1].expected, is_free ? 0xbb : 0xcc);
		fill(&m, is_free);
		o[0] = 1;
		o[39] = 0x6b;
		assert_int_equal(slab_damage_find(&m.c, m.bytes, 3, is_free, d), is_free ? 2 : 0);
		/* KASAN keeps notes in freed objects; so does a free pointer inside */
		m.c.known |= 1u << SLAB_FLAG_KASAN;
		assert_int_equal(slab_damage_find(&m.c, m.bytes, 3, is_free, d), 0);
		m.c.known &= ~(1u << SLAB_FLAG_KASAN);
		m.c.offset = 16;
		assert_int_equal(slab_damage_find(&m.c, m.bytes, 3, is_free, d), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_tag_is_no_part),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

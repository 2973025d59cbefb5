/*
 * A frame with redzones begins with three words: a marker, the address of a description in text,
 * the function's address (the compiler's ABI: gcc's asan.cc, mm/kasan/kasan.h). Its left redzone
 * covers them, and that is how a frame is found: backwards over the shadow.
 */
#include "analyzer/kernel/kasan_stack.h"

#include <inttypes.h>

#include "analyzer/kernel/kasan_shadow.h"

enum {
	FRAME_MARKER = 0x41b58ab3, /* KASAN_CURRENT_STACK_FRAME_MAGIC */
	DESCRIPTION_MAX = 4096,
	STACK_MAX = 1 << 20,
};

/* A decimal number and the blank behind it. */
static bool take_number(const char **text, uint64_t *ret)
{
	uint64_t n = 0;
	const char *p = *text;
	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (n > UINT32_MAX)
			return false;
		n = n * 10 + (uint64_t)(*p - '0');
	}
	if (*p && *p != ' ')
		return false;
	*text = *p ? p + 1 : p;
	*ret = n;
	return true;
}

/* "name:line", "name" or, from clang, a name of that length. */
static bool take_name(const char **text, uint64_t length, struct kasan_variable *v)
{
	const char *p = *text, *end = p;
	size_t n = 0;
	while (*end && (*end != ' ' || (uint64_t)(end - p) < length))
		end++;
	if (end == p)
		return false;
	while (p + n < end && p[n] != ':')
		n++;
	uint64_t line = 0;
	for (const char *d = p + n + 1; d < end && *d >= '0' && *d <= '9' && line < UINT32_MAX / 10;
		d++)
		line = line * 10 + (uint64_t)(*d - '0');
	v->line = (uint32_t)line;
	n = n < sizeof(v->name) - 1 ? n : sizeof(v->name) - 1;
	memcpy(v->name, p, n);
	v->name[n] = '\0';
	*text = *end ? end + 1 : end;
	return true;
}

bool kasan_frame_parse(const char *text, struct kasan_frame *ret)
{
	uint64_t n;
	ret->nvariables = ret->told = 0;
	if (!take_number(&text, &n) || n > 4096)
		return false;
	ret->told = (unsigned)n;
	for (uint64_t i = 0; i < n && i < KASAN_FRAME_VARIABLES_MAX; i++) {
		struct kasan_variable *v = &ret->variable[i];
		uint64_t length;
		if (!take_number(&text, &v->offset) || !take_number(&text, &v->size) ||
			!take_number(&text, &length) || !take_name(&text, length, v))
			return false;
		ret->nvariables++;
	}
	return true;
}

const struct kasan_variable *kasan_frame_variable(const struct kasan_frame *f, uint64_t offset)
{
	const struct kasan_variable *best = NULL;
	uint64_t least = UINT64_MAX;
	for (unsigned i = 0; i < f->nvariables; i++) {
		const struct kasan_variable *v = &f->variable[i];
		uint64_t off = offset < v->offset	      ? v->offset - offset
			       : offset - v->offset < v->size ? 0
							      : offset - v->offset - v->size + 1;
		if (off < least) {
			least = off;
			best = v;
		}
	}
	return best;
}

/* Behind the redzone that follows the last variable. */
static uint64_t frame_end(const struct kasan *k, const struct kasan_frame *f)
{
	uint64_t last = 0;
	uint8_t b;
	for (unsigned i = 0; i < f->nvariables; i++) {
		uint64_t end = f->variable[i].offset + f->variable[i].size;
		last = end > last ? end : last;
	}
	uint64_t at = f->va + (last & ~(k->granule - 1ull));
	for (uint64_t n = 0; n < STACK_MAX && kasan_try_byte(k, at, &b); n += k->granule) {
		if (!b || (b != KASAN_STACK_RIGHT && at >= f->va + last))
			break;
		at += k->granule;
	}
	return at;
}

struct err *kasan_frame_find(
	const struct kasan *k, uint64_t va, uint64_t stack_va, struct kasan_frame *ret)
{
	struct target *t = k->t;
	struct kasan_frame f = { 0 };
	unsigned word = t->abi.word_bytes;
	uint64_t at = va & ~(k->granule - 1ull), magic, text_va;
	bool in_left = false;
	uint8_t b = 0;
	if (k->mode != KASAN_GENERIC)
		return err_new(ERR_NOT_FOUND, "frames have descriptions in generic mode only");
	if (va < stack_va || va - stack_va > STACK_MAX)
		return err_new(ERR_NOT_FOUND, "0x%" PRIx64 " is not on this stack", va);
	for (;; at -= k->granule) {
		if (at < stack_va || !kasan_try_byte(k, at, &b))
			return err_new(ERR_NOT_FOUND, "no frame with redzones at 0x%" PRIx64, va);
		if (in_left && b != KASAN_STACK_LEFT)
			break;
		in_left |= b == KASAN_STACK_LEFT;
	}
	f.va = at + k->granule;
	scoped_free char *text = xcalloc(1, DESCRIPTION_MAX);
	struct err *err = vspace_read_word(t->kernel, f.va, &magic);
	if (!err && magic != FRAME_MARKER)
		return err_new(ERR_FORMAT,
			"frame at 0x%" PRIx64 ": 0x%" PRIx64 " stands where KASAN's "
			"marker 0x%x should",
			f.va, magic, FRAME_MARKER);
	if (!err)
		err = vspace_read_word(t->kernel, f.va + word, &text_va);
	if (!err)
		err = vspace_read_word(t->kernel, f.va + 2 * word, &f.pc);
	if (!err)
		err = vspace_read_str(t->kernel, text_va, text, DESCRIPTION_MAX);
	if (err)
		return err_wrap(err, "frame at 0x%" PRIx64, f.va);
	if (!kasan_frame_parse(text, &f))
		return err_new(ERR_FORMAT, "frame at 0x%" PRIx64 ": no description at 0x%" PRIx64,
			f.va, text_va);
	f.end_va = frame_end(k, &f);
	*ret = f;
	return NULL;
}

struct err *kasan_stack_task(struct target *t, uint64_t va, struct task *ret)
{
	struct task_place at;
	struct err *err = task_holding(t, va, &at);
	if (!err && !at.in_stack)
		err = err_new(ERR_NOT_FOUND, "0x%" PRIx64 " is on no task's stack", va);
	if (!err)
		*ret = at.task;
	return err;
}

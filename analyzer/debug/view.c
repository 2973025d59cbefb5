/*
 * Views: binding tables of member names against the target's types, and decoding what they name.
 * The wanted members are grouped into runs, each read at once; wide gaps (a task_struct's nine
 * kilobytes) are left out.
 */
#include "analyzer/debug/view.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/types_internal.h"

enum {
	STACK_BYTES =
		4096,  /* views that need more (none of ours) take their buffer from the heap */
	RUN_GAP = 256, /* bytes not wanted that cost less than another read */
};

struct bound_field {
	const struct view_field *spec;
	bool present, is_signed;
	uint64_t offset; /* bytes from the object's start */
	uint32_t bytes;	 /* that are read there */
	uint8_t bit_offset, bit_size;
	uint64_t at; /* of these bytes in the buffer that all runs are read into */
};

/* Wanted members that lie close together. */
struct run {
	uint64_t start, end; /* bytes from the object's start */
	uint64_t at;
};

struct view {
	const struct view_spec *spec;
	struct abi abi;
	uint64_t size;
	struct bound_field *field; /* in the spec's order */
	uint16_t *order;	   /* indices of what is read, by ascending offset */
	size_t norder;
	struct run *run;
	size_t nruns;
	uint64_t buffer_bytes;
};

/* ---- binding ----------------------------------------------- */

/* "x" is a struct, else a union or typedef; "union x" and "struct x" say it. An absent type is no
 * error here: *ret stays NULL. */
static struct err *find_named(
	struct types *db, const char *name, const char *hint, const struct type **ret)
{
	struct err *e = NULL;
	*ret = NULL;
	if (!name)
		return NULL;
	if (!strncmp(name, "union ", 6))
		e = types_find(db, TYPE_UNION, name + 6, hint, ret);
	else if (!strncmp(name, "struct ", 7))
		e = types_find(db, TYPE_STRUCT, name + 7, hint, ret);
	else
		e = types_find_any(db, name, hint, ret);
	if (e && e->code != ERR_NOT_FOUND && e->code != ERR_MISSING)
		return e;
	err_drop(e);
	return NULL;
}

static struct err *wrong_shape(const char *type, const char *path, const struct type *t)
{
	scoped_strbuf struct strbuf b = { 0 };
	type_declare(t, NULL, &b);
	return err_new(ERR_MISSING, "%s.%s is %s, which is no number", type, path, strbuf_text(&b));
}

/* Where the member lies and how much of it is read. */
static struct err *place(const struct view_spec *spec, const char *path,
	const struct field_ref *ref, struct bound_field *f)
{
	const struct type *t = type_strip(ref->type);
	f->offset = ref->bit_offset / 8;
	f->bit_offset = ref->bit_offset % 8;
	f->bit_size = (uint8_t)ref->bit_size;
	f->is_signed = t->is_signed;
	if (f->spec->kind == VIEW_ADDRESS)
		return NULL;
	if (f->spec->kind == VIEW_BYTES) {
		/* A flexible array has no size of its own: all of ours is wanted. */
		bool flexible = t->kind == TYPE_ARRAY && !t->count;
		f->bytes = flexible || t->size > f->spec->size ? f->spec->size : (uint32_t)t->size;
		return NULL;
	}
	if (!type_is_number(t) || f->spec->size > 8)
		return wrong_shape(spec->type, path, ref->type);
	f->bytes = f->bit_size ? (f->bit_offset + f->bit_size + 7u) / 8 : (uint32_t)t->size;
	return NULL;
}

static struct err *bind_field(
	struct types *db, const struct view_spec *spec, const struct type *t, struct bound_field *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(f->spec->path) && f->spec->path[i]; i++) {
		struct field_ref ref;
		struct err *e = type_field(db, t, f->spec->path[i], &ref);
		if (!e) {
			f->present = true;
			return place(spec, f->spec->path[i], &ref, f);
		}
		/* ERR_USAGE: "x.y" where x is no struct in this kernel; the next name may fit. */
		if (e->code != ERR_NOT_FOUND && e->code != ERR_USAGE)
			return e;
		err_drop(e);
	}
	if (f->spec->optional)
		return NULL;
	return err_new(ERR_MISSING, "%s has no member %s", spec->type,
		f->spec->path[0] ? f->spec->path[0] : "?");
}

/* Insertion: a view has few fields. */
static void put_in_order(struct view *v, size_t i)
{
	size_t at = v->norder++;
	for (; at && v->field[v->order[at - 1]].offset > v->field[i].offset; at--)
		v->order[at] = v->order[at - 1];
	v->order[at] = (uint16_t)i;
}

static void make_runs(struct view *v)
{
	struct run *r = NULL;
	for (size_t i = 0; i < v->norder; i++) {
		struct bound_field *f = &v->field[v->order[i]];
		uint64_t end = f->offset + f->bytes;
		if (!r || f->offset > r->end + RUN_GAP) {
			r = &v->run[v->nruns++];
			*r = (struct run){ f->offset, end, v->buffer_bytes };
		}
		r->end = end > r->end ? end : r->end;
		f->at = r->at + f->offset - r->start;
		v->buffer_bytes = r->at + r->end - r->start;
	}
}

struct err *view_bind(struct types *db, const struct view_spec *spec, struct view **ret)
{
	const struct type *t;
	struct err *e = find_named(db, spec->type, spec->hint, &t);
	if (!e && !t)
		e = find_named(db, spec->type_old, spec->hint, &t);
	if (e)
		return e;
	if (!t)
		return err_new(ERR_MISSING,
			types_whole(db) ? "the target has no type %s"
					 : "no debug information for type %s",
			spec->type);
	struct view *v = xcalloc(1, sizeof(*v));
	v->spec = spec;
	v->abi = *types_abi(db);
	v->field = xcalloc(spec->nfields + 1, sizeof(*v->field));
	v->order = xcalloc(spec->nfields + 1, sizeof(*v->order));
	v->run = xcalloc(spec->nfields + 1, sizeof(*v->run));
	for (size_t i = 0; i < spec->nfields; i++) {
		v->field[i].spec = &spec->fields[i];
		e = bind_field(db, spec, t, &v->field[i]);
		if (e) {
			view_destroy(v);
			return e;
		}
		if (v->field[i].present && v->field[i].bytes)
			put_in_order(v, i);
	}
	make_runs(v);
	v->size = type_strip(t)->size; /* after the fields: a declaration has found its body */
	*ret = v;
	return NULL;
}

void view_destroy(struct view *v)
{
	if (!v)
		return;
	free(v->field);
	free(v->order);
	free(v->run);
	free(v);
}

uint64_t view_size(const struct view *v)
{
	return v->size;
}

bool view_has(const struct view *v, size_t i)
{
	return i < v->spec->nfields && v->field[i].present;
}

uint64_t view_offset(const struct view *v, size_t i)
{
	return view_has(v, i) ? v->field[i].offset : 0;
}

/* ---- reading ----------------------------------------------- */

static void store(void *to, unsigned size, uint64_t v)
{
	uint8_t v8 = (uint8_t)v;
	uint16_t v16 = (uint16_t)v;
	uint32_t v32 = (uint32_t)v;
	memcpy(to,
		size == 1   ? (void *)&v8
		: size == 2 ? (void *)&v16
		: size == 4 ? (void *)&v32
			    : (void *)&v,
		size);
}

/* Our struct with addresses set and everything else zero. */
static void prepare(const struct view *v, uint64_t va, uint8_t *ret)
{
	for (size_t i = 0; i < v->spec->nfields; i++) {
		const struct bound_field *f = &v->field[i];
		memset(ret + f->spec->offset, 0, f->spec->size);
		if (f->present && f->spec->kind == VIEW_ADDRESS)
			store(ret + f->spec->offset, f->spec->size, va + f->offset);
	}
}

static void decode(
	const struct view *v, const struct bound_field *f, const uint8_t *bytes, uint8_t *ret)
{
	if (f->spec->kind == VIEW_BYTES)
		memcpy(ret + f->spec->offset, bytes, f->bytes);
	else
		store(ret + f->spec->offset, f->spec->size,
			scalar_decode(&v->abi, bytes, f->bytes, f->bit_offset, f->bit_size,
				f->is_signed));
}

/* All reads come first, so that @ret is untouched when one fails. */
static enum fault_kind read_view(
	const struct view *v, struct vspace *vs, uint64_t va, uint8_t *ret, uint64_t *ret_bad)
{
	uint8_t stack[STACK_BYTES];
	scoped_free uint8_t *heap =
		v->buffer_bytes > sizeof(stack) ? xmalloc(v->buffer_bytes) : NULL;
	uint8_t *buf = heap ? heap : stack;
	for (size_t i = 0; i < v->nruns; i++) {
		const struct run *r = &v->run[i];
		enum fault_kind k =
			vspace_try_read(vs, va + r->start, buf + r->at, r->end - r->start, ret_bad);
		if (k)
			return k;
	}
	prepare(v, va, ret);
	for (size_t i = 0; i < v->norder; i++) {
		const struct bound_field *f = &v->field[v->order[i]];
		decode(v, f, buf + f->at, ret);
	}
	return FAULT_NONE;
}

bool view_try_read(const struct view *v, struct vspace *vs, uint64_t va, void *ret)
{
	return read_view(v, vs, va, ret, NULL) == FAULT_NONE;
}

struct err *view_read(const struct view *v, struct vspace *vs, uint64_t va, void *ret)
{
	uint64_t bad = va;
	enum fault_kind k = read_view(v, vs, va, ret, &bad);
	if (k)
		return err_fault(k, bad, "%s 0x%llx", v->spec->type, (unsigned long long)va);
	return NULL;
}

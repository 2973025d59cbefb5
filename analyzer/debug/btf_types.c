/*
 * BTF to types: what a record says in C's terms, built at first use; the members of a struct when
 * it is completed. What makes no sense becomes void, so that one damaged record costs no more than
 * itself. BTF knows no lines of declaration; arrays of arrays come as one flat array.
 */
#include <string.h>

#include "analyzer/debug/btf_source.h"

static const struct type being_built; /* marks a record whose type is asked for while it is made */

static const struct type *build(struct btf_source *s, uint32_t id, unsigned depth);

/* ---- one record, one type ----------------------------------------------- */

/* A body word of an INT: encoding, offset of the bits, number of bits. */
struct int_bits {
	unsigned encoding, offset, bits;
};

static struct int_bits int_bits(const struct btf *b, const struct btf_record *r)
{
	uint32_t v = btf_u32(b, r->body);
	return (struct int_bits){ v >> 24 & 15, v >> 16 & 0xff, v & 0xff };
}

/* The encodings are signed 1, char 2, bool 4. pahole takes "signed" from DW_ATE_signed alone and so
 * loses it for "signed char", and never says char (dwarf_loader.c, 1.24): names tell these. */
static const struct type *build_int(struct btf_source *s, const struct btf_record *r)
{
	unsigned encoding = int_bits(&s->btf, r).encoding;
	struct type t = { .kind = TYPE_INT,
		.name = r->name,
		.complete = true,
		.size = r->size_or_type <= 64 ? r->size_or_type : 0,
		.is_signed = encoding & 1 };
	bool is_char =
		encoding & 2 ||
		(t.size == 1 && r->name && (!strcmp(r->name, "char") || strstr(r->name, " char")));
	if (r->name && !strcmp(r->name, "signed char"))
		t.is_signed = true;
	t.encoding = encoding & 4  ? INT_BOOL
		     : is_char	   ? INT_CHAR
		     : t.is_signed ? INT_SIGNED
				   : INT_UNSIGNED;
	return types_intern(s->db, &t, 0);
}

static const struct type *build_float(struct btf_source *s, const struct btf_record *r)
{
	struct type t = { .kind = TYPE_FLOAT,
		.name = r->name,
		.complete = true,
		.size = r->size_or_type <= 64 ? r->size_or_type : 0 };
	return types_intern(s->db, &t, 0);
}

/* Whether BTF has another record like @r: another body of this name and, for structs, size. A long
 * chain counts as yes: it is made to cost time. */
static bool has_twin(const struct btf_source *s, const struct btf_record *r)
{
	struct btf_record other;
	uint32_t id = 0;
	unsigned left = TYPE_MAX_SAME_NAME;
	while (btf_next_named(&s->btf, r->name, &id, &other)) {
		bool size_matters = r->kind != BTF_TYPEDEF;
		if (!left--)
			return true;
		if (other.id != r->id && other.kind == r->kind &&
			(!size_matters || other.size_or_type == r->size_or_type))
			return true;
	}
	return false;
}

/* Writers before kind_flag for enums (6.0) left signed ones to be guessed: a negative number is
 * likelier than one above 2^31, unless others are marked. */
static bool enum_is_signed(const struct btf *b, const struct btf_record *r)
{
	if (r->kind_flag || r->kind == BTF_ENUM64 || b->enum_signs)
		return r->kind_flag;
	for (uint32_t i = 0; i < r->vlen && i < TYPE_MAX_MEMBERS; i++)
		if (btf_get_constant(b, r, i, true).value < 0)
			return true;
	return false;
}

static const struct type *build_tag(struct btf_source *s, const struct btf_record *r)
{
	bool is_enum = r->kind == BTF_ENUM || r->kind == BTF_ENUM64, is_new;
	bool is_union = r->kind == BTF_UNION || (r->kind == BTF_FWD && r->kind_flag);
	struct tag_spec spec = { .kind = is_enum    ? TYPE_ENUM
					 : is_union ? TYPE_UNION
						    : TYPE_STRUCT,
		.name = r->name,
		.declaration = r->kind == BTF_FWD || (is_enum && !r->vlen) };
	if (!spec.declaration) {
		spec.size = r->size_or_type;
		spec.alone = r->name && has_twin(s, r);
	}
	if (is_enum && spec.size > 8)
		spec.size = 0;
	struct type *t = types_tag(s->db, &s->provider, &spec, &is_new);
	if (!is_new)
		return t;
	t->origin = (void *)(uintptr_t)r->id;
	if (is_enum) {
		t->is_signed = enum_is_signed(&s->btf, r);
		t->encoding = t->is_signed ? INT_SIGNED : INT_UNSIGNED;
	}
	return t;
}

static const struct type *build_array(
	struct btf_source *s, const struct btf_record *r, unsigned depth)
{
	const struct type *element = build(s, btf_u32(&s->btf, r->body), depth + 1);
	return types_array_of(s->db, element, btf_u32(&s->btf, r->body + 8));
}

static const struct type *build_qualified(
	struct btf_source *s, const struct btf_record *r, const char *word, unsigned depth)
{
	struct type t = { .kind = TYPE_QUALIFIED, .name = word, .complete = true };
	t.target = build(s, r->size_or_type, depth + 1);
	t.size = t.target->size;
	return types_intern(s->db, &t, 0);
}

/* An anonymous struct under a typedef is known by the typedef's name, unless there are several. */
static const struct type *build_typedef(
	struct btf_source *s, const struct btf_record *r, unsigned depth)
{
	struct type t = { .kind = TYPE_TYPEDEF, .name = r->name, .complete = true };
	t.target = build(s, r->size_or_type, depth + 1);
	t.size = t.target->size;
	if (!t.target->name && r->name && has_twin(s, r))
		return types_new(s->db, &t);
	return types_intern(s->db, &t, 0);
}

static const struct type *build_function(
	struct btf_source *s, const struct btf_record *r, unsigned depth)
{
	enum { MAX_PARAMETERS = 256 };
	struct type t = { .kind = TYPE_FUNCTION, .complete = true };
	t.target = build(s, r->size_or_type, depth + 1);
	t.nmembers = r->vlen < MAX_PARAMETERS ? r->vlen : MAX_PARAMETERS;
	if (t.nmembers) {
		struct type_member *m = arena_alloc(&s->db->arena, t.nmembers * sizeof(*m));
		for (uint32_t i = 0; i < t.nmembers; i++) {
			struct btf_member p = btf_get_parameter(&s->btf, r, i);
			m[i].name = p.name;
			m[i].type = build(s, p.type, depth + 1);
			if (!p.type && !p.name && i + 1 == r->vlen)
				m[i].name = "...";
		}
		t.member = m;
	}
	return types_intern(s->db, &t, 0);
}

static const struct type *build_new(
	struct btf_source *s, const struct btf_record *r, unsigned depth)
{
	switch (r->kind) {
	case BTF_INT:
		return build_int(s, r);
	case BTF_FLOAT:
		return build_float(s, r);
	case BTF_PTR:
		return types_pointer_to(s->db, build(s, r->size_or_type, depth + 1));
	case BTF_ARRAY:
		return build_array(s, r, depth);
	case BTF_STRUCT:
	case BTF_UNION:
	case BTF_ENUM:
	case BTF_ENUM64:
	case BTF_FWD:
		return build_tag(s, r);
	case BTF_TYPEDEF:
		return build_typedef(s, r, depth);
	case BTF_CONST:
		return build_qualified(s, r, "const", depth);
	case BTF_VOLATILE:
		return build_qualified(s, r, "volatile", depth);
	case BTF_RESTRICT:
		return build_qualified(s, r, "restrict", depth);
	case BTF_FUNC_PROTO:
		return build_function(s, r, depth);
	case BTF_FUNC:
	case BTF_VAR:
	case BTF_TYPE_TAG: /* __user, __rcu: says nothing of the shape */
		return build(s, r->size_or_type, depth + 1);
	default:
		return s->db->void_type;
	}
}

static const struct type *build(struct btf_source *s, uint32_t id, unsigned depth)
{
	struct btf_record r;
	while (id < s->btf.first_id && s->base)
		s = s->base;
	if (!btf_get(&s->btf, id, &r) || depth > TYPE_MAX_DEPTH)
		return s->db->void_type;
	const struct type **made = &s->made[id - s->btf.first_id];
	if (*made == &being_built)
		return s->db->void_type;
	if (!*made) {
		*made = &being_built;
		*made = build_new(s, &r, depth);
	}
	return *made;
}

const struct type *btf_type(struct btf_source *s, uint32_t id)
{
	return build(s, id, 0);
}

/* ---- bodies ----------------------------------------------- */

/* Before kind_flag (4.20) a bitfield was a member of an INT with fewer bits than its size. */
static void old_bitfield(struct btf_source *s, uint32_t type, struct type_member *m)
{
	struct btf_record r;
	for (unsigned i = 0; i < TYPE_MAX_DEPTH && btf_get(&s->btf, type, &r); i++) {
		if (r.kind == BTF_INT) {
			struct int_bits b = int_bits(&s->btf, &r);
			if (!b.bits || (b.bits == r.size_or_type * 8ull && !b.offset))
				return;
			m->bit_size = b.bits;
			m->bit_offset += b.offset;
			return;
		}
		if (r.kind < BTF_TYPEDEF || (r.kind > BTF_RESTRICT && r.kind != BTF_TYPE_TAG))
			return;
		type = r.size_or_type;
	}
}

static bool read_member(struct btf_source *s, const struct type *t, const struct btf_record *r,
	uint32_t i, struct type_member *ret)
{
	struct btf_member m = btf_get_member(&s->btf, r, i);
	*ret = (struct type_member){
		.name = m.name, .type = btf_type(s, m.type), .bit_offset = m.offset
	};
	if (r->kind_flag) {
		ret->bit_size = m.offset >> 24;
		ret->bit_offset = m.offset & 0xffffff;
	} else {
		old_bitfield(s, m.type, ret);
	}
	/* Numbers are read as up to eight bytes; a whole member starts at a byte; both lie inside.
	 */
	if (ret->bit_size > 64 || (!ret->bit_size && ret->bit_offset % 8) ||
		ret->type->size > INT64_MAX / 8)
		return false;
	uint64_t width = ret->bit_size ? ret->bit_size : ret->type->size * 8;
	return range_inside(ret->bit_offset, width, t->size * 8);
}

static void read_members(struct btf_source *s, struct type *t, const struct btf_record *r)
{
	uint32_t n = r->vlen < TYPE_MAX_MEMBERS ? r->vlen : TYPE_MAX_MEMBERS, kept = 0;
	struct type_member *m = arena_alloc(&s->db->arena, (n + 1) * sizeof(*m));
	for (uint32_t i = 0; i < n; i++)
		kept += read_member(s, t, r, i, &m[kept]);
	t->member = m;
	t->nmembers = kept;
}

static void read_enumerators(struct btf_source *s, struct type *t, const struct btf_record *r)
{
	uint32_t n = r->vlen < TYPE_MAX_MEMBERS ? r->vlen : TYPE_MAX_MEMBERS, kept = 0;
	struct type_enumerator *v = arena_alloc(&s->db->arena, (n + 1) * sizeof(*v));
	for (uint32_t i = 0; i < n; i++) {
		struct btf_constant c = btf_get_constant(&s->btf, r, i, t->is_signed);
		if (c.name)
			v[kept++] = (struct type_enumerator){ c.name, c.value };
	}
	t->enumerator = v;
	t->nenumerators = kept;
}

struct err *btf_type_complete(struct type_provider *p, struct type *t)
{
	struct btf_source *s = (struct btf_source *)p;
	struct btf_record r;
	if (!btf_get(&s->btf, (uint32_t)(uintptr_t)t->origin, &r))
		return err_new(ERR_FORMAT, "the body of %s %s is not readable",
			type_kind_word(t->kind), t->name ? t->name : "{...}");
	if (t->kind == TYPE_ENUM)
		read_enumerators(s, t, &r);
	else
		read_members(s, t, &r);
	return NULL;
}

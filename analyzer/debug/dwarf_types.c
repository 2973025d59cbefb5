/*
 * DWARF to types: what a DIE says in C's terms. Everything is built at first use; the members of a
 * struct when it is completed. What makes no sense becomes void, so that one damaged DIE costs no
 * more than itself.
 */
#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/dwarf.h"

static struct type being_built; /* marks a DIE whose type is asked for while it is being made */

static const struct type *build(struct dwarf_source *s, Dwarf_Die *die, unsigned depth);

/* ---- attributes ----------------------------------------------- */

static bool number_of(Dwarf_Die *die, unsigned name, uint64_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Word v;
	if (!dwarf_attr(die, name, &attr) || dwarf_formudata(&attr, &v))
		return false;
	*ret = v;
	return true;
}

static uint64_t number_or_0(Dwarf_Die *die, unsigned name)
{
	uint64_t v = 0;
	number_of(die, name, &v);
	return v;
}

/* A constant whose form tells its sign: DW_FORM_sdata and implicit_const are signed, data1 to data8
 * are as wide as they are and unsigned. */
static int64_t constant_of(Dwarf_Attribute *attr)
{
	Dwarf_Sword sv;
	Dwarf_Word uv;
	unsigned form = dwarf_whatform(attr);
	if (form == DW_FORM_sdata || form == DW_FORM_implicit_const)
		return dwarf_formsdata(attr, &sv) ? 0 : sv;
	return dwarf_formudata(attr, &uv) ? 0 : (int64_t)uv;
}

static bool member_offset(Dwarf_Die *die, uint64_t *ret_bytes)
{
	Dwarf_Attribute attr;
	*ret_bytes = 0;
	if (!dwarf_attr(die, DW_AT_data_member_location, &attr))
		return true; /* the first member of a union */
	Dwarf_Word v;
	if (!dwarf_formudata(&attr, &v)) {
		*ret_bytes = v;
		return true;
	}
	/* DWARF 2 wrote the constant as an expression. */
	Dwarf_Op *op;
	size_t n;
	if (dwarf_getlocation(&attr, &op, &n) || n != 1 ||
		(op->atom != DW_OP_plus_uconst && op->atom != DW_OP_constu))
		return false;
	*ret_bytes = op->number;
	return true;
}

/* ---- one DIE, one type ----------------------------------------------- */

static const struct type *type_attr(struct dwarf_source *s, Dwarf_Die *die, unsigned depth)
{
	Dwarf_Attribute attr;
	Dwarf_Die target;
	if (!dwarf_attr_integrate(die, DW_AT_type, &attr) || !dwarf_formref_die(&attr, &target))
		return s->db->void_type;
	return build(s, &target, depth + 1);
}

static const struct type *build_base(struct dwarf_source *s, Dwarf_Die *die)
{
	struct type t = { .kind = TYPE_INT,
		.name = dwarf_diename(die),
		.complete = true,
		.size = number_or_0(die, DW_AT_byte_size) };
	if (t.size > 64)
		t.size = 0;
	switch (number_or_0(die, DW_AT_encoding)) {
	case DW_ATE_boolean:
		t.encoding = INT_BOOL;
		break;
	case DW_ATE_signed:
		t.encoding = INT_SIGNED;
		t.is_signed = true;
		break;
	case DW_ATE_signed_char:
		t.is_signed = true;
		t.encoding = INT_CHAR;
		break;
	case DW_ATE_unsigned_char:
		t.encoding = INT_CHAR;
		break;
	case DW_ATE_float:
	case DW_ATE_complex_float:
	case DW_ATE_imaginary_float:
		t.kind = TYPE_FLOAT;
		break;
	default:
		break;
	}
	return types_intern(s->db, &t, 0);
}

static const struct type *build_tag(
	struct dwarf_source *s, Dwarf_Die *die, enum type_kind kind, unsigned depth)
{
	struct tag_spec spec = { .kind = kind,
		.name = dwarf_diename(die),
		.size = number_or_0(die, DW_AT_byte_size),
		.line = (uint32_t)number_or_0(die, DW_AT_decl_line),
		.declaration = dwarf_hasattr(die, DW_AT_declaration) };
	bool is_new;
	if (spec.size > INT64_MAX / 8)
		spec.size = 0;
	struct type *t = types_tag(s->db, &s->provider, &spec, &is_new);
	if (!is_new)
		return t;
	t->origin = (void *)(uintptr_t)(dwarf_dieoffset(die) + 1);
	if (kind != TYPE_ENUM)
		return t;
	const struct type *base = type_strip(type_attr(s, die, depth));
	t->target = base->kind == TYPE_INT ? base : NULL;
	t->encoding = INT_UNSIGNED;
	t->is_signed = t->target ? t->target->is_signed
				 : number_or_0(die, DW_AT_encoding) == DW_ATE_signed;
	if (t->is_signed)
		t->encoding = INT_SIGNED;
	if (!t->size && !spec.declaration)
		t->size = t->target ? t->target->size : 4;
	return t;
}

/* The elements of one DW_TAG_subrange_type; 0 when it does not say, or says -1 as old gcc did for
 * a member that is declared [0]. */
static uint64_t subrange_count(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	int64_t v;
	if (dwarf_attr(die, DW_AT_count, &attr)) {
		v = constant_of(&attr);
		return v > 0 ? (uint64_t)v : 0;
	}
	if (!dwarf_attr(die, DW_AT_upper_bound, &attr))
		return 0;
	/* A length computed at run time is an expression or a reference: unknown here. */
	unsigned form = dwarf_whatform(&attr);
	if (form == DW_FORM_exprloc || form == DW_FORM_block1 || form == DW_FORM_ref4)
		return 0;
	v = constant_of(&attr);
	return v < 0 || v == UINT32_MAX || v == INT64_MAX ? 0 : (uint64_t)v + 1;
}

static const struct type *build_array(struct dwarf_source *s, Dwarf_Die *die, unsigned depth)
{
	uint64_t dim[16];
	unsigned n = 0;
	Dwarf_Die child;
	Dwarf_Off at;
	if (!dwarf_child(die, &child)) {
		do {
			at = dwarf_dieoffset(&child);
			if (dwarf_tag(&child) == DW_TAG_subrange_type && n < ARRAY_SIZE(dim))
				dim[n++] = subrange_count(&child);
		} while (!dwarf_siblingof(&child, &child) && dwarf_dieoffset(&child) > at);
	}
	if (!n)
		dim[n++] = 0;
	const struct type *t = type_attr(s, die, depth);
	while (n--)
		t = types_array_of(s->db, t, dim[n]);
	return t;
}

typedef VEC(struct type_member) member_vec;

static const struct type *build_function(struct dwarf_source *s, Dwarf_Die *die, unsigned depth)
{
	struct type t = {
		.kind = TYPE_FUNCTION, .complete = true, .target = type_attr(s, die, depth)
	};
	member_vec members = { 0 };
	Dwarf_Die child;
	Dwarf_Off at;
	if (!dwarf_child(die, &child)) {
		do {
			at = dwarf_dieoffset(&child);
			struct type_member m = { 0 };
			if (dwarf_tag(&child) == DW_TAG_formal_parameter) {
				m.name = dwarf_diename(&child);
				m.type = type_attr(s, &child, depth);
			} else if (dwarf_tag(&child) == DW_TAG_unspecified_parameters) {
				m.name = "...";
				m.type = s->db->void_type;
			} else {
				continue;
			}
			vec_push(&members, m);
		} while (!dwarf_siblingof(&child, &child) && dwarf_dieoffset(&child) > at &&
			 members.n < 256);
	}
	if (members.n) {
		struct type_member *m = arena_alloc(&s->db->arena, members.n * sizeof(*m));
		memcpy(m, members.v, members.n * sizeof(*m));
		t.member = m;
		t.nmembers = (uint32_t)members.n;
	}
	vec_deinit(&members);
	return types_intern(s->db, &t, 0);
}

static const struct type *build_qualified(
	struct dwarf_source *s, Dwarf_Die *die, const char *word, unsigned depth)
{
	struct type t = { .kind = TYPE_QUALIFIED, .name = word, .complete = true };
	t.target = type_attr(s, die, depth);
	t.size = t.target->size;
	return types_intern(s->db, &t, 0);
}

static const struct type *build_typedef(struct dwarf_source *s, Dwarf_Die *die, unsigned depth)
{
	struct type t = { .kind = TYPE_TYPEDEF, .name = dwarf_diename(die), .complete = true };
	t.target = type_attr(s, die, depth);
	t.size = t.target->size;
	return types_intern(s->db, &t, (uint32_t)number_or_0(die, DW_AT_decl_line));
}

static const struct type *build_new(struct dwarf_source *s, Dwarf_Die *die, unsigned depth)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_base_type:
		return build_base(s, die);
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
		return build_tag(s, die, TYPE_STRUCT, depth);
	case DW_TAG_union_type:
		return build_tag(s, die, TYPE_UNION, depth);
	case DW_TAG_enumeration_type:
		return build_tag(s, die, TYPE_ENUM, depth);
	case DW_TAG_pointer_type:
		return types_pointer_to(s->db, type_attr(s, die, depth));
	case DW_TAG_array_type:
		return build_array(s, die, depth);
	case DW_TAG_typedef:
		return build_typedef(s, die, depth);
	case DW_TAG_const_type:
		return build_qualified(s, die, "const", depth);
	case DW_TAG_volatile_type:
		return build_qualified(s, die, "volatile", depth);
	case DW_TAG_restrict_type:
		return build_qualified(s, die, "restrict", depth);
	case DW_TAG_atomic_type:
		return build_qualified(s, die, "_Atomic", depth);
	case DW_TAG_subroutine_type:
		return build_function(s, die, depth);
	default:
		return s->db->void_type;
	}
}

static const struct type *build(struct dwarf_source *s, Dwarf_Die *die, unsigned depth)
{
	if (s->alt && dwarf_cu_getdwarf(die->cu) == s->alt->dw)
		s = s->alt;
	uint64_t key = dwarf_dieoffset(die) + 1;
	const struct type *known = idmap_get(&s->type_of, key);
	if (known == &being_built || depth > TYPE_MAX_DEPTH)
		return s->db->void_type;
	if (known)
		return known;
	idmap_set(&s->type_of, key, &being_built);
	const struct type *t = build_new(s, die, depth);
	idmap_set(&s->type_of, key, (void *)t);
	return t;
}

const struct type *dwarf_type_at(struct dwarf_source *s, Dwarf_Die *die)
{
	return build(s, die, 0);
}

const struct type *dwarf_type_of(struct dwarf_source *s, Dwarf_Die *die)
{
	return type_attr(s, die, 0);
}

/* ---- bodies ----------------------------------------------- */

static bool read_member(
	struct dwarf_source *s, const struct type *t, Dwarf_Die *die, struct type_member *ret)
{
	uint64_t bytes, bits = 0, bit_size = 0, v;
	if (dwarf_tag(die) != DW_TAG_member || !member_offset(die, &bytes))
		return false;
	*ret = (struct type_member){ .name = dwarf_diename(die), .type = dwarf_type_of(s, die) };
	if (number_of(die, DW_AT_bit_size, &bit_size) && bit_size) {
		uint64_t storage = ret->type->size;
		number_of(die, DW_AT_byte_size, &storage);
		if (bit_size > 64 || storage > 64)
			return false;
		if (number_of(die, DW_AT_data_bit_offset, &v))
			bits = v;
		else if (number_of(die, DW_AT_bit_offset, &v)) /* DWARF 2 and 3: from the top bit */
			bits = s->db->abi.big_endian ? v : storage * 8 - v - bit_size;
		ret->bit_size = (uint32_t)bit_size;
	}
	/* A member lies inside its struct; only then is the sum below free of overflow. */
	if (bytes > t->size || bits > t->size * 8)
		return false;
	ret->bit_offset = bytes * 8 + bits;
	uint64_t width = ret->bit_size ? ret->bit_size : ret->type->size * 8;
	return ret->type->size <= INT64_MAX / 8 &&
	       range_inside(ret->bit_offset, width, t->size * 8);
}

static void read_members(struct dwarf_source *s, struct type *t, Dwarf_Die *die)
{
	member_vec members = { 0 };
	Dwarf_Die child;
	Dwarf_Off at;
	if (!dwarf_child(die, &child)) {
		do {
			at = dwarf_dieoffset(&child);
			struct type_member m;
			if (read_member(s, t, &child, &m))
				vec_push(&members, m);
		} while (!dwarf_siblingof(&child, &child) && dwarf_dieoffset(&child) > at &&
			 members.n < TYPE_MAX_MEMBERS);
	}
	struct type_member *own = arena_alloc(&s->db->arena, members.n * sizeof(*own));
	if (members.n)
		memcpy(own, members.v, members.n * sizeof(*own));
	t->member = own;
	t->nmembers = (uint32_t)members.n;
	vec_deinit(&members);
}

static void read_enumerators(struct dwarf_source *s, struct type *t, Dwarf_Die *die)
{
	VEC(struct type_enumerator) values = { 0 };
	Dwarf_Die child;
	Dwarf_Off at;
	if (!dwarf_child(die, &child)) {
		do {
			at = dwarf_dieoffset(&child);
			Dwarf_Attribute attr;
			const char *name = dwarf_diename(&child);
			if (dwarf_tag(&child) != DW_TAG_enumerator || !name ||
				!dwarf_attr(&child, DW_AT_const_value, &attr))
				continue;
			struct type_enumerator v = { name, constant_of(&attr) };
			vec_push(&values, v);
		} while (!dwarf_siblingof(&child, &child) && dwarf_dieoffset(&child) > at &&
			 values.n < TYPE_MAX_MEMBERS);
	}
	struct type_enumerator *own = arena_alloc(&s->db->arena, values.n * sizeof(*own));
	if (values.n)
		memcpy(own, values.v, values.n * sizeof(*own));
	t->enumerator = own;
	t->nenumerators = (uint32_t)values.n;
	vec_deinit(&values);
}

struct err *dwarf_type_complete(struct type_provider *p, struct type *t)
{
	struct dwarf_source *s = (struct dwarf_source *)p;
	Dwarf_Die die;
	if (!t->origin || !dwarf_offdie(s->dw, (uintptr_t)t->origin - 1, &die))
		return err_new(ERR_FORMAT, "the body of %s %s is not readable",
			type_kind_word(t->kind), t->name ? t->name : "{...}");
	if (t->kind == TYPE_ENUM)
		read_enumerators(s, t, &die);
	else
		read_members(s, t, &die);
	return NULL;
}

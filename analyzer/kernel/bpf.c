/*
 * struct bpf_prog, bpf_prog_aux and bpf_map (include/linux/bpf.h, filter.h), prog_idr and map_idr
 * (kernel/bpf/syscall.c), 4.19 to 7.2.
 */
#include "analyzer/kernel/bpf.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"

#define BPF_HINT "kernel/bpf/syscall.c"
#define SPEC(t, f)                                                                                 \
	{                                                                                          \
		.type = (t), .hint = BPF_HINT, .fields = (f), .nfields = ARRAY_SIZE(f)             \
	}

struct raw_program {
	uint64_t aux, pages, type, len, compiled, gpl, code;
	uint8_t tag[BPF_TAG_BYTES];
};
static const struct view_field program_fields[] = {
	FIELD(struct raw_program, aux, "aux"),
	FIELD(struct raw_program, pages, "pages"),
	FIELD(struct raw_program, type, "type"),
	FIELD(struct raw_program, len, "len"),
	FIELD(struct raw_program, compiled, "jited_len"),
	FIELD(struct raw_program, gpl, "gpl_compatible"),
	FIELD(struct raw_program, code, "bpf_func"),
	FIELD_BYTES(struct raw_program, tag, "tag"),
};
static const struct view_spec program_spec = SPEC("bpf_prog", program_fields);

struct raw_aux {
	uint32_t id, nmaps, nfunctions;
	uint64_t maps, user, loaded_ns, functions;
	char name[BPF_NAME_BYTES];
};
static const struct view_field aux_fields[] = {
	FIELD(struct raw_aux, id, "id"),
	FIELD(struct raw_aux, nmaps, "used_map_cnt"),
	FIELD(struct raw_aux, maps, "used_maps"),
	FIELD(struct raw_aux, nfunctions, "func_cnt"),
	FIELD(struct raw_aux, functions, "func"),
	FIELD(struct raw_aux, user, "user"),
	FIELD(struct raw_aux, loaded_ns, "load_time"),
	FIELD_BYTES(struct raw_aux, name, "name"),
};
static const struct view_spec aux_spec = SPEC("bpf_prog_aux", aux_fields);

struct raw_user {
	uint32_t uid;
};
static const struct view_field user_fields[] = { FIELD(struct raw_user, uid, "uid.val") };
static const struct view_spec user_spec = SPEC("user_struct", user_fields);

struct raw_map {
	struct bpf_map m;
	uint64_t user;
};
static const struct view_field map_fields[] = {
	FIELD(struct raw_map, m.id, "id"),
	FIELD(struct raw_map, m.type, "map_type"),
	FIELD(struct raw_map, m.key_bytes, "key_size"),
	FIELD(struct raw_map, m.value_bytes, "value_size"),
	FIELD(struct raw_map, m.max_entries, "max_entries"),
	FIELD(struct raw_map, m.flags, "map_flags"),
	FIELD_OPTIONAL(struct raw_map, user, "memory.user", "user"),
	FIELD_BYTES(struct raw_map, m.name, "name"),
};
static const struct view_spec map_spec = SPEC("bpf_map", map_fields);

/* Programs of functions have so many at most: BPF_MAX_SUBPROGS, include/linux/bpf_verifier.h. */
enum { FUNCTIONS_MAX = 256, INSN_BYTES = 8 };

static struct err *read_view(struct target *t, const struct view_spec *spec, uint64_t va, void *ret)
{
	const struct view *v;
	struct err *err = target_view(t, spec, &v);
	return err ? err : view_read(v, t->kernel, va, ret);
}

static struct err *iter_init(struct xarray_iter *it, struct target *t, const char *idr)
{
	uint64_t va = 0;
	struct err *err = target_need_kernel(t);
	if (!err && !target_has_symbol(t, idr))
		err = err_new(ERR_MISSING,
			"no symbol %s: this kernel cannot load BPF "
			"programs (CONFIG_BPF_SYSCALL), or its table of symbols lacks variables",
			idr);
	if (!err)
		err = target_symbol(t, idr, &va);
	return err ? err : xarray_iter_init_idr(it, t, va);
}

struct err *bpf_program_iter_init(struct xarray_iter *it, struct target *t)
{
	return iter_init(it, t, "prog_idr");
}

struct err *bpf_map_iter_init(struct xarray_iter *it, struct target *t)
{
	return iter_init(it, t, "map_idr");
}

static struct err *read_map(struct target *t, uint64_t va, struct bpf_map *ret)
{
	struct raw_map raw = { 0 };
	struct raw_user user;
	struct err *err = read_view(t, &map_spec, va, &raw);
	if (!err && raw.user) {
		err = read_view(t, &user_spec, raw.user, &user);
		raw.m.uid_known = !err;
		raw.m.uid = err ? 0 : user.uid;
	}
	if (err)
		return err_wrap(err, "bpf_map 0x%" PRIx64, va);
	raw.m.va = va;
	raw.m.name[BPF_NAME_BYTES] = '\0';
	*ret = raw.m;
	return NULL;
}

static struct err *read_used_maps(
	struct target *t, const struct raw_aux *aux, struct bpf_program *p)
{
	struct err *err = NULL;
	if (aux->nmaps > BPF_MAPS_MAX)
		return err_new(ERR_FORMAT, "%" PRIu32 " maps; a program has %d at most", aux->nmaps,
			BPF_MAPS_MAX);
	for (uint32_t i = 0; !err && i < aux->nmaps; i++) {
		struct bpf_map map;
		uint64_t va;
		err = vspace_read_word(t->kernel, aux->maps + (uint64_t)i * t->abi.word_bytes, &va);
		if (!err)
			err = read_map(t, va, &map);
		if (!err)
			p->map_ids[p->nmaps++] = map.id;
	}
	return err;
}

/* Of a program of several functions each is compiled on its own: bpf_prog_get_info_by_fd(). */
static struct err *read_compiled(struct target *t, const struct raw_aux *aux, uint64_t *ret)
{
	struct err *err = NULL;
	uint64_t sum = 0;
	if (aux->nfunctions > FUNCTIONS_MAX)
		return err_new(ERR_FORMAT, "a program of %" PRIu32 " functions", aux->nfunctions);
	for (uint32_t i = 0; !err && i < aux->nfunctions; i++) {
		struct raw_program f = { 0 };
		uint64_t va;
		err = vspace_read_word(
			t->kernel, aux->functions + (uint64_t)i * t->abi.word_bytes, &va);
		if (!err)
			err = read_view(t, &program_spec, va, &f);
		sum += f.compiled;
	}
	if (!err && aux->nfunctions)
		*ret = sum;
	return err;
}

static struct err *read_program(struct target *t, uint64_t va, struct bpf_program *ret)
{
	struct raw_program raw = { 0 };
	struct raw_aux aux = { 0 };
	struct raw_user user = { 0 };
	struct err *err = read_view(t, &program_spec, va, &raw);
	if (!err)
		err = read_view(t, &aux_spec, raw.aux, &aux);
	if (!err && aux.user)
		err = read_view(t, &user_spec, aux.user, &user);
	struct bpf_program p = {
		.va = va,
		.aux = raw.aux,
		.id = aux.id,
		.type = (uint32_t)raw.type,
		.translated_bytes = raw.len * INSN_BYTES,
		.compiled_bytes = raw.compiled,
		.code = raw.code,
		.gpl = raw.gpl,
		.loaded_ns = aux.loaded_ns,
		.uid_known = aux.user,
		.uid = user.uid,
	};
	memcpy(p.tag, raw.tag, sizeof(p.tag));
	memcpy(p.name, aux.name, BPF_NAME_BYTES);
	if (!err) {
		p.locked_bytes = raw.pages << vspace_facts(t->kernel)->layout.paging.page_shift;
		err = read_compiled(t, &aux, &p.compiled_bytes);
	}
	if (!err)
		err = read_used_maps(t, &aux, &p);
	if (!err)
		*ret = p;
	return err;
}

struct err *bpf_program_iter_next(struct xarray_iter *it, struct bpf_program *ret, bool *ret_more)
{
	struct xarray_entry e;
	struct err *err = interrupt_check();
	*ret_more = false;
	if (!err)
		err = xarray_iter_next(it, &e, ret_more);
	if (err || !*ret_more)
		return err;
	return err_wrap(read_program(it->t, e.entry, ret), "program %" PRIu64, e.index);
}

struct err *bpf_map_iter_next(struct xarray_iter *it, struct bpf_map *ret, bool *ret_more)
{
	struct xarray_entry e;
	struct err *err = interrupt_check();
	*ret_more = false;
	if (!err)
		err = xarray_iter_next(it, &e, ret_more);
	if (err || !*ret_more)
		return err;
	return err_wrap(read_map(it->t, e.entry, ret), "map %" PRIu64, e.index);
}

/* Of two names for one number the later is what it is called today; the first may be
 * BPF_MAP_TYPE_CGROUP_STORAGE_DEPRECATED (since v6.1). */
static void format_type(
	struct target *t, const char *of, const char *prefix, uint32_t type, struct strbuf *out)
{
	const struct type *e;
	const char *name = NULL;
	struct err *err = types_find(t->types, TYPE_ENUM, of, BPF_HINT, &e);
	if (!err)
		err = type_complete(t->types, e);
	for (uint32_t i = 0; !err && i < e->nenumerators; i++)
		if (e->enumerator[i].value == type &&
			!strncmp(e->enumerator[i].name, prefix, strlen(prefix)))
			name = e->enumerator[i].name + strlen(prefix);
	if (name)
		strbuf_add(out, name);
	else
		strbuf_addf(out, "%" PRIu32, type);
	err_drop(err); /* the number says it, too */
}

void bpf_program_type_format(struct target *t, uint32_t type, struct strbuf *out)
{
	format_type(t, "bpf_prog_type", "BPF_PROG_TYPE_", type, out);
}

void bpf_map_type_format(struct target *t, uint32_t type, struct strbuf *out)
{
	format_type(t, "bpf_map_type", "BPF_MAP_TYPE_", type, out);
}

/* BTF from any bytes, as a kernel's and again as a module's: every type that has a likely name is
 * found, completed, written out and searched; then every record in turn is made into a type. */
#include "analyzer/base/scope.h"
#include "analyzer/debug/btf_source.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/tiny_btf.h"

static void use_type(struct types *db, const struct type *t)
{
	scoped_strbuf struct strbuf b = { 0 };
	struct field_ref f;
	err_drop(type_complete(db, t));
	type_declare(t, "x", &b);
	err_drop(type_define(db, t, true, &b));
	err_drop(type_field(db, t, "nothing", &f));
	err_drop(type_field(db, t, "[1]", &f));
	for (uint32_t i = 0; i < t->nmembers && i < 8; i++)
		if (t->member[i].name)
			err_drop(type_field(db, t, t->member[i].name, &f));
}

static void use_names(struct types *db)
{
	static const char *const names[] = { "int", "demo", "list", "color", "wide", "number_t",
		"opaque", "per_cpu_demo", "last", "self_t", "snake", "RED", "HUGE" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (enum type_kind k = TYPE_VOID; k <= TYPE_TYPEDEF; k++) {
			const struct type *t = NULL;
			err_drop(types_find(db, k, names[i], "x.c", &t));
			if (t)
				use_type(db, t);
		}
		const struct type *t = NULL;
		err_drop(types_find_variable(db, names[i], NULL, &t));
		if (t)
			use_type(db, t);
		t = NULL;
		err_drop(types_find_enumerator(db, names[i], &t));
		if (t)
			use_type(db, t);
	}
}

static struct err *see_percpu(void *cx, const char *name, uint64_t offset, uint64_t bytes)
{
	*(uint64_t *)cx += strlen(name) + offset + bytes;
	return NULL;
}

static void use_lists(struct types *db)
{
	uint64_t sum = 0;
	struct near_names near;
	err_drop(types_each_percpu(db, see_percpu, &sum));
	near_init(&near, "RAD");
	types_offer_names(db, TYPE_VOID, &near);
	types_offer_names(db, TYPE_INT, &near);
}

static void use_records(struct types *db, struct type_provider *p)
{
	enum { MAX_RECORDS = 200 };
	struct btf_source *s = (struct btf_source *)p;
	for (uint32_t id = 0; id <= btf_end_id(&s->btf) && id < MAX_RECORDS; id++) {
		const struct type *t = btf_type(s, id);
		scoped_strbuf struct strbuf b = { 0 };
		err_drop(type_complete(db, t));
		type_declare(t, "x", &b);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct abi abi = { .word_bytes = 8, .big_endian = n && p[0] == 0xeb };
	struct types *db = types_create(&abi);
	struct types_provider_info info[4];
	err_drop(types_add_btf(db, p, n, "fuzz"));
	err_drop(types_add_btf_module(db, p, n, "module"));
	use_names(db);
	use_lists(db);
	for (size_t i = 0; i < db->slot.n; i++)
		if (db->slot.v[i].provider)
			use_records(db, db->slot.v[i].provider);
	types_providers(db, info, ARRAY_SIZE(info));
	types_destroy(db);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	uint8_t bytes[16384];
	for (unsigned form = 0; form < 4; form++) {
		struct tiny_btf b = { .big_endian = form & 1, .long_header = form & 2 };
		tiny_btf_sample(&b);
		add(bytes, tiny_btf_finish(&b, bytes));
	}
	struct tiny_btf b = { 0 };
	tiny_int(&b, "int", 4, 1, 5); /* bits as before kind_flag */
	tiny_type(&b, BTF_TYPEDEF, "self_t", 0, 2);
	tiny_type(&b, BTF_STRUCT, "snake", 2, 8);
	tiny_member(&b, "", 3, 0);
	tiny_member(&b, "bits", 1, 3);
	add(bytes, tiny_btf_finish(&b, bytes));
}

/*
 * KASAN stopped the machine in the middle of a report: what it was about stands in a variable of
 * its own on the victim's stack, struct kasan_report_info (mm/kasan/kasan.h, since 6.1;
 * kasan_access_info before).
 */
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/kasan_global.h"
#include "analyzer/kernel/kasan_shadow.h"
#include "analyzer/kernel/kasan_stack.h"
#include "analyzer/stack/locals.h"
#include "analyzer/triage/object.h"

enum { TYPE_ACCESS, TYPE_INVALID_FREE, TYPE_DOUBLE_FREE }; /* enum kasan_report_type */

struct report {
	uint64_t addr, bad, size, bug_type;
	uint32_t type, is_write;
};
static const struct view_field report_fields[] = {
	FIELD(struct report, addr, "access_addr"),
	FIELD_OPTIONAL(struct report, bad, "first_bad_addr"),
	FIELD_OPTIONAL(struct report, size, "access_size"),
	FIELD_OPTIONAL(struct report, bug_type, "bug_type"),
	FIELD_OPTIONAL(struct report, type, "type"),
	FIELD_OPTIONAL(struct report, is_write, "is_write"),
};
static const struct view_spec report_spec = { .type = "kasan_report_info",
	.hint = "mm/kasan/report.c",
	.fields = report_fields,
	.nfields = ARRAY_SIZE(report_fields) };
static const struct view_spec access_spec = { .type = "kasan_access_info",
	.hint = "mm/kasan/report.c",
	.fields = report_fields,
	.nfields = ARRAY_SIZE(report_fields) };

/* ---- where it stands --------------------------------------------------------------------- */

static bool is_report(const struct variable *v)
{
	if (v->state != VARIABLE_PLACE || !v->type)
		return false;
	const struct type *type = type_strip(v->type);
	return type->name && (!strcmp(type->name, "kasan_report_info") ||
				     !strcmp(type->name, "kasan_access_info"));
}

/* The variable among frame @frame's. */
static bool find_in_frame(struct triage *tr, size_t frame, uint64_t *ret_va)
{
	struct variable_scope *scope;
	size_t n;
	struct err *err =
		frame_variables(tr->t, &tr->facts.calls.trace, frame, &tr->arena, &scope, &n);
	if (err) {
		err_drop(err); /* no debug information of this code */
		return false;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < scope[i].nvariables; k++)
			if (is_report(scope[i].variable + k)) {
				*ret_va = scope[i].variable[k].va;
				return true;
			}
	return false;
}

static bool find_report(struct triage *tr, struct report *ret)
{
	const struct calls *c = &tr->facts.calls;
	const struct view *v = NULL;
	uint64_t va = 0;
	struct err *err = target_view(tr->t, &report_spec, &v);
	if (err) {
		err_drop(err); /* an older kernel */
		err = target_view(tr->t, &access_spec, &v);
	}
	if (err) {
		err_drop(err); /* no types */
		return false;
	}
	for (size_t i = 0; i < c->n; i++)
		if (!c->call[i].inlined && c->call[i].function &&
			strstr(c->call[i].function, "kasan") &&
			find_in_frame(tr, c->call[i].frame, &va))
			return view_try_read(v, tr->t->kernel, va, ret);
	return false;
}

/* ---- what it says ------------------------------------------------------------------------ */

static bool kernel_word(struct triage *tr, uint64_t va, char *buf, size_t n)
{
	memset(buf, 0, n);
	return va && vspace_try_read(tr->t->kernel, va, buf, n - 1, NULL) == FAULT_NONE && *buf;
}

/* The kernel's word, its own or as the shadow says it now. */
static const char *bug_word(struct triage *tr, const struct kasan *k, const struct report *r)
{
	char word[48];
	uint8_t b = 0, next = 0;
	if (r->type == TYPE_DOUBLE_FREE)
		return "double-free";
	if (r->type == TYPE_INVALID_FREE)
		return "invalid-free";
	if (kernel_word(tr, r->bug_type, word, sizeof(word)))
		return arena_strdup(&tr->arena, word);
	if (!kasan_covers(k, r->addr))
		return kasan_wild_bug_type(k, r->addr);
	if (k->mode != KASAN_GENERIC || !kasan_try_byte(k, r->bad ? r->bad : r->addr, &b))
		return "invalid-access";
	kasan_try_byte(k, (r->bad ? r->bad : r->addr) + k->granule, &next);
	return kasan_bug_type(k, b, next);
}

static enum verdict_class class_of(const char *word)
{
	static const struct {
		const char *word;
		enum verdict_class class;
	} table[] = { { "use-after-free", VERDICT_USE_AFTER_FREE },
		{ "slab-out-of-bounds", VERDICT_SLAB_OUT_OF_BOUNDS },
		{ "stack-out-of-bounds", VERDICT_STACK_OUT_OF_BOUNDS },
		{ "alloca-out-of-bounds", VERDICT_STACK_OUT_OF_BOUNDS },
		{ "use-after-scope", VERDICT_STACK_OUT_OF_BOUNDS },
		{ "global-out-of-bounds", VERDICT_GLOBAL_OUT_OF_BOUNDS },
		{ "vmalloc-out-of-bounds", VERDICT_VMALLOC_OUT_OF_BOUNDS },
		{ "double-free", VERDICT_DOUBLE_FREE }, { "invalid-free", VERDICT_INVALID_FREE },
		{ "null-ptr-deref", VERDICT_NULL_DEREFERENCE },
		{ "out-of-bounds", VERDICT_SLAB_OUT_OF_BOUNDS } };
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (strstr(word, table[i].word))
			return table[i].class;
	return VERDICT_WILD_DEREFERENCE;
}

static void say_variable(struct triage *tr, struct finding *f, const struct kasan *k, uint64_t va)
{
	struct kasan_global g;
	struct task task;
	scoped_free struct kasan_frame *frame = xcalloc(1, sizeof(*frame));
	struct err *err = NULL;
	struct object o = { .va = va };
	if (f->class == VERDICT_GLOBAL_OUT_OF_BOUNDS) {
		err = kasan_global_find(k, va, &g);
		if (!err) {
			o = (struct object){ .kind = "global variable",
				.name = arena_strdup(&tr->arena, g.name),
				.va = g.va,
				.bytes = g.size,
				.offset = (int64_t)(va - g.va) };
			finding_object(tr, f, &o);
		}
	} else if (f->class == VERDICT_STACK_OUT_OF_BOUNDS) {
		err = kasan_stack_task(tr->t, va, &task);
		if (!err)
			err = kasan_frame_find(k, va, task.stack, frame);
		const struct kasan_variable *v =
			err ? NULL : kasan_frame_variable(frame, va - frame->va);
		if (v) {
			o = (struct object){ .kind = "stack variable",
				.name = arena_strdup(&tr->arena, v->name),
				.va = frame->va + v->offset,
				.bytes = v->size,
				.offset = (int64_t)(va - frame->va - v->offset) };
			finding_object(tr, f, &o);
		}
	}
	err_drop(err); /* the compiler's description is damaged or not there: the variable stays
			  unnamed */
}

/*
 * The object that the pointer was made for, where the first bad byte lies right behind it: in its
 * neighbour or, behind the last one of a slab, in somebody else's page. Tag modes: the pointer has
 * the object's tag, and so has the granule before that byte.
 */
static bool find_before(struct triage *tr, const struct kasan *k, const struct report *r,
	uint64_t bad, struct object *ret)
{
	uint8_t tag = 0;
	if (k->mode == KASAN_GENERIC || !kasan_try_byte(k, bad - k->granule, &tag) ||
		tag != r->addr >> 56)
		return false;
	struct err *err = object_find(tr->t, bad - k->granule, &tr->arena, ret);
	bool found = !err && !strcmp(ret->kind, "slab object");
	err_drop(err); /* then the bad byte's own page is all there is */
	if (found)
		ret->offset += k->granule;
	return found;
}

static void say_object(
	struct triage *tr, struct finding *f, const struct kasan *k, const struct report *r)
{
	uint64_t addr = r->bad ? r->bad : r->addr;
	struct object o;
	uint64_t va = kasan_untag(k, addr);
	if (f->class == VERDICT_GLOBAL_OUT_OF_BOUNDS || f->class == VERDICT_STACK_OUT_OF_BOUNDS) {
		say_variable(tr, f, k, va);
		return;
	}
	if (find_before(tr, k, r, va, &o)) {
		finding_object(tr, f, &o);
		return;
	}
	struct err *err = object_find(tr->t, addr, &tr->arena, &o);
	if (!err)
		finding_object(tr, f, &o);
	err_drop(err); /* neither a slab nor a page with an owner */
}

/* Tag modes have one poison for all: the object and its last event tell which it was. */
static void refine_by_object(struct finding *f, const struct kasan *k)
{
	const struct object *o = f->object;
	if (k->mode == KASAN_GENERIC || f->class != VERDICT_WILD_DEREFERENCE || !o)
		return;
	bool freed = o->state && strncmp(o->state, "allocated", 9) != 0;
	if (!strcmp(o->kind, "vmalloc area") && !freed) {
		f->class = VERDICT_VMALLOC_OUT_OF_BOUNDS;
		return;
	}
	freed = strcmp(o->kind, "page") ? freed : o->state && !strcmp(o->state, "free");
	if (!strcmp(o->kind, "page") && !freed)
		return; /* whatever it is, nothing of it is freed */
	f->class = freed ? VERDICT_USE_AFTER_FREE : VERDICT_SLAB_OUT_OF_BOUNDS;
	f->confidence = CONFIDENCE_LIKELY;
}

static bool in_report(const struct facts *f)
{
	static const char *const entry[] = { "kasan_report*", "__kasan_report*", "end_report",
		"kasan_double_free_or_invalid_free" };
	for (size_t i = 0; i < ARRAY_SIZE(entry); i++)
		if (calls_find(&f->calls, entry[i], 0) != SIZE_MAX)
			return true;
	return false;
}

static struct err *run(struct triage *tr)
{
	struct kasan k;
	struct report r = { 0 };
	if (!tr->facts.has_victim || !in_report(&tr->facts))
		return NULL;
	struct err *err = kasan_init(tr->t, &k);
	if (err)
		return err;
	if (!find_report(tr, &r)) {
		triage_ledger(tr, "kasan",
			"the victim is in a report of KASAN's, but what it is about is not in "
			"memory");
		return NULL;
	}
	const char *word = bug_word(tr, &k, &r);
	struct finding *f =
		triage_find(tr, "kasan", class_of(word), WEIGHT_REPORT, CONFIDENCE_SURE);
	f->by_kasan = true;
	f->access = f->class == VERDICT_DOUBLE_FREE || f->class == VERDICT_INVALID_FREE ? NULL
		    : r.is_write							? "Write"
											: "Read";
	finding_task(f, &tr->facts.victim);
	finding_blame(f, &tr->facts.calls, tr->facts.end_call);
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE,
		arena_printf(&tr->arena, "kasan 0x%llx", (unsigned long long)r.addr), "KASAN",
		"%s of %llu bytes at 0x%llx: %s", f->access ? f->access : "free",
		(unsigned long long)r.size, (unsigned long long)r.addr, word);
	say_object(tr, f, &k, &r);
	refine_by_object(f, &k);
	return NULL;
}

const struct triage_rule rule_kasan = { "kasan", "a report of KASAN's on the victim's stack", run };

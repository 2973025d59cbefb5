/*
 * The plugins' questions, answered by the layers below. Thin on purpose: what these functions
 * promise outlives any change of the structures behind them.
 */
#include "analyzer/shell/api.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/address.h"
#include "analyzer/debug/expr.h"
#include "analyzer/debug/types_modules.h"
#include "analyzer/kernel/device_tree.h"
#include "analyzer/shell/current_task.h"
#include "analyzer/target/target.h"

const struct abi *api_abi(const struct target *t)
{
	return &t->abi;
}

const char *api_architecture(const struct target *t)
{
	return t->arch ? t->arch->name : NULL;
}

struct err *api_read(struct target *t, uint64_t va, void *buf, size_t n)
{
	struct err *err = target_need_kernel(t);
	return err ? err : vspace_read(t->kernel, va, buf, n);
}

bool api_try_read(struct target *t, uint64_t va, void *buf, size_t n)
{
	return t->kernel && vspace_try_read(t->kernel, va, buf, n, NULL) == FAULT_NONE;
}

struct err *api_read_word(struct target *t, uint64_t va, uint64_t *ret)
{
	struct err *err = target_need_kernel(t);
	return err ? err : vspace_read_word(t->kernel, va, ret);
}

struct err *api_read_string(struct target *t, uint64_t va, char *buf, size_t max)
{
	struct err *err = target_need_kernel(t);
	return err ? err : vspace_read_str(t->kernel, va, buf, max);
}

struct err *api_read_physical(struct target *t, uint64_t pa, void *buf, size_t n)
{
	return dump_read(t->dump, (struct paddr){ pa }, buf, n);
}

bool api_has_symbol(const struct target *t, const char *name)
{
	struct symbol s;
	return symtab_find(t->syms, name, &s);
}

struct err *api_symbol(const struct target *t, const char *name, uint64_t *ret_va)
{
	struct symbol s;
	if (!symtab_find(t->syms, name, &s))
		return err_new(ERR_MISSING, "no symbol %s", name);
	*ret_va = s.va;
	return NULL;
}

bool api_symbol_text(const struct target *t, uint64_t va, struct strbuf *out)
{
	return symtab_format(t->syms, va, false, out);
}

struct err *api_address(struct target *t, const char *text, uint64_t *ret)
{
	return address_parse(&t->debug, text, ret);
}

struct err *api_evaluate(struct target *t, const char *text, uint64_t *ret)
{
	struct value v;
	struct err *err = value_parse(&t->debug, text, &v);
	return err ? err : value_number(&t->debug, &v, ret);
}

struct err *api_calculate(struct cx *cx, const char *text, uint64_t *ret, size_t *ret_at)
{
	const struct debug_env *env = &cx->target->debug;
	const struct expr *x;
	struct value v;
	*ret_at = 0;
	struct err *err = expr_parse(env, cx->arena, text, EXPR_CALCULATOR, &x, ret_at);
	if (!err)
		err = expr_eval(env, x, &v, ret_at);
	return err ? err : value_address(env, &v, ret);
}

struct err *api_print(struct target *t, const char *type, uint64_t va, struct strbuf *out)
{
	struct value v;
	struct err *err = value_at(&t->debug, type, NULL, va, &v);
	return err ? err : value_format(&t->debug, &v, &(struct value_style){ 0 }, out);
}

struct err *api_view(struct target *t, const struct view_spec *spec, const struct view **ret)
{
	struct err *err = target_view(t, spec, ret);
	if (!err || err->code != ERR_MISSING || !types_modules_show(t->types))
		return err;
	err_drop(err); /* a plugin may be about a driver: its types are its module's */
	err = target_view(t, spec, ret);
	types_modules_hide(t->types);
	return err;
}

struct err *api_view_read(struct target *t, const struct view *v, uint64_t va, void *ret)
{
	struct err *err = target_need_kernel(t);
	return err ? err : view_read(v, t->kernel, va, ret);
}

bool api_view_has(const struct view *v, size_t field)
{
	return view_has(v, field);
}

uint64_t api_view_bytes(const struct view *v)
{
	return view_size(v);
}

/* ---- tasks ------------------------------------------------------------------------------- */

static void show_task(const struct task *task, struct api_task *ret)
{
	*ret = (struct api_task){ .va = task->va, .pid = task->pid, .tgid = task->tgid };
	ret->cpu = task->cpu == TASK_CPU_UNKNOWN ? UINT32_MAX : task->cpu;
	const char *state = task_state_letter(task);
	memcpy(ret->state, state, strnlen(state, sizeof(ret->state) - 1));
	memcpy(ret->comm, task->comm, (size_t)task_comm_length(task));
}

struct err *api_current_task(struct cx *cx, struct api_task *ret)
{
	struct task task;
	struct err *err = current_task(cx, &task);
	if (err)
		return err;
	show_task(&task, ret);
	return NULL;
}

struct api_tasks {
	struct task_iter it;
};

struct err *api_tasks_open(struct target *t, struct api_tasks **ret)
{
	scoped_free struct api_tasks *it = xcalloc(1, sizeof(*it));
	struct err *err = target_need_kernel(t);
	if (!err)
		err = task_iter_init(&it->it, t);
	if (err)
		return err;
	*ret = take_ptr(it);
	return NULL;
}

struct err *api_tasks_next(struct api_tasks *it, struct api_task *ret, bool *ret_more)
{
	struct task task;
	struct err *err = task_iter_next(&it->it, &task, ret_more);
	if (!err && *ret_more)
		show_task(&task, ret);
	return err;
}

void api_tasks_close(struct api_tasks *it)
{
	free(it);
}

/* ---- the device tree --------------------------------------------------------------------- */

struct property_search {
	const char *compatible, *name;
	unsigned depth; /* of the node that the next three are about */
	bool in_node, matches, found;
	uint8_t *value; /* of the wanted property, whether or not the node matches yet */
	size_t length;
};

/* A list of terminated strings: each may be the one. */
static bool strings_hold(const uint8_t *p, size_t n, const char *wanted)
{
	size_t len = strlen(wanted);
	while (n) {
		size_t one = strnlen((const char *)p, n);
		if (one == len && !memcmp(p, wanted, len))
			return true;
		one += one < n;
		p += one;
		n -= one;
	}
	return false;
}

/* Properties come before the node's children, in any order: the value is kept until the node is
 * known. */
static struct err *see_event(void *cx, const struct device_tree_event *e)
{
	struct property_search *s = cx;
	if (s->found)
		return NULL;
	if (e->kind == DEVICE_TREE_NODE || e->kind == DEVICE_TREE_END) {
		if (s->in_node && s->matches && s->value) {
			s->found = true;
			return NULL;
		}
		free(s->value);
		s->value = NULL;
		s->matches = false;
		s->in_node = e->kind == DEVICE_TREE_NODE;
		s->depth = e->depth;
	} else if (e->kind == DEVICE_TREE_PROPERTY && s->in_node && e->depth == s->depth) {
		s->matches |= !strcmp(e->name, "compatible") &&
			      strings_hold(e->value, e->length, s->compatible);
		if (!strcmp(e->name, s->name) && !s->value) {
			s->value = xcalloc(1, e->length + 1);
			memcpy(s->value, e->value, e->length);
			s->length = e->length;
		}
	}
	return interrupt_check();
}

/* A damaged branch is left out; what was searched may stand in another. */
static void ignore_branch(void *cx, struct err *e)
{
	(void)cx;
	err_drop(e);
}

struct err *api_device_property(
	struct target *t, const char *compatible, const char *name, uint8_t **ret, size_t *ret_n)
{
	struct property_search s = { .compatible = compatible, .name = name };
	struct err *err = device_tree_walk(t, see_event, ignore_branch, &s);
	if (!err && !s.found)
		err = err_new(ERR_NOT_FOUND, "the device tree has no %s of a %s", name, compatible);
	if (err) {
		free(s.value);
		return err;
	}
	*ret = s.value;
	*ret_n = s.length;
	return NULL;
}

struct root_search {
	const char *compatible;
	bool found;
};

static struct err *see_root(void *cx, const struct device_tree_event *e)
{
	struct root_search *s = cx;
	if (e->kind == DEVICE_TREE_PROPERTY && e->depth == 0 && !strcmp(e->name, "compatible"))
		s->found |= strings_hold(e->value, e->length, s->compatible);
	return interrupt_check();
}

bool api_machine_is(struct target *t, const char *compatible)
{
	struct root_search s = { .compatible = compatible };
	err_drop(device_tree_walk(t, see_root, ignore_branch, &s)); /* no tree: not that machine */
	return s.found;
}

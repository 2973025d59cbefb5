/* include/linux/sched.h, sched/signal.h, signal_types.h, 4.19 to 7.2: task_struct.pending and
 * .blocked, signal_struct.shared_pending, sighand_struct.action[]. */
#include "analyzer/kernel/signal.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/scope.h"

struct raw_task {
	uint8_t pending[8], blocked[8];
	uint64_t pending_list, sighand;
};
static const struct view_field task_fields[] = {
	FIELD_BYTES(struct raw_task, pending, "pending.signal"),
	FIELD_BYTES(struct raw_task, blocked, "blocked"),
	FIELD_ADDRESS(struct raw_task, pending_list, "pending.list"),
	FIELD(struct raw_task, sighand, "sighand"),
};
static const struct view_spec task_spec = { .type = "task_struct",
	.hint = "init/main.c",
	.fields = task_fields,
	.nfields = ARRAY_SIZE(task_fields) };

struct raw_signal {
	uint8_t pending[8];
	uint64_t list;
};
static const struct view_field signal_fields[] = {
	FIELD_BYTES(struct raw_signal, pending, "shared_pending.signal"),
	FIELD_ADDRESS(struct raw_signal, list, "shared_pending.list"),
};
static const struct view_spec signal_spec = { .type = "signal_struct",
	.hint = "init/main.c",
	.fields = signal_fields,
	.nfields = ARRAY_SIZE(signal_fields) };

struct raw_sighand {
	uint64_t actions;
};
static const struct view_field sighand_fields[] = {
	FIELD_ADDRESS(struct raw_sighand, actions, "action"),
};
static const struct view_spec sighand_spec = { .type = "sighand_struct",
	.hint = "init/main.c",
	.fields = sighand_fields,
	.nfields = ARRAY_SIZE(sighand_fields) };

struct raw_action {
	uint64_t handler, flags;
	uint8_t mask[8];
};
static const struct view_field action_fields[] = {
	FIELD(struct raw_action, handler, "sa.sa_handler"),
	FIELD(struct raw_action, flags, "sa.sa_flags"),
	FIELD_BYTES(struct raw_action, mask, "sa.sa_mask"),
};
static const struct view_spec action_spec = { .type = "k_sigaction",
	.hint = "init/main.c",
	.fields = action_fields,
	.nfields = ARRAY_SIZE(action_fields) };

/* sigset_t: unsigned longs, the one of the lowest numbers first. */
static uint64_t set_of(const struct target *t, const uint8_t *p)
{
	if (t->abi.word_bytes == 8)
		return get_u64(&t->abi, p);
	return get_u32(&t->abi, p) | (uint64_t)get_u32(&t->abi, p + 4) << 32;
}

static struct err *read_actions(struct target *t, struct signal_state *s)
{
	const struct view *hand, *action;
	struct err *err = target_view(t, &sighand_spec, &hand);
	if (!err)
		err = target_view(t, &action_spec, &action);
	for (unsigned n = 1; !err && n <= SIGNALS; n++) {
		struct raw_action raw;
		struct signal_action *a = &s->action[n];
		a->va = s->sighand + view_offset(hand, 0) + (n - 1) * view_size(action);
		err = view_read(action, t->kernel, a->va, &raw);
		if (err)
			break;
		a->handler = raw.handler;
		a->flags = raw.flags;
		a->mask = set_of(t, raw.mask);
		/* fs/proc/array.c, collect_sigign_sigcatch() */
		if (raw.handler == 1)
			s->ignored |= 1ull << (n - 1);
		else if (raw.handler)
			s->caught |= 1ull << (n - 1);
	}
	return err_wrap(err, "sighand 0x%" PRIx64, s->sighand);
}

struct err *signal_read(struct target *t, const struct task *task, struct signal_state *ret)
{
	const struct view *v;
	struct raw_task raw = { 0 };
	struct raw_signal shared = { 0 };
	struct err *err = target_view(t, &task_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, task->va, &raw);
	if (!err && task->signal)
		err = target_view(t, &signal_spec, &v);
	if (!err && task->signal)
		err = view_read(v, t->kernel, task->signal, &shared);
	struct signal_state s = { .pending = set_of(t, raw.pending),
		.blocked = set_of(t, raw.blocked),
		.pending_list = raw.pending_list,
		.signal = task->signal,
		.sighand = raw.sighand,
		.shared_pending = set_of(t, shared.pending),
		.shared_list = shared.list };
	if (!err && s.sighand)
		err = read_actions(t, &s);
	if (err)
		return err_wrap(err, "signals of pid %u", task->pid);
	*ret = s;
	return NULL;
}

/* ---- what waits ----------------------------------------------- */

struct raw_queued {
	int32_t number, error, code;
	uint32_t pid, uid;
};
/* kernel_siginfo_t's names are struct members; up to v4.19 info was a siginfo_t of the same
 * members. */
static const struct view_field queued_fields[] = {
	FIELD(struct raw_queued, number, "info.si_signo"),
	FIELD(struct raw_queued, error, "info.si_errno"),
	FIELD(struct raw_queued, code, "info.si_code"),
	FIELD(struct raw_queued, pid, "info._sifields._kill._pid"),
	FIELD(struct raw_queued, uid, "info._sifields._kill._uid"),
};

/* struct sigqueue begins with its list node (include/linux/signal_types.h, all versions). */
static const struct view_spec queued_spec = { .type = "sigqueue",
	.hint = "init/main.c",
	.fields = queued_fields,
	.nfields = ARRAY_SIZE(queued_fields) };

void signal_queue_init(struct signal_queue_iter *it, struct target *t, uint64_t head)
{
	it->t = t;
	list_iter_init(&it->list, t, head);
}

struct err *signal_queue_next(
	struct signal_queue_iter *it, struct signal_queued *ret, bool *ret_more)
{
	const struct view *v;
	struct raw_queued raw;
	uint64_t node;
	struct err *err = list_iter_next(&it->list, &node, ret_more);
	if (err || !*ret_more)
		return err;
	err = target_view(it->t, &queued_spec, &v);
	if (!err)
		err = view_read(v, it->t->kernel, node, &raw);
	if (err)
		return err_wrap(err, "sigqueue 0x%" PRIx64, node);
	/* include/uapi/asm-generic/siginfo.h: SI_USER 0, SI_QUEUE -1, SI_MESGQ -3, SI_TKILL -6 have
	 * a sender in the first members of the union; so has SIGCHLD (17) with its child. */
	bool sender = raw.code == 0 || raw.code == -1 || raw.code == -3 || raw.code == -6 ||
		      (raw.number == 17 && raw.code > 0);
	*ret = (struct signal_queued){ .va = node,
		.number = raw.number,
		.error = raw.error,
		.code = raw.code,
		.pid = raw.pid,
		.uid = raw.uid,
		.has_sender = sender };
	return NULL;
}

/* ---- names ----------------------------------------------- */

const char *signal_name(unsigned number)
{
	/* include/uapi/asm-generic/signal.h; arch/arm has the same numbers. */
	static const char *const name[] = { NULL, "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL",
		"SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV",
		"SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT",
		"SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ",
		"SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS", "SIGRTMIN",
		"SIGRTMIN+1", "SIGRTMIN+2", "SIGRTMIN+3", "SIGRTMIN+4", "SIGRTMIN+5", "SIGRTMIN+6",
		"SIGRTMIN+7", "SIGRTMIN+8", "SIGRTMIN+9", "SIGRTMIN+10", "SIGRTMIN+11",
		"SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMIN+16",
		"SIGRTMAX-15", "SIGRTMAX-14", "SIGRTMAX-13", "SIGRTMAX-12", "SIGRTMAX-11",
		"SIGRTMAX-10", "SIGRTMAX-9", "SIGRTMAX-8", "SIGRTMAX-7", "SIGRTMAX-6", "SIGRTMAX-5",
		"SIGRTMAX-4", "SIGRTMAX-3", "SIGRTMAX-2", "SIGRTMAX-1", "SIGRTMAX" };
	_Static_assert(ARRAY_SIZE(name) == SIGNALS + 1, "one for each");
	return number <= SIGNALS ? name[number] : NULL;
}

void signal_flags_format(uint64_t flags, struct strbuf *out)
{
	/* include/uapi/asm-generic/signal-defs.h and arch/arm/include/uapi/asm/signal.h */
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = { { 0x1, "NOCLDSTOP" }, { 0x2, "NOCLDWAIT" }, { 0x4, "SIGINFO" },
		{ 0x800, "EXPOSE_TAGBITS" }, { 0x04000000, "RESTORER" }, { 0x08000000, "ONSTACK" },
		{ 0x10000000, "RESTART" }, { 0x40000000, "NODEFER" }, { 0x80000000, "RESETHAND" } };
	size_t start = out->len;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(flags & names[i].bit))
			continue;
		strbuf_addf(out, "%s%s", out->len > start ? "|" : "", names[i].name);
		flags &= ~(uint64_t)names[i].bit;
	}
	if (flags)
		strbuf_addf(out, "%s0x%" PRIx64, out->len > start ? "|" : "", flags);
}

/*
 * A task's signals: what is pending, blocked, ignored, caught, who sent what. Sets are bits, signal
 * N is bit N - 1, as /proc/PID/status shows them.
 */
#ifndef ANALYZER_KERNEL_SIGNAL_H
#define ANALYZER_KERNEL_SIGNAL_H

#include "analyzer/kernel/task.h"

enum { SIGNALS = 64 }; /* _NSIG, both architectures */

/* "SIGKILL", "SIGRTMIN+3"; NULL unless 1 <= @number <= SIGNALS. */
const char *signal_name(unsigned number);

struct signal_action {
	uint64_t va;		       /* of the struct k_sigaction */
	uint64_t handler, flags, mask; /* handler 0: SIG_DFL, 1: SIG_IGN */
};

/* SA_* by name with "|" between; the rest as a number. */
void signal_flags_format(uint64_t flags, struct strbuf *out);

struct signal_state {
	uint64_t pending, shared_pending, blocked, ignored, caught;
	uint64_t pending_list, shared_list; /* the lists' heads; shared_list 0: it has exited */
	uint64_t signal, sighand;	    /* 0: it has exited */
	struct signal_action action[SIGNALS + 1]; /* by number; [0] is nobody's */
};
struct err *signal_read(
	struct target *t, const struct task *task, struct signal_state *ret) MUST_CHECK;

/* A signal that waits with its siginfo. */
struct signal_queued {
	uint64_t va; /* of the struct sigqueue */
	int32_t number, error, code;
	uint32_t pid, uid; /* the sender, where .code says that there is one */
	bool has_sender;
};

struct signal_queue_iter {
	struct target *t;
	struct list_iter list;
};

/* Over the queue whose list_head is at @head: pending_list or shared_list. */
void signal_queue_init(struct signal_queue_iter *it, struct target *t, uint64_t head);
struct err *signal_queue_next(
	struct signal_queue_iter *it, struct signal_queued *ret, bool *ret_more) MUST_CHECK;

#endif

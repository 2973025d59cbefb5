/*
 * Processes that sleep at the end of known chains of calls, also inside a signal's handler and on its stack of its own,
 * and one in a control group. Each says on standard output where its calls will return to, innermost last, as
 * "user-stacks: NAME return ADDRESS" (bit 0: Thumb code), what a signal came upon as "NAME signal ADDRESS", and the
 * last one "NAME cgroup PATH". It returns when all are asleep; they stay.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define OUTLINE __attribute__((noinline, noclone))
#if defined(__arm__)
#define IN_ARM __attribute__((noinline, noclone, target("arm"), optimize("no-omit-frame-pointer")))
#else
#define IN_ARM OUTLINE
#endif

static const char *me;
static int ready; /* written to when all has been said */

static void say(const char *what, const void *address)
{
	printf("user-stacks: %s %s %#lx\n", me, what, (unsigned long)address);
}

OUTLINE static int sleep_here(void)
{
	say("return", __builtin_return_address(0));
	fflush(stdout);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
	return 0;
}

/* No tail calls: each has something to do when the call returns. */
OUTLINE static int inner(int n)
{
	say("return", __builtin_return_address(0));
	return sleep_here() + n;
}

OUTLINE static int many_arguments(const char *format, ...)
{
	char room[1200]; /* more than one instruction's constant */

	say("return", __builtin_return_address(0));
	snprintf(room, sizeof(room), "%s", format);
	return inner(2) + room[1];
}

OUTLINE static int outer(int n)
{
	say("return", __builtin_return_address(0));
	return many_arguments("some", n, 2) * 3;
}

IN_ARM static int arm_inner(int n)
{
	volatile int kept[8] = { n };

	say("return", __builtin_return_address(0));
	return sleep_here() + kept[0];
}

IN_ARM static int arm_outer(int n)
{
	say("return", __builtin_return_address(0));
	return arm_inner(n) * 2;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	const ucontext_t *c = context;

	(void)info;
#if defined(__arm__)
	say("signal", (const void *)(c->uc_mcontext.arm_pc | (c->uc_mcontext.arm_cpsr >> 5 & 1)));
#else
	say("signal", (const void *)c->uc_mcontext.pc);
#endif
	inner(number);
}

OUTLINE static int cause_signal(volatile int *nowhere)
{
	say("return", __builtin_return_address(0));
	return *nowhere + 1;
}

static int in_signal(int flags)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags };
	stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };

	if (flags & SA_ONSTACK)
		sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	return cause_signal(NULL) + 1;
}

/* A control group of version 2, where the kernel has them. */
static int in_cgroup(void)
{
	char path[256] = "";
	int fd;

	mkdir("/tmp/groups", 0755);
	mount("none", "/tmp/groups", "cgroup2", 0, NULL);
	mkdir("/tmp/groups/inquest", 0755);
	mkdir("/tmp/groups/inquest/inner", 0755);
	fd = open("/tmp/groups/inquest/inner/cgroup.procs", O_WRONLY);
	if (fd >= 0 && write(fd, "0", 1) != 1)
		puts("user-stacks: no control group");
	close(fd);
	fd = open("/proc/self/cgroup", O_RDONLY);
	if (fd >= 0 && read(fd, path, sizeof(path) - 1) > 0)
		printf("user-stacks: %s cgroup %.*s\n", me, (int)strcspn(path, "\n"), path);
	close(fd);
	return outer(1);
}

static void start(const char *name, int way)
{
	int fds[2];
	char byte;

	fflush(stdout);
	if (pipe(fds))
		exit(1);
	if (fork()) {
		close(fds[1]);
		if (read(fds[0], &byte, 1) != 1)
			printf("user-stacks: %s failed\n", name);
		close(fds[0]);
		return;
	}
	me = name;
	ready = fds[1];
	prctl(PR_SET_NAME, name);
	exit(way == 0 ? outer(1) : way == 1 ? arm_outer(1) : way == 2 ? in_signal(0) :
	     way == 3 ? in_signal(SA_ONSTACK) : in_cgroup());
}

int main(void)
{
	signal(SIGCHLD, SIG_IGN);
	start("us-deep", 0);
	start("us-frames", 1);
	start("us-signal", 2);
	start("us-altstack", 3);
	start("us-cgroup", 4);
	return 0;
}

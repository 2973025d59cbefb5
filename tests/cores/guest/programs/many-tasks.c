/*
 * A crowd: argv[1] threads in argv[2] processes, asleep in as many ways as the kernel offers without a device, so that
 * whoever lists, groups or unwinds tasks has work. Every process adds a child that it waits for, a stopped one, a dead
 * one and the two sides of a vfork(). It returns when all are asleep; they stay.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What a process's threads wait for; none of it ever happens. */
static struct {
	int empty_pipe[2], full_pipe[2], sockets[2], epoll, event, locked_file;
	int messages, semaphore;
	pid_t child;
	pthread_mutex_t held;
	pthread_cond_t never;
} world = { .held = PTHREAD_MUTEX_INITIALIZER, .never = PTHREAD_COND_INITIALIZER };

static atomic_int *asleep; /* of all processes */
static const char LOCKED[] = "/tmp/many-tasks.lock";

static void in_pipe_read(void)
{
	char byte;

	while (read(world.empty_pipe[0], &byte, 1) != 0)
		;
}

static void in_pipe_write(void)
{
	while (write(world.full_pipe[1], "", 1) != 0)
		;
}

static void in_mutex(void)
{
	pthread_mutex_lock(&world.held);
}

static void in_condition(void)
{
	pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&own);
	pthread_cond_wait(&world.never, &own);
}

static void in_nanosleep(void)
{
	struct timespec long_time = { .tv_sec = 1000000 };

	nanosleep(&long_time, NULL);
}

static void in_epoll(void)
{
	struct epoll_event event;

	epoll_wait(world.epoll, &event, 1, -1);
}

static void in_poll(void)
{
	struct pollfd wanted[] = { { .fd = world.empty_pipe[0], .events = POLLIN },
				   { .fd = world.event, .events = POLLIN } };

	poll(wanted, 2, -1);
}

static void in_select(void)
{
	fd_set wanted;

	FD_ZERO(&wanted);
	FD_SET(world.sockets[0], &wanted);
	select(world.sockets[0] + 1, &wanted, NULL, NULL, NULL);
}

static void in_event(void)
{
	eventfd_t value;

	eventfd_read(world.event, &value);
}

static void in_wait(void)
{
	waitpid(world.child, NULL, 0);
}

static void in_signal(void)
{
	pause();
}

static void in_signal_timed(void)
{
	struct timespec long_time = { .tv_sec = 1000000 };
	sigset_t wanted;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGUSR1);
	sigtimedwait(&wanted, NULL, &long_time);
}

static void in_flock(void)
{
	int fd = open(LOCKED, O_RDWR);

	flock(fd, LOCK_EX);
}

static void in_message(void)
{
	struct {
		long type;
		char text[8];
	} message;

	msgrcv(world.messages, &message, sizeof(message.text), 0, 0);
}

static void in_semaphore(void)
{
	struct sembuf take = { .sem_op = -1 };

	semop(world.semaphore, &take, 1);
}

static void in_socket(void)
{
	char byte;

	recv(world.sockets[0], &byte, 1, 0);
}

static const struct {
	const char *name;
	void (*sleep)(void);
} ways[] = {
	{ "in-pipe-read", in_pipe_read }, { "in-pipe-write", in_pipe_write }, { "in-mutex", in_mutex },
	{ "in-condition", in_condition }, { "in-nanosleep", in_nanosleep },   { "in-epoll", in_epoll },
	{ "in-poll", in_poll },		  { "in-select", in_select },	      { "in-event", in_event },
	{ "in-wait", in_wait },		  { "in-signal", in_signal },	      { "in-sigtimed", in_signal_timed },
	{ "in-flock", in_flock },	  { "in-message", in_message },	      { "in-semaphore", in_semaphore },
	{ "in-socket", in_socket },
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static void *thread(void *number)
{
	size_t way = (size_t)number % WAYS;

	prctl(PR_SET_NAME, ways[way].name);
	atomic_fetch_add(asleep, 1);
	/* A way that this kernel lacks returns at once: sleep all the same. */
	ways[way].sleep();
	for (;;)
		pause();
	return NULL;
}

/* Both sides of it sleep: the caller until the child is gone, which it never is. */
static void *in_vfork(void *unused)
{
	prctl(PR_SET_NAME, "in-vfork");
	atomic_fetch_add(asleep, 1);
	if (vfork() == 0)
		for (;;)
			pause();
	return unused;
}

static pid_t child(const char *name, int stop_with)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_NAME, name);
	if (stop_with == SIGKILL)
		_exit(0);
	if (stop_with)
		raise(stop_with);
	for (;;)
		pause();
}

static void fill(int fd)
{
	static char block[4096];
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, block, sizeof(block)) > 0)
		;
	fcntl(fd, F_SETFL, flags);
}

static void start(pthread_t *ret, void *(*fn)(void *), size_t number)
{
	pthread_attr_t attr;
	int status;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 131072);
	status = pthread_create(ret, &attr, fn, (void *)number);
	if (status) {
		fprintf(stderr, "many-tasks: thread %zu: %s\n", number, strerror(status));
		exit(1);
	}
}

static void process(size_t threads)
{
	struct epoll_event event = { .events = EPOLLIN };
	pthread_t ignored;
	int locked = open(LOCKED, O_RDWR | O_CREAT, 0600);

	if (pipe(world.empty_pipe) || pipe(world.full_pipe) || socketpair(AF_UNIX, SOCK_STREAM, 0, world.sockets))
		perror("many-tasks");
	fill(world.full_pipe[1]);
	world.event = eventfd(0, 0);
	world.epoll = epoll_create1(0);
	event.data.fd = world.event;
	epoll_ctl(world.epoll, EPOLL_CTL_ADD, world.event, &event);
	world.messages = msgget(IPC_PRIVATE, 0600);
	world.semaphore = semget(IPC_PRIVATE, 1, 0600);
	flock(locked, LOCK_EX | LOCK_NB);
	world.child = child("waited-for", 0);
	child("stopped", SIGSTOP);
	child("dead", SIGKILL);
	pthread_mutex_lock(&world.held);
	for (size_t i = 0; i < threads; i++)
		start(&ignored, thread, i);
	start(&ignored, in_vfork, 0);
	prctl(PR_SET_NAME, "crowd");
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	size_t tasks = argc > 1 ? strtoul(argv[1], NULL, 0) : 100;
	size_t processes = argc > 2 ? strtoul(argv[2], NULL, 0) : 4;
	int expected = 0;

	asleep = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (asleep == MAP_FAILED)
		return 1;
	signal(SIGCHLD, SIG_DFL);
	for (size_t i = 0; i < processes; i++) {
		size_t threads = tasks / processes + (i < tasks % processes);
		pid_t pid = fork();

		if (pid < 0) {
			perror("many-tasks: fork");
			return 1;
		}
		if (pid == 0)
			process(threads);
		expected += (int)threads + 1;
	}
	for (int seconds = 0; atomic_load(asleep) < expected && seconds < 120; seconds++)
		sleep(1);
	printf("many-tasks: %d of %d threads\n", atomic_load(asleep), expected);
	return 0;
}

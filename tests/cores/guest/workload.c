/*
 * Company for the guest's shell: one process of four threads, each asleep in another part of the kernel, with an
 * open file, a pipe, and mappings whose contents are known. It knows nothing of how the guest will die.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static int pipe_fds[2];

/* Each page begins with this word and its own number. */
static const uint64_t MARK = 0x7473657571e1e111ULL;

static void *wait_futex(void *unused)
{
	prctl(PR_SET_NAME, "in-futex");
	pthread_mutex_lock(&held);
	return unused;
}

static void *wait_pipe(void *unused)
{
	char byte;

	prctl(PR_SET_NAME, "in-pipe");
	while (read(pipe_fds[0], &byte, 1) > 0)
		;
	return unused;
}

static void *wait_timer(void *unused)
{
	struct timespec long_time = { .tv_sec = 100000 };

	/* A name with a blank and a parenthesis: readers of /proc/PID/stat stumble over it. */
	prctl(PR_SET_NAME, "in (timer) x");
	nanosleep(&long_time, NULL);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	size_t pages = 16, page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = open(argc > 1 ? argv[1] : "/proc/self/exe", O_RDONLY);
	char *memory = mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *shared = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (fd < 0 || memory == MAP_FAILED || shared == MAP_FAILED || pipe(pipe_fds))
		return 1;
	(void)mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0);
	for (uint64_t i = 0; i < pages; i++) {
		memcpy(memory + i * page, &MARK, sizeof(MARK));
		memcpy(memory + i * page + sizeof(MARK), &i, sizeof(i));
	}
	strcpy(shared, "inquest shared page");
	pthread_mutex_lock(&held);
	pthread_create(&thread, NULL, wait_futex, NULL);
	pthread_create(&thread, NULL, wait_pipe, NULL);
	pthread_create(&thread, NULL, wait_timer, NULL);
	pause();
	return 0;
}

/* The host's shell, by posix_spawn: popen() would pass on that SIGPIPE is ignored here. */
#include "analyzer/shell/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "analyzer/base/scope.h"

extern char **environ;

/* @input: what becomes its standard input, -1 for ours. */
static int spawn_shell(const char *command, int input, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t defaults;
	char *argv[] = { "sh", "-c", (char *)command, NULL };
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGINT);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	if (input >= 0)
		posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	int rc = posix_spawn(ret, "/bin/sh", &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

struct err *child_start(const char *command, bool piped, struct child *ret)
{
	scoped_fd int reader = -1;
	scoped_fd int writer = -1;
	if (piped) {
		int fds[2];
		if (pipe2(fds, O_CLOEXEC) != 0)
			return err_io(errno, "pipe");
		reader = fds[0];
		writer = fds[1];
	}
	pid_t pid;
	int rc = spawn_shell(command, reader, &pid);
	if (rc)
		return err_io(rc, "/bin/sh");
	ret->pid = pid;
	ret->to = NULL;
	if (piped) {
		ret->to = fdopen(writer, "w");
		if (!ret->to)
			return err_io(errno, "pipe");
		writer = -1; /* the FILE's now */
	}
	return NULL;
}

struct err *child_finish(struct child *c)
{
	int status;
	if (c->to)
		fclose(c->to); /* write errors were seen when the rows were flushed */
	c->to = NULL;
	while (waitpid(c->pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_io(errno, "waiting for the host's shell");
	/* Ctrl-C may have been meant for the child alone: it has been heeded. */
	if (WIFEXITED(status) && (WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127))
		return err_new(ERR_NOT_FOUND, "the host's shell cannot run it");
	return NULL;
}

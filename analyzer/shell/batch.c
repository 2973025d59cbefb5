/* See batch.h. The program runs itself for each dump. As JSON lines, what it says on stdout is one
 * document, which goes into the line as it is when it is whole; as text it goes through. */
#include "analyzer/shell/batch.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"

enum { STATUS_GOOD, STATUS_FAILED, STATUS_USAGE, STATUS_NOT_OPENED, STATUS_PARTIAL };
enum { ANSWER_BYTES_MAX = 64 << 20, ERROR_BYTES_MAX = 2000 };

struct batch {
	const char *self;    /* the program */
	const char *vmlinux; /* NULL: none; of all dumps */
	const char *symbols;
	unsigned long timeout_s; /* 0: none */
	unsigned long mem_mb;	 /* 0: none; of address space */
	bool lines;		 /* of JSON; else text */
	bool headings;		 /* text of more than one dump */
};

/* What one dump's process left. */
struct left {
	int status;
	bool timed_out;
	int signal; /* that ended it; 0: none */
	double seconds;
	struct strbuf out, err;
};

static const char *const usage =
	"usage: inquest triage [--jsonl] [--symbols DIR] [--timeout SECONDS] [--mem MB] "
	"[[--vmlinux] VMLINUX] DUMP...\n"
	"the verdict of each dump, as text or with --jsonl as one line of JSON each: "
	"{\"schema\",\"dump\",\"status\",\"seconds\",\"error\",\"answer\"}\n";

/* ---- one process ------------------------------------------------------------------------- */

static void child(const struct batch *b, const char *dump, int out, int err)
{
	const char *argv[12] = { b->self, "--no-rc" };
	int n = 2;
	if (b->lines)
		argv[n++] = "--json";
	if (b->symbols) {
		argv[n++] = "--symbols";
		argv[n++] = b->symbols;
	}
	argv[n++] = "-c";
	argv[n++] = "triage";
	if (b->vmlinux)
		argv[n++] = b->vmlinux;
	argv[n] = *dump == '-' ? xasprintf("./%s", dump) : dump; /* no option */
	if (b->mem_mb) {
		struct rlimit limit = { b->mem_mb << 20, b->mem_mb << 20 };
		setrlimit(RLIMIT_AS, &limit);
	}
	if (b->lines)
		dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	execv("/proc/self/exe", (char *const *)argv);
	dprintf(STDERR_FILENO, "inquest: cannot run itself: %s\n", strerror(errno));
	_exit(STATUS_NOT_OPENED);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Takes what is there; false at the end. What is beyond @most is thrown away. */
static bool take(int fd, struct strbuf *to, size_t most)
{
	char buf[65536];
	ssize_t n = read(fd, buf, sizeof(buf));
	if (n < 0 && errno == EINTR)
		return true;
	if (n > 0 && to->len < most)
		strbuf_add_bytes(to, buf, (size_t)n);
	return n > 0;
}

/* Until both pipes are closed or the time is over. */
static void listen_to(
	const struct batch *b, pid_t pid, struct pollfd fds[2], double began, struct left *ret)
{
	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		double left = b->timeout_s ? began + (double)b->timeout_s - now() : 1;
		if (left <= 0 && !ret->timed_out) {
			ret->timed_out = true;
			kill(pid, SIGKILL);
		}
		if (poll(fds, 2, left > 0 && left < 1 ? (int)(left * 1000) + 1 : 1000) <= 0)
			continue;
		if (fds[0].revents && !take(fds[0].fd, &ret->out, ANSWER_BYTES_MAX))
			fds[0].fd = -1;
		if (fds[1].revents && !take(fds[1].fd, &ret->err, ERROR_BYTES_MAX))
			fds[1].fd = -1;
	}
}

static bool run(const struct batch *b, const char *dump, struct left *ret)
{
	int out[2], err[2], wstatus = 0;
	double began = now();
	if (pipe(out))
		return false;
	if (pipe(err)) {
		close(out[0]);
		close(out[1]);
		return false;
	}
	pid_t pid = fork();
	if (pid == 0)
		child(b, dump, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	struct pollfd fds[2] = { { .fd = out[0], .events = POLLIN },
		{ .fd = err[0], .events = POLLIN } };
	if (pid > 0) {
		listen_to(b, pid, fds, began, ret);
		while (waitpid(pid, &wstatus, 0) < 0 && errno == EINTR)
			;
	}
	close(out[0]);
	close(err[0]);
	ret->seconds = now() - began;
	ret->signal = WIFSIGNALED(wstatus) ? WTERMSIG(wstatus) : 0;
	ret->status = WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) : STATUS_FAILED;
	if (ret->status > STATUS_PARTIAL) /* ld.so's own, when --mem is too little for libraries */
		ret->status = STATUS_NOT_OPENED;
	return pid > 0;
}

/* ---- its line ---------------------------------------------------------------------------- */

static void add_string(struct json_object *line, const char *key, const char *text)
{
	scoped_strbuf struct strbuf clean = { 0 };
	if (text)
		strbuf_add_utf8(&clean, text, strlen(text));
	json_object_object_add(
		line, key, text ? json_object_new_string(strbuf_text(&clean)) : NULL);
}

/* Why there is no whole answer; NULL: there is one. */
static const char *problem(
	const struct batch *b, const struct left *l, bool whole, struct strbuf *out)
{
	if (l->timed_out)
		strbuf_addf(out, "no verdict within %lu s", b->timeout_s);
	else if (l->signal)
		strbuf_addf(out, "ended by signal %d (%s)", l->signal, strsignal(l->signal));
	else if (!whole)
		strbuf_addf(out, "%s", l->err.len ? strbuf_text(&l->err) : "no answer");
	else
		return NULL;
	while (out->len && out->s[out->len - 1] == '\n')
		out->s[--out->len] = '\0';
	return strbuf_text(out);
}

static int worse(int a, int b)
{
	static const int order[] = { [STATUS_GOOD] = 0,
		[STATUS_PARTIAL] = 1,
		[STATUS_FAILED] = 2,
		[STATUS_NOT_OPENED] = 3,
		[STATUS_USAGE] = 4 };
	return order[b] > order[a] ? b : a;
}

static int tell_line(const struct batch *b, const char *dump, struct left *l)
{
	scoped_strbuf struct strbuf why = { 0 };
	struct json_object *answer =
		l->out.len && !l->timed_out && !l->signal ? json_tokener_parse(l->out.s) : NULL;
	const char *error = problem(b, l, answer != NULL, &why);
	struct json_object *line = json_object_new_object();
	int status = error && l->status == STATUS_GOOD ? STATUS_FAILED : l->status;
	add_string(line, "schema", "inquest-batch/1");
	add_string(line, "dump", dump);
	json_object_object_add(line, "status", json_object_new_int(status));
	json_object_object_add(line, "seconds", json_object_new_double(l->seconds));
	add_string(line, "error", error);
	json_object_object_add(line, "answer", answer);
	bool told = puts(json_object_to_json_string_ext(
			    line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)) >= 0 &&
		    !fflush(stdout);
	if (!told)
		fprintf(stderr, "inquest: triage: standard output: %s\n", strerror(errno));
	json_object_put(line);
	return told ? status : worse(status, STATUS_FAILED);
}

/* The verdict itself has been printed. */
static int tell_text(const struct batch *b, const char *dump, struct left *l)
{
	scoped_strbuf struct strbuf why = { 0 };
	fputs(strbuf_text(&l->err), stderr);
	if (l->timed_out || l->signal)
		fprintf(stderr, "inquest: %s: %s\n", dump, problem(b, l, false, &why));
	return l->status;
}

static int tell(const struct batch *b, const char *dump, struct left *l)
{
	return b->lines ? tell_line(b, dump, l) : tell_text(b, dump, l);
}

static int say_usage(const char *problem_text, const char *word)
{
	if (problem_text)
		fprintf(stderr, "inquest: triage: %s%s\n", problem_text, word);
	fputs(usage, stderr);
	return STATUS_USAGE;
}

static bool take_number(const char *text, unsigned long *ret)
{
	char *end;
	errno = 0;
	*ret = strtoul(text, &end, 10);
	return !errno && end != text && !*end && *text != '-' && *ret && *ret < 1ul << 30;
}

/* Whether a file is an executable of ELF: no dump, the kernel of those that follow. */
static bool is_vmlinux(const char *path)
{
	struct stat st;
	unsigned char head[EI_NIDENT + 2];
	if (stat(path, &st) || !S_ISREG(st.st_mode)) /* opening a pipe could wait for ever */
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));
	if (fd >= 0)
		close(fd);
	if (n != sizeof(head) || memcmp(head, ELFMAG, SELFMAG) != 0)
		return false;
	unsigned low = head[EI_DATA] == ELFDATA2MSB ? EI_NIDENT + 1 : EI_NIDENT;
	return head[low] == ET_EXEC || head[low] == ET_DYN;
}

/* One dump; false when no process could be made. */
static bool judge(const struct batch *b, const char *dump, bool first, int *status)
{
	struct left l = { 0 };
	if (b->headings)
		printf("%s== %s\n", first ? "" : "\n", dump);
	fflush(stdout);
	bool good = run(b, dump, &l);
	if (good)
		*status = worse(*status, tell(b, dump, &l));
	else
		fprintf(stderr, "inquest: triage: %s\n", strerror(errno));
	strbuf_deinit(&l.out);
	strbuf_deinit(&l.err);
	return good;
}

/* The dumps from @files on; a vmlinux stands for those that follow it. */
static int judge_all(struct batch *b, char **files, int n)
{
	int status = STATUS_GOOD, dumps = 0;
	for (int i = 0; i < n; i++)
		dumps += !is_vmlinux(files[i]);
	if (!dumps)
		return say_usage("no dump", "");
	b->headings = !b->lines && dumps > 1;
	for (int i = 0, told = 0; i < n; i++) {
		if (is_vmlinux(files[i]))
			b->vmlinux = files[i];
		else if (!judge(b, files[i], !told++, &status))
			return STATUS_FAILED;
	}
	return status;
}

int batch_main(int argc, char **argv)
{
	static const struct option options[] = { { "vmlinux", required_argument, NULL, 'v' },
		{ "symbols", required_argument, NULL, 's' },
		{ "timeout", required_argument, NULL, 't' },
		{ "mem", required_argument, NULL, 'm' }, { "jsonl", no_argument, NULL, 'j' },
		{ "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	struct batch b = { .self = argv[0] };
	int c;
	while ((c = getopt_long(argc - 1, argv + 1, "h", options, NULL)) >= 0) {
		bool good = true;
		if (c == 'v')
			b.vmlinux = optarg;
		else if (c == 's')
			b.symbols = optarg;
		else if (c == 't')
			good = take_number(optarg, &b.timeout_s);
		else if (c == 'm')
			good = take_number(optarg, &b.mem_mb);
		else if (c == 'j')
			b.lines = true;
		else
			return c == 'h' ? (fputs(usage, stdout), STATUS_GOOD) : say_usage(NULL, "");
		if (!good)
			return say_usage("no such number: ", optarg);
	}
	return judge_all(&b, argv + 1 + optind, argc - 1 - optind);
}

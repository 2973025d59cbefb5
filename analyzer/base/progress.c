/* One line at a time: the outermost work's. The terminal is the process's own by nature, so this is
 * found and not passed. */
#include "analyzer/base/progress.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

static const uint64_t first_ns = 1000000000, again_ns = 200000000;

static FILE *shown_on;
static bool line_is_there, paged, pager_has_it, redirected;
static struct progress *current; /* the innermost */

/* The command's clock ticks on a thread of its own, which writes under the lock, and only while
 * there is neither a row nor a progress. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct {
	const char *what; /* NULL: no command runs */
	uint64_t begun_ns;
	bool quiet; /* rows have come, or a progress of its own has */
} command;

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void erase(void)
{
	if (!line_is_there)
		return;
	line_is_there = false;
	fputs("\r\033[K", shown_on);
	fflush(shown_on);
}

void progress_show_on(FILE *to)
{
	pthread_mutex_lock(&lock);
	erase();
	shown_on = to;
	pthread_mutex_unlock(&lock);
}

static void wait_until(uint64_t ns)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t at = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec + ns;
	const struct timespec then = { (time_t)(at / 1000000000), (long)(at % 1000000000) };
	pthread_cond_timedwait(&changed, &lock, &then);
}

static void *tick(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	for (;;) {
		uint64_t spent_ns = command.what ? now_ns() - command.begun_ns : 0;
		if (!command.what || command.quiet || !shown_on) {
			pthread_cond_wait(&changed, &lock);
		} else if (spent_ns < first_ns) {
			wait_until(first_ns - spent_ns);
		} else {
			fprintf(shown_on, "\r%s: %" PRIu64 " s (Ctrl-C ends it)\033[K",
				command.what, spent_ns / 1000000000);
			fflush(shown_on);
			line_is_there = true;
			wait_until(5 * again_ns);
		}
	}
	return NULL;
}

/* Signals are the main thread's. */
static void start_ticking(void)
{
	static bool ticking;
	pthread_t thread;
	sigset_t all, before;
	if (ticking)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ticking = !pthread_create(&thread, NULL, tick, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ticking)
		pthread_detach(thread);
}

void progress_command(const char *what)
{
	if (!shown_on)
		return;
	start_ticking();
	pthread_mutex_lock(&lock);
	command.what = what;
	command.begun_ns = now_ns();
	command.quiet = false;
	if (!what)
		erase();
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

/* From here on only the main thread writes. */
static void quiet_command(void)
{
	if (!shown_on || command.quiet)
		return;
	pthread_mutex_lock(&lock);
	command.quiet = true;
	erase();
	pthread_mutex_unlock(&lock);
}

void progress_set_paged(bool yes)
{
	paged = yes;
	pager_has_it = false;
}

void progress_set_redirected(bool yes)
{
	redirected = yes;
}

void progress_erase(void)
{
	pthread_mutex_lock(&lock);
	erase();
	pthread_mutex_unlock(&lock);
}

void progress_hide(void)
{
	if (redirected)
		return;
	pager_has_it = paged;
	quiet_command();
	erase();
}

void progress_begin(struct progress *p, const char *what, enum progress_unit unit, uint64_t total)
{
	*p = (struct progress){ .what = what, .unit = unit, .total = total, .outer = current };
	p->begun_ns = p->shown_ns = shown_on ? now_ns() : 0;
	current = p;
	quiet_command();
}

void progress_end(struct progress *p)
{
	current = p->outer;
	if (!current)
		erase();
}

/* "12 of 400 MB" or "1200 of 9000". */
static void print_amount(const struct progress *p, uint64_t done)
{
	uint64_t unit = p->unit == PROGRESS_BYTES ? 1 << 20 : 1;
	fprintf(shown_on, "%" PRIu64, done / unit);
	if (p->total >= done && p->total)
		fprintf(shown_on, " of %" PRIu64, p->total / unit);
	fputs(p->unit == PROGRESS_BYTES ? " MB" : "", shown_on);
}

/* "4:07", "1:04:07". */
static void print_duration(uint64_t seconds)
{
	if (seconds >= 3600)
		fprintf(shown_on, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600,
			seconds / 60 % 60, seconds % 60);
	else
		fprintf(shown_on, "%" PRIu64 ":%02" PRIu64, seconds / 60, seconds % 60);
}

void progress_step(struct progress *p, uint64_t done)
{
	if (!shown_on || p->outer || pager_has_it)
		return;
	uint64_t now = now_ns(), spent_ns = now - p->begun_ns;
	if (spent_ns < first_ns || now - p->shown_ns < again_ns)
		return;
	p->shown_ns = now;
	double rate = (double)done / ((double)spent_ns / 1e9);
	fprintf(shown_on, "\r%s: ", p->what);
	print_amount(p, done);
	if (p->unit == PROGRESS_BYTES)
		fprintf(shown_on, ", %.0f MB/s", rate / (1 << 20));
	else
		fprintf(shown_on, ", %.0f/s", rate);
	if (p->total > done && rate > 0) {
		fputs(", ", shown_on);
		print_duration((uint64_t)((double)(p->total - done) / rate + 0.5));
		fputs(" left", shown_on);
	}
	fputs(" (Ctrl-C ends it)\033[K", shown_on);
	fflush(shown_on);
	line_is_there = true;
}

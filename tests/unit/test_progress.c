/* The progress line: when it comes, what it says, when it goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/progress.h"

static char *text;
static size_t length;

static FILE *terminal(void)
{
	FILE *f = open_memstream(&text, &length);
	progress_show_on(f);
	return f;
}

static void done(FILE *f)
{
	progress_show_on(NULL);
	fclose(f);
	free(text);
}

/* As if it had begun so many seconds ago. */
static void age(struct progress *p, uint64_t seconds)
{
	p->begun_ns -= seconds * 1000000000;
	p->shown_ns -= seconds * 1000000000;
}

static void test_not_in_the_first_second(void **state)
{
	(void)state;
	struct progress p;
	FILE *f = terminal();
	progress_begin(&p, "search", PROGRESS_BYTES, 100 << 20);
	progress_step(&p, 50 << 20);
	p.begun_ns -= 800000000;
	p.shown_ns -= 800000000;
	progress_step(&p, 60 << 20);
	progress_end(&p);
	fflush(f);
	assert_int_equal(length, 0);
	done(f);
}

static void test_rate_and_time_left(void **state)
{
	(void)state;
	struct progress p;
	FILE *f = terminal();
	progress_begin(&p, "search", PROGRESS_BYTES, 100 << 20);
	age(&p, 10);
	progress_step(&p, 20 << 20);
	assert_non_null(strstr(text, "\rsearch: 20 of 100 MB, 2 MB/s, 0:40 left"));
	size_t before = length;
	progress_step(&p, 21 << 20); /* too soon */
	assert_int_equal(length, before);
	progress_end(&p);
	fflush(f);
	assert_string_equal(text + length - 4, "\r\033[K");
	done(f);
}

static void test_things_and_unknown_total(void **state)
{
	(void)state;
	struct progress p;
	FILE *f = terminal();
	progress_begin(&p, "stacks", PROGRESS_THINGS, 0);
	age(&p, 2);
	progress_step(&p, 5000);
	assert_non_null(strstr(text, "stacks: 5000, 2500/s (Ctrl-C"));
	progress_end(&p);
	progress_begin(&p, "stacks", PROGRESS_THINGS, 100000000);
	age(&p, 4);
	progress_step(&p, 40000);
	assert_non_null(strstr(text, "40000 of 100000000, 10000/s, 2:46:36 left"));
	/* more than was thought: no time left to tell */
	age(&p, 1);
	progress_step(&p, 200000000);
	assert_non_null(strstr(text, "\rstacks: 200000000, "));
	progress_end(&p);
	done(f);
}

static void test_only_the_outermost(void **state)
{
	(void)state;
	struct progress outer, inner;
	FILE *f = terminal();
	progress_begin(&outer, "outer", PROGRESS_THINGS, 10);
	progress_begin(&inner, "inner", PROGRESS_THINGS, 10);
	age(&outer, 5);
	age(&inner, 5);
	progress_step(&inner, 1);
	fflush(f);
	assert_int_equal(length, 0);
	progress_end(&inner);
	progress_step(&outer, 1);
	assert_non_null(strstr(text, "outer: 1 of 10"));
	progress_end(&outer);
	done(f);
}

static void test_rows_take_it_away(void **state)
{
	(void)state;
	struct progress p;
	FILE *f = terminal();
	progress_begin(&p, "search", PROGRESS_THINGS, 10);
	age(&p, 5);
	progress_step(&p, 1);
	progress_hide();
	fflush(f);
	assert_string_equal(text + length - 4, "\r\033[K");
	age(&p, 5);
	progress_step(&p, 2);
	assert_non_null(strstr(text, "2 of 10"));
	progress_set_paged(true);
	progress_hide(); /* the pager has the terminal now */
	size_t before = length;
	age(&p, 5);
	progress_step(&p, 3);
	fflush(f);
	assert_int_equal(length, before);
	progress_set_paged(false);
	progress_end(&p);
	done(f);
}

static void test_nowhere(void **state)
{
	(void)state;
	struct progress p;
	progress_show_on(NULL);
	progress_begin(&p, "search", PROGRESS_BYTES, 10);
	progress_step(&p, 5);
	progress_hide();
	progress_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_in_the_first_second),
		cmocka_unit_test(test_rate_and_time_left),
		cmocka_unit_test(test_things_and_unknown_total),
		cmocka_unit_test(test_only_the_outermost),
		cmocka_unit_test(test_rows_take_it_away),
		cmocka_unit_test(test_nowhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

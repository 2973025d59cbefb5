/* The pass itself: runs of memory as the dump has them, their seams, and the marks. Pages of
 * zeroes, most of an idle machine's memory, cost one comparison. */
#include "analyzer/target/scan.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"

enum {
	PAGE = 4096, /* every mark that stands at a page's begin does so at the smallest page's */
	STEP = 4 << 20, /* between two looks at Ctrl-C */
	IMEM_OFFSET = 0x6d0,
};

static const char digits[20] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
static const char banner[] = "Linux version ";

void scan_init(struct scan *s, struct dump *d)
{
	*s = (struct scan){ .dump = d };
}

void scan_deinit(struct scan *s)
{
	for (size_t i = 0; i < SCAN_MARKS; i++)
		vec_deinit(&s->hit[i]);
}

static void keep(struct scan *s, enum scan_mark mark, uint64_t pa)
{
	if (s->hit[mark].n < SCAN_HITS_MAX)
		vec_push(&s->hit[mark], ((struct paddr){ pa }));
}

/* ---- marks anywhere ----------------------------------------------- */

static void search_text(struct scan *s, enum scan_mark mark, const char *what, size_t nwhat,
	const uint8_t *p, size_t n, uint64_t pa)
{
	const uint8_t *hit = p, *end = p + n;
	while ((size_t)(end - hit) >= nwhat &&
		(hit = memmem(hit, (size_t)(end - hit), what, nwhat))) {
		keep(s, mark, pa + (size_t)(hit - p));
		hit++;
	}
}

/* Format strings have "Linux version %s"; a digit tells, and whoever asks reads it anyway. */
static void search_bytes(struct scan *s, const uint8_t *p, size_t n, uint64_t pa)
{
	search_text(s, SCAN_DIGITS, digits, sizeof(digits), p, n, pa);
	search_text(s, SCAN_BANNER, banner, sizeof(banner) - 1, p, n, pa);
}

/* What lies across the end of one run and the beginning of the next: pages of a compressed dump are
 * runs of their own. No mark is longer than the seam. */
static void search_seam(struct scan *s, const uint8_t *p, size_t n, uint64_t pa)
{
	size_t kept = s->seam_end == pa ? s->nseam : 0;
	size_t take = n < SCAN_SEAM_BYTES - 1 ? n : SCAN_SEAM_BYTES - 1;
	memcpy(s->seam + kept, p, take);
	if (kept) {
		size_t before[2] = { s->hit[SCAN_DIGITS].n, s->hit[SCAN_BANNER].n };
		search_bytes(s, s->seam, kept + take, pa - kept);
		/* Only what begins before the seam and ends behind it; the rest is met otherwise.
		 */
		for (unsigned m = 0; m < 2; m++) {
			size_t len = m ? sizeof(banner) - 1 : sizeof(digits), to = before[m];
			for (size_t i = to; i < s->hit[m].n; i++)
				if (s->hit[m].v[i].v < pa && s->hit[m].v[i].v + len > pa)
					s->hit[m].v[to++] = s->hit[m].v[i];
			s->hit[m].n = to;
		}
	}
	if (n >= SCAN_SEAM_BYTES - 1) {
		s->nseam = SCAN_SEAM_BYTES - 1;
		memcpy(s->seam, p + n - s->nseam, s->nseam);
	} else {
		size_t all = kept + take;
		s->nseam = all < SCAN_SEAM_BYTES - 1 ? all : SCAN_SEAM_BYTES - 1;
		memmove(s->seam, s->seam + all - s->nseam, s->nseam);
	}
	s->seam_end = pa + n;
}

/* ---- marks at the beginning of a page ----------------------------------------------- */

static void look_at_page(struct scan *s, const uint8_t *p, uint64_t pa)
{
	uint32_t word = load_u32le(p);
	if (word == 0xcceeddffu)
		keep(s, SCAN_KINFO, pa);
	else if (word == 0xedfe0dd0u) /* big-endian on every machine */
		keep(s, SCAN_FDT, pa);
	else if (!memcmp(p, "OSRELEASE=", 10))
		keep(s, SCAN_VMCOREINFO, pa);
	else if (!memcmp(p, "MRDUMP", 6))
		keep(s, SCAN_MRDUMP, pa);
	else if (!memcmp(p, "SPRD_SYSDUMP_119", 16))
		keep(s, SCAN_SYSDUMP, pa);
	if (load_u32le(p + IMEM_OFFSET) == 0xdead4eadu)
		keep(s, SCAN_IMEM, pa);
}

static bool is_zero(const uint8_t *p, size_t n)
{
	return !p[0] && !p[n - 1] && !memcmp(p, p + 1, n - 1);
}

/* Whole pages of a run one by one; what stands between pages of zeroes is searched as one piece. A
 * mark that runs into such a page is none: none ends in a zero. */
static void search_run(struct scan *s, const uint8_t *p, size_t n, uint64_t pa)
{
	size_t at = 0, from = 0;
	search_seam(s, p, n, pa);
	while (at < n) {
		size_t k = PAGE - (pa + at) % PAGE;
		k = k < n - at ? k : n - at;
		if (k == PAGE && is_zero(p + at, k)) {
			search_bytes(s, p + from, at - from, pa + from);
			s->bytes += at - from;
			from = at + k;
		} else if (k == PAGE) {
			look_at_page(s, p + at, pa + at);
		}
		at += k;
	}
	search_bytes(s, p + from, n - from, pa + from);
	s->bytes += n - from;
}

void scan_move(struct scan *s, uint64_t delta)
{
	for (size_t m = 0; m < SCAN_MARKS; m++)
		for (size_t i = 0; i < s->hit[m].n; i++)
			s->hit[m].v[i].v += delta;
	s->seam_end += delta;
}

/* ---- the pass ----------------------------------------------- */

bool scan_finished(const struct scan *s)
{
	return s->extent >= dump_info(s->dump)->nextents;
}

static void next_extent(struct scan *s)
{
	s->extent++;
	s->done = 0;
}

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* One step of at most STEP bytes. */
static void scan_step(struct scan *s)
{
	const struct dump_extent *x = &dump_info(s->dump)->extent[s->extent];
	uint64_t pa = x->start.v + s->done, left = x->size - s->done;
	const uint8_t *p;
	struct paddr data;
	size_t n;
	if (!left || !dump_next_data(s->dump, (struct paddr){ pa }, &data) || data.v - pa >= left) {
		next_extent(s);
		return;
	}
	s->done += data.v - pa;
	left -= data.v - pa;
	pa = data.v;
	if (dump_map(s->dump, (struct paddr){ pa }, &p, &n) != FAULT_NONE) {
		n = (size_t)(PAGE - pa % PAGE);
		n = n < left ? n : (size_t)left;
	} else {
		n = n < left ? n : (size_t)left;
		n = n < STEP ? n : STEP;
		search_run(s, p, n, pa);
	}
	s->done += n;
}

bool scan_seen(const struct scan *s, enum scan_mark mark, size_t i, struct paddr *ret)
{
	if (i >= s->hit[mark].n)
		return false;
	*ret = s->hit[mark].v[i];
	return true;
}

struct err *scan_find(
	struct scan *s, enum scan_mark mark, size_t i, bool *ret_found, struct paddr *ret)
{
	uint64_t start = now_ns();
	struct err *err = NULL;
	while (!err && !scan_finished(s) && s->hit[mark].n <= i && s->hit[mark].n < SCAN_HITS_MAX) {
		scan_step(s);
		err = interrupt_check();
	}
	s->took_ns += now_ns() - start;
	if (!err)
		*ret_found = scan_seen(s, mark, i, ret);
	return err;
}

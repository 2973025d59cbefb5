/*
 * The page cache: one reserved mapping with a place for each page, so that no pointer ever moves
 * and lookup is an index. The kernel gives the memory at the first touch and takes it back when the
 * cache is emptied. Knows nothing of formats.
 */
#include "analyzer/dump/page_cache.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analyzer/base/xalloc.h"

enum {
	STRIPES = 16, /* threads that can fill at once; each has its own codec */
};

enum { PAGE_EMPTY, PAGE_READY };

struct stripe {
	pthread_mutex_t lock;
	struct codec codec;
};

struct page_cache {
	uint8_t *mem;
	size_t mem_bytes;
	uint8_t *state; /* of each page, atomic */
	uint64_t npages;
	uint32_t page_bytes;
	const uint64_t *limit_bytes;
	uint64_t *generation;
	uint64_t used_bytes;    /* atomic */
	pthread_rwlock_t empty; /* held for writing while emptying, for reading while filling */
	struct stripe stripe[STRIPES];
	page_fill_fn fill;
	void *ctx;
};

uint64_t page_cache_default_limit(void)
{
	const uint64_t most = (uint64_t)8 << 30;
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t quarter = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size / 4 : most;
	return quarter < most ? quarter : most;
}

/* MAP_NORESERVE: the dump may well be larger than the host. A host with vm.overcommit_memory=2
 * counts it all the same and may refuse. */
static struct err *reserve(struct page_cache *c)
{
	uint64_t total;
	if (__builtin_mul_overflow(c->npages, (uint64_t)c->page_bytes, &total) ||
		total > SIZE_MAX / 2)
		return err_new(ERR_NO_MEMORY, "page cache: no room for %" PRIu64 " pages",
			c->npages);
	c->mem_bytes = total ? (size_t)total : 1;
	void *mem = mmap(NULL, c->mem_bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return err_new(ERR_NO_MEMORY, "page cache: no address space for %" PRIu64 " bytes",
			total);
	c->mem = mem;
	/* Pages are touched here and there: a huge page for each would break the limit's count. */
	(void)madvise(mem, c->mem_bytes, MADV_NOHUGEPAGE);
	return NULL;
}

struct err *page_cache_create(uint64_t npages, uint32_t page_bytes, const uint64_t *limit_bytes,
	uint64_t *generation, page_fill_fn fill, void *ctx, struct page_cache **ret)
{
	struct page_cache *c = xcalloc(1, sizeof(*c));
	*c = (struct page_cache){
		.npages = npages,
		.page_bytes = page_bytes,
		.limit_bytes = limit_bytes,
		.generation = generation,
		.fill = fill,
		.ctx = ctx,
	};
	pthread_rwlock_init(&c->empty, NULL);
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_init(&c->stripe[i].lock, NULL);
	struct err *err = reserve(c);
	if (!err)
		err = mem_alloc_array((size_t)npages, 1, "page cache", &c->state);
	if (err) {
		page_cache_destroy(c);
		return err;
	}
	*ret = c;
	return NULL;
}

void page_cache_destroy(struct page_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < STRIPES; i++) {
		codec_deinit(&c->stripe[i].codec);
		pthread_mutex_destroy(&c->stripe[i].lock);
	}
	pthread_rwlock_destroy(&c->empty);
	if (c->mem)
		munmap(c->mem, c->mem_bytes);
	free(c->state);
	free(c);
}

static uint8_t *page_at(const struct page_cache *c, uint64_t n)
{
	return c->mem + (size_t)n * c->page_bytes;
}

const uint8_t *page_cache_peek(struct page_cache *c, uint64_t n)
{
	bool ready = __atomic_load_n(&c->state[n], __ATOMIC_ACQUIRE) == PAGE_READY;
	return ready ? page_at(c, n) : NULL;
}

static bool is_full(const struct page_cache *c)
{
	uint64_t used = __atomic_load_n(&c->used_bytes, __ATOMIC_RELAXED);
	return used && used + c->page_bytes > *c->limit_bytes;
}

/*
 * The order matters to readers, who take no lock: (1) states, (2) generation, (3) memory. Who sees
 * the new generation before mapping also sees empty states, and waits for the lock; who saw the old
 * one and then reads zeroes sees afterwards that it changed.
 */
static void make_empty(struct page_cache *c)
{
	pthread_rwlock_wrlock(&c->empty);
	if (is_full(c)) {
		for (uint64_t i = 0; i < c->npages; i++)
			__atomic_store_n(&c->state[i], PAGE_EMPTY, __ATOMIC_RELAXED);
		__atomic_fetch_add(c->generation, 1, __ATOMIC_SEQ_CST);
		(void)madvise(c->mem, c->mem_bytes, MADV_DONTNEED);
		__atomic_store_n(&c->used_bytes, 0, __ATOMIC_RELAXED);
	}
	pthread_rwlock_unlock(&c->empty);
}

static enum fault_kind fill_locked(struct page_cache *c, uint64_t n, struct stripe *s)
{
	if (page_cache_peek(c, n))
		return FAULT_NONE; /* another thread was first */
	enum fault_kind fault = c->fill(c->ctx, n, &s->codec, page_at(c, n));
	if (fault)
		return fault;
	__atomic_fetch_add(&c->used_bytes, c->page_bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&c->state[n], PAGE_READY, __ATOMIC_RELEASE);
	return FAULT_NONE;
}

enum fault_kind page_cache_get(struct page_cache *c, uint64_t n, const uint8_t **ret)
{
	const uint8_t *p = page_cache_peek(c, n);
	if (!p) {
		if (is_full(c))
			make_empty(c);
		struct stripe *s = &c->stripe[n % STRIPES];
		pthread_rwlock_rdlock(&c->empty);
		pthread_mutex_lock(&s->lock);
		enum fault_kind fault = fill_locked(c, n, s);
		pthread_mutex_unlock(&s->lock);
		pthread_rwlock_unlock(&c->empty);
		if (fault)
			return fault;
		p = page_at(c, n);
	}
	*ret = p;
	return FAULT_NONE;
}

/* Ownership by scope: scoped_free and its kin release on every way out; take_ptr() passes on. */
#ifndef ANALYZER_BASE_SCOPE_H
#define ANALYZER_BASE_SCOPE_H

#include <stdlib.h>
#include <unistd.h>

static inline void scope_free(void *p)
{
	free(*(void **)p);
}
static inline void scope_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define scoped_free __attribute__((cleanup(scope_free)))
#define scoped_fd   __attribute__((cleanup(scope_close)))

/* Gives the pointer away: the variable becomes NULL, its guard has nothing to do. */
#define take_ptr(p)                                                                                \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif

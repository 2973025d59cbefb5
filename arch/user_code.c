/* Reads code forward from a function's beginning. What instructions mean is the architecture's. */
#include "arch/user_code.h"

bool ra_is_live(const struct arch_env *env, uint64_t start, uint64_t pc, bool thumb,
	code_event_fn event, int32_t *ret_down)
{
	enum { BYTES_MAX = 4096 };
	bool saved = false, ever = false;
	int32_t down = 0;

	if (pc < start || pc - start > BYTES_MAX)
		return false;
	for (uint64_t va = start; va < pc;) {
		struct code_event e;
		if (!event(env, va, thumb, &e) || !e.bytes || e.what == RA_LOST)
			return false;
		if (e.what == RA_SAVED)
			saved = ever = true;
		else if (e.what == RA_RESTORED)
			saved = false;
		else if ((e.what == RA_CALL && !saved) || (e.what == RA_LEAVES && (ever || down)))
			return false;
		down += e.down;
		va += e.bytes;
	}
	*ret_down = down;
	return !saved && down >= 0;
}

/*
 * VMCOREINFO as text: KEY=VALUE lines. Knows how the kernel prints its numbers, not what they mean.
 */
#include "analyzer/dump/dump.h"

#include <string.h>

#include "analyzer/base/number.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

bool vmcoreinfo_find(const char *text, const char *key, char **ret)
{
	size_t nkey = strlen(key);
	for (const char *line = text; line && *line;) {
		size_t n = strcspn(line, "\n");
		if (n > nkey && line[nkey] == '=' && memcmp(line, key, nkey) == 0) {
			*ret = xstrndup(line + nkey + 1, n - nkey - 1);
			return true;
		}
		line += n;
		line += *line == '\n';
	}
	return false;
}

/* include/linux/vmcore_info.h (crash_core.h, kexec.h before): VMCOREINFO_SYMBOL prints %lx and
 * arch_crash_save_vmcoreinfo() of arm64 prints KERNELOFFSET=%lx; the rest is %ld, %lu or 0x%llx. */
static bool is_bare_hex(const char *key)
{
	return strncmp(key, "SYMBOL(", 7) == 0 || strcmp(key, "KERNELOFFSET") == 0;
}

bool vmcoreinfo_number(const char *text, const char *key, uint64_t *ret)
{
	scoped_free char *s = NULL;
	if (!vmcoreinfo_find(text, key, &s))
		return false;
	if (is_bare_hex(key))
		return number_parse_hex(s, ret);
	int64_t v;
	if (*s != '-')
		return number_parse(s, ret);
	if (!number_parse_signed(s, &v))
		return false;
	*ret = (uint64_t)v;
	return true;
}

#include "analyzer/target/same_kernel.h"

#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/target/finder.h"
#include "analyzer/target/private.h"

static char *hex_string(const uint8_t *p, size_t n)
{
	struct strbuf b = { 0 };
	for (size_t i = 0; i < n; i++)
		strbuf_addf(&b, "%02x", p[i]);
	return strbuf_take(&b);
}

static struct err *mismatch(const struct target *t, const char *dump_has)
{
	scoped_free char *vm = vmlinux_describe(t->vmlinux);
	return err_new(ERR_MISMATCH,
		"%s and %s do not match: the vmlinux is %s; the dump holds %s "
		"(--force goes on)",
		t->vmlinux->path, dump_info(t->dump)->path, vm, dump_has);
}

struct err *same_kernel_check(const struct target *t)
{
	scoped_free char *dump_id = NULL;
	const char *text = target_vmcoreinfo(t);
	if (!t->vmlinux || !t->vmlinux->build_id_bytes ||
		!vmcoreinfo_find(text, "BUILD-ID", &dump_id))
		return NULL;
	scoped_free char *id = hex_string(t->vmlinux->build_id, t->vmlinux->build_id_bytes);
	if (!strcasecmp(id, dump_id))
		return NULL;
	scoped_free char *release = NULL;
	vmcoreinfo_find(text, "OSRELEASE", &release);
	scoped_free char *has =
		xasprintf("Linux %s, build-id %s", release ? release : "?", dump_id);
	return mismatch(t, has);
}

struct err *same_kernel_explain(struct target *t, struct err *not_found)
{
	scoped_free char *banner = finder_dump_banner(&t->priv->scan);
	const char *words = "Linux version ";
	if (banner && t->vmlinux && t->vmlinux->banner &&
		strncmp(banner, t->vmlinux->banner, strlen(banner))) {
		err_drop(not_found);
		scoped_free char *has = xasprintf("Linux %s", banner + strlen(words));
		return mismatch(t, has);
	}
	return not_found;
}

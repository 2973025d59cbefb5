/*
 * The kernel's configuration, where it is built in (CONFIG_IKCONFIG): kernel/configs.c (bin: 6.1)
 * keeps it gzip'ed between the marks IKCFG_ST and IKCFG_ED in .rodata.
 */
#include <stdlib.h>
#include <zlib.h>

#include "analyzer/base/number.h"
#include "analyzer/base/scope.h"
#include "analyzer/target/image_scan.h"
#include "analyzer/target/private.h"

enum { MARK_BYTES = 8, PACKED_BYTES_MAX = 1 << 20, TEXT_BYTES_MAX = 4 << 20 };

static char *unpack(uint8_t *packed, size_t n)
{
	enum { GZIP = 16 };
	scoped_free char *text = xmalloc(TEXT_BYTES_MAX + 1);
	z_stream z = {
		.next_in = packed,
		.avail_in = (uInt)n,
		.next_out = (uint8_t *)text,
		.avail_out = TEXT_BYTES_MAX,
	};
	if (inflateInit2(&z, GZIP + MAX_WBITS) != Z_OK)
		return NULL;
	int end = inflate(&z, Z_FINISH);
	size_t got = z.total_out;
	inflateEnd(&z);
	if (end != Z_STREAM_END)
		return NULL;
	text[got] = '\0';
	return xstrdup(text);
}

static bool is_config(struct target *t, uint64_t va, void *cx)
{
	scoped_free uint8_t *packed = xmalloc(PACKED_BYTES_MAX);
	size_t n = 0, step = 4096;
	va += MARK_BYTES;
	while (n + step <= PACKED_BYTES_MAX && image_read(t, va + n, packed + n, step))
		n += step;
	const uint8_t *end = memmem(packed, n, "IKCFG_ED", MARK_BYTES);
	if (!end)
		return false;
	*(char **)cx = unpack(packed, (size_t)(end - packed));
	return *(char **)cx;
}

const char *target_config(struct target *t)
{
	struct symbol s;
	if (t->priv->config_sought || !t->image.va)
		return t->priv->config;
	t->priv->config_sought = true;
	if (symtab_find_kernel(t->syms, "kernel_config_data", &s)) {
		is_config(t, s.va - MARK_BYTES, &t->priv->config); /* bin 6.1: the mark is before */
		if (!t->priv->config)
			is_config(t, s.va, &t->priv->config);
	} else if (!t->vmlinux) { /* whose symbols would have it */
		image_scan(t, "IKCFG_ST", MARK_BYTES, 0, is_config, &t->priv->config);
	}
	return t->priv->config;
}

bool target_config_number(struct target *t, const char *option, uint64_t *ret)
{
	/* Not while the kernel's space is being sought: that must not cost an unpacking. */
	const char *text = t->kernel ? target_config(t) : NULL;
	scoped_free char *key = xasprintf("CONFIG_%s", option), *value = NULL;
	if (!text)
		return false;
	if (!vmcoreinfo_find(text, key, &value))
		*ret = 0; /* "# CONFIG_X is not set", or unknown to this kernel */
	else if (!strcmp(value, "y") || !strcmp(value, "m"))
		*ret = 1;
	else if (!number_parse(value, ret))
		return false;
	return true;
}

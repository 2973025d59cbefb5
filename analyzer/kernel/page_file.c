/*
 * From an address_space to its inode, and to one of the inode's names (include/linux/fs.h,
 * dcache.h; 4.19 to 7.2). A page knows no mount, so the path is that within the file system.
 */
#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/kernel/page_state.h"

#define FILE_HINT "fs/inode.c"

enum { STEPS_MAX = 512, PATH_BYTES = 4096, MINOR_BITS = 20 /* include/linux/kdev_t.h */ };

struct space_words {
	uint64_t host;
};
static const struct view_field space_fields[] = { FIELD(struct space_words, host, "host") };
static const struct view_spec space_spec = { .type = "address_space",
	.hint = FILE_HINT,
	.fields = space_fields,
	.nfields = ARRAY_SIZE(space_fields) };

struct inode_words {
	uint64_t number, sb, first_dentry;
};
static const struct view_field inode_fields[] = {
	FIELD(struct inode_words, number, "i_ino"),
	FIELD(struct inode_words, sb, "i_sb"),
	FIELD(struct inode_words, first_dentry, "i_dentry.first"),
};
static const struct view_spec inode_spec = { .type = "inode",
	.hint = FILE_HINT,
	.fields = inode_fields,
	.nfields = ARRAY_SIZE(inode_fields) };

struct super_words {
	uint32_t dev;
	uint64_t type;
};
static const struct view_field super_fields[] = {
	FIELD(struct super_words, dev, "s_dev"),
	FIELD(struct super_words, type, "s_type"),
};
static const struct view_spec super_spec = { .type = "super_block",
	.hint = "fs/super.c",
	.fields = super_fields,
	.nfields = ARRAY_SIZE(super_fields) };

struct type_words {
	uint64_t name;
};
static const struct view_field type_fields[] = { FIELD(struct type_words, name, "name") };
static const struct view_spec type_spec = { .type = "file_system_type",
	.hint = "fs/super.c",
	.fields = type_fields,
	.nfields = ARRAY_SIZE(type_fields) };

struct dentry_words {
	uint64_t parent, name, alias_va;
	uint32_t name_len;
};
enum { DENTRY_ALIAS = 3 };
static const struct view_field dentry_fields[] = {
	FIELD(struct dentry_words, parent, "d_parent"),
	FIELD(struct dentry_words, name, "d_name.name"),
	FIELD(struct dentry_words, name_len, "d_name.len"),
	FIELD_ADDRESS(struct dentry_words, alias_va, "d_alias", "d_u.d_alias"),
};
static const struct view_spec dentry_spec = { .type = "dentry",
	.hint = "fs/dcache.c",
	.fields = dentry_fields,
	.nfields = ARRAY_SIZE(dentry_fields) };

static struct err *read_object(
	struct target *t, const struct view_spec *spec, uint64_t va, void *ret)
{
	const struct view *v;
	struct err *err = target_view(t, spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, ret);
	return err_wrap(err, "%s 0x%" PRIx64, spec->type, va);
}

struct err *page_file_read(struct target *t, uint64_t mapping_va, struct page_file *ret)
{
	struct page_file f = { 0 };
	struct space_words space;
	struct inode_words inode;
	struct super_words super;
	struct type_words type;
	struct err *err = read_object(t, &space_spec, mapping_va, &space);
	if (!err && !space.host) {
		*ret = f;
		return NULL;
	}
	if (!err)
		err = read_object(t, &inode_spec, space.host, &inode);
	if (!err)
		err = read_object(t, &super_spec, inode.sb, &super);
	if (!err)
		err = read_object(t, &type_spec, super.type, &type);
	if (!err)
		err = vspace_read_str(t->kernel, type.name, f.fs, sizeof(f.fs));
	if (err)
		return err;
	f.inode_va = space.host;
	f.inode = inode.number;
	f.major = super.dev >> MINOR_BITS;
	f.minor = super.dev & ((1u << MINOR_BITS) - 1);
	*ret = f;
	return NULL;
}

/* "/NAME" before what is there; a root's own name is "/" and adds nothing. */
static struct err *prepend(struct target *t, const struct dentry_words *d, struct strbuf *path)
{
	char name[256]; /* NAME_MAX is 255 */
	scoped_strbuf struct strbuf longer = { 0 };
	if (d->name_len >= sizeof(name) || path->len + d->name_len >= PATH_BYTES)
		return err_new(ERR_FORMAT, "a name of %u bytes", d->name_len);
	struct err *err = vspace_read(t->kernel, d->name, name, d->name_len);
	if (err)
		return err;
	strbuf_add_char(&longer, '/');
	strbuf_add_bytes(&longer, name, strnlen(name, d->name_len));
	strbuf_add_bytes(&longer, strbuf_text(path), path->len);
	strbuf_reset(path);
	strbuf_add_bytes(path, longer.s, longer.len);
	return NULL;
}

struct err *page_file_format(struct target *t, const struct page_file *f, struct strbuf *out)
{
	struct inode_words inode = { 0 };
	struct dentry_words d;
	const struct view *v;
	scoped_strbuf struct strbuf path = { 0 };
	struct err *err = target_view(t, &dentry_spec, &v);
	if (!err && f->inode_va)
		err = read_object(t, &inode_spec, f->inode_va, &inode);
	if (err || !inode.first_dentry)
		return err;
	uint64_t va = inode.first_dentry - view_offset(v, DENTRY_ALIAS);
	if (t->abi.word_bytes == 4)
		va &= UINT32_MAX;
	for (unsigned i = 0; i < STEPS_MAX; i++) {
		err = interrupt_check();
		if (!err)
			err = read_object(t, &dentry_spec, va, &d);
		if (!err && d.parent == va && path.len) {
			strbuf_add(out, path.s);
			return NULL;
		}
		if (!err)
			err = prepend(t, &d, &path);
		if (err)
			return err_wrap(err, "the name of inode 0x%" PRIx64, f->inode_va);
		if (d.parent == va) { /* a name without a place: "memfd:x" */
			strbuf_add(out, path.s + (path.len > 1 && path.s[1] != '/'));
			return NULL;
		}
		va = d.parent;
	}
	return err_new(ERR_LIMIT, "the name of inode 0x%" PRIx64 ": no root within %d steps",
		f->inode_va, STEPS_MAX);
}

/*
 * Files, dentries and mounts (include/linux/fs.h, dcache.h, mount.h, fs/mount.h, fs/d_path.c; 4.19
 * to 7.2). A file system may name its dentries itself (d_op->d_dname); which function does it is
 * known by its symbol. Every chain has a limit.
 */
#include "analyzer/kernel/file_path.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"

/* Names of one path and mounts in mounts: a path of 4096 bytes has at most 2048 names. */
enum { STEPS_MAX = 8192, MINOR_BITS = 20 };

/* FMODE_BACKING (include/linux/fs.h): a file that overlayfs opened on behalf of another. Bit 25
 * in 6.5 and 6.6, bit 24 in 6.12 and 7.2, where 25 is FMODE_NONOTIFY: neither alone is a proof. */
static const uint64_t mode_backing = 3 << 24;

struct file {
	uint64_t dentry, vfsmount, inode, mode;
};
static const struct view_field file_fields[] = {
	FIELD(struct file, dentry, "f_path.dentry"),
	FIELD(struct file, vfsmount, "f_path.mnt"),
	FIELD(struct file, inode, "f_inode"),
	FIELD(struct file, mode, "f_mode"),
};
static const struct view_spec file_spec = { .type = "file",
	.hint = "fs/open.c",
	.fields = file_fields,
	.nfields = ARRAY_SIZE(file_fields) };

struct backing_file {
	uint64_t dentry, vfsmount;
};
static const struct view_field backing_fields[] = {
	FIELD(struct backing_file, dentry, "user_path.dentry", "real_path.dentry"),
	FIELD(struct backing_file, vfsmount, "user_path.mnt", "real_path.mnt"),
};
static const struct view_spec backing_spec = { .type = "backing_file",
	.hint = "fs/file_table.c",
	.fields = backing_fields,
	.nfields = ARRAY_SIZE(backing_fields) };

struct dentry {
	uint64_t parent, name, inode, ops, hash_pprev;
	uint32_t name_len;
};
static const struct view_field dentry_fields[] = {
	FIELD(struct dentry, parent, "d_parent"),
	FIELD(struct dentry, name, "d_name.name"),
	FIELD(struct dentry, name_len, "d_name.len"),
	FIELD(struct dentry, inode, "d_inode"),
	FIELD(struct dentry, ops, "d_op"),
	FIELD(struct dentry, hash_pprev, "d_hash.pprev"),
};
static const struct view_spec dentry_spec = { .type = "dentry",
	.hint = "fs/dcache.c",
	.fields = dentry_fields,
	.nfields = ARRAY_SIZE(dentry_fields) };

struct dentry_ops {
	uint64_t dname;
};
static const struct view_field ops_fields[] = { FIELD(struct dentry_ops, dname, "d_dname") };
static const struct view_spec ops_spec = { .type = "dentry_operations",
	.hint = "fs/dcache.c",
	.fields = ops_fields,
	.nfields = ARRAY_SIZE(ops_fields) };

struct mount {
	uint64_t va, parent, mountpoint, root;
};
enum { MOUNT_VFSMOUNT = 3 };
static const struct view_field mount_fields[] = {
	FIELD(struct mount, parent, "mnt_parent"),
	FIELD(struct mount, mountpoint, "mnt_mountpoint"),
	FIELD(struct mount, root, "mnt.mnt_root"),
	FIELD_ADDRESS(struct mount, va, "mnt"), /* for its offset only */
};
static const struct view_spec mount_spec = { .type = "mount",
	.hint = "fs/namespace.c",
	.fields = mount_fields,
	.nfields = ARRAY_SIZE(mount_fields) };

struct inode {
	uint64_t sb, number;
};
static const struct view_field inode_fields[] = {
	FIELD(struct inode, sb, "i_sb"),
	FIELD(struct inode, number, "i_ino"),
};
static const struct view_spec inode_spec = { .type = "inode",
	.hint = "fs/inode.c",
	.fields = inode_fields,
	.nfields = ARRAY_SIZE(inode_fields) };

struct super {
	uint32_t dev;
};
static const struct view_field super_fields[] = { FIELD(struct super, dev, "s_dev") };
static const struct view_spec super_spec = { .type = "super_block",
	.hint = "fs/super.c",
	.fields = super_fields,
	.nfields = ARRAY_SIZE(super_fields) };

static struct err *read_object(
	struct target *t, const struct view_spec *spec, uint64_t va, void *ret)
{
	const struct view *v;
	struct err *err = target_view(t, spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, ret);
	return err_wrap(err, "%s 0x%" PRIx64, spec->type, va);
}

/* ---- names ----------------------------------------------- */

static struct err *read_name(struct target *t, const struct dentry *d, struct strbuf *out)
{
	char name[256]; /* NAME_MAX is 255 */
	if (d->name_len >= sizeof(name))
		return err_new(ERR_FORMAT, "a name of %u bytes", d->name_len);
	struct err *err = vspace_read(t->kernel, d->name, name, d->name_len);
	if (!err)
		strbuf_add_bytes(out, name, strnlen(name, d->name_len));
	return err;
}

/* The function that names dentries of this kind, as a symbol; "" where it has no symbol. */
static struct err *find_namer(struct target *t, const struct dentry *d, const char **ret)
{
	struct dentry_ops ops = { 0 };
	struct symbol sym;
	*ret = NULL;
	if (!d->ops)
		return NULL;
	struct err *err = read_object(t, &ops_spec, d->ops, &ops);
	if (err || !ops.dname)
		return err;
	*ret = symtab_at(t->syms, ops.dname & ~1ull, &sym) ? sym.name : "";
	return NULL;
}

/* What such functions write: fs/pipe.c, net/socket.c, fs/anon_inodes.c, fs/libfs.c. */
static struct err *format_own_name(
	struct target *t, const struct dentry *d, const char *namer, struct strbuf *out)
{
	struct inode inode = { 0 };
	scoped_strbuf struct strbuf name = { 0 };
	struct err *err = read_name(t, d, &name);
	if (!err && d->inode)
		err = read_object(t, &inode_spec, d->inode, &inode);
	if (err)
		return err;
	if (!strcmp(namer, "simple_dname"))
		strbuf_addf(out, "/%s (deleted)", strbuf_text(&name));
	else if (!strcmp(namer, "pipefs_dname"))
		strbuf_addf(out, "pipe:[%" PRIu64 "]", inode.number);
	else if (!strcmp(namer, "sockfs_dname"))
		strbuf_addf(out, "socket:[%" PRIu64 "]", inode.number);
	else if (!strcmp(namer, "anon_inodefs_dname"))
		strbuf_addf(out, "anon_inode:%s", strbuf_text(&name));
	else
		strbuf_addf(
			out, "%s:[%" PRIu64 "]", name.len ? strbuf_text(&name) : "?", inode.number);
	return NULL;
}

/* ---- the way up ----------------------------------------------- */

static struct err *read_mount(struct target *t, uint64_t vfsmount, struct mount *ret)
{
	const struct view *v;
	struct err *err = target_view(t, &mount_spec, &v);
	if (err)
		return err;
	uint64_t va = vfsmount - view_offset(v, MOUNT_VFSMOUNT),
		 mask = t->abi.word_bytes == 4 ? UINT32_MAX : UINT64_MAX;
	err = view_read(v, t->kernel, va & mask, ret);
	ret->va = va & mask;
	return err_wrap(err, "mount 0x%" PRIx64, va & mask);
}

static struct err *read_mount_at(struct target *t, uint64_t va, struct mount *ret)
{
	struct err *err = read_object(t, &mount_spec, va, ret);
	ret->va = va;
	return err;
}

/* Puts "/NAME" before what is there. */
static struct err *prepend(struct target *t, const struct dentry *d, struct strbuf *path)
{
	scoped_strbuf struct strbuf longer = { 0 };
	strbuf_add_char(&longer, '/');
	struct err *err = read_name(t, d, &longer);
	if (err)
		return err;
	strbuf_add_bytes(&longer, strbuf_text(path), path->len);
	if (longer.len >= FILE_PATH_BYTES)
		return err_new(ERR_LIMIT, "a path of more than %d bytes", FILE_PATH_BYTES);
	strbuf_reset(path);
	strbuf_add_bytes(path, longer.s, longer.len);
	return NULL;
}

static struct err *walk_up(struct target *t, uint64_t dentry, struct mount *m, struct strbuf *path)
{
	for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
		struct dentry d;
		struct err *err = interrupt_check();
		if (!err && dentry == m->root) {
			if (m->parent == m->va || !m->parent)
				return NULL; /* the namespace's root, or a mount of the kernel's own
					      */
			dentry = m->mountpoint;
			err = read_mount_at(t, m->parent, m);
			if (err)
				return err;
			continue;
		}
		if (!err)
			err = read_object(t, &dentry_spec, dentry, &d);
		if (!err && d.parent == dentry)
			return NULL; /* a root that is no mount's: moved away meanwhile */
		if (!err)
			err = prepend(t, &d, path);
		if (err)
			return err;
		dentry = d.parent;
	}
	return err_new(ERR_LIMIT, "no root within %d steps", STEPS_MAX);
}

struct err *dentry_path_format(
	struct target *t, uint64_t dentry, uint64_t vfsmount, struct strbuf *out)
{
	struct dentry d;
	struct mount m;
	const char *namer = NULL;
	scoped_strbuf struct strbuf path = { 0 };
	struct err *err = read_object(t, &dentry_spec, dentry, &d);
	if (!err)
		err = read_mount(t, vfsmount, &m);
	if (!err)
		err = find_namer(t, &d, &namer);
	if (err)
		return err;
	bool is_root = d.parent == dentry;
	if (namer && !(is_root && dentry == m.root))
		return format_own_name(t, &d, namer, out);
	err = walk_up(t, dentry, &m, &path);
	if (err)
		return err;
	strbuf_add(out, path.len ? strbuf_text(&path) : "/");
	strbuf_add(out, !d.hash_pprev && !is_root ? " (deleted)" : "");
	return NULL;
}

/* ---- files ----------------------------------------------- */

/* Whether a dentry and a mount stand there, as far as their first pointers tell. */
static bool is_path(struct target *t, uint64_t dentry, uint64_t vfsmount)
{
	struct dentry d = { 0 }, parent = { 0 }, root = { 0 };
	struct mount m = { 0 };
	struct err *err = dentry && vfsmount ? read_object(t, &dentry_spec, dentry, &d)
					     : err_new(ERR_NOT_FOUND, "no path");
	if (!err)
		err = read_object(t, &dentry_spec, d.parent, &parent);
	if (!err)
		err = read_mount(t, vfsmount, &m);
	if (!err)
		err = read_object(t, &dentry_spec, m.root, &root);
	bool good = !err;
	err_drop(err); /* something else lies there */
	return good;
}

/* The file's own path, or that of the file which stands before it for users (file_user_path(),
 * since 6.8). */
static struct err *user_path(struct target *t, uint64_t va, struct file *io_f)
{
	struct backing_file b = { 0 };
	if (!(io_f->mode & mode_backing))
		return NULL;
	struct err *err = read_object(t, &backing_spec, va, &b);
	if (err && err->code == ERR_MISSING) {
		err_drop(err); /* before 6.5 this bit means something else */
		return NULL;
	}
	if (!err && is_path(t, b.dentry, b.vfsmount)) {
		io_f->dentry = b.dentry;
		io_f->vfsmount = b.vfsmount;
	}
	return err;
}

struct err *file_path_format(struct target *t, uint64_t va, struct strbuf *out)
{
	struct file f = { 0 };
	struct err *err = read_object(t, &file_spec, va, &f);
	if (!err)
		err = user_path(t, va, &f);
	return err ? err : dentry_path_format(t, f.dentry, f.vfsmount, out);
}

struct err *file_inode_read(struct target *t, uint64_t va, struct file_inode *ret)
{
	struct file f = { 0 };
	struct dentry d = { 0 };
	struct inode i = { 0 };
	struct super s = { 0 };
	struct err *err = read_object(t, &file_spec, va, &f);
	uint64_t own = f.dentry;
	if (!err)
		err = user_path(t, va, &f);
	if (!err && f.dentry != own) { /* file_user_inode() */
		err = read_object(t, &dentry_spec, f.dentry, &d);
		f.inode = d.inode;
	}
	if (!err)
		err = read_object(t, &inode_spec, f.inode, &i);
	if (!err)
		err = read_object(t, &super_spec, i.sb, &s);
	if (err)
		return err;
	ret->major = s.dev >> MINOR_BITS; /* include/linux/kdev_t.h */
	ret->minor = s.dev & ((1u << MINOR_BITS) - 1);
	ret->inode = i.number;
	return NULL;
}

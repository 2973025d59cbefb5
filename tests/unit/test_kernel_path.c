/* Paths of files over hand-made dentries and mounts: mounts in mounts, bind mounts, unlinked and
 * unnamed files, and damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "analyzer/kernel/file_path.h"
#include "tests/unit/fake_kernel.h"

enum {
	ROOT_MOUNT = 0x1000,
	TMP_MOUNT = 0x1100,
	DEEP_MOUNT = 0x1200,
	OWN_MOUNT = 0x1300,
	ROOT = 0x2000,
	TMP = 0x2100,
	TMP_ROOT = 0x2200,
	DIR = 0x2300,
	DEEP_ROOT = 0x2400,
	LEAF = 0x2500,
	FILE_AT = 0x3000,
	INODE = 0x3100,
	SUPER = 0x3200,
	OPS = 0x3300,
	NAMES = 0x4000,
};

static void dentry(struct fake *f, uint64_t at, uint64_t parent, const char *name)
{
	uint64_t text = NAMES + (at - ROOT) / 4;
	fake_bytes(f, text, name, strlen(name));
	fake_set(f, "dentry", at, "d_parent", fake_va(f, parent));
	fake_set(f, "dentry", at, "d_name.name", fake_va(f, text));
	fake_set(f, "dentry", at, "d_name.len", strlen(name));
	fake_set(f, "dentry", at, "d_inode", fake_va(f, INODE));
	fake_set(f, "dentry", at, "d_hash.pprev", 1);
}

static void mount(struct fake *f, uint64_t at, uint64_t parent, uint64_t mountpoint, uint64_t root)
{
	fake_set(f, "mount", at, "mnt_parent", fake_va(f, parent));
	fake_set(f, "mount", at, "mnt_mountpoint", fake_va(f, mountpoint));
	fake_set(f, "mount", at, "mnt.mnt_root", fake_va(f, root));
}

static void set_file(struct fake *f, uint64_t at_dentry, uint64_t at_mount)
{
	fake_set(f, "file", FILE_AT, "f_path.dentry", fake_va(f, at_dentry));
	fake_set(f, "file", FILE_AT, "f_path.mnt",
		fake_va(f, at_mount + fake_offsetof(f, "mount", "mnt")));
	fake_set(f, "file", FILE_AT, "f_inode", fake_va(f, INODE));
}

/* "/" with "/tmp" mounted, and in that "/tmp/dir" mounted again, where "leaf" lies. */
static void path_init(struct fake *f, unsigned word)
{
	fake_init(f, word);
	FAKE_STRUCT(f, "path", "mnt:word", "dentry:word");
	FAKE_STRUCT(f, "file", "f_mode:u32", "f_path:path", "f_inode:word");
	FAKE_STRUCT(f, "qstr", "hash:u32", "len:u32", "name:word");
	FAKE_STRUCT(f, "hash_node", "next:word", "pprev:word");
	FAKE_STRUCT(f, "dentry", "d_flags:u32", "d_hash:hash_node", "d_parent:word", "d_name:qstr",
		"d_inode:word", "d_op:word");
	FAKE_STRUCT(f, "dentry_operations", "d_hash:word", "d_dname:word");
	FAKE_STRUCT(f, "vfsmount", "mnt_root:word", "mnt_sb:word");
	FAKE_STRUCT(f, "mount", "mnt_parent:word", "mnt_mountpoint:word", "mnt:vfsmount");
	FAKE_STRUCT(f, "inode", "i_sb:word", "i_ino:word");
	FAKE_STRUCT(f, "super_block", "s_dev:u32");
	dentry(f, ROOT, ROOT, "/");
	dentry(f, TMP, ROOT, "tmp");
	dentry(f, TMP_ROOT, TMP_ROOT, "/");
	dentry(f, DIR, TMP_ROOT, "dir");
	dentry(f, DEEP_ROOT, DEEP_ROOT, "/");
	dentry(f, LEAF, DEEP_ROOT, "leaf");
	mount(f, ROOT_MOUNT, ROOT_MOUNT, ROOT, ROOT);
	mount(f, TMP_MOUNT, ROOT_MOUNT, TMP, TMP_ROOT);
	mount(f, DEEP_MOUNT, TMP_MOUNT, DIR, DEEP_ROOT);
	mount(f, OWN_MOUNT, OWN_MOUNT, DEEP_ROOT, DEEP_ROOT);
	fake_set(f, "inode", INODE, "i_ino", 77);
	fake_set(f, "inode", INODE, "i_sb", fake_va(f, SUPER));
	fake_set(f, "super_block", SUPER, "s_dev", 0x00800012);
}

static void path_is(struct fake *f, const char *want)
{
	struct strbuf text = { 0 };
	struct err *err = file_path_format(f->t, fake_va(f, FILE_AT), &text);
	if (err)
		fail_msg("%s", err->msg);
	assert_string_equal(strbuf_text(&text), want);
	strbuf_deinit(&text);
}

static void path_fails(struct fake *f, enum err_code code, const char *words)
{
	struct strbuf text = { 0 };
	struct err *err = file_path_format(f->t, fake_va(f, FILE_AT), &text);
	assert_non_null(err);
	assert_int_equal(err->code, code);
	assert_non_null(strstr(err->msg, words));
	assert_int_equal(text.len, 0);
	strbuf_deinit(&text);
	err_drop(err);
}

static void test_mounts(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake f;
		struct file_inode inode;
		path_init(&f, word);
		set_file(&f, LEAF, DEEP_MOUNT);
		path_is(&f, "/tmp/dir/leaf");
		set_file(&f, DIR, TMP_MOUNT);
		path_is(&f, "/tmp/dir");
		set_file(&f, ROOT, ROOT_MOUNT);
		path_is(&f, "/");
		/* the same file by a bind mount of its own directory on /tmp */
		mount(&f, DEEP_MOUNT, ROOT_MOUNT, TMP, DEEP_ROOT);
		set_file(&f, LEAF, DEEP_MOUNT);
		path_is(&f, "/tmp/leaf");
		assert_null(file_inode_read(f.t, fake_va(&f, FILE_AT), &inode));
		assert_int_equal(inode.major, 8);
		assert_int_equal(inode.minor, 0x12);
		assert_int_equal(inode.inode, 77);
		fake_deinit(&f);
	}
}

static void test_unlinked_and_unnamed(void **state)
{
	static const struct {
		const char *symbol, *want;
	} own[] = {
		{ "simple_dname", "/leaf (deleted)" },
		{ "pipefs_dname", "pipe:[77]" },
		{ "sockfs_dname", "socket:[77]" },
		{ "anon_inodefs_dname", "anon_inode:leaf" },
		{ "other_dname", "leaf:[77]" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		struct fake f;
		path_init(&f, 4);
		set_file(&f, LEAF, OWN_MOUNT);
		path_is(&f, "/leaf");
		fake_set(&f, "dentry", LEAF, "d_hash.pprev", 0);
		path_is(&f, "/leaf (deleted)");
		fake_set(&f, "dentry", LEAF, "d_op", fake_va(&f, OPS));
		fake_set(&f, "dentry_operations", OPS, "d_dname", fake_va(&f, 0x5001)); /* Thumb */
		fake_symbol(&f, own[i].symbol, 0x5000, 32);
		path_is(&f, own[i].want);
		fake_deinit(&f);
	}
}

static void test_damage(void **state)
{
	struct fake f;
	(void)state;
	path_init(&f, 8);
	set_file(&f, LEAF, DEEP_MOUNT);
	fake_set(&f, "dentry", LEAF, "d_name.len", 256);
	path_fails(&f, ERR_FORMAT, "256 bytes");
	/* mounts that hang in each other, and dentries that are each other's parents */
	fake_set(&f, "dentry", LEAF, "d_name.len", 4);
	mount(&f, TMP_MOUNT, DEEP_MOUNT, DEEP_ROOT, TMP_ROOT);
	mount(&f, DEEP_MOUNT, TMP_MOUNT, TMP_ROOT, DEEP_ROOT);
	path_fails(&f, ERR_LIMIT, "no root");
	fake_set(&f, "dentry", DEEP_ROOT, "d_parent", fake_va(&f, LEAF));
	mount(&f, DEEP_MOUNT, TMP_MOUNT, TMP_ROOT, ROOT);
	path_fails(&f, ERR_LIMIT, "more than 4096 bytes");
	set_file(&f, 0x7000000, DEEP_MOUNT);
	path_fails(&f, ERR_FAULT, "dentry 0x");
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_unlinked_and_unnamed),
		cmocka_unit_test(test_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

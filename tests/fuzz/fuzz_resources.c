/* Swap areas, System V objects, BPF programs and sockets of any content. The input is pages of a
 * fake target (fake_pages.h); its flags choose which of them. */
#include <stdlib.h>

#include "analyzer/kernel/bpf.h"
#include "analyzer/kernel/ipc.h"
#include "analyzer/kernel/socket.h"
#include "analyzer/kernel/swap.h"
#include "tests/unit/fake_pages.h"
#include "tests/unit/fake_trees.h"

enum { SWAP, IPC, BPF, SOCKETS, GROUPS };
/* Close together, where the driver's mutations mostly fall. */
enum { AT = 0x1000, TABLE = 0x1040, OBJECT = 0x1080, OTHER = 0x1180, NODE = 0x1400 };
enum { OBJECT_STEP = 0x50, AUX = OBJECT + 0x60, MAPS = AT + 0x40 };
/* Pages bound how much can be told; this is far above. */
enum { TOLD_MAX = 1 << 16 };

static void declare_files(struct fake *f)
{
	FAKE_STRUCT(f, "address_space", "nrpages:word");
	FAKE_STRUCT(f, "inode", "i_mode:u16", "i_mapping:word", "i_ino:word");
	FAKE_STRUCT(f, "file", "f_inode:word", "f_op:word");
}

static void declare_idr(struct fake *f)
{
	fake_xarray_types(f, DIALECT_XARRAY);
	FAKE_STRUCT(f, "idr", "idr_rt:xarray", "idr_base:u32", "idr_next:u32");
	FAKE_STRUCT(f, "kuid", "val:u32");
}

static void declare_swap(struct fake *f)
{
	declare_files(f);
	FAKE_STRUCT(f, "swap_info_struct", "flags:word", "prio:u16", "pages:u32", "inuse_pages:u32",
		"swap_file:word");
	fake_symbol(f, "swap_info", TABLE, 32 * fake_word(f));
	fake_symbol(f, "nr_swapfiles", AT, 4);
}

static void declare_ipc(struct fake *f)
{
	declare_files(f);
	declare_idr(f);
	FAKE_STRUCT(f, "ipc_ids", "in_use:u32", "ipcs_idr:idr");
	FAKE_STRUCT(f, "ipc_namespace", "ids:ipc_ids[3]");
	FAKE_STRUCT(f, "kern_ipc_perm", "id:u32", "key:u32", "uid:kuid", "gid:kuid", "mode:u16");
	FAKE_STRUCT(f, "sem_array", "sem_perm:kern_ipc_perm", "sem_nsems:u32");
	FAKE_STRUCT(f, "msg_queue", "q_perm:kern_ipc_perm", "q_qnum:word", "q_cbytes:word",
		"q_lspid:word");
	FAKE_STRUCT(f, "shmid_kernel", "shm_perm:kern_ipc_perm", "shm_nattch:word",
		"shm_segsz:word", "shm_file:word", "shm_cprid:word", "shm_lprid:word");
	FAKE_STRUCT(f, "upid", "nr:u32");
	FAKE_STRUCT(f, "pid", "level:u32", "numbers:upid[1]");
	FAKE_STRUCT(f, "shmem_inode_info", "swapped:word", "vfs_inode:inode");
	fake_symbol(f, "init_ipc_ns", AT, fake_sizeof(f, "ipc_namespace"));
	fake_symbol(f, "shm_init_ns", AT, 0);
}

static void declare_bpf(struct fake *f)
{
	declare_idr(f);
	FAKE_STRUCT(f, "bpf_prog", "pages:u16", "gpl_compatible:u16:1", "type:u32", "len:u32",
		"jited_len:u32", "tag:u8[8]", "bpf_func:word", "aux:word");
	FAKE_STRUCT(f, "bpf_prog_aux", "id:u32", "used_map_cnt:u32", "used_maps:word",
		"func_cnt:u32", "func:word", "user:word", "load_time:u64", "name:char[16]");
	FAKE_STRUCT(f, "user_struct", "uid:kuid");
	FAKE_STRUCT(f, "bpf_map", "id:u32", "map_type:u32", "key_size:u32", "value_size:u32",
		"max_entries:u32", "map_flags:u32", "user:word", "name:char[16]");
	fake_symbol(f, "prog_idr", AT, fake_sizeof(f, "idr"));
	fake_symbol(f, "map_idr", MAPS, fake_sizeof(f, "idr"));
}

static void declare_sockets(struct fake *f)
{
	declare_files(f);
	FAKE_STRUCT(f, "socket", "type:u16", "sk:word");
	FAKE_STRUCT(f, "socket_alloc", "socket:socket", "vfs_inode:inode");
	FAKE_STRUCT(f, "sock_common", "skc_daddr:u32", "skc_rcv_saddr:u32", "skc_dport:u16",
		"skc_family:u16", "skc_state:u8", "skc_v6_daddr:u8[16]", "skc_v6_rcv_saddr:u8[16]");
	FAKE_STRUCT(f, "sock", "__sk_common:sock_common", "sk_protocol:u16");
	FAKE_STRUCT(f, "inet_sock", "sk:sock", "inet_sport:u16");
	FAKE_STRUCT(f, "unix_sock", "sk:sock", "addr:word", "peer:word");
	FAKE_STRUCT(f, "unix_address", "refcnt:u32", "len:u32", "name:u8[2]");
	FAKE_STRUCT(f, "netlink_sock", "sk:sock", "portid:u32", "dst_portid:u32");
}

static void (*const declare[GROUPS])(
	struct fake *f) = { declare_swap, declare_ipc, declare_bpf, declare_sockets };

static void ends(unsigned *told)
{
	if (++*told > TOLD_MAX)
		abort();
}

static void walk_swap(struct fake *f)
{
	struct swap_iter it;
	struct swap_area area;
	bool more = true;
	unsigned told = 0;
	struct err *err = swap_iter_init(&it, f->t);
	while (!err && more) {
		err_drop(swap_iter_next(&it, &area, &more)); /* of one area */
		ends(&told);
	}
	err_drop(err); /* no table */
}

static void walk_ipc(struct fake *f)
{
	for (unsigned kind = 0; kind < IPC_KINDS; kind++) {
		struct ipc_iter it;
		struct ipc_object o;
		bool more = true;
		unsigned told = 0;
		struct err *err = ipc_iter_init(&it, f->t, kind, 0);
		while (!err && more) {
			err_drop(ipc_iter_next(&it, &o, &more)); /* of one object, or the end */
			ends(&told);
		}
		err_drop(err); /* no such namespace */
	}
}

static void walk_bpf(struct fake *f)
{
	struct xarray_iter it;
	struct bpf_program program;
	struct bpf_map map;
	bool more = true;
	unsigned told = 0;
	struct err *err = bpf_program_iter_init(&it, f->t);
	while (!err && more) {
		struct err *one = bpf_program_iter_next(&it, &program, &more);
		if (!one && more && (program.nmaps > BPF_MAPS_MAX || program.name[BPF_NAME_BYTES]))
			abort();
		err_drop(one); /* of one program */
		ends(&told);
	}
	more = true;
	if (!err)
		err = bpf_map_iter_init(&it, f->t);
	while (!err && more) {
		err_drop(bpf_map_iter_next(&it, &map, &more)); /* of one map */
		ends(&told);
	}
	err_drop(err); /* no such table */
}

static void look_at_socket(struct fake *f)
{
	const struct open_file file = { .inode = fake_va(f, AT) +
						 fake_offsetof(f, "socket_alloc", "vfs_inode") };
	scoped_strbuf struct strbuf text = { 0 };
	struct open_socket s;
	struct err *err = open_socket_read(f->t, &file, &s);
	if (!err && s.name_bytes > SOCKET_PATH_BYTES)
		abort();
	if (!err) {
		open_socket_type_format(&s, &text);
		open_socket_source_format(&s, &text);
		open_socket_destination_format(&s, &text);
		open_socket_state_format(&s, &text);
	}
	err_drop(err); /* a socket that cannot be read */
}

static void (*const look[GROUPS])(
	struct fake *f) = { walk_swap, walk_ipc, walk_bpf, look_at_socket };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	if (!n)
		return 0;
	fake_init(&f, fake_pages_word(p, n));
	declare[p[0] >> 1 & 3](&f);
	fake_pages_load(&f, p, n);
	look[p[0] >> 1 & 3](&f);
	fake_deinit(&f);
	return 0;
}

static void seed_swap(struct fake *f)
{
	fake_put(f->t->dump, AT, 2, 4);
	fake_put_word(f, TABLE, 1, fake_va(f, OBJECT));
	fake_set(f, "swap_info_struct", OBJECT, "pages", 1000);
	fake_set(f, "swap_info_struct", OBJECT, "swap_file", fake_va(f, OTHER));
	fake_set(f, "file", OTHER, "f_inode", fake_va(f, OTHER + 0x80));
	fake_set(f, "inode", OTHER + 0x80, "i_mode", 0060600);
}

static void seed_ipc(struct fake *f)
{
	for (unsigned kind = 0; kind < IPC_KINDS; kind++) {
		uint64_t ids = AT + kind * fake_sizeof(f, "ipc_ids");
		fake_set(f, "ipc_ids", ids, "ipcs_idr.idr_rt.xa_head",
			fake_va(f, OBJECT + OBJECT_STEP * kind));
		fake_set(f, "kern_ipc_perm", OBJECT + OBJECT_STEP * kind, "key", 0x51);
	}
	fake_set(f, "shmid_kernel", OBJECT + 2 * OBJECT_STEP, "shm_file", fake_va(f, OTHER));
	fake_set(f, "shmid_kernel", OBJECT + 2 * OBJECT_STEP, "shm_cprid",
		fake_va(f, OTHER + 0x200));
	fake_set(f, "file", OTHER, "f_inode", fake_va(f, OTHER + 0x80));
	fake_set(f, "inode", OTHER + 0x80, "i_mapping", fake_va(f, OTHER + 0x100));
}

static void seed_bpf(struct fake *f)
{
	fake_set(f, "idr", AT, "idr_rt.xa_head", fake_xa_entry(f, DIALECT_XARRAY, NODE));
	fake_xa(f, DIALECT_XARRAY, NODE, 0, 0, 0);
	fake_xa_slot(f, DIALECT_XARRAY, NODE, 3, fake_va(f, OBJECT));
	fake_set(f, "bpf_prog", OBJECT, "aux", fake_va(f, AUX));
	fake_set(f, "bpf_prog_aux", AUX, "used_map_cnt", 1);
	fake_set(f, "bpf_prog_aux", AUX, "used_maps", fake_va(f, OTHER));
	fake_put_word(f, OTHER, 0, fake_va(f, OTHER + 0x100));
	fake_set(f, "bpf_prog_aux", AUX, "func_cnt", 1);
	fake_set(f, "bpf_prog_aux", AUX, "func", fake_va(f, OTHER + 0x40));
	fake_put_word(f, OTHER + 0x40, 0, fake_va(f, OBJECT));
	fake_set(f, "idr", MAPS, "idr_rt.xa_head", fake_va(f, OTHER + 0x100));
}

static void seed_sockets(struct fake *f)
{
	fake_set(f, "socket_alloc", AT, "socket.sk", fake_va(f, OBJECT));
	fake_set(f, "sock", OBJECT, "__sk_common.skc_family", SOCKET_UNIX);
	fake_set(f, "unix_sock", OBJECT, "addr", fake_va(f, OTHER));
	fake_set(f, "unix_address", OTHER, "len", 12);
	fake_bytes(f, OTHER + fake_offsetof(f, "unix_address", "name") + 2, "/run/socket", 10);
}

void fuzz_seed(fuzz_add_fn add)
{
	static void (*const seed[GROUPS])(
		struct fake * f) = { seed_swap, seed_ipc, seed_bpf, seed_sockets };
	for (unsigned word = 4; word <= 8; word += 4)
		for (unsigned group = 0; group < GROUPS; group++) {
			struct fake f;
			fake_init(&f, word);
			declare[group](&f);
			seed[group](&f);
			fake_pages_add(&f, group << 1, add);
			fake_deinit(&f);
		}
}

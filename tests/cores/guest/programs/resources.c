/*
 * A process that holds one of each: System V's shared memory, semaphores and queues, swap on RAM disks, sockets of
 * the common families, BPF maps and programs. Then it says, as the kernel says it to bpftool and in /proc, what
 * there is, in lines "inquest-NAME| TEXT" of standard output, and sleeps; its parent returns.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static void must(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

/* ---- System V ------------------------------------------------------------------------------------ */

static void make_ipc(void)
{
	int kept = shmget(0x1234, 90000, IPC_CREAT | 0640), gone = shmget(IPC_PRIVATE, 12288, 0600);
	int locked = shmget(0x77, 4096, IPC_CREAT | 0666), index = shmget(0x5678, 4097, IPC_CREAT | 0600);
	char *at = shmat(kept, NULL, 0), *going = shmat(gone, NULL, 0);
	must(kept >= 0 && gone >= 0 && locked >= 0 && index >= 0 && at != (void *)-1 && going != (void *)-1, "shm");
	must(shmat(kept, NULL, SHM_RDONLY) != (void *)-1, "shmat");
	must(!shmctl(index, IPC_RMID, NULL), "shmctl"); /* what comes next has an identifier above its index */
	must(shmget(0x5679, 70000, IPC_CREAT | 0604) >= 0, "shmget");
	for (size_t i = 0; i < 5; i++)
		at[i * 4096] = 1;
	going[0] = 2;
	must(!shmctl(gone, IPC_RMID, NULL) && !shmctl(locked, SHM_LOCK, NULL), "shmctl");

	int one = semget(0x51, 1, IPC_CREAT | 0600), three = semget(IPC_PRIVATE, 3, 0660);
	struct sembuf up[] = { { 0, 2, SEM_UNDO }, { 2, 5, 0 } };
	must(one >= 0 && three >= 0 && !semop(three, up, 2), "sem");

	int queue = msgget(0x2a, IPC_CREAT | 0644), empty = msgget(IPC_PRIVATE, 0600);
	struct { long type; char text[100]; } message = { 3, "a message" };
	must(queue >= 0 && empty >= 0, "msgget");
	for (int i = 0; i < 4; i++)
		must(!msgsnd(queue, &message, i < 3 ? 10 : 100, 0), "msgsnd");
	shmctl(kept, IPC_SET, &(struct shmid_ds){ .shm_perm = { .uid = 1000, .gid = 7, .mode = 0640 } });
}

/* ---- swap ---------------------------------------------------------------------------------------- */

/* What mkswap writes: version 1, the last page's number, and the signature at the first page's end. */
static void swap_on(const char *device, int priority)
{
	long page = sysconf(_SC_PAGESIZE);
	char *first = calloc(1, (size_t)page);
	int fd = open(device, O_RDWR | O_SYNC);
	off_t size = lseek(fd, 0, SEEK_END);
	unsigned header[2] = { 1, (unsigned)(size / page - 1) };
	must(first && fd >= 0 && size > 0, device);
	memcpy(first + 1024, header, sizeof(header));
	memcpy(first + page - 10, "SWAPSPACE2", 10);
	must(pwrite(fd, first, (size_t)page, 0) == page && !fsync(fd) && !close(fd), device);
	must(!swapon(device, priority < 0 ? 0 : SWAP_FLAG_PREFER | priority), device);
	free(first);
}

static void make_swap(void)
{
	size_t n = 2 << 20;
	char *segment = shmat(shmget(0x99, 8 * 4096, IPC_CREAT | 0600), NULL, 0);
	char *memory = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(memory != MAP_FAILED && segment != (void *)-1, "memory");
	swap_on("/dev/ram0", 5);
	swap_on("/dev/ram1", -1);
	for (size_t i = 0; i < n; i += 64)
		memory[i] = (char)(i >> 6);
	memset(segment, 7, 8 * 4096);
	must(!madvise(memory, n, MADV_PAGEOUT) && !madvise(segment, 3 * 4096, MADV_PAGEOUT), "madvise");
}

/* ---- sockets ------------------------------------------------------------------------------------- */

static int bound(int family, int type, const void *address, socklen_t n)
{
	int fd = socket(family, type, 0);
	must(fd >= 0 && !bind(fd, address, n), "bind");
	return fd;
}

static void make_sockets(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct sockaddr_in web = { AF_INET, htons(8080), { htonl(INADDR_LOOPBACK) }, { 0 } }, any = { AF_INET, htons(5353), { 0 }, { 0 } };
	struct sockaddr_in6 web6 = { .sin6_family = AF_INET6, .sin6_port = htons(8081), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_un name = { AF_UNIX, "/tmp/resources.sock" }, hidden = { AF_UNIX, "\0resources" };
	struct sockaddr_nl netlink = { .nl_family = AF_NETLINK };
	struct sockaddr_ll packet = { .sll_family = AF_PACKET };
	int pair[2], control = socket(AF_INET, SOCK_DGRAM, 0);
	must(!ioctl(control, SIOCSIFFLAGS, &lo), "lo up");
	int server = bound(AF_INET, SOCK_STREAM, &web, sizeof(web)), server6 = bound(AF_INET6, SOCK_STREAM, &web6, sizeof(web6));
	must(!listen(server, 7) && !listen(server6, 5), "listen");
	int client = socket(AF_INET, SOCK_STREAM, 0);
	must(!connect(client, (void *)&web, sizeof(web)) && accept(server, NULL, NULL) >= 0, "connect");
	web6.sin6_port = htons(5354);
	int here = bound(AF_INET, SOCK_DGRAM, &any, sizeof(any)), here6 = bound(AF_INET6, SOCK_DGRAM, &web6, sizeof(web6));
	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK), any.sin_port = htons(9);
	web6.sin6_port = htons(10);
	must(!connect(here, (void *)&any, sizeof(any)) && !connect(here6, (void *)&web6, sizeof(web6)), "connect");
	must(!listen(bound(AF_UNIX, SOCK_STREAM, &name, sizeof(name)), 3), "listen");
	bound(AF_UNIX, SOCK_DGRAM, &hidden, offsetof(struct sockaddr_un, sun_path) + 10);
	must(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), "socketpair");
	bound(AF_NETLINK, SOCK_RAW, &netlink, sizeof(netlink));
	bound(AF_PACKET, SOCK_RAW, &packet, sizeof(packet));
	must(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0, "raw");
}

/* ---- BPF ----------------------------------------------------------------------------------------- */

static int bpf(int what, union bpf_attr *attr)
{
	return (int)syscall(__NR_bpf, what, attr, sizeof(*attr));
}

static int map(unsigned type, unsigned key, unsigned value, unsigned n, unsigned flags, const char *name)
{
	union bpf_attr attr = { .map_type = type, .key_size = key, .value_size = value, .max_entries = n, .map_flags = flags };
	strncpy(attr.map_name, name, sizeof(attr.map_name) - 1);
	int fd = bpf(BPF_MAP_CREATE, &attr);
	must(fd >= 0, name);
	return fd;
}

static void program(unsigned type, int map_fd, int map_fd2, const char *name)
{
	/* r1 = map; r1 = map2; r0 = 0; return: enough that both maps are its own */
	struct bpf_insn code[] = {
		{ BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map_fd }, { 0 },
		{ BPF_LD | BPF_DW | BPF_IMM, 2, BPF_PSEUDO_MAP_FD, 0, map_fd2 }, { 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0 }, { BPF_JMP | BPF_EXIT, 0, 0, 0, 0 } };
	static char log[4096];
	union bpf_attr attr = { .prog_type = type, .insns = (uintptr_t)code, .insn_cnt = sizeof(code) / sizeof(code[0]),
		.license = (uintptr_t)(type == BPF_PROG_TYPE_SOCKET_FILTER ? "GPL" : "none of them"),
		.log_buf = (uintptr_t)log, .log_size = sizeof(log), .log_level = 1 };
	strncpy(attr.prog_name, name, sizeof(attr.prog_name) - 1);
	if (bpf(BPF_PROG_LOAD, &attr) < 0) {
		perror(name);
		puts(log);
		exit(1);
	}
}

static void say_maps(void)
{
	union bpf_attr next = { 0 };
	for (; !bpf(BPF_MAP_GET_NEXT_ID, &next); next.start_id = next.next_id) {
		struct bpf_map_info m = { 0 };
		union bpf_attr attr = { .map_id = next.next_id };
		int fd = bpf(BPF_MAP_GET_FD_BY_ID, &attr);
		attr = (union bpf_attr){ .info = { (unsigned)fd, sizeof(m), (uintptr_t)&m } };
		must(fd >= 0 && !bpf(BPF_OBJ_GET_INFO_BY_FD, &attr), "map's information");
		printf("inquest-bpf_maps| id=%u type=%u key=%u value=%u max=%u flags=%#x name=%s\n", m.id, m.type, m.key_size,
			m.value_size, m.max_entries, m.map_flags, m.name);
		close(fd);
	}
}

static void say_programs(void)
{
	union bpf_attr next = { 0 };
	for (; !bpf(BPF_PROG_GET_NEXT_ID, &next); next.start_id = next.next_id) {
		struct bpf_prog_info p = { 0 };
		unsigned maps[8] = { 0 };
		union bpf_attr attr = { .prog_id = next.next_id };
		int fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
		p.nr_map_ids = 8;
		p.map_ids = (uintptr_t)maps;
		attr = (union bpf_attr){ .info = { (unsigned)fd, sizeof(p), (uintptr_t)&p } };
		must(fd >= 0 && !bpf(BPF_OBJ_GET_INFO_BY_FD, &attr), "program's information");
		printf("inquest-bpf_programs| id=%u type=%u tag=", p.id, p.type);
		for (unsigned i = 0; i < sizeof(p.tag); i++)
			printf("%02x", p.tag[i]);
		printf(" jited=%u xlated=%u uid=%u gpl=%u loaded=%llu name=%s maps=", p.jited_prog_len, p.xlated_prog_len,
			p.created_by_uid, p.gpl_compatible, (unsigned long long)p.load_time, p.name);
		for (unsigned i = 0; i < p.nr_map_ids && i < 8; i++)
			printf("%s%u", i ? "," : "", maps[i]);
		puts("");
		close(fd);
	}
}

static void make_bpf(void)
{
	int hash = map(BPF_MAP_TYPE_HASH, 4, 16, 100, BPF_F_NO_PREALLOC, "by_pid");
	int array = map(BPF_MAP_TYPE_ARRAY, 4, 8, 3, 0, "counts");
	map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 2, 0, "per_cpu");
	map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0, "events");
	map(BPF_MAP_TYPE_LRU_HASH, 8, 8, 10, 0, "");
	program(BPF_PROG_TYPE_SOCKET_FILTER, hash, array, "filter_it");
	program(BPF_PROG_TYPE_CGROUP_SKB, array, array, "count_it");
	program(BPF_PROG_TYPE_XDP, hash, hash, "");
}

/* ---- what there is ------------------------------------------------------------------------------- */

static void say_file(const char *name, const char *path)
{
	char line[400];
	FILE *f = fopen(path, "r");
	if (!f)
		return; /* not this kernel's */
	while (fgets(line, sizeof(line), f))
		printf("inquest-%s| %s", name, line);
	fclose(f);
}

static void say_all(void)
{
	static const char *const files[][2] = { { "ipc_shm", "/proc/sysvipc/shm" }, { "ipc_sem", "/proc/sysvipc/sem" },
		{ "ipc_msg", "/proc/sysvipc/msg" }, { "net_tcp", "/proc/net/tcp" }, { "net_tcp6", "/proc/net/tcp6" },
		{ "net_udp", "/proc/net/udp" }, { "net_udp6", "/proc/net/udp6" }, { "net_unix", "/proc/net/unix" },
		{ "net_netlink", "/proc/net/netlink" }, { "net_packet", "/proc/net/packet" }, { "net_raw", "/proc/net/raw" },
		{ "net_arp", "/proc/net/arp" } };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		say_file(files[i][0], files[i][1]);
	say_maps();
	say_programs();
	printf("inquest-resources| pid=%d\n", (int)getpid());
	fflush(stdout);
}

int main(void)
{
	int done[2];
	char byte;
	must(!pipe(done), "pipe");
	pid_t child = fork();
	must(child >= 0, "fork");
	if (child) {
		close(done[1]);
		return read(done[0], &byte, 1) != 1;
	}
	make_ipc();
	make_swap();
	make_sockets();
	make_bpf();
	say_all();
	must(write(done[1], "", 1) == 1, "write");
	for (;;)
		pause();
}

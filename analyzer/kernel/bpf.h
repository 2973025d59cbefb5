/*
 * BPF programs and maps that the kernel has loaded, as bpftool lists them. Knows their heads, not
 * their code and not what maps hold.
 */
#ifndef ANALYZER_KERNEL_BPF_H
#define ANALYZER_KERNEL_BPF_H

#include "analyzer/kernel/xarray.h"

enum { BPF_NAME_BYTES = 16, BPF_TAG_BYTES = 8, BPF_MAPS_MAX = 64 /* MAX_USED_MAPS, linux/bpf.h */ };

struct bpf_program {
	uint64_t va, aux; /* struct bpf_prog, bpf_prog_aux */
	uint32_t id, type;
	uint8_t tag[BPF_TAG_BYTES];
	uint64_t translated_bytes, compiled_bytes; /* compiled: for the machine, 0: not at all */
	uint64_t locked_bytes;
	uint64_t code; /* of the function that runs it */
	uint64_t loaded_ns; /* since boot */
	bool gpl;
	bool uid_known;
	uint32_t uid;
	char name[BPF_NAME_BYTES + 1];
	uint32_t nmaps, map_ids[BPF_MAPS_MAX];
};

struct bpf_map {
	uint64_t va;
	uint32_t id, type, key_bytes, value_bytes, max_entries, flags;
	bool uid_known; /* up to v5.10 */
	uint32_t uid;
	char name[BPF_NAME_BYTES + 1];
};

/* ERR_MISSING without CONFIG_BPF_SYSCALL. */
struct err *bpf_program_iter_init(struct xarray_iter *it, struct target *t) MUST_CHECK;
struct err *bpf_map_iter_init(struct xarray_iter *it, struct target *t) MUST_CHECK;

/* By ascending id. An error with *ret_more true is about one of them. */
struct err *bpf_program_iter_next(
	struct xarray_iter *it, struct bpf_program *ret, bool *ret_more) MUST_CHECK;
struct err *bpf_map_iter_next(
	struct xarray_iter *it, struct bpf_map *ret, bool *ret_more) MUST_CHECK;

/* "SOCKET_FILTER", "LRU_HASH", by the kernel's own enumerators; "29" where it has none of that
 * number. */
void bpf_program_type_format(struct target *t, uint32_t type, struct strbuf *out);
void bpf_map_type_format(struct target *t, uint32_t type, struct strbuf *out);

#endif

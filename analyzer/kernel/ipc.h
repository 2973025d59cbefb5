/*
 * System V's semaphores, message queues and shared memory, as /proc/sysvipc lists them. Knows the
 * objects and their sizes, not what lies in them.
 */
#ifndef ANALYZER_KERNEL_IPC_H
#define ANALYZER_KERNEL_IPC_H

#include "analyzer/kernel/xarray.h"

/* In the kernel's order: IPC_SEM_IDS, IPC_MSG_IDS, IPC_SHM_IDS (ipc/util.h). */
enum ipc_kind { IPC_SEMAPHORES, IPC_QUEUES, IPC_MEMORY, IPC_KINDS };

struct ipc_object {
	enum ipc_kind kind;
	uint64_t va; /* struct sem_array, msg_queue or shmid_kernel */
	uint32_t key, uid, gid, mode; /* mode: permissions and SHM_DEST, SHM_LOCKED */
	int32_t id;
	uint64_t count;	   /* semaphores, messages, or how often it is attached */
	uint64_t bytes;	   /* of messages, of the segment */
	uint32_t creator, last; /* pids; 0: none. last: who sent, attached or detached last */
	uint64_t inode;	   /* of a segment */
	bool pages_known;  /* not of huge pages */
	uint64_t pages, resident, swapped;
};

/* struct shmid_kernel's mode, include/linux/shm.h */
enum { IPC_MEMORY_GOING = 01000, IPC_MEMORY_LOCKED = 02000 };

struct ipc_iter {
	struct target *t;
	enum ipc_kind kind;
	struct xarray_iter ids;
};

/* Over a kind's objects in the namespace of the task at @task_va, 0: the first one. ERR_MISSING
 * without CONFIG_SYSVIPC, or when the task has left its namespaces. */
struct err *ipc_iter_init(struct ipc_iter *it, struct target *t, enum ipc_kind kind,
	uint64_t task_va) MUST_CHECK;

/* By ascending index of their identifiers. An error with *ret_more true is about one of them. */
struct err *ipc_iter_next(struct ipc_iter *it, struct ipc_object *ret, bool *ret_more) MUST_CHECK;

#endif

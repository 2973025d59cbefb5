/*
 * Who claimed which major and minor numbers, as /proc/devices lists them, and what a character
 * device's file operations are. Knows numbers and names, not devices.
 */
#ifndef ANALYZER_KERNEL_DEVICE_NUMBERS_H
#define ANALYZER_KERNEL_DEVICE_NUMBERS_H

#include "analyzer/base/vec.h"
#include "analyzer/target/target.h"

struct device_number {
	bool is_block;
	uint32_t major, minor, minors; /* a block device has all minors of its major */
	uint64_t va;		       /* struct char_device_struct, or blk_major_name */
	uint64_t cdev;		       /* struct cdev; 0: none is there */
	uint64_t operations;	       /* struct file_operations; 0: not known */
	char name[64];
};

struct device_numbers {
	VEC(struct device_number) all;
};

/* By major, then as the kernel lists them; character devices first. What was read before an error
 * is there. */
struct err *device_numbers_read(struct target *t, struct device_numbers *ret) MUST_CHECK;
void device_numbers_deinit(struct device_numbers *n);

#define scoped_device_numbers __attribute__((cleanup(device_numbers_deinit)))

#endif

/*
 * Registers that a person gives, from a vendor's own dump of them or a debugger, as text:
 *
 *	# anything behind a hash
 *	cpu 0
 *	pc = ffffffc008010000
 *	x0 = 0x1
 *	cpu 1
 *	…
 *
 * Numbers are hexadecimal, with or without 0x. Names are the architecture's, upper or lower case;
 *x29 and x30 are fp and lr, r11 to r15 fp, ip, sp, lr and pc, psr is cpsr or pstate. What is left
 *out is not known.
 */
#ifndef ANALYZER_STACK_REG_FILE_H
#define ANALYZER_STACK_REG_FILE_H

#include "arch/arch.h"

struct reg_file;

/* @name is for messages. ERR_FORMAT names the line. */
struct err *reg_file_parse(const struct arch *arch, const char *name, const char *text, size_t n,
	struct reg_file **ret) MUST_CHECK;

/* The same of a file. ERR_IO. */
struct err *reg_file_open(
	const struct arch *arch, const char *path, struct reg_file **ret) MUST_CHECK;
void reg_file_close(struct reg_file *f);

/* False when the file says nothing of @cpu. */
bool reg_file_get(const struct reg_file *f, unsigned cpu, struct regs *ret);

#endif

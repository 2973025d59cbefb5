/*
 * The file of a loaded module on this host: NAME.ko or NAME.ko.debug, or packed as a whole
 * (module_unpack.h). Nothing found is believed before its build-id agrees with the module's in
 * memory (its srcversion where there is no build-id).
 */
#ifndef ANALYZER_DEBUG_MODULE_FILE_H
#define ANALYZER_DEBUG_MODULE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/base/err.h"

struct module_wanted {
	const char *name; /* as the kernel has it: with _ for - */
	const uint8_t *build_id;
	size_t build_id_bytes;	/* 0: not known */
	const char *srcversion; /* NULL: not known */
};

struct module_files;

/*
 * Looks, in this order: DIR/.build-id with DIR being @symbols_dir and /usr/lib/debug; by name
 * anywhere below @symbols_dir, in the folder of @vmlinux and its folder modules, below
 * /usr/lib/debug/lib/modules/RELEASE and /lib/modules/RELEASE. Each may be NULL. Folders are read
 * at the first question.
 */
struct module_files *module_files_create(
	const char *symbols_dir, const char *vmlinux, const char *release);
void module_files_destroy(struct module_files *f);

/*
 * *ret: the path (malloc'ed) of a file with debug information, else of one with symbols only;
 * *ret_debug tells which. ERR_NOT_FOUND when there is no file of that name, ERR_MISMATCH when those
 * that there are belong to another build, ERR_FORMAT when they cannot be unpacked, ERR_MISSING when
 * nothing is known to compare them by.
 */
struct err *module_files_find(struct module_files *f, const struct module_wanted *w, char **ret,
	bool *ret_debug) MUST_CHECK;

#endif

/* Opening DWARF: sections that libdw cannot inflate, and the alternate file that dwz split off. */
#ifndef ANALYZER_DEBUG_DWARF_FILE_H
#define ANALYZER_DEBUG_DWARF_FILE_H

#include <elfutils/libdw.h>

#include "analyzer/base/err.h"

struct dwarf_file {
	Dwarf *dw;
	bool borrowed;		/* ->dw is somebody else's */
	Elf *elf;		/* under ->dw; NULL when borrowed */
	unsigned mended;	/* units whose header was damaged: dwarf_mend.h */
	int inflated;		/* in memory, under ->elf; -1: none */
	struct dwarf_file *alt; /* NULL: none, or none was found */
	char *path;		/* of the alternate file: set in ->alt */
	int fd;			/* the alternate file's: set in ->alt, else -1 */
};

/* @fd stays the caller's, open as long as the result. @symbols_dir as debug_file_find(). */
struct err *dwarf_file_open(
	int fd, const char *path, const char *symbols_dir, struct dwarf_file *ret) MUST_CHECK;

/* DWARF that is open already and stays the caller's: looks for its alternate file only. */
void dwarf_file_borrow(
	Dwarf *dw, const char *path, const char *symbols_dir, struct dwarf_file *ret);

void dwarf_file_close(struct dwarf_file *f);

#endif

/*
 * Opens DWARF whose chain of units is broken. libdw reaches a unit only through the headers before
 * it: one wrong length or version would cost all that follow. Here it is put right, in memory, so
 * that the damage stays the unit's own.
 */
#ifndef ANALYZER_DEBUG_DWARF_MEND_H
#define ANALYZER_DEBUG_DWARF_MEND_H

#include <elfutils/libdw.h>

/* Both are the caller's: dwarf_end() first, then elf_end(). @fd stays open as long. NULL as
 * dwarf_begin() has it, with dwarf_errmsg() set, and *ret_elf NULL too. *ret_mended: how many
 * headers were damaged (may be NULL). */
Dwarf *dwarf_begin_mended(int fd, Elf **ret_elf, unsigned *ret_mended);

#endif

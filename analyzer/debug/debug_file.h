/*
 * Where the debug information of an ELF file lies when it is not in the file itself: by build-id,
 * and by .gnu_debuglink with its checksum, in the places where gdb looks. Opens nothing for good.
 */
#ifndef ANALYZER_DEBUG_DEBUG_FILE_H
#define ANALYZER_DEBUG_DEBUG_FILE_H

#include <elfutils/libdw.h>
#include <libelf.h>

#include "analyzer/base/err.h"

/* Whether @elf has debug information of its own (.debug_info, compressed or not). */
bool debug_file_not_needed(Elf *elf);

/*
 * The path (malloc'ed) of the separate debug file of @elf, which was opened from @path; NULL when
 * there is none. Tried in order, each verified (build-id equal, or the checksum that the link
 * names): DIR/.build-id/xx/rest.debug, then DIR/NAME, beside the file, in its .debug folder, and
 * under DIR/<the file's folder>, with DIR being @symbols_dir (may be NULL) and /usr/lib/debug; at
 * last the servers of DEBUGINFOD_URLS, by build-id. @ret_tried (may be NULL) gets the places that
 * were looked at, one a line, for a message; malloc'ed.
 */
char *debug_file_find(Elf *elf, const char *path, const char *symbols_dir, char **ret_tried);

/*
 * The same of the alternate file that @dw, opened from @path, names in .gnu_debugaltlink (dwz -m):
 * by build-id, by its name as it stands there (from the folder of @path when relative), and in the
 * folder .dwz of @symbols_dir, of the file's folder and of /usr/lib/debug. NULL also when @dw names
 * none.
 */
char *debug_file_find_alternate(Dwarf *dw, const char *path, const char *symbols_dir);

#endif

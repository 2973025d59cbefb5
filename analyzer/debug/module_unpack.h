/* Modules' files as they are installed: plain, or packed as a whole (CONFIG_MODULE_COMPRESS:
 * .ko.xz, .ko.zst, .ko.gz). */
#ifndef ANALYZER_DEBUG_MODULE_UNPACK_H
#define ANALYZER_DEBUG_MODULE_UNPACK_H

#include "analyzer/base/err.h"

/* A descriptor of the file's content, in memory when it is packed; the caller closes it. ERR_IO
 * when there is no file to read, ERR_FORMAT when it is cut or damaged, ERR_LIMIT when it unpacks to
 * too much. */
struct err *module_unpack_open(const char *path, int *ret_fd) MUST_CHECK;

#endif

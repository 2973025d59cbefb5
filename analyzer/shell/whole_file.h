/* Files that a command writes as a whole: they are there complete, or as they were before. */
#ifndef ANALYZER_SHELL_WHOLE_FILE_H
#define ANALYZER_SHELL_WHOLE_FILE_H

#include "analyzer/base/strbuf.h"

/* ERR_USAGE: @path exists and not @force, or is something else than a regular file. ERR_IO. */
struct err *whole_file_write(const char *path, bool force, const struct strbuf *text) MUST_CHECK;

#endif

/*
 * A plugin's file, before any of its code is mapped: who may have written it, for which machine it
 * is built, and by which ABI.
 */
#ifndef ANALYZER_SHELL_PLUGIN_FILE_H
#define ANALYZER_SHELL_PLUGIN_FILE_H

#include "analyzer/base/err.h"

/* ERR_IO, ERR_FORMAT (no shared object, no plugin in it), ERR_MISMATCH (machine, ABI, others
 * may write to it). @fd's position does not matter. */
struct err *plugin_file_check(int fd) MUST_CHECK;

#endif

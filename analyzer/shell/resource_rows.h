/* The rows of iomem and ioports: one resource a line, as the kernel's /proc files have them. */
#ifndef ANALYZER_SHELL_RESOURCE_ROWS_H
#define ANALYZER_SHELL_RESOURCE_ROWS_H

#include "analyzer/shell/command.h"

/* For the commands' option arrays. */
#define RESOURCE_OPTIONS                                                                           \
	{ 'v', NULL, "with the address of each struct resource and its flags" },                   \
	{                                                                                          \
		0                                                                                  \
	}

/* Shows the tree whose root is the variable @symbol. */
struct err *resource_rows_show(struct cx *cx, const char *symbol, bool verbose) MUST_CHECK;

#endif

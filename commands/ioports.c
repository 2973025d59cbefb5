/* ioports: who claimed which I/O ports. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct option ioports_options[] = { RESOURCE_OPTIONS };

static struct err *ioports_run(struct cx *cx, const struct args *a)
{
	return resource_rows_show(cx, "ioport_resource", args_flag(a, 'v'));
}

static const char *const ioports_examples[] = { "ioports\tas /proc/ioports", NULL };

const struct command cmd_ioports = {
	.name = "ioports",
	.summary = "I/O port ranges, where a PCI host has any",
	.usage = "",
	.details = "The lines are those that root sees in /proc/ioports; machines without I/O "
		   "ports have none.",
	.options = ioports_options,
	.examples = ioports_examples,
	.run = ioports_run,
};

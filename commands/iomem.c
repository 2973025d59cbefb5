/* iomem: who claimed which physical addresses. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct option iomem_options[] = { RESOURCE_OPTIONS };

static struct err *iomem_run(struct cx *cx, const struct args *a)
{
	return resource_rows_show(cx, "iomem_resource", args_flag(a, 'v'));
}

static const char *const iomem_examples[] = {
	"iomem\tas /proc/iomem, with all addresses",
	"iomem -v\twith the struct resource of each and its flags",
	NULL,
};

const struct command cmd_iomem = {
	.name = "iomem",
	.summary = "the physical address map: RAM, the kernel, devices",
	.usage = "",
	.details = "The lines are those that root sees in /proc/iomem.",
	.options = iomem_options,
	.examples = iomem_examples,
	.run = iomem_run,
};

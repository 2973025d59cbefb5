/* kmem: the kernel's memory, by the options that crash has. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct option kmem_options[] = { { 'i', NULL, "where memory went" },
	{ 'f', NULL, "the page allocator's free lists, walked and checked" },
	{ 'F', NULL, "the same with every free block" },
	{ 's', NULL, "slab caches, or those named" },
	{ 'S', NULL, "every slab object, or those of the caches named" },
	{ 'v', NULL, "vmalloc areas" },
	{ 'V', NULL,
		"counters of zones, nodes and events; with arguments those whose names have one of "
		"them" },
	{ 'n', NULL, "nodes, their zones, memory sections" },
	{ 'z', NULL, "zones with every counter" },
	{ 'o', NULL, "each CPU's offset of per-CPU data" },
	{ 'p', NULL, "every struct page, or those of the pages named" },
	{ 'g', NULL, "names of page flags; with a number those of its bits" }, { 0 } };

/* Another command answers: the same model, its own rows. */
static struct err *run_inside(struct cx *cx, const struct args *a, const char *command)
{
	scoped_strbuf struct strbuf line = { 0 };
	strbuf_add(&line, command);
	for (int i = 0; i < args_count(a); i++)
		strbuf_addf(&line, " \"%s\"", args_get(a, i));
	return session_run_inside(cx, strbuf_text(&line));
}

static char chosen_option(const struct args *a, unsigned *ret_n)
{
	char letter = 0;
	*ret_n = 0;
	for (const struct option *o = kmem_options; o->letter; o++)
		if (args_flag(a, o->letter)) {
			letter = o->letter;
			++*ret_n;
		}
	return letter;
}

static struct err *kmem_run(struct cx *cx, const struct args *a)
{
	unsigned n;
	char letter = chosen_option(a, &n);
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	if (n > 1)
		return err_new(ERR_USAGE, "one option at a time");
	switch (letter) {
	case 'i':
		return kmem_usage_run(cx);
	case 'f':
	case 'F':
		return kmem_free_run(cx, letter == 'F');
	case 's':
		return run_inside(cx, a, "slub");
	case 'S':
		return kmem_objects_run(cx, a);
	case 'v':
		return run_inside(cx, a, "vmalloc");
	case 'V':
		return kmem_counters_run(cx, a);
	case 'n':
		return kmem_nodes_run(cx);
	case 'z':
		return session_run_inside(cx, "zones -z");
	case 'o':
		return kmem_offsets_run(cx);
	case 'p':
		return kmem_pages_run(cx, a);
	case 'g':
		return kmem_flags_run(cx, a);
	}
	if (!args_count(a))
		return args_error(a, 0, "an option or an address");
	return kmem_address_run(cx, a);
}

static const char *const kmem_examples[] = {
	"kmem -i\twhere memory went",
	"kmem ffffff8000f85040\twhat is at this address: slab object, vmalloc area, task, page",
	"kmem -f\tfree blocks by zone, order and migrate type, each checked",
	"kmem -V pgfault\tcounters of page faults",
	"kmem -s kmalloc-128\tthe slabs of a cache",
	"kmem -p | where owner == \"anon\" | count\tpages by what they are used for",
	NULL,
};

const struct command cmd_kmem = {
	.name = "kmem",
	.summary = "memory of the kernel: usage, free lists, slabs, pages, zones, counters",
	.usage = "[ADDRESS|SYMBOL|CACHE…]",
	.details =
		"An address is looked up in the slab heap, the vmalloc areas, the tasks and the "
		"pages, and "
		"each that knows it answers. -s, -v and -z are the commands slub, vmalloc and "
		"zones -z. "
		"With -f and -F each free block is held against its struct page: its mark, order, "
		"alignment, zone and neighbours on the list, and the lists against nr_free and "
		"each other; "
		"what does not fit is told. FREE are the pages that were found, COUNTER is the "
		"zone's own, "
		"which lags by what CPUs have not added yet.",
	.options = kmem_options,
	.examples = kmem_examples,
	.max_args = -1,
	.takes = "*",
	.run = kmem_run,
};

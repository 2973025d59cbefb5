/* printf: values of C expressions in printk's own formats. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column printf_columns[] = { { "text" }, { 0 } };
static const struct table printf_table = { .layout = LAYOUT_LINES, .columns = printf_columns };

static struct err *printf_run(struct cx *cx, const struct args *a)
{
	scoped_printk_formats struct printk_formats *formats = printk_formats_create();
	scoped_strbuf struct strbuf text = { 0 };
	size_t at = 0;
	printk_objects_register(formats);
	struct err *err =
		printk_print(&cx->target->debug, formats, cx->arena, args_rest(a, 0), &text, &at);
	if (err && err->code != ERR_FAULT)
		return args_point(a, 0, at, err);
	out_table(cx->out, &printf_table);
	out_row(cx->out);
	out_block(cx->out, "text", strbuf_text(&text));
	if (err) /* what could be read stands there; the rest made this command fail in part */
		out_complain(cx->out, err);
	return NULL;
}

static const char *const printf_examples[] = {
	"printf \"%s is %d\", init_task.comm, init_task.pid\ttexts and numbers",
	"printf \"%pS\", schedule\tsymbol+offset/size of an address",
	"printf \"%pR\", &iomem_resource\ta struct resource",
	"printf \"%*pbl\", nr_cpu_ids, &__cpu_online_mask\ta bitmap; the width is the number of "
	"bits",
	"printf \"%pOF is %pOFc\", of_root->child, of_root->child\ta node of the device tree",
	"printf \"%pd4\", init_task.fs->pwd.dentry\ta path's last components",
	NULL,
};

const struct command cmd_printf = {
	.name = "printf",
	.summary = "values of C expressions in printk's formats",
	.usage = "\"FORMAT\", EXPRESSION, EXPRESSION…",
	.details = "All of printk's integer forms, %s, %c and these:\n"
		   "%p %px %pK   the address itself: %p shows no hash here\n"
		   "%pS %ps %pB  symbols ([R]; [b]: a module's build-id); %pF %pf as older kernels "
		   "have them\n"
		   "%pe          -ENOENT from an error pointer\n"
		   "%pa %pad     a phys_addr_t or dma_addr_t behind the pointer\n"
		   "%pR %pr %pra struct resource, struct range\n"
		   "%pd %pD      a dentry's or file's name [234]; %pg block device; %pC clock\n"
		   "%pGp %pGg %pGv %pGt  page, gfp and vma flags and page types by name\n"
		   "%pOF[fnpPcCF] a device_node; %pfw[fP] a fwnode_handle; %pV a va_format\n"
		   "%*ph[CDN]    bytes in hex; %*pE[achnops] escaped; %*pb[l] a bitmap\n"
		   "%pM[FR] %pm  MAC; %pI4 %pi4 %pI6[c] %pi6 %pIS[pfsc] IP; %pU[bBlL] UUID\n"
		   "%ptR %ptT %ptS  rtc_time, time64_t, timespec64 [dt][r][s]; %pNF; %pks %pus\n"
		   "%p4cc        a FourCC; %p4ch[R] %p4cn %p4cl %p4cb: any four characters\n"
		   "A pointer's argument is the pointer, or the structure that it would point to.\n"
		   "A value that does not fit its conversion is an error; h and hh cut.",
	.examples = printf_examples,
	.min_args = 1,
	.max_args = -1,
	.expression = true,
	.per_row = true,
	.complete = "symbol",
	.run = printf_run,
};

/* sys: which machine this was, how it died, and how good the dump is. */
#include "analyzer/api.h"
#include "analyzer/model.h"

#include <inttypes.h>
#include <time.h>

static const struct column sys_columns[] = { { "kernel" }, { "dump" }, { "format" }, { "quality" },
	{ "found_by" }, { "cpus" }, { "date" }, { "uptime" }, { "load" }, { "tasks" },
	{ "nodename" }, { "release" }, { "version" }, { "machine" }, { "banner" },
	{ "command_line" }, { "page_size" }, { "memory" }, { "dump_memory" }, { "panic" },
	{ "panic_task" }, { "panic_cpu" }, { "current" }, { 0 } };
static const struct table sys_table = { .layout = LAYOUT_RECORD, .columns = sys_columns };

static const struct column config_columns[] = { { "line" }, { 0 } };
static const struct table config_table = { .layout = LAYOUT_LINES, .columns = config_columns };

static const struct option sys_options[] = {
	{ 'b', NULL, "bootstrap: what was tried to find the kernel, and what proved it" },
	{ 'c', NULL, "the kernel's configuration, where it is built in" },
	{ 'd', NULL, "where the kernel, its symbols and its types were found, and what is no use" },
	{ 0 }
};

static void show_dump(struct cx *cx)
{
	const struct target *t = cx->target;
	const struct dump_info *info = dump_info(t->dump);
	uint64_t bytes = 0;
	for (size_t i = 0; i < info->nextents; i++)
		bytes += info->extent[i].size;
	if (t->vmlinux)
		out_str(cx->out, "kernel", t->vmlinux->path);
	out_str(cx->out, "dump", info->path);
	out_str(cx->out, "format", info->format);
	out_str(cx->out, "quality", info->damage ? info->damage : "complete");
	if (t->image_finder)
		out_str(cx->out, "found_by", t->image_finder);
	out_bytes(cx->out, "dump_memory", bytes);
}

static void show_names(struct cx *cx)
{
	struct system_names names;
	const char *text;
	struct err *err = system_names_read(cx->target, &names);
	if (err) {
		out_fault(cx->out, "release", err);
	} else {
		out_str(cx->out, "nodename", names.nodename);
		out_str(cx->out, "release", names.release);
		out_str(cx->out, "version", names.version);
		out_str(cx->out, "machine", names.machine);
	}
	err = system_text(cx->target, "linux_banner", cx->arena, &text);
	if (err)
		out_fault(cx->out, "banner", err);
	else
		out_str_n(cx->out, "banner", text, strcspn(text, "\n"));
	err = system_string(cx->target, "saved_command_line", cx->arena, &text);
	if (err)
		out_fault(cx->out, "command_line", err);
	else
		out_str(cx->out, "command_line", text);
}

static void show_clock(struct cx *cx)
{
	struct system_clock clock;
	struct err *err = system_clock_read(cx->target, &clock);
	if (err) {
		out_fault(cx->out, "uptime", err);
		return;
	}
	time_t when = (time_t)clock.realtime_s;
	struct tm tm;
	char text[64];
	if (gmtime_r(&when, &tm) && strftime(text, sizeof(text), "%a %b %e %H:%M:%S UTC %Y", &tm))
		out_str(cx->out, "date", text);
	int64_t s = clock.uptime_s;
	out_strf(cx->out, "uptime", "%lld days, %02lld:%02lld:%02lld", (long long)(s / 86400),
		(long long)(s / 3600 % 24), (long long)(s / 60 % 60), (long long)(s % 60));
}

static void show_load(struct cx *cx)
{
	unsigned load[3];
	struct err *err = system_load(cx->target, load);
	if (err)
		out_fault(cx->out, "load", err);
	else
		out_strf(cx->out, "load", "%u.%02u, %u.%02u, %u.%02u", load[0] / 100, load[0] % 100,
			load[1] / 100, load[1] % 100, load[2] / 100, load[2] % 100);
}

static void show_cpus(struct cx *cx)
{
	struct cpu_mask present;
	struct err *err = cpu_mask_read(cx->target, CPUS_PRESENT, &present);
	if (err)
		out_fault(cx->out, "cpus", err);
	else
		out_uint(cx->out, "cpus", cpu_mask_count(&present));
}

static struct err *count_tasks(struct cx *cx, uint64_t *ret)
{
	struct task_iter it;
	bool more = true;
	uint64_t n = 0;
	struct err *err = task_iter_init(&it, cx->target);
	while (!err && more) {
		struct task task;
		err = task_iter_next(&it, &task, &more);
		n += !err && more;
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	*ret = n;
	return err;
}

static void show_memory(struct cx *cx)
{
	uint64_t bytes, tasks;
	const struct paging *paging = &vspace_facts(cx->target->kernel)->layout.paging;
	out_bytes(cx->out, "page_size", 1ull << paging->page_shift);
	struct err *err = system_ram_bytes(cx->target, &bytes);
	if (err)
		out_fault(cx->out, "memory", err);
	else
		out_bytes(cx->out, "memory", bytes);
	err = count_tasks(cx, &tasks);
	if (err)
		out_fault(cx->out, "tasks", err);
	else
		out_uint(cx->out, "tasks", tasks);
}

static void show_panic(struct cx *cx)
{
	const char *message = NULL;
	struct task task;
	unsigned cpu;
	struct err *err = system_panic_message(cx->target, cx->arena, &message);
	if (message)
		out_str(cx->out, "panic", message);
	if (err && message)
		out_complain(cx->out, err);
	else if (err)
		out_fault(cx->out, "panic", err);
	err = task_panicking(cx->target, &task, &cpu);
	if (!err) {
		out_strf(cx->out, "panic_task", "%u \"%.*s\"", task.pid, task_comm_length(&task),
			task.comm);
		out_uint(cx->out, "panic_cpu", cpu);
	} else if (err->code == ERR_NOT_FOUND) {
		err_drop(err); /* nobody panicked: nothing to show */
	} else {
		out_fault(cx->out, "panic_task", err);
	}
}

/* A row per line, as the file .config has them. */
static struct err *show_config(struct cx *cx)
{
	const char *line = target_config(cx->target);
	if (!line)
		return err_new(ERR_MISSING, "the kernel's configuration is not in its memory "
					    "(CONFIG_IKCONFIG)");
	out_table(cx->out, &config_table);
	while (*line) {
		size_t n = strcspn(line, "\n");
		out_row(cx->out);
		out_str_n(cx->out, "line", line, n);
		line += n + (line[n] != '\0');
	}
	return NULL;
}

/* ---- sys -d ----------------------------------------------- */

static const struct column provider_columns[] = { { "what", .width = 8 }, { "name", .width = 8 },
	{ "usable", .hidden = true }, { "state" }, { "origin" }, { 0 } };
static const struct table provider_table = { .layout = LAYOUT_TABLE, .columns = provider_columns };

struct provider {
	const char *what, *name, *state, *origin;
	bool usable;
};

static void show_provider(struct cx *cx, const struct provider *p)
{
	out_row(cx->out);
	out_str(cx->out, "what", p->what);
	out_str(cx->out, "name", p->name);
	out_bool(cx->out, "usable", p->usable);
	out_str(cx->out, "state", p->state);
	out_str(cx->out, "origin", p->origin);
}

static void show_image(struct cx *cx)
{
	const struct target *t = cx->target;
	scoped_strbuf struct strbuf state = { 0 };
	if (t->image.va)
		strbuf_addf(&state, "at 0x%llx, physical 0x%llx", (unsigned long long)t->image.va,
			(unsigned long long)t->image.pa.v);
	else
		strbuf_add(&state, "not found");
	show_provider(cx, &(struct provider){ "kernel", "image", strbuf_text(&state),
				  t->image_finder ? t->image_finder : "", t->image.va != 0 });
}

/* The table as a whole, and what was recovered for want of it. */
static void show_symbols(struct cx *cx)
{
	const struct target *t = cx->target;
	scoped_strbuf struct strbuf state = { 0 };
	size_t n = symtab_count(t->syms), recovered = 0;
	struct symbol s;
	while (symtab_get_recovered(t->syms, recovered, &s))
		recovered++;
	strbuf_addf(&state, "%zu symbols", n);
	if (recovered)
		strbuf_addf(&state, ", %zu recovered", recovered);
	show_provider(cx,
		&(struct provider){ "symbols", t->vmlinux ? "ELF" : "kallsyms", strbuf_text(&state),
			t->vmlinux ? t->vmlinux->path : "the dump's memory", n != 0 });
}

/* One line for all: which module lacks what is told where it is missed. */
static void show_modules(struct cx *cx)
{
	struct target *t = cx->target;
	scoped_strbuf struct strbuf state = { 0 };
	size_t n = module_debug_list(t, NULL, 0), debug = 0, symbols = 0;
	struct module_debug_info *m = arena_alloc(cx->arena, (n + 1) * sizeof(*m));
	n = module_debug_list(t, m, n);
	for (size_t i = 0; i < n; i++) {
		debug += m[i].debug;
		symbols += m[i].symbols;
	}
	if (!n)
		return;
	strbuf_addf(&state, "%zu of %zu with debug information", debug, n);
	if (symbols > debug)
		strbuf_addf(&state, ", %zu with symbols only", symbols - debug);
	const char *first = m[0].state;
	for (size_t i = 0; i < n && debug < n; i++)
		if (!m[i].debug) {
			first = m[i].state;
			break;
		}
	show_provider(
		cx, &(struct provider){ "modules", "", strbuf_text(&state), first, debug != 0 });
}

/* The index cache: whether it was used, else why not. */
static void show_cache(struct cx *cx)
{
	const struct target *t = cx->target;
	if (!t->vmlinux)
		return;
	const char *state = index_cache_state(t->vmlinux->cache);
	const char *path = index_cache_path(t->vmlinux->cache);
	show_provider(cx, &(struct provider){ "cache", "index", state, path ? path : "",
				  !strcmp(state, "used") });
}

static struct err *show_providers(struct cx *cx)
{
	struct types_provider_info *info;
	size_t n = types_providers(cx->target->types, NULL, 0);
	out_table(cx->out, &provider_table);
	show_image(cx);
	show_symbols(cx);
	info = arena_alloc(cx->arena, (n + 1) * sizeof(*info));
	n = types_providers(cx->target->types, info, n);
	for (size_t i = 0; i < n; i++)
		if (!info[i].module)
			show_provider(cx, &(struct provider){ "types", info[i].name, info[i].state,
						  info[i].origin, info[i].usable });
	show_modules(cx);
	show_cache(cx);
	return NULL;
}

/* ---- sys -b ----------------------------------------------- */

static const struct column attempt_columns[] = { { "outcome", .width = 7 },
	{ "finder", .width = 30 }, { "ms", .width = 7 }, { "found" }, { "proof" }, { 0 } };
static const struct table attempt_table = { .layout = LAYOUT_TABLE, .columns = attempt_columns };

static struct err *show_attempts(struct cx *cx)
{
	const struct attempt *a;
	uint64_t bytes, ns;
	out_table(cx->out, &attempt_table);
	for (size_t i = 0; (a = target_attempt(cx->target, i)); i++) {
		out_row(cx->out);
		out_str(cx->out, "outcome", attempt_outcome_name(a->outcome));
		out_str(cx->out, "finder", a->finder);
		out_strf(cx->out, "ms", "%" PRIu64 ".%" PRIu64, a->took_ns / 1000000,
			a->took_ns / 100000 % 10);
		out_str(cx->out, "found", a->found);
		out_str(cx->out, "proof", a->proof);
	}
	target_scanned(cx->target, &bytes, &ns);
	if (!bytes)
		return NULL;
	out_row(cx->out);
	out_str(cx->out, "outcome", "scan");
	out_str(cx->out, "finder", "memory");
	out_strf(cx->out, "ms", "%" PRIu64 ".%" PRIu64, ns / 1000000, ns / 100000 % 10);
	out_strf(cx->out, "found", "%" PRIu64 " KiB looked at, pages of zeroes not counted",
		bytes >> 10);
	out_str(cx->out, "proof", "");
	return NULL;
}

/* Nothing is said where the ways to find what each CPU was running agree. */
static void show_disagreements(struct cx *cx)
{
	struct cpu_mask present;
	scoped_strbuf struct strbuf all = { 0 };
	struct err *err = cpu_mask_read(cx->target, CPUS_PRESENT, &present);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&present, cpu)) < CPUS_MAX; cpu++) {
		struct cpu_regs source[CPU_REGS_MAX] = { 0 };
		scoped_strbuf struct strbuf words = { 0 };
		struct task task;
		cpu_regs_list(cx->target, cpu, source);
		/* A run queue that cannot be read has been told by others. */
		scoped_err struct err *unread = task_current(cx->target, cpu, &task);
		if (!unread)
			err = current_check(cx->target, cpu, &task, &source[0].regs, &words);
		if (words.len)
			strbuf_addf(&all, "%sCPU %u: %s", all.len ? "; " : "", cpu,
				strbuf_text(&words));
	}
	if (err)
		out_fault(cx->out, "current", err);
	else if (all.len)
		out_strf(cx->out, "current", "what CPUs were running is told in different ways: %s",
			strbuf_text(&all));
}

static struct err *sys_run(struct cx *cx, const struct args *a)
{
	if (args_flag(a, 'b'))
		return show_attempts(cx);
	if (args_flag(a, 'c'))
		return show_config(cx);
	if (args_flag(a, 'd'))
		return show_providers(cx);
	out_table(cx->out, &sys_table);
	out_row(cx->out);
	show_dump(cx);
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	show_names(cx);
	show_clock(cx);
	show_load(cx);
	show_cpus(cx);
	show_memory(cx);
	show_panic(cx);
	show_disagreements(cx);
	return NULL;
}

static const char *const sys_examples[] = {
	"sys\twhat died, when, of what",
	"sys -b\thow the kernel was found, step by step",
	"sys -d\twhat this program's knowledge of the kernel rests on",
	NULL,
};

const struct command cmd_sys = {
	.name = "sys",
	.summary = "the machine, its kernel, its panic, and the dump's quality",
	.usage = "",
	.options = sys_options,
	.examples = sys_examples,
	.run = sys_run,
};

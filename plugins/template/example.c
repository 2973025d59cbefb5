/*
 * A plugin to begin with: a command that counts tasks by their state, a walker over processes, and
 * a triage rule for a vendor's watchdog. It includes nothing but the installed header.
 */
#include <string.h>

#include "analyzer/api.h"

/* ---- a command: rows out, nothing printed ------------------------------------------------ */

static const struct column states_columns[] = { { "state", .width = 5 },
	{ "tasks", .width = 7, .align = ALIGN_RIGHT }, { "first" }, { 0 } };
static const struct table states_table = { .layout = LAYOUT_TABLE, .columns = states_columns };

enum { LETTERS = 128 };

static struct err *states_run(struct cx *cx, const struct args *a)
{
	uint64_t count[LETTERS] = { 0 };
	struct api_task task, first[LETTERS];
	struct api_tasks *it;
	bool more = true;
	(void)a;
	struct err *err = api_tasks_open(cx->target, &it);
	if (err)
		return err;
	while (!err && more) {
		err = api_tasks_next(it, &task, &more);
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err); /* one damaged task; the others follow */
			err = NULL;
		} else if (!err && more) {
			unsigned letter = (unsigned char)task.state[0] % LETTERS;
			if (!count[letter]++)
				first[letter] = task;
		}
	}
	api_tasks_close(it);
	out_table(cx->out, &states_table);
	for (unsigned i = 0; i < LETTERS; i++) {
		if (!count[i])
			continue;
		out_row(cx->out);
		out_str(cx->out, "state", first[i].state);
		out_uint(cx->out, "tasks", count[i]);
		out_str(cx->out, "first", first[i].comm);
	}
	return err;
}

static const char *const states_examples[] = { "states\thow many tasks run, sleep, wait", NULL };

static const struct command states = {
	.name = "states",
	.summary = "tasks counted by state",
	.usage = "",
	.examples = states_examples,
	.rows = &states_table,
	.run = states_run,
};

/* ---- a walker, with a view: members by name, whatever their offsets are in this kernel ---- */

struct process {
	uint64_t leader, mm;
};
static const struct view_field process_fields[] = {
	FIELD(struct process, leader, "group_leader"),
	FIELD(struct process, mm, "mm"),
};
static const struct view_spec process_spec = {
	.type = "task_struct", .fields = process_fields, .nfields = ARRAY_SIZE(process_fields)
};

static struct err *process_run(struct walking *w)
{
	const struct view *view;
	struct api_tasks *it;
	struct api_task task;
	struct process p;
	bool more = true;
	struct err *err = api_view(w->cx->target, &process_spec, &view);
	if (!err)
		err = api_tasks_open(w->cx->target, &it);
	if (err)
		return err;
	while (more && (!err || err->code != ERR_INTERRUPTED)) {
		if (err)
			out_complain(w->cx->out, err);
		err = api_tasks_next(it, &task, &more);
		if (err || !more)
			continue;
		err = api_view_read(w->cx->target, view, task.va, &p);
		if (!err && p.mm && p.leader == task.va)
			walk_emit(w, task.va);
	}
	api_tasks_close(it);
	return err;
}

static const struct walker process = {
	.name = "process",
	.summary = "processes of user space, without threads and kernel threads",
	.usage = "",
	.yields = "struct task_struct",
	.run = process_run,
};

/* ---- a rule of triage: facts in, a finding with its evidence out ------------------------- */

/* drivers/soc/qcom/watchdog_v2.c of vendors' kernels prints it before the hardware resets the
 * machine. */
static const char bark_words[] = "Watchdog bark! Now = ";

static struct err *bark_run(struct target *t, struct api_triage *tr)
{
	const char *line;
	struct api_finding *f;
	(void)t;
	for (size_t i = 0; (line = api_facts_log(tr, i)); i++) {
		if (!strstr(line, bark_words))
			continue;
		struct err *err =
			api_find(tr, "watchdog", API_WEIGHT_REPORT, API_CONFIDENCE_LIKELY, &f);
		if (err)
			return err;
		api_finding_title(tr, f, "the SoC's watchdog was not fed");
		api_finding_say(
			tr, f, API_EVIDENCE_LOG, API_CONFIDENCE_SURE, "log", "watchdog", line);
		return NULL;
	}
	return NULL;
}

static const struct plugin_rule bark = {
	.name = "bark",
	.summary = "the line that a vendor's watchdog leaves in the log",
	.needs = PLUGIN_NEEDS_LOG,
	.run = bark_run,
};

/* ---- what it adds ------------------------------------------------------------------------ */

static const struct command *const commands[] = { &states, NULL };
static const struct walker *const walkers[] = { &process, NULL };

static const struct plugin_rule *const rules[] = { &bark, NULL };

const struct plugin plugin = {
	PLUGIN_BUILT_BY,
	.name = "example",
	.version = "1",
	.summary = "a command, a walker and a triage rule to begin with",
	.commands = commands,
	.walkers = walkers,
	.rules = rules,
};

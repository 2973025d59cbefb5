/* Triage rules for tests: one tells its facts, one finds a cause where TOY_CAUSE says so, one
 * fails, one asks for what there is not, one serves ARM32 alone, and some have needs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/api.h"

static struct err *note(struct api_triage *tr, struct api_finding **ret)
{
	return api_find(tr, "hardware-error", API_WEIGHT_NOTE, API_CONFIDENCE_GUESS, ret);
}

static void say(struct api_triage *tr, struct api_finding *f, const char *topic, const char *text)
{
	api_finding_say(tr, f, API_EVIDENCE_MEMORY, API_CONFIDENCE_SURE, "bt", topic, text);
}

PRINTF_LIKE(4, 5)
static void sayf(
	struct api_triage *tr, struct api_finding *f, const char *topic, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(tr, f, topic, text);
}

static void say_parts(struct api_triage *tr, struct api_finding *f)
{
	struct api_call call;
	struct api_cpu cpu;
	size_t n = 0, lines = 0;
	for (; api_facts_call(tr, n, &call); n++)
		if (call.function)
			sayf(tr, f, "call", "%s %d %d", call.function, call.inlined,
				call.machinery);
	while (api_facts_log(tr, lines))
		lines++;
	sayf(tr, f, "counted", "%zu %zu", n, lines);
	for (size_t i = 0; api_facts_cpu(tr, i, &cpu); i++)
		sayf(tr, f, "cpu", "%u 0x%" PRIx64, cpu.cpu, cpu.task);
}

static struct err *facts_run(struct target *t, struct api_triage *tr)
{
	struct api_facts facts = api_facts(tr);
	struct api_finding *f;
	uint64_t pid = 0;
	struct err *err = api_evaluate(t, "init_task.pid", &pid);
	if (!err)
		err = note(tr, &f);
	if (err)
		return err;
	sayf(tr, f, "end", "%d %s", (int)facts.end, facts.panic_text ? facts.panic_text : "-");
	sayf(tr, f, "counts", "%zu %zu", facts.calls, facts.log_lines);
	if (facts.has_victim)
		sayf(tr, f, "victim", "%u %s 0x%" PRIx64 " %u", facts.victim.pid, facts.victim.comm,
			facts.victim.va, facts.victim.cpu);
	if (facts.has_fault)
		sayf(tr, f, "fault", "%s 0x%" PRIx64 " 0x%" PRIx64,
			facts.reads	 ? "read"
			: facts.writes	 ? "write"
			: facts.executes ? "execute"
					 : "-",
			facts.has_address ? facts.address : 0, facts.pc);
	say_parts(tr, f);
	return NULL;
}

static struct err *cause_run(struct target *t, struct api_triage *tr)
{
	const char *class = getenv("TOY_CAUSE");
	struct api_facts facts = api_facts(tr);
	struct api_finding *f;
	struct api_call call;
	(void)t;
	if (class && !strcmp(class, "crash"))
		*(volatile int *)8 = 1;
	if (!class)
		return NULL;
	struct err *err = api_find(tr, class, API_WEIGHT_CAUSE, API_CONFIDENCE_LIKELY, &f);
	if (err)
		return err;
	size_t i = facts.end_call;
	while (api_facts_call(tr, i, &call) && (call.machinery || !call.function))
		i++;
	api_finding_title(tr, f, "a toy's cause");
	api_finding_blame(tr, f, i);
	api_finding_say(
		tr, f, API_EVIDENCE_INFERENCE, API_CONFIDENCE_GUESS, NULL, "toy", "it was the toy");
	return NULL;
}

static struct err *fails_run(struct target *t, struct api_triage *tr)
{
	char byte;
	api_triage_not_seen(tr, "the toy's box");
	return api_read(t, 16, &byte, 1);
}

static struct err *wrong_run(struct target *t, struct api_triage *tr)
{
	struct api_finding *f;
	(void)t;
	return api_find(tr, "alive", API_WEIGHT_CAUSE, API_CONFIDENCE_SURE, &f);
}

static struct err *here_run(struct target *t, struct api_triage *tr)
{
	struct api_finding *f;
	(void)t;
	struct err *err = note(tr, &f);
	if (!err)
		api_finding_culprit(tr, f, "somebody");
	return err;
}

static const struct plugin_rule facts = { "toy-facts", "what it is told", .run = facts_run };
static const struct plugin_rule cause = { "toy-cause", "what it is asked for", .run = cause_run };
static const struct plugin_rule fails = { "toy-fails", "nothing", .run = fails_run };
static const struct plugin_rule wrong = { "toy-wrong", "a class that is not its to say",
	.run = wrong_run };
static const struct plugin_rule arm = { "toy-arm", "ARM32", { .architecture = "arm" },
	.run = here_run };
static const struct plugin_rule log_rule = { "toy-log", "the log", .needs = PLUGIN_NEEDS_LOG,
	.run = here_run };
static const struct plugin_rule death = { "toy-death", "the dead", .needs = PLUGIN_NEEDS_DEATH,
	.run = here_run };
static const struct plugin_rule fault = { "toy-fault", "faults", .needs = PLUGIN_NEEDS_FAULT,
	.run = here_run };
static const struct plugin_rule types = { "toy-types", "types", .needs = PLUGIN_NEEDS_TYPES,
	.run = here_run };

static const struct plugin_rule *const rules[] = { &facts, &cause, &fails, &wrong, &arm, &log_rule,
	&death, &fault, &types, NULL };

const struct plugin plugin = {
	PLUGIN_BUILT_BY,
	.name = "toyrules",
	.version = "1",
	.summary = "rules for tests",
	.rules = rules,
};

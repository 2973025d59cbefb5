/*
 * What a plugin may ask of the dump under examination. `struct target` stays opaque; structures of
 * the kernel are read through views, so that a renamed member costs one more name in a table.
 */
#ifndef ANALYZER_SHELL_API_H
#define ANALYZER_SHELL_API_H

#include "analyzer/base/load.h"
#include "analyzer/debug/view_spec.h"
#include "analyzer/shell/command.h"

/* Word size and byte order of the target; for get_word() and its kin of load.h. */
const struct abi *api_abi(const struct target *t);

/* "arm", "arm64"; NULL when the dump does not say. */
const char *api_architecture(const struct target *t);

/* ---- memory: kernel virtual, or physical ------------------------------------------------- */

/* ERR_FAULT names the first address that failed, ERR_MISSING says that there is no kernel space. */
struct err *api_read(struct target *t, uint64_t va, void *buf, size_t n) MUST_CHECK;
bool api_try_read(struct target *t, uint64_t va, void *buf, size_t n);
struct err *api_read_word(struct target *t, uint64_t va, uint64_t *ret) MUST_CHECK;

/* A terminated string of at most @max - 1 bytes; a longer one is cut. */
struct err *api_read_string(struct target *t, uint64_t va, char *buf, size_t max) MUST_CHECK;
struct err *api_read_physical(struct target *t, uint64_t pa, void *buf, size_t n) MUST_CHECK;

/* Run @i of the dump's RAM, ascending; false behind the last. */
bool api_ram(const struct target *t, size_t i, uint64_t *ret_pa, uint64_t *ret_n);

/* The first address at or behind @pa that is there and may hold anything but zeroes; false: none.
 */
bool api_next_data(struct target *t, uint64_t pa, uint64_t *ret_pa);

/* ---- names and values -------------------------------------------------------------------- */

bool api_has_symbol(const struct target *t, const char *name);

/* ERR_MISSING names the symbol. */
struct err *api_symbol(const struct target *t, const char *name, uint64_t *ret_va) MUST_CHECK;

/* Appends "schedule+0x10/0x80 [module]"; false, with nothing appended, when no symbol holds @va. */
bool api_symbol_text(const struct target *t, uint64_t va, struct strbuf *out);

/* An address as people type it: hex, a symbol, either with an offset, or an expression. */
struct err *api_address(struct target *t, const char *text, uint64_t *ret) MUST_CHECK;

/* The number that a C expression holds: "jiffies", "init_task.pid", "sizeof(struct page)". */
struct err *api_evaluate(struct target *t, const char *text, uint64_t *ret) MUST_CHECK;

/* The same as eval reads it: literals of 64 bits, a symbol is its address. For args_point(),
 * *ret_at is where in @text it is wrong. */
struct err *api_calculate(
	struct cx *cx, const char *text, uint64_t *ret, size_t *ret_at) MUST_CHECK;

/* Appends the @type ("struct page", a typedef) at @va as p prints it. */
struct err *api_print(
	struct target *t, const char *type, uint64_t va, struct strbuf *out) MUST_CHECK;

/* ---- values: typed objects of the target ------------------------------------------------- */

/* Copy it as you like; it is good as long as the dump is open. */
struct api_value {
	uint64_t word[8];
};

enum api_kind {
	API_VOID,
	API_INT,
	API_BOOL,
	API_CHAR,
	API_FLOAT,
	API_ENUM,
	API_POINTER,
	API_ARRAY,
	API_STRUCT,
	API_UNION,
	API_FUNCTION,
};

struct api_value_info {
	enum api_kind kind; /* behind typedefs and qualifiers */
	bool is_signed;
	bool in_memory, bit_field;
	uint64_t va;	      /* where it is, when in memory */
	uint64_t bytes;	      /* 0: not known, or none */
	uint64_t count;	      /* elements of an array; 0: not known */
	enum api_kind target; /* of pointers and arrays: what they point to or hold */
};

/* Of a C expression, as p reads it. @it (may be NULL) is what the name `it` stands for in it:
 * "it.comm", "it[3]", "*it", "(struct page *)it", "&it". ERR_USAGE, ERR_NOT_FOUND and read faults.
 */
struct err *api_value(struct target *t, const struct api_value *it, const char *text,
	struct api_value *ret) MUST_CHECK;

/* The @type ("struct page", a typedef) at @va. */
struct err *api_value_at(
	struct target *t, const char *type, uint64_t va, struct api_value *ret) MUST_CHECK;

struct api_value_info api_value_info(const struct api_value *v);
void api_value_type(const struct api_value *v, struct strbuf *out); /* "struct page *" */

/* Of integers, enums, pointers, functions: widened as its type says. */
struct err *api_value_number(struct target *t, const struct api_value *v, uint64_t *ret) MUST_CHECK;

/* As p prints it; integers in hex where @hex. */
struct err *api_value_print(
	struct target *t, const struct api_value *v, bool hex, struct strbuf *out) MUST_CHECK;

/* Member @i of a struct or union, or of what a pointer points to: *ret_name is "" for one without a
 * name, NULL behind the last. */
struct err *api_value_member(
	struct target *t, const struct api_value *v, size_t i, const char **ret_name) MUST_CHECK;

/* ---- rows of other commands -------------------------------------------------------------- */

enum api_cell_kind {
	API_CELL_NONE,
	API_CELL_UINT,
	API_CELL_INT,
	API_CELL_ADDRESS,
	API_CELL_BOOL,
	API_CELL_SECONDS, /* nanoseconds in .number */
	API_CELL_TEXT,
	API_CELL_FAULT,
	API_CELL_LIST,
};

struct api_row;

struct api_cell {
	const char *key;
	enum api_cell_kind kind;
	uint64_t number;  /* UINT, INT, ADDRESS, BOOL, SECONDS; FAULT: the address */
	const char *text; /* TEXT, with .bytes; FAULT: the message */
	size_t bytes;
	const char *fault;	    /* one word: "unmapped" */
	const struct api_row *list; /* the first row of a LIST; NULL: it is empty */
};

/* Cell @i; false behind the last. All of it lives as long as the row. */
bool api_row_cell(const struct api_row *row, size_t i, struct api_cell *ret);

/* The row behind @row of a list; NULL: none. */
const struct api_row *api_row_next(const struct api_row *row);

/*
 * Runs a command with its stages, "ps | where state == \"D\"", and hands its rows to @row one by
 * one; what goes wrong beside them goes to @complain. The rows live until the function returns.
 * *ret_at is where in
 * @line ERR_USAGE points.
 */
typedef void (*api_row_fn)(void *with, const struct api_row *row);
typedef void (*api_complain_fn)(void *with, const char *message);
struct err *api_rows(struct cx *cx, const char *line, api_row_fn row, api_complain_fn complain,
	void *with, size_t *ret_at) MUST_CHECK;

/* ---- commands that come and go ----------------------------------------------------------- */

/* @c and @owner, a plugin's name, are borrowed until the program ends. ERR_FORMAT, ERR_MISMATCH
 * (the name is taken). */
struct err *api_add_command(struct cx *cx, const struct command *c, const char *owner) MUST_CHECK;
void api_remove_command(struct cx *cx, const struct command *c);

/* The command whose run function is called right now: one function may serve several. */
const struct command *api_running_command(void);

/* ---- structures -------------------------------------------------------------------------- */

struct view;

/* The view of @spec, a constant; bound at the first call and kept. ERR_MISSING names the type or
 * the member that the kernel and its modules lack. */
struct err *api_view(
	struct target *t, const struct view_spec *spec, const struct view **ret) MUST_CHECK;

/* Reads the object at @va into the struct that the spec was written for. */
struct err *api_view_read(
	struct target *t, const struct view *v, uint64_t va, void *ret) MUST_CHECK;
bool api_view_has(const struct view *v, size_t field);
uint64_t api_view_bytes(const struct view *v);

/* ---- tasks ------------------------------------------------------------------------------- */

struct api_task {
	uint64_t va;
	uint32_t pid, tgid;
	uint32_t cpu;  /* UINT32_MAX when unknown */
	char state[4]; /* ps's letter */
	char comm[20]; /* terminated; a damaged one is cut */
};

/* The task that `set` chose, else the one that panicked, else the first CPU's. */
struct err *api_current_task(struct cx *cx, struct api_task *ret) MUST_CHECK;

/* An error that comes with *ret_more true concerns one task only: the walk goes on. */
struct api_tasks;
struct err *api_tasks_open(struct target *t, struct api_tasks **ret) MUST_CHECK;
struct err *api_tasks_next(struct api_tasks *it, struct api_task *ret, bool *ret_more) MUST_CHECK;
void api_tasks_close(struct api_tasks *it);

/* ---- the device tree --------------------------------------------------------------------- */

/*
 * The property @name of the first node whose "compatible" holds @compatible, as big-endian bytes:
 * *ret is malloc'ed (not NULL even when empty). ERR_NOT_FOUND without such a node or property,
 * ERR_MISSING without a tree.
 */
struct err *api_device_property(struct target *t, const char *compatible, const char *name,
	uint8_t **ret, size_t *ret_n) MUST_CHECK;

/* Whether the machine's root node says "compatible" with this. */
bool api_machine_is(struct target *t, const char *compatible);

/* ---- for dump readers (plugin.h) --------------------------------------------------------- */

struct api_opening;

uint64_t api_opening_bytes(const struct api_opening *o);

/* Exactly @n bytes at @at of the file; ERR_FORMAT when they are not all there. */
struct err *api_opening_read(
	const struct api_opening *o, uint64_t at, void *buf, size_t n) MUST_CHECK;

/*
 * @n bytes of RAM at @pa stand at @at of the file. ERR_FORMAT when there are none, when they run
 * over the end of all addresses, or when the file ends before them; two ranges for one address
 * refuse the file. What the file lacks of a range's end is cut off: the dump opens in part.
 */
struct err *api_opening_add_range(
	struct api_opening *o, uint64_t pa, uint64_t n, uint64_t at) MUST_CHECK;

/* "arm" or "arm64"; need not be said. ERR_USAGE for others. */
struct err *api_opening_set_architecture(struct api_opening *o, const char *name) MUST_CHECK;

/* The text of VMCOREINFO, where the format has it; copied. */
void api_opening_add_vmcoreinfo(struct api_opening *o, const char *text, size_t n);

/* ---- for bootstrap finders (plugin.h) ---------------------------------------------------- */

struct api_claims;

struct api_claim {
	uint64_t text_pa; /* _text in memory; without it nothing can be proved */
	uint64_t text_va; /* _text as it runs, KASLR included; 0: not known, which only does with a
			   * vmlinux or where kallsyms has _text (CONFIG_KALLSYMS_ALL) */
	uint64_t root_pa; /* the kernel's page table, swapper_pg_dir; 0: not known */
};

/* ERR_USAGE without text_pa, ERR_LIMIT behind 64 claims. */
struct err *api_claim(struct api_claims *to, const struct api_claim *claim) MUST_CHECK;

/* ---- for triage rules (plugin.h) --------------------------------------------------------- */

/* What is found lives as long as the rule runs; strings that are given are copied. */
struct api_triage;

enum api_end { API_END_NOT_KNOWN, API_END_NONE, API_END_PANIC, API_END_OOPS };

struct api_facts {
	enum api_end end;
	const char *panic_text; /* NULL: not known */
	bool has_victim;	/* the task that panicked, or is in an oops */
	struct api_task victim;

	bool has_fault; /* an exception of the victim's own making; the rest is of that */
	bool traps;	/* BUG(), WARN(): on purpose */
	bool has_address, has_status;
	bool reads, writes, executes; /* the address; none: not known */
	uint64_t pc, address, status; /* .status as the CPU gave it: ESR, FSR */

	size_t calls, log_lines, cpus; /* how many there are to ask for */
	size_t end_call;	       /* the call of panic(), or 0 */
	size_t fault_call;	       /* the function that was interrupted; SIZE_MAX: none */
};
struct api_facts api_facts(const struct api_triage *tr);

/* The victim's calls, innermost first, inlined ones by themselves. */
struct api_call {
	const char *function, *module, *file; /* NULL: in none, the kernel itself, not known */
	int line;
	uint64_t pc;
	bool inlined;
	bool guess;	/* an address on the stack, nothing more */
	bool machinery; /* it carries failures of others: reports, stops, copies */
};
bool api_facts_call(const struct api_triage *tr, size_t i, struct api_call *ret);

/* Line @i of the kernel's log, the oldest first, without its time; NULL behind the last. */
const char *api_facts_log(const struct api_triage *tr, size_t i);

struct api_cpu {
	unsigned cpu;
	uint64_t task; /* struct task_struct */
	bool idle;
	bool irqs_known, irqs_off;
	const char *function; /* where it stood; NULL: not known */
};
bool api_facts_cpu(const struct api_triage *tr, size_t i, struct api_cpu *ret);

/* How much a finding explains: the weightiest is the verdict, the others stand beside it. Among
 * equals ours come first. */
enum api_weight {
	API_WEIGHT_NOTE = 0,	 /* never the verdict */
	API_WEIGHT_END = 10,	 /* how the machine ended */
	API_WEIGHT_SYMPTOM = 20, /* damage in memory, a state that cannot last */
	API_WEIGHT_REQUEST = 25, /* a person asked for the end */
	API_WEIGHT_TRAP = 30,	 /* an instruction failed */
	API_WEIGHT_REPORT = 40, /* a checker of the kernel's or of the hardware's said what it is */
	API_WEIGHT_CAUSE = 50,	/* the state behind that */
};
enum api_evidence { API_EVIDENCE_MEMORY, API_EVIDENCE_LOG, API_EVIDENCE_INFERENCE };
enum api_confidence { API_CONFIDENCE_GUESS, API_CONFIDENCE_LIKELY, API_CONFIDENCE_SURE };

struct api_finding;

/* @class as triage shows them: "hardware-error", "watchdog", "use-after-free", … ERR_USAGE. */
struct err *api_find(struct api_triage *tr, const char *class, enum api_weight weight,
	enum api_confidence confidence, struct api_finding **ret) MUST_CHECK;

/* Else the title is made from class and culprit. */
void api_finding_title(struct api_triage *tr, struct api_finding *f, const char *title);

/* It was the victim, in call @call; SIZE_MAX: none of its calls is to blame. */
void api_finding_blame(struct api_triage *tr, struct api_finding *f, size_t call);

/* A function that is none of the victim's calls. */
void api_finding_culprit(struct api_triage *tr, struct api_finding *f, const char *function);

/* @command shows it again; NULL: none does. @topic is a word or two, @text a line. */
void api_finding_say(struct api_triage *tr, struct api_finding *f, enum api_evidence evidence,
	enum api_confidence confidence, const char *command, const char *topic, const char *text);

/* A line for the ledger of what could not be looked at. */
void api_triage_not_seen(struct api_triage *tr, const char *text);

#endif

/* The program's own command line, by getopt_long(). */
#include "analyzer/shell/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/number.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/shell/script_args.h"

static const char help_text[] =
	"usage: inquest [options] [VMLINUX] DUMP... [-- ARGUMENT...]\n"
	"Examines an ARM32 or ARM64 Linux memory dump. Files are told apart by content.\n"
	"\n"
	"  -c COMMAND      run COMMAND and exit; may be repeated\n"
	"  -x FILE         run the commands in FILE and exit (-: standard input); may be repeated\n"
	"      --python FILE  run the Python script FILE and exit; may be repeated\n"
	"      --json      answer in JSON: one object and line a command\n"
	"      --jsonl     answer in JSON: one object and line a row, as they come\n"
	"      --csv       answer in CSV\n"
	"      --symbols DIR  look there first for separate debug files (then in /usr/lib/debug)\n"
	"      --set NAME=VALUE  a fact that the dump does not say; may be repeated. NAME: a key "
	"of\n"
	"                  VMCOREINFO or kimage_voffset kaslr phys_offset page_offset va_bits "
	"t1sz\n"
	"                  page_size lpae swapper_pg_dir; what memory contradicts is ignored\n"
	"      --ram FILE@ADDRESS  raw RAM and its physical address; may be repeated\n"
	"      --regs FILE  the CPUs' registers as text: lines \"cpu N\", then \"REGISTER = HEX\"\n"
	"      --cache-size MB  of decompressed pages; else a quarter of this machine's memory\n"
	"      --plugin FILE  load this plugin as well; may be repeated\n"
	"      --force     go on when VMLINUX and DUMP do not belong together, obey --set\n"
	"      --no-cache  neither read nor write the index of this kernel in ~/.cache/inquest\n"
	"      --no-color  no colour, as with NO_COLOR in the environment\n"
	"      --no-rc     without the lines of ~/.config/inquest/rc\n"
	"  -h, --help      this text\n"
	"  -V, --version   the version\n"
	"\n"
	"What stands behind -- is $arg1, $arg2, ... of the commands; $argc is how many there are. "
	"Python has\n"
	"it in sys.argv.\n"
	"\n"
	"Exit status: 0 all good; 1 a command failed; 2 usage; 3 nothing could be opened;\n"
	"4 the dump is cut or damaged, and the commands succeeded.\n";

enum {
	OPT_JSON = 256,
	OPT_CSV,
	OPT_FORCE,
	OPT_SYMBOLS,
	OPT_SET,
	OPT_NO_COLOR,
	OPT_NO_CACHE,
	OPT_RAM,
	OPT_CACHE_SIZE,
	OPT_REGS,
	OPT_PLUGIN,
	OPT_PYTHON,
	OPT_JSONL,
	OPT_NO_RC,
	OPT_MANUAL,
	OPT_COMPLETION,
	OPT_ZSH,
	OPT_MARKDOWN
};

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	{ "jsonl", no_argument, NULL, OPT_JSONL },
	{ "no-rc", no_argument, NULL, OPT_NO_RC },
	{ "csv", no_argument, NULL, OPT_CSV },
	{ "symbols", required_argument, NULL, OPT_SYMBOLS },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "set", required_argument, NULL, OPT_SET },
	{ "no-cache", no_argument, NULL, OPT_NO_CACHE },
	{ "no-color", no_argument, NULL, OPT_NO_COLOR },
	{ "no-colour", no_argument, NULL, OPT_NO_COLOR },
	{ "ram", required_argument, NULL, OPT_RAM },
	{ "plugin", required_argument, NULL, OPT_PLUGIN },
	{ "python", required_argument, NULL, OPT_PYTHON },
	{ "regs", required_argument, NULL, OPT_REGS },
	{ "cache-size", required_argument, NULL, OPT_CACHE_SIZE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "man", no_argument, NULL, OPT_MANUAL },
	{ "bash-completion", no_argument, NULL, OPT_COMPLETION },
	{ "zsh-completion", no_argument, NULL, OPT_ZSH },
	{ "commands-md", no_argument, NULL, OPT_MARKDOWN },
	{ 0 },
};

const char *options_help(void)
{
	return help_text;
}

/* Whether the word behind @word belongs to it: "-c", "--set", not "--set=X". */
static bool takes_next(const char *word)
{
	if (!strcmp(word, "-c") || !strcmp(word, "-x"))
		return true;
	for (const struct option *o = long_options; o->name; o++)
		if (o->has_arg == required_argument && !strncmp(word, "--", 2) &&
			!strcmp(word + 2, o->name))
			return true;
	return false;
}

static enum options_verdict wrong(const char *what, const char *word)
{
	scoped_strbuf struct strbuf b = { 0 };
	strbuf_add_escaped(&b, word, strlen(word));
	fprintf(stderr, "inquest: %s%s; try: inquest --help\n", what, strbuf_text(&b));
	return OPTIONS_WRONG;
}

/* What getopt refused: a letter in optopt, or a whole long word. */
static enum options_verdict wrong_option(char **argv, int opt)
{
	if (opt == ':')
		return wrong("an argument is missing after ", argv[optind - 1]);
	if (optopt > 0 && optopt < 256)
		return wrong("unknown option -", (char[]){ (char)optopt, '\0' });
	return wrong("unknown option ", argv[optind - 1]);
}

static enum options_verdict set_format(struct options *o, enum out_format format)
{
	if (o->format != OUT_TEXT && o->format != format)
		return wrong("--json, --jsonl and --csv exclude each other", "");
	o->format = format;
	return OPTIONS_RUN;
}

/* FILE@ADDRESS, the address in hexadecimal. Cuts @arg in two. */
static enum options_verdict take_ram(struct options *o, char *arg)
{
	struct dump_file ram = { .path = arg, .is_ram = true };
	char *at = strrchr(arg, '@');
	if (!at || at == arg || !number_parse_hex(at + 1, &ram.ram_at.v))
		return wrong("--ram wants FILE@ADDRESS, not ", arg);
	*at = '\0';
	vec_push(&o->ram, ram);
	return OPTIONS_RUN;
}

static enum options_verdict take_cache_size(struct options *o, const char *arg)
{
	uint64_t mb;
	if (!number_parse(arg, &mb) || !mb || mb > (uint64_t)1 << 40)
		return wrong("--cache-size wants a number of megabytes, not ", arg);
	o->cache_bytes = mb << 20;
	return OPTIONS_RUN;
}

static enum options_verdict take_option(struct options *o, char **argv, int opt)
{
	switch (opt) {
	case 'c':
		vec_push(&o->steps, ((struct step){ .command = optarg }));
		return OPTIONS_RUN;
	case 'x':
		vec_push(&o->steps, ((struct step){ .script = optarg }));
		return OPTIONS_RUN;
	case OPT_JSON:
		return set_format(o, OUT_JSON);
	case OPT_CSV:
		return set_format(o, OUT_CSV);
	case OPT_JSONL:
		return set_format(o, OUT_JSONL);
	case OPT_SYMBOLS:
		o->symbols_dir = optarg;
		return OPTIONS_RUN;
	case OPT_SET:
		vec_push(&o->set, optarg);
		return OPTIONS_RUN;
	case OPT_REGS:
		o->regs_path = optarg;
		return OPTIONS_RUN;
	case OPT_PYTHON:
		vec_push(&o->steps, ((struct step){ .python = optarg }));
		return OPTIONS_RUN;
	case OPT_PLUGIN:
		vec_push(&o->plugins, optarg);
		return OPTIONS_RUN;
	case OPT_RAM:
		return take_ram(o, optarg);
	case OPT_CACHE_SIZE:
		return take_cache_size(o, optarg);
	case OPT_FORCE:
		o->force = true;
		return OPTIONS_RUN;
	case OPT_NO_CACHE:
		o->no_cache = true;
		return OPTIONS_RUN;
	case OPT_NO_RC:
		o->no_rc = true;
		return OPTIONS_RUN;
	case OPT_NO_COLOR:
		o->no_color = true;
		return OPTIONS_RUN;
	case 'h':
		fputs(help_text, stdout);
		return OPTIONS_DONE;
	case 'V':
		return OPTIONS_VERSION;
	case OPT_MANUAL:
		return OPTIONS_MANUAL;
	case OPT_COMPLETION:
		return OPTIONS_COMPLETION;
	case OPT_ZSH:
		return OPTIONS_ZSH;
	case OPT_MARKDOWN:
		return OPTIONS_MARKDOWN;
	default:
		return wrong_option(argv, opt);
	}
}

/* Before a dump is opened, which may take its time. */
static enum options_verdict check_scripts(const struct options *o)
{
	for (size_t i = 0; i < o->steps.n; i++) {
		const struct step *step = &o->steps.v[i];
		const char *script = step->script ? step->script : step->python;
		if (script && strcmp(script, "-") != 0 && access(script, R_OK) != 0)
			return wrong("cannot read the script ", script);
	}
	return OPTIONS_RUN;
}

/* What stands behind the first `--` that is no option's argument; getopt_long() would mix it with
 * the files. Returns how many words are left for it. */
static int take_arguments(struct options *o, int argc, char **argv)
{
	int i;
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (takes_next(argv[i]))
			i++;
	if (i >= argc)
		return argc;
	o->arguments = (const char *const *)argv + i + 1;
	o->narguments = (size_t)(argc - i - 1);
	return i;
}

static enum options_verdict check_arguments(const struct options *o)
{
	for (size_t i = 0; i < o->narguments; i++)
		if (!script_args_valid(o->arguments[i]))
			return wrong("quotes and control characters cannot stand in an argument: ",
				o->arguments[i]);
	return OPTIONS_RUN;
}

enum options_verdict options_parse(int argc, char **argv, struct options *ret)
{
	*ret = (struct options){ .format = OUT_TEXT };
	int opt;
	opterr = 0;
	argc = take_arguments(ret, argc, argv);
	while ((opt = getopt_long(argc, argv, ":c:x:hV", long_options, NULL)) != -1) {
		enum options_verdict verdict = take_option(ret, argv, opt);
		if (verdict != OPTIONS_RUN)
			return verdict;
	}
	ret->files = (const char *const *)argv + optind;
	ret->nfiles = (size_t)(argc - optind);
	if (!ret->nfiles && !ret->ram.n)
		return wrong("no dump is named", "");
	enum options_verdict verdict = check_arguments(ret);
	return verdict == OPTIONS_RUN ? check_scripts(ret) : verdict;
}

void options_deinit(struct options *o)
{
	vec_deinit(&o->steps);
	vec_deinit(&o->ram);
	vec_deinit(&o->plugins);
	vec_deinit(&o->set);
}

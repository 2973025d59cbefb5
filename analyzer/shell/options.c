/* The program's own command line, by getopt_long(). */
#include "analyzer/shell/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/strbuf.h"

#define INQUEST_VERSION "0.1"

static const char help_text[] =
	"usage: inquest [options] [VMLINUX] DUMP...\n"
	"Examines an ARM32 or ARM64 Linux memory dump. Files are told apart by content.\n"
	"\n"
	"  -c COMMAND      run COMMAND and exit; may be repeated\n"
	"  -x FILE         run the commands in FILE and exit (-: standard input); may be repeated\n"
	"      --json      answer in JSON: one object and line a command\n"
	"      --csv       answer in CSV\n"
	"      --symbols DIR  look there first for separate debug files (then in /usr/lib/debug)\n"
	"      --force     go on when VMLINUX and DUMP do not belong together\n"
	"      --no-color  no colour, as with NO_COLOR in the environment\n"
	"  -h, --help      this text\n"
	"  -V, --version   the version\n"
	"\n"
	"Exit status: 0 all good; 1 a command failed; 2 usage; 3 nothing could be opened;\n"
	"4 the dump is cut or damaged, and the commands succeeded.\n";

enum { OPT_JSON = 256, OPT_CSV, OPT_FORCE, OPT_SYMBOLS, OPT_NO_COLOR };

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	{ "csv", no_argument, NULL, OPT_CSV },
	{ "symbols", required_argument, NULL, OPT_SYMBOLS },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "no-color", no_argument, NULL, OPT_NO_COLOR },
	{ "no-colour", no_argument, NULL, OPT_NO_COLOR },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

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
		return wrong("--json and --csv exclude each other", "");
	o->format = format;
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
	case OPT_SYMBOLS:
		o->symbols_dir = optarg;
		return OPTIONS_RUN;
	case OPT_FORCE:
		o->force = true;
		return OPTIONS_RUN;
	case OPT_NO_COLOR:
		o->no_color = true;
		return OPTIONS_RUN;
	case 'h':
		fputs(help_text, stdout);
		return OPTIONS_DONE;
	case 'V':
		puts("inquest " INQUEST_VERSION);
		return OPTIONS_DONE;
	default:
		return wrong_option(argv, opt);
	}
}

/* Before a dump is opened, which may take its time. */
static enum options_verdict check_scripts(const struct options *o)
{
	for (size_t i = 0; i < o->steps.n; i++) {
		const char *script = o->steps.v[i].script;
		if (script && strcmp(script, "-") != 0 && access(script, R_OK) != 0)
			return wrong("cannot read the script ", script);
	}
	return OPTIONS_RUN;
}

enum options_verdict options_parse(int argc, char **argv, struct options *ret)
{
	*ret = (struct options){ .format = OUT_TEXT };
	int opt;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":c:x:hV", long_options, NULL)) != -1) {
		enum options_verdict verdict = take_option(ret, argv, opt);
		if (verdict != OPTIONS_RUN)
			return verdict;
	}
	ret->files = (const char *const *)argv + optind;
	ret->nfiles = (size_t)(argc - optind);
	if (!ret->nfiles)
		return wrong("no dump is named", "");
	return check_scripts(ret);
}

void options_deinit(struct options *o)
{
	vec_deinit(&o->steps);
}

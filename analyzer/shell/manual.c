/*
 * Writes inquest(1), docs/commands.md and the completion for bash and zsh. Knows no command: all
 * words are those of the commands' rows and of --help.
 */
#include "analyzer/shell/manual.h"

#include <ctype.h>
#include <string.h>

/* Text as man shows it unchanged: no line may begin with a dot or a quote, backslashes are doubled.
 */
static void add_text(struct strbuf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool first = out->len == 0 || out->s[out->len - 1] == '\n';
		if (first && (s[i] == '.' || s[i] == '\''))
			strbuf_add(out, "\\&");
		if (s[i] == '\\')
			strbuf_add(out, "\\e");
		else if (s[i] == '-')
			strbuf_add(out, "\\-");
		else
			strbuf_add_char(out, s[i]);
	}
}

static void add_line(struct strbuf *out, const char *s)
{
	add_text(out, s, strlen(s));
	strbuf_add_char(out, '\n');
}

static void add_option(struct strbuf *out, const struct option *o)
{
	char letter[2] = { o->letter };
	strbuf_add(out, ".TP\n\\fB\\-");
	add_text(out, o->word ? o->word : letter, strlen(o->word ? o->word : letter));
	strbuf_add(out, "\\fR");
	if (o->arg) {
		strbuf_add(out, " ");
		add_text(out, o->arg, strlen(o->arg));
	}
	strbuf_add(out, "\n");
	add_line(out, o->help);
}

static void add_command(struct strbuf *out, const struct command *c)
{
	scoped_strbuf struct strbuf usage = { 0 };
	command_usage(c, &usage);
	strbuf_add(out, ".SS ");
	add_line(out, strbuf_text(&usage));
	add_line(out, c->summary);
	if (c->alias) {
		strbuf_add(out, ".br\nAlso: ");
		add_line(out, c->alias);
	}
	if (c->details) {
		strbuf_add(out, ".PP\n");
		add_line(out, c->details);
	}
	for (const struct option *o = c->options; o && o->letter; o++)
		add_option(out, o);
	for (size_t i = 0; c->examples && c->examples[i]; i++) {
		const char *e = c->examples[i];
		size_t n = strcspn(e, "\t");
		strbuf_add(out, ".TP\n");
		add_text(out, e, n);
		strbuf_add(out, "\n");
		add_line(out, e[n] ? e + n + 1 : "");
	}
}

void manual_page(const struct command *const *commands, const char *usage, struct strbuf *out)
{
	strbuf_add(out,
		".TH INQUEST 1\n.SH NAME\ninquest \\- examines memory dumps of ARM32 and ARM64 "
		"Linux\n.SH SYNOPSIS\n.nf\n");
	add_line(out, usage);
	strbuf_add(out, ".fi\n.SH COMMANDS\n");
	for (size_t i = 0; commands[i]; i++)
		add_command(out, commands[i]);
	strbuf_add(out, ".SH FILES\n.TP\n~/.local/share/inquest/plugins, /usr/lib/inquest/plugins\n"
			"plugins that are loaded at the start\n");
}

/* The words that begin with a dash, of the lines of --help that are about options. */
static void add_long_options(const char *usage, struct strbuf *out)
{
	for (const char *line = usage; *line;) {
		size_t n = strcspn(line, "\n"), i = strspn(line, " ");
		while (i < n && line[i] == '-') {
			size_t word = strcspn(line + i, " ,\n");
			strbuf_add(out, " ");
			strbuf_add_bytes(out, line + i, word);
			i += word + strspn(line + i + word, " ,");
		}
		line += n + (line[n] != '\0');
	}
}

void manual_completion(const struct command *const *commands, const char *usage, struct strbuf *out)
{
	strbuf_add(out,
		"# bash completion for inquest\n_inquest()\n{\n\tlocal "
		"now=${COMP_WORDS[COMP_CWORD]} "
		"before=${COMP_WORDS[COMP_CWORD-1]}\n\tCOMPREPLY=()\n\tif [[ $before == -c ]]; "
		"then\n\t\tCOMPREPLY=($(compgen -W \"");
	for (size_t i = 0; commands[i]; i++)
		strbuf_addf(out, "%s%s", i ? " " : "", commands[i]->name);
	strbuf_add(out,
		"\" -- \"$now\"))\n\telif [[ $now == -* ]]; then\n\t\tCOMPREPLY=($(compgen -W \"");
	add_long_options(usage, out);
	strbuf_add(out, "\" -- \"$now\"))\n\telse\n\t\tcompopt -o "
			"filenames\n\t\tCOMPREPLY=($(compgen -f -- "
			"\"$now\"))\n\tfi\n}\ncomplete -F _inquest inquest\n");
}

/* ---- zsh --------------------------------------------------------------------------------- */

/* A word and its description between single quotes, as _describe wants them. */
static void add_described(
	struct strbuf *out, const char *word, size_t n, const char *what, size_t m)
{
	strbuf_add(out, "\t\t'");
	strbuf_add_bytes(out, word, n);
	strbuf_add_char(out, ':');
	for (size_t i = 0; i < m; i++) {
		if (what[i] == '\'')
			strbuf_add(out, "'\\''");
		else
			strbuf_add_char(out, what[i]);
	}
	strbuf_add(out, "'\n");
}

/* "  -c, --word ARG   what it does": each of its words with what stands behind two blanks. */
static void add_described_options(const char *line, size_t n, struct strbuf *out)
{
	size_t i = strspn(line, " "), what = i;
	while (what < n && strncmp(line + what, "  ", 2))
		what++;
	what += strspn(line + what, " ");
	while (i < n && line[i] == '-') {
		size_t word = strcspn(line + i, " ,\n");
		add_described(out, line + i, word, line + what, what < n ? n - what : 0);
		i += word + strspn(line + i + word, " ,");
	}
}

void manual_zsh_completion(
	const struct command *const *commands, const char *usage, struct strbuf *out)
{
	strbuf_add(out, "#compdef inquest\nlocal -a commands options\ncommands=(\n");
	for (size_t i = 0; commands[i]; i++)
		add_described(out, commands[i]->name, strlen(commands[i]->name),
			commands[i]->summary, strlen(commands[i]->summary));
	strbuf_add(out, ")\noptions=(\n");
	for (const char *line = usage; *line;) {
		size_t n = strcspn(line, "\n");
		if (line[strspn(line, " ")] == '-' && line[0] == ' ')
			add_described_options(line, n, out);
		line += n + (line[n] != '\0');
	}
	strbuf_add(out, ")\nif [[ $words[CURRENT-1] == -c ]]; then\n\t_describe command commands\n"
			"elif [[ $words[CURRENT] == -* ]]; then\n\t_describe option "
			"options\nelse\n\t_files\nfi\n");
}

/* ---- docs/commands.md -------------------------------------------------------------------- */

/* Text between backquotes may hold anything but a backquote, which none of ours does. */
static void add_code(struct strbuf *out, const char *s, size_t n)
{
	strbuf_add_char(out, '`');
	strbuf_add_bytes(out, s, n);
	strbuf_add_char(out, '`');
}

/* Sentences in which no character may begin markup. */
static void add_sentences(struct strbuf *out, const char *s)
{
	for (; *s; s++) {
		if (strchr("<>*_|[]#", *s))
			strbuf_add_char(out, '\\');
		strbuf_add_char(out, *s);
	}
}

static void add_markdown(struct strbuf *out, const struct command *c)
{
	scoped_strbuf struct strbuf usage = { 0 };
	command_usage(c, &usage);
	strbuf_addf(out, "\n## %s\n\n    %s\n\n", c->name, strbuf_text(&usage));
	add_sentences(out, c->summary);
	if (c->alias)
		strbuf_addf(out, " (also `%s`)", c->alias);
	strbuf_add(out, ".\n");
	if (c->details) {
		strbuf_add_char(out, '\n');
		add_sentences(out, c->details);
		strbuf_add_char(out, '\n');
	}
	for (const struct option *o = c->options; o && o->letter; o++) {
		char letter[2] = { o->letter };
		strbuf_addf(out, "%s- `-%s%s%s` ", o == c->options ? "\n" : "",
			o->word ? o->word : letter, o->arg ? " " : "", o->arg ? o->arg : "");
		add_sentences(out, o->help);
		strbuf_add_char(out, '\n');
	}
	for (size_t i = 0; c->examples && c->examples[i]; i++) {
		const char *e = c->examples[i];
		size_t n = strcspn(e, "\t");
		strbuf_add(out, i ? "" : "\n");
		strbuf_add(out, "- ");
		add_code(out, e, n);
		strbuf_add(out, " — ");
		add_sentences(out, e[n] ? e + n + 1 : "");
		strbuf_add_char(out, '\n');
	}
}

void manual_markdown(const struct command *const *commands, struct strbuf *out)
{
	strbuf_add(out,
		"# Commands\n\nWritten by `make docs` from the commands' own tables, which `help "
		"COMMAND` "
		"shows too.\nWhat stands behind a `|` is in [pipelines.md](pipelines.md), what "
		"each command "
		"answers in JSON in\n[json.md](json.md).\n\n| command | |\n| --- | --- |\n");
	for (size_t i = 0; commands[i]; i++) {
		strbuf_addf(out, "| [%s](#%s) | ", commands[i]->name, commands[i]->name);
		add_sentences(out, commands[i]->summary);
		strbuf_add(out, " |\n");
	}
	for (size_t i = 0; commands[i]; i++)
		add_markdown(out, commands[i]);
}

/* What is written about the commands from their own rows: the manual page, and completion for bash.
 */
#ifndef ANALYZER_SHELL_MANUAL_H
#define ANALYZER_SHELL_MANUAL_H

#include "analyzer/shell/command.h"

/* inquest(1) as man's macros; @usage is the text of --help. @commands is NULL-terminated. */
void manual_page(const struct command *const *commands, const char *usage, struct strbuf *out);

/* A script for bash that completes options by @usage, the first word behind -c, and files. */
void manual_completion(
	const struct command *const *commands, const char *usage, struct strbuf *out);

/* The same for zsh, with what each command and option is for. */
void manual_zsh_completion(
	const struct command *const *commands, const char *usage, struct strbuf *out);

/* docs/commands.md: what `help COMMAND` says, of every command. */
void manual_markdown(const struct command *const *commands, struct strbuf *out);

#endif

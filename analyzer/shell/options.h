/* The program's own command line. Apart from main.c because getopt.h has its own struct option. */
#ifndef ANALYZER_SHELL_OPTIONS_H
#define ANALYZER_SHELL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "analyzer/base/vec.h"
#include "analyzer/dump/dump.h"
#include "analyzer/out/out.h"

#define INQUEST_VERSION "0.1"

/* One -c, -x or --python; the other members are NULL. */
struct step {
	const char *command;
	const char *script; /* readable when it was looked at, or "-" */
	const char *python; /* the same, for the command py */
};

/* All strings belong to argv. */
struct options {
	VEC(struct step) steps; /* in the order of the command line */
	const char *const *files;
	size_t nfiles;
	const char *const *arguments; /* behind --: for scripts */
	size_t narguments;
	enum out_format format;
	bool force, no_color, no_cache, no_rc;
	const char *symbols_dir;
	const char *regs_path; /* NULL: not given */
	VEC(struct dump_file) ram;
	uint64_t cache_bytes;	   /* 0: not said */
	VEC(const char *) plugins; /* files */
	VEC(const char *) set;	   /* "NAME=VALUE", not looked at here */
};

enum options_verdict {
	OPTIONS_RUN,
	OPTIONS_DONE,	 /* --help: answered */
	OPTIONS_VERSION, /* main.c knows what is built in */
	OPTIONS_MANUAL,
	OPTIONS_COMPLETION,
	OPTIONS_ZSH,	  /* --man, --bash-completion, --zsh-completion: make install */
	OPTIONS_MARKDOWN, /* --commands-md: make docs */
	OPTIONS_WRONG,	  /* one line is on stderr */
};

/* The text of --help. */
const char *options_help(void);

/* Permutes @argv. Release with options_deinit(), whatever the verdict. */
enum options_verdict options_parse(int argc, char **argv, struct options *ret);
void options_deinit(struct options *o);

#endif

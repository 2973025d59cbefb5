/* What TAB offers: commands, their options, what arguments are. Independent of readline. */
#ifndef ANALYZER_SHELL_COMPLETE_H
#define ANALYZER_SHELL_COMPLETE_H

#include "analyzer/base/vec.h"
#include "analyzer/shell/session.h"

struct candidates {
	VEC(char *) names; /* owned */
	bool files;	   /* file names are wanted instead */
};

void candidates_deinit(struct candidates *c);

/* Candidates for the word @line[start, end) of the line as typed so far. */
void complete_word(const struct session *s, const char *line, size_t start, size_t end,
	struct candidates *ret);

#endif

/* Who takes a file, for the files of this folder. */
#ifndef ANALYZER_DUMP_FOREIGN_INTERNAL_H
#define ANALYZER_DUMP_FOREIGN_INTERNAL_H

#include "analyzer/dump/foreign.h"
#include "analyzer/dump/reader.h"

/* The first of @o's formats that recognises the file; NULL: none. */
const struct foreign_format *foreign_find(const struct dump_options *o, const struct bytes *b);

/* Recognises nothing itself: d->foreign is the format. */
extern const struct dump_reader foreign_reader;

#endif

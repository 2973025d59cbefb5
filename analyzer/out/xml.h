/* Foreign text inside an XML document. */
#ifndef ANALYZER_OUT_XML_H
#define ANALYZER_OUT_XML_H

#include "analyzer/base/strbuf.h"

/* As character data or as a quoted attribute's value. Bytes that XML 1.0 has no place for
 * (controls, what is not UTF-8, U+FFFE and U+FFFF) come as \xNN. */
void xml_add_text(struct strbuf *out, const char *s, size_t n);

#endif

/*
 * The rows of frames and of registers, as bt and frame show them: a line a frame, what belongs to
 * it below. What frames are comes from analyzer/stack; which are shown, and with what, the commands
 * decide.
 */
#ifndef ANALYZER_SHELL_FRAME_ROWS_H
#define ANALYZER_SHELL_FRAME_ROWS_H

#include "analyzer/shell/command.h"
#include "analyzer/stack/exception_frames.h"
#include "analyzer/stack/trace.h"

enum frame_words { WORDS_NONE, WORDS_HEX, WORDS_SYMBOLS, WORDS_OWNERS };

/* What is shown of a frame besides its line. */
struct frame_style {
	bool lines;    /* source lines */
	bool inlined;  /* the functions that were inlined into it, too */
	bool build_id; /* a module's, behind its name */
	bool all_regs; /* every register that is known there, not only an exception frame's */
	enum frame_words words; /* what the stack has of it */
};

/* For columns' .list. Frames: n sp pc symbol offset size module how trust inlined file line pt_regs
 * note regs words; registers: name value symbol meaning; words: address value symbol cache object.
 */
extern const struct table frame_rows_table, register_rows_table, word_rows_table;

/* Frame @i of @trace, in the present list of frame rows. */
void frame_rows_show(struct cx *cx, const struct task *task, const struct trace *trace, size_t i,
	struct frame_style style);

/*
 * The registers @regs, those of status first, as a list under @key and for people as a block under
 * @block_key; @f (may be NULL) adds what an exception frame has besides.
 */
void register_rows_show(struct cx *cx, const char *key, const char *block_key,
	const struct regs *regs, const struct exception_frame *f);

/* The words of [@lo, @hi) as a list under @key and as a block under @block_key. */
void word_rows_show(struct cx *cx, const char *key, const char *block_key, uint64_t lo, uint64_t hi,
	enum frame_words how);

#endif

/* `inquest triage DUMP…`: the verdict of each dump, as text or as a line of JSON, each dump in a
 * process of its own with limits of time and memory, so that no dump can spoil another's answer. */
#ifndef ANALYZER_SHELL_BATCH_H
#define ANALYZER_SHELL_BATCH_H

/* @argv[0] is the program, @argv[1] the word "triage". Returns the exit status: 0 when every dump
 * was answered, else the worst of its dumps' (2 usage, 3 not opened, 1 failed, 4 in part). */
int batch_main(int argc, char **argv);

#endif

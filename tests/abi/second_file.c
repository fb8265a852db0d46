/* The header in a second file of a program: it must define nothing. Also compiled alone in every dialect. */
#include <lars/lars.h>

int second_file_version(void);

int second_file_version(void) { return (int)lars_version(); }

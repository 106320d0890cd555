/* The smallest test harness that says what failed, and where a test keeps its files. */
#ifndef TEST_H
#define TEST_H

#include "fd.h"

extern int failures;
extern const char *context; /* printed with a failure */

#define CHECK(condition, ...) \
    check_that((condition), __FILE__, __LINE__, #condition, " " __VA_ARGS__)
void check_that(bool good, const char *file, int line, const char *what, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* A folder with a copy of the plugin and a configuration that names `backend`. */
struct bench {
    char dir[64], plugin[128], conf[128], volume[128], tree[128];
};
void bench_make(struct bench *b, const char *plugin, const char *backend);
void bench_conf(struct bench *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bench_remove(struct bench *b);
/* No child process, not even a dead one, may be left. */
void check_no_children(void);
int open_descriptors(void);

void test_units(void);
void test_backup(const char *plugin, const char *fake);
void test_restore(const char *plugin, const char *fake);
void test_conf(const char *plugin, const char *fake);
void test_real_backend(const char *plugin, const char *node, const char *backend);

#endif

/* Loaded with LD_PRELOAD: every other write fails with EINTR, and the others write at most PART bytes. */

#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static __thread unsigned calls;

static int interrupted(void) {
    if (calls++ % 2) return 0;
    errno = EINTR;
    return 1;
}

static size_t part(size_t count) {
    return count > PART ? PART : count;
}

ssize_t write(int file, const void *bytes, size_t count) {
    return interrupted() ? -1 : syscall(SYS_write, file, bytes, part(count));
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    return interrupted() ? -1 : syscall(SYS_pwrite64, file, bytes, part(count), at);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    return pwrite64(file, bytes, count, at);
}

/* What does one process see of the time and of its disk?

   Preloaded into the process of a node. What is to be wrong stands in a file that it maps, so that
   it changes while the process runs; what it was told, and what failed, is written back there for
   whoever must prove it.

   Rules of this file:
   1. While nothing is to be wrong, every call goes through as it came.
   2. Time that timers use never goes back. A rate bends it, and the waits that go by it, too; a
      wait that was begun before keeps its length.
   3. Only files below the directory ZABTEST_DISK are its disk.
   4. Nothing here waits for a lock: time is asked for in handlers of signals. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SIZE 4096
#define SECOND 1000000000LL
#define SLICE (20 * 1000000LL) /* after which a bent wait looks again how long it is to last */

struct settings { /* as `shim.py` writes it */
  _Atomic uint64_t number;
  _Atomic int64_t offset_ns;
  _Atomic int64_t faster_ppm; /* than real time; 0 is right */
  _Atomic int64_t sync_ns;
  _Atomic int64_t sync_errno;
  _Atomic int64_t write_errno;
  _Atomic uint64_t number_again;
};

struct report {
  _Atomic int64_t attached;
  _Atomic int64_t wall_real, wall_told;
  _Atomic int64_t timer_asked, timer_real, timer_told;
  _Atomic int64_t syncs_late, syncs_failed, writes_failed;
};

struct page {
  struct settings wanted;
  char space[512 - sizeof(struct settings)];
  struct report seen;
};

struct bend { /* how time goes since the machine's timers said `since` */
  uint64_t number;
  int64_t since, gained, faster_ppm, offset_ns;
  int64_t sync_ns, sync_errno, write_errno;
};

#define BENDS 64
static struct page *page;
static struct bend bends[BENDS];
static _Atomic(struct bend *) current = &bends[0];
static atomic_flag changing = ATOMIC_FLAG_INIT;
static char disk[4096];
static size_t disk_length;

static void *next(const char *name) {
  void *found = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2"); /* conditions have an older version, too */
  return found ? found : dlsym(RTLD_NEXT, name);
}

#define REAL(name) \
  static __typeof__(name) *real; \
  if (!real) real = (__typeof__(name) *)next(#name)

static int real_time(clockid_t clock, struct timespec *time) {
  REAL(clock_gettime);
  return real(clock, time);
}

static int64_t ns(const struct timespec *time) {
  return time->tv_sec * SECOND + time->tv_nsec;
}

static struct timespec spec(int64_t time) {
  if (time < 0) time = 0;
  return (struct timespec){.tv_sec = time / SECOND, .tv_nsec = time % SECOND};
}

static int64_t timers_now(void) {
  struct timespec time;
  real_time(CLOCK_MONOTONIC, &time);
  return ns(&time);
}

static int64_t gained(const struct bend *bend, int64_t raw) {
  if (!bend->faster_ppm || raw < bend->since) return bend->gained;
  return bend->gained + (int64_t)((__int128)(raw - bend->since) * bend->faster_ppm / 1000000);
}

/* What holds now; what is being written at this moment holds the next time. */
static struct bend *bend_now(void) {
  struct bend *now = atomic_load(&current);
  if (!page) return now;
  uint64_t number = atomic_load(&page->wanted.number_again);
  if (number == now->number || atomic_flag_test_and_set(&changing)) return now;
  now = atomic_load(&current);
  struct bend *then = now + 1 == bends + BENDS ? bends : now + 1;
  then->offset_ns = atomic_load(&page->wanted.offset_ns);
  then->faster_ppm = atomic_load(&page->wanted.faster_ppm);
  then->sync_ns = atomic_load(&page->wanted.sync_ns);
  then->sync_errno = atomic_load(&page->wanted.sync_errno);
  then->write_errno = atomic_load(&page->wanted.write_errno);
  if (atomic_load(&page->wanted.number) == number && number != now->number) {
    then->since = timers_now();
    then->gained = gained(now, then->since);
    then->number = number;
    atomic_store(&current, then);
    now = then;
  }
  atomic_flag_clear(&changing);
  return now;
}

__attribute__((constructor)) static void attach(void) {
  const char *file = getenv("ZABTEST_SHIM"), *below = getenv("ZABTEST_DISK");
  if (!file) return;
  int fd = open(file, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped == MAP_FAILED) return;
  if (below && strlen(below) + 2 < sizeof disk) disk_length = sprintf(disk, "%s/", below);
  page = mapped;
  atomic_fetch_add(&page->seen.attached, 1);
}

/* -- time ------------------------------------------------------------------------------------- */

int clock_gettime(clockid_t clock, struct timespec *time) {
  int failed = real_time(clock, time);
  if (failed || !page) return failed;
  int wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  int timers = clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE ||
               clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_BOOTTIME;
  if (!wall && !timers) return failed;
  struct bend *bend = bend_now();
  int64_t said = ns(time), told = said;
  if (bend->number) {
    int64_t raw = clock == CLOCK_MONOTONIC ? said : timers_now();
    /* Asked before the bend began, told after it: not less than what others were told. */
    if (clock == CLOCK_MONOTONIC && raw < bend->since) told = bend->since;
    told += gained(bend, raw) + (wall ? bend->offset_ns : 0);
    *time = spec(told);
  }
  if (clock == CLOCK_REALTIME) {
    page->seen.wall_real = said;
    page->seen.wall_told = told;
  } else if (clock == CLOCK_MONOTONIC) {
    page->seen.timer_real = said;
    page->seen.timer_told = told;
    atomic_fetch_add_explicit(&page->seen.timer_asked, 1, memory_order_relaxed);
  }
  return failed;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  struct timespec now;
  (void)zone;
  int failed = clock_gettime(CLOCK_REALTIME, &now);
  if (!failed) *time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
  return failed;
}

time_t time(time_t *where) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (where) *where = now.tv_sec;
  return now.tv_sec;
}

/* -- waits ------------------------------------------------------------------------------------ */

static int is_bent(void) {
  struct bend *bend = bend_now();
  return bend->faster_ppm || bend->offset_ns || bend->gained;
}

static int64_t told_timers(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return ns(&time);
}

/* How long to wait in real time for so much of the time that is told, at most a slice. */
static int64_t slice(int64_t left) {
  if (left <= 0) return 0;
  int64_t ppm = 1000000 + bend_now()->faster_ppm;
  if (ppm <= 0) return SLICE;
  __int128 real = (__int128)left * 1000000 / ppm + 1;
  return real < SLICE ? (int64_t)real : SLICE;
}

/* The wall's time began long ago, and no machine has been up for so long. */
static int is_wall(const struct timespec *until) {
  return until->tv_sec > 1000000000;
}

/* What a wait until then, by the clock that is told, waits for by the real one; `last` if it is
   that late when this has come. */
static struct timespec real_until(const struct timespec *until, int wall, int *last) {
  struct timespec told, real;
  clock_gettime(wall ? CLOCK_REALTIME : CLOCK_MONOTONIC, &told);
  real_time(wall ? CLOCK_REALTIME : CLOCK_MONOTONIC, &real);
  int64_t wait = slice(ns(until) - ns(&told));
  *last = wait < SLICE;
  return spec(ns(&real) + wait);
}

/* Who waits for a condition may be woken without a reason: so a slice ends in that. */
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
  REAL(pthread_cond_timedwait);
  if (!page || !is_bent()) return real(condition, mutex, until);
  int last;
  struct timespec then = real_until(until, is_wall(until), &last);
  int status = real(condition, mutex, &then);
  return status == ETIMEDOUT && !last ? 0 : status;
}

int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                           const struct timespec *until) {
  REAL(pthread_cond_clockwait);
  if (!page || !is_bent()) return real(condition, mutex, clock, until);
  int last;
  struct timespec then = real_until(until, clock == CLOCK_REALTIME, &last);
  int status = real(condition, mutex, clock, &then);
  return status == ETIMEDOUT && !last ? 0 : status;
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
  REAL(sem_timedwait);
  for (int last = 0;;) {
    if (!page || !is_bent()) return real(semaphore, until);
    struct timespec then = real_until(until, 1, &last);
    int status = real(semaphore, &then);
    if (!status || errno != ETIMEDOUT || last) return status;
  }
}

int sem_clockwait(sem_t *restrict semaphore, clockid_t clock,
                  const struct timespec *restrict until) {
  REAL(sem_clockwait);
  for (int last = 0;;) {
    if (!page || !is_bent()) return real(semaphore, clock, until);
    struct timespec then = real_until(until, clock == CLOCK_REALTIME, &last);
    int status = real(semaphore, clock, &then);
    if (!status || errno != ETIMEDOUT || last) return status;
  }
}

/* In milliseconds, rounded up: who waits too shortly asks again at once, and for ever. */
static int milliseconds(int64_t time) {
  return (int)((time + 999999) / 1000000);
}

int poll(struct pollfd *files, nfds_t count, int timeout) {
  REAL(poll);
  if (!page || timeout <= 0 || !is_bent()) return real(files, count, timeout);
  int64_t until = told_timers() + timeout * 1000000LL;
  for (;;) {
    int64_t wait = slice(until - told_timers());
    int ready = real(files, count, milliseconds(wait));
    if (ready || !wait) return ready;
  }
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout) {
  REAL(epoll_wait);
  if (!page || timeout <= 0 || !is_bent()) return real(fd, events, most, timeout);
  int64_t until = told_timers() + timeout * 1000000LL;
  for (;;) {
    int64_t wait = slice(until - told_timers());
    int ready = real(fd, events, most, milliseconds(wait));
    if (ready || !wait) return ready;
  }
}

static int sleep_for(int64_t length, int64_t *left) {
  REAL(nanosleep);
  int64_t until = told_timers() + length;
  for (;;) {
    struct timespec wait = spec(slice(until - told_timers()));
    if (!ns(&wait)) return 0;
    if (real(&wait, NULL)) {
      *left = until - told_timers();
      return -1;
    }
  }
}

int nanosleep(const struct timespec *length, struct timespec *rest) {
  REAL(nanosleep);
  if (!page || !is_bent()) return real(length, rest);
  int64_t left = 0;
  int status = sleep_for(ns(length), &left);
  if (status && rest) *rest = spec(left);
  return status;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                    struct timespec *rest) {
  REAL(clock_nanosleep);
  if (!page || !is_bent()) return real(clock, flags, time, rest);
  struct timespec now;
  clock_gettime(clock, &now);
  int64_t left = 0;
  if (!sleep_for(flags & TIMER_ABSTIME ? ns(time) - ns(&now) : ns(time), &left)) return 0;
  if (rest && !(flags & TIMER_ABSTIME)) *rest = spec(left);
  return errno;
}

int usleep(useconds_t length) {
  struct timespec time = spec(length * 1000LL);
  return nanosleep(&time, NULL);
}

/* -- the disk --------------------------------------------------------------------------------- */

static int is_of_disk(int fd) {
  char link[32], path[4096];
  if (!disk_length) return 0;
  sprintf(link, "/proc/self/fd/%d", fd);
  int kept = errno;
  ssize_t length = readlink(link, path, sizeof path);
  errno = kept;
  return length > (ssize_t)disk_length && !memcmp(path, disk, disk_length);
}

static int is_dir_of_disk(int fd) { /* which has no slash behind it */
  char link[32], path[4096];
  sprintf(link, "/proc/self/fd/%d", fd);
  int kept = errno;
  ssize_t length = readlink(link, path, sizeof path);
  errno = kept;
  return disk_length && length == (ssize_t)disk_length - 1 && !memcmp(path, disk, disk_length - 1);
}

static int refuses_sync(int fd) {
  if (!page) return 0;
  struct bend *bend = bend_now();
  if (!bend->sync_ns && !bend->sync_errno) return 0;
  if (!is_of_disk(fd) && !is_dir_of_disk(fd)) return 0;
  if (bend->sync_ns) {
    REAL(nanosleep);
    struct timespec wait = spec(bend->sync_ns);
    while (real(&wait, &wait) && errno == EINTR) continue;
    atomic_fetch_add(&page->seen.syncs_late, 1);
    bend = bend_now();
  }
  if (!bend->sync_errno) return 0;
  atomic_fetch_add(&page->seen.syncs_failed, 1);
  errno = (int)bend->sync_errno;
  return 1;
}

static int refuses_write(int fd) {
  if (!page) return 0;
  struct bend *bend = bend_now();
  if (!bend->write_errno || !is_of_disk(fd)) return 0;
  atomic_fetch_add(&page->seen.writes_failed, 1);
  errno = (int)bend->write_errno;
  return 1;
}

#define SYNCING(name) \
  int name(int fd) { \
    REAL(name); \
    return refuses_sync(fd) ? -1 : real(fd); \
  }

SYNCING(fsync)
SYNCING(fdatasync)

ssize_t write(int fd, const void *data, size_t length) {
  REAL(write);
  return refuses_write(fd) ? -1 : real(fd, data, length);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t at) {
  REAL(pwrite);
  return refuses_write(fd) ? -1 : real(fd, data, length, at);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) {
  REAL(pwrite64);
  return refuses_write(fd) ? -1 : real(fd, data, length, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  return refuses_write(fd) ? -1 : real(fd, parts, count);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  REAL(pwritev);
  return refuses_write(fd) ? -1 : real(fd, parts, count, at);
}

int fallocate(int fd, int mode, off_t at, off_t length) {
  REAL(fallocate);
  return refuses_write(fd) ? -1 : real(fd, mode, at, length);
}

int posix_fallocate(int fd, off_t at, off_t length) {
  REAL(posix_fallocate);
  return refuses_write(fd) ? errno : real(fd, at, length);
}

/*
 * A FUSE file system that hands everything on to a directory, and has the faults of others:
 *
 *   faulty DIRECTORY MOUNTPOINT [SWITCH…]        runs in the foreground until it is unmounted
 *
 *   inodes=mount|call|same    numbers are new at each mount, at each call, or all the same
 *   ctime=mtime|zero|birth    change time is modification time, 1970, or fixed since creation
 *   ctime=+SECONDS            change times are ahead by so much (a later mount: without it)
 *   stamps=SECONDS            times are rounded down to whole stamps
 *   modes=OCTAL               every file and directory has this mode
 *   links=files               a listing calls a symbolic link a file
 *   links=downward            links with ".." in them can be made and not be read
 *   case=fold                 names differ by more than case
 *   names=SECONDS             the kernel remembers for so long where a name leads
 *   ignore=OP                 OP (chmod, fsync, …) does nothing and succeeds
 *   ro                        read-only
 *   refuse=OP:ERRNO           OP always fails; ops beyond FUSE's own: rename-over (onto something that
 *                             is there), rename-dir (of a directory)
 *
 * Single calls fail where DIRECTORY.fault says `N ERRNO COUNT`: COUNT counted calls from the Nth on (1 is
 * the first) since the file was written; or `-N ERRNO SEED`: each by chance, one of N. DIRECTORY.failed then
 * gets a line `OP PATH` for each. While DIRECTORY.log is there, it gets such a line for each counted call.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static char base[PATH_MAX];
static char fault_file[PATH_MAX + 8], log_file[PATH_MAX + 8], failed_file[PATH_MAX + 8];
static enum { KEEP, MOUNT, CALL, SAME } inodes = KEEP;
static enum { REAL, MTIME, ZERO, BIRTH } ctimes = REAL;
static long ahead, stamps, modes = -1;
static int links_as_files, links_downward, fold;
static double names;
static const char *options = "allow_other,default_permissions,fsname=faulty";
static struct { char op[32]; int error; } refused[32];
static int refusals;
static unsigned long salt;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---------------------------------------------------------------- faults */

static int always(const char *op) {
  for (int i = 0; i < refusals; i++)
    if (strcmp(refused[i].op, op) == 0) return refused[i].error;
  return -1;
}

static void note(const char *file, int flags, const char *op, const char *path) {
  int descriptor = open(file, O_WRONLY | O_APPEND | flags, 0666);
  if (descriptor < 0) return;
  dprintf(descriptor, "%s %s\n", op, path);
  close(descriptor);
}

/* The errno (negative) that this call is to end with; 0 where it may go on. */
static int fault(const char *op, const char *path) {
  static struct timespec armed;
  static long calls, at, count;
  static int error;
  int result = 0;
  struct stat seen;
  pthread_mutex_lock(&lock);
  note(log_file, 0, op, path);
  if (stat(fault_file, &seen) == 0) {
    if (memcmp(&seen.st_mtim, &armed, sizeof armed) != 0) {
      FILE *file = fopen(fault_file, "r");
      calls = at = 0;
      armed = seen.st_mtim;
      if (file != NULL) {
        if (fscanf(file, "%ld %d %ld", &at, &error, &count) != 3) at = 0;
        if (at < 0) srand48(count);
        fclose(file);
      }
    }
    calls++;
    if (at < 0 ? lrand48() % -at == 0 : at > 0 && calls >= at && calls < at + count) {
      result = -error;
      note(failed_file, O_CREAT, op, path);
    }
  }
  pthread_mutex_unlock(&lock);
  if (result == 0 && always(op) > 0) result = -always(op);
  return result;
}

#define FAULTS(op, path)                   \
  do {                                     \
    int failed = fault(op, path);          \
    if (failed != 0) return failed;        \
    if (always(op) == 0) return 0;         \
  } while (0)

/* ---------------------------------------------------------------- what is shown */

static const char *real(char *to, const char *path) {
  int length = snprintf(to, PATH_MAX, "%s", base);
  for (int i = 0; path[i] != 0 && length < PATH_MAX - 1; i++) {
    char c = path[i];
    to[length++] = fold && c >= 'A' && c <= 'Z' ? c + 32 : c;
  }
  to[length] = 0;
  return to;
}

static ino_t number(ino_t inode) {
  static unsigned long next = 1000;
  switch (inodes) {
    case MOUNT: return inode * 2654435761UL ^ salt;
    case CALL: return __atomic_add_fetch(&next, 1, __ATOMIC_RELAXED);
    case SAME: return 1;
    default: return inode;
  }
}

static void show(struct stat *seen) {
  seen->st_ino = number(seen->st_ino);
  if (ctimes == MTIME) seen->st_ctim = seen->st_mtim;
  if (ctimes == ZERO) seen->st_ctim = (struct timespec){0, 0};
  if (ctimes == BIRTH) seen->st_ctim = (struct timespec){1700000000, 0};
  seen->st_ctim.tv_sec += ahead;
  if (stamps > 0) {
    seen->st_mtim.tv_sec -= seen->st_mtim.tv_sec % stamps;
    seen->st_ctim.tv_sec -= seen->st_ctim.tv_sec % stamps;
    seen->st_mtim.tv_nsec = seen->st_ctim.tv_nsec = 0;
  }
  if (modes >= 0 && !S_ISLNK(seen->st_mode)) {
    mode_t shown = S_ISDIR(seen->st_mode) ? (modes | 0111) : modes;
    seen->st_mode = (seen->st_mode & ~07777) | shown;
  }
}

/* ---------------------------------------------------------------- operations */

#define ANSWER(call) return (call) != 0 ? -errno : 0

static int do_getattr(const char *path, struct stat *seen, struct fuse_file_info *open) {
  char to[PATH_MAX];
  FAULTS("getattr", path);
  if ((open ? fstat(open->fh, seen) : lstat(real(to, path), seen)) != 0) return -errno;
  show(seen);
  return 0;
}

static int do_access(const char *path, int mode) {
  char to[PATH_MAX];
  FAULTS("access", path);
  ANSWER(access(real(to, path), mode));
}

static int do_readlink(const char *path, char *target, size_t size) {
  char to[PATH_MAX];
  ssize_t length;
  FAULTS("readlink", path);
  if ((length = readlink(real(to, path), target, size - 1)) < 0) return -errno;
  target[length] = 0;
  return links_downward && strstr(target, "..") != NULL ? -EPERM : 0;
}

static int do_readdir(const char *path, void *names, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info *open, enum fuse_readdir_flags flags) {
  char to[PATH_MAX];
  struct dirent *entry;
  DIR *directory;
  (void)offset, (void)open, (void)flags;
  FAULTS("readdir", path);
  if ((directory = opendir(real(to, path))) == NULL) return -errno;
  while ((entry = readdir(directory)) != NULL) {
    struct stat seen = {.st_ino = number(entry->d_ino), .st_mode = entry->d_type << 12};
    if (links_as_files && S_ISLNK(seen.st_mode)) seen.st_mode = S_IFREG;
    if (fill(names, entry->d_name, &seen, 0, 0) != 0) break;
  }
  closedir(directory);
  return 0;
}

static int do_mkdir(const char *path, mode_t mode) {
  char to[PATH_MAX];
  FAULTS("mkdir", path);
  ANSWER(mkdir(real(to, path), mode));
}

static int do_unlink(const char *path) {
  char to[PATH_MAX];
  FAULTS("unlink", path);
  ANSWER(unlink(real(to, path)));
}

static int do_rmdir(const char *path) {
  char to[PATH_MAX];
  FAULTS("rmdir", path);
  ANSWER(rmdir(real(to, path)));
}

static int do_symlink(const char *target, const char *path) {
  char to[PATH_MAX];
  FAULTS("symlink", path);
  ANSWER(symlink(target, real(to, path)));
}

static int do_rename(const char *from, const char *path, unsigned flags) {
  char old[PATH_MAX], to[PATH_MAX];
  struct stat seen;
  FAULTS("rename", path);
  if (flags != 0) return -EINVAL;
  if (always("rename-over") > 0 && lstat(real(to, path), &seen) == 0) return -always("rename-over");
  if (always("rename-dir") > 0 && lstat(real(old, from), &seen) == 0 && S_ISDIR(seen.st_mode))
    return -always("rename-dir");
  ANSWER(rename(real(old, from), real(to, path)));
}

static int do_link(const char *from, const char *path) {
  char old[PATH_MAX], to[PATH_MAX];
  FAULTS("link", path);
  ANSWER(link(real(old, from), real(to, path)));
}

static int do_chmod(const char *path, mode_t mode, struct fuse_file_info *open) {
  char to[PATH_MAX];
  FAULTS("chmod", path);
  ANSWER(open ? fchmod(open->fh, mode) : chmod(real(to, path), mode));
}

static int do_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *open) {
  char to[PATH_MAX];
  (void)open;
  FAULTS("chown", path);
  ANSWER(lchown(real(to, path), user, group));
}

static int do_truncate(const char *path, off_t size, struct fuse_file_info *open) {
  char to[PATH_MAX];
  FAULTS("truncate", path);
  ANSWER(open ? ftruncate(open->fh, size) : truncate(real(to, path), size));
}

static int do_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *open) {
  char to[PATH_MAX];
  (void)open;
  FAULTS("utimens", path);
  ANSWER(utimensat(AT_FDCWD, real(to, path), times, AT_SYMLINK_NOFOLLOW));
}

static int do_create(const char *path, mode_t mode, struct fuse_file_info *open_) {
  char to[PATH_MAX];
  int file;
  FAULTS("create", path);
  if ((file = open(real(to, path), open_->flags & ~O_NOFOLLOW, mode)) < 0) return -errno;
  open_->fh = file;
  return 0;
}

static int do_open(const char *path, struct fuse_file_info *open_) {
  char to[PATH_MAX];
  int file;
  FAULTS("open", path);
  if ((file = open(real(to, path), open_->flags & ~O_NOFOLLOW)) < 0) return -errno;
  open_->fh = file;
  return 0;
}

static int do_read(const char *path, char *bytes, size_t size, off_t offset, struct fuse_file_info *open) {
  ssize_t length;
  FAULTS("read", path);
  return (length = pread(open->fh, bytes, size, offset)) < 0 ? -errno : length;
}

static int do_write(const char *path, const char *bytes, size_t size, off_t offset,
                    struct fuse_file_info *open) {
  ssize_t length;
  FAULTS("write", path);
  return (length = pwrite(open->fh, bytes, size, offset)) < 0 ? -errno : length;
}

/* What close(2) answers. */
static int do_flush(const char *path, struct fuse_file_info *open) {
  (void)open;
  FAULTS("flush", path);
  return 0;
}

static int do_release(const char *path, struct fuse_file_info *open) {
  (void)path;
  close(open->fh);
  return 0;
}

static int do_fsync(const char *path, int data, struct fuse_file_info *open) {
  (void)data;
  FAULTS("fsync", path);
  ANSWER(fsync(open->fh));
}

static int do_fsyncdir(const char *path, int data, struct fuse_file_info *open) {
  (void)data, (void)open;
  FAULTS("fsyncdir", path);
  return 0;
}

static int do_statfs(const char *path, struct statvfs *seen) {
  char to[PATH_MAX];
  ANSWER(statvfs(real(to, path), seen));
}

/* The kernel remembers nothing else, so that every call comes here. */
static void *do_init(struct fuse_conn_info *connection, struct fuse_config *config) {
  (void)connection;
  config->use_ino = 1;
  config->hard_remove = 1;
  config->attr_timeout = config->negative_timeout = 0;
  config->entry_timeout = names;
  return NULL;
}

static const struct fuse_operations operations = {
  .init = do_init, .getattr = do_getattr, .access = do_access, .readlink = do_readlink,
  .readdir = do_readdir, .mkdir = do_mkdir, .unlink = do_unlink, .rmdir = do_rmdir,
  .symlink = do_symlink, .rename = do_rename, .link = do_link, .chmod = do_chmod,
  .chown = do_chown, .truncate = do_truncate, .utimens = do_utimens, .create = do_create,
  .open = do_open, .read = do_read, .write = do_write, .flush = do_flush,
  .release = do_release, .fsync = do_fsync, .fsyncdir = do_fsyncdir, .statfs = do_statfs,
};

/* ---------------------------------------------------------------- switches */

static int set(const char *text) {
  if (strcmp(text, "ro") == 0) {
    options = "allow_other,default_permissions,fsname=faulty,ro";
    return 1;
  }
  char *colon, value[64] = "", name[32] = "";
  if (sscanf(text, "%31[^=]=%63s", name, value) != 2) return 0;
  if (strcmp(name, "inodes") == 0)
    inodes = *value == 'm' ? MOUNT : *value == 'c' ? CALL : SAME;
  else if (strcmp(name, "ctime") == 0 && *value == '+') ahead = atol(value);
  else if (strcmp(name, "ctime") == 0) ctimes = *value == 'm' ? MTIME : *value == 'z' ? ZERO : BIRTH;
  else if (strcmp(name, "names") == 0) names = atof(value);
  else if (strcmp(name, "stamps") == 0) stamps = atol(value);
  else if (strcmp(name, "modes") == 0) modes = strtol(value, NULL, 8);
  else if (strcmp(text, "links=files") == 0) links_as_files = 1;
  else if (strcmp(text, "links=downward") == 0) links_downward = 1;
  else if (strcmp(text, "case=fold") == 0) fold = 1;
  else if (strcmp(name, "ignore") == 0 || strcmp(name, "refuse") == 0) {
    if (refusals == 32) return 0;
    colon = strchr(value, ':');
    refused[refusals].error = colon ? atoi(colon + 1) : 0;
    if (colon) *colon = 0;
    strcpy(refused[refusals++].op, value);
  } else return 0;
  return 1;
}

int main(int count, char **words) {
  struct timespec now;
  if (count < 3 || realpath(words[1], base) == NULL) return 2;
  for (int i = 3; i < count; i++) {
    if (set(words[i])) continue;
    fprintf(stderr, "faulty: unknown switch %s\n", words[i]);
    return 2;
  }
  snprintf(fault_file, sizeof fault_file, "%s.fault", base);
  snprintf(log_file, sizeof log_file, "%s.log", base);
  snprintf(failed_file, sizeof failed_file, "%s.failed", base);
  clock_gettime(CLOCK_REALTIME, &now);
  salt = (now.tv_nsec * 7919UL) & 0xffffff;
  umask(0);
  char *given[] = {words[0], words[2], "-f", "-o", (char *)options, NULL};
  return fuse_main(5, given, &operations, NULL);
}

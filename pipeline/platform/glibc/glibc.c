/* Functions of glibc in the versions that older systems have too, for programs that are built on a newer one.
 *
 * A linker takes the newest version of each function in the glibc that it links to. The program then does not start with an older glibc,
 * though the function itself is much older. So each is defined here again, and calls the version that every glibc for x86-64 has. Programs
 * are linked to these before glibc. They are not exported, so no shared library sees them. With them, glibc 2.31 is enough.
 *
 * Pointers to what glibc has types for are void pointers here: nothing looks into them.
 */

#define HIDDEN __attribute__((visibility("hidden")))

#define OLDER(version, result, name, parameters, arguments) \
    extern result older_##name parameters; \
    __asm__(".symver older_" #name "," #name "@" version); \
    HIDDEN result name parameters { return older_##name arguments; }

/* glibc 2.34 moved libpthread and libdl into libc, and gave their functions a new version there. packaging/binary.py makes programs load the
 * two libraries, in which an older glibc has these functions. In newer ones they are empty. */
OLDER("GLIBC_2.2.5", int, pthread_attr_getguardsize, (const void *attributes, unsigned long *size), (attributes, size))
OLDER("GLIBC_2.2.5", int, pthread_attr_getstack, (const void *attributes, void **place, unsigned long *size), (attributes, place, size))
OLDER("GLIBC_2.2.5", int, pthread_attr_setstacksize, (void *attributes, unsigned long size), (attributes, size))
OLDER("GLIBC_2.2.5", int, pthread_create, (void *thread, const void *attributes, void *(*run)(void *), void *argument),
      (thread, attributes, run, argument))
OLDER("GLIBC_2.2.5", int, pthread_detach, (unsigned long thread), (thread))
OLDER("GLIBC_2.2.5", int, pthread_getattr_np, (unsigned long thread, void *attributes), (thread, attributes))
OLDER("GLIBC_2.2.5", int, pthread_join, (unsigned long thread, void **result), (thread, result))
OLDER("GLIBC_2.2.5", int, pthread_key_create, (unsigned *key, void (*destructor)(void *)), (key, destructor))
OLDER("GLIBC_2.2.5", int, pthread_key_delete, (unsigned key), (key))
OLDER("GLIBC_2.12", int, pthread_setname_np, (unsigned long thread, const char *name), (thread, name))
OLDER("GLIBC_2.2.5", int, pthread_setspecific, (unsigned key, const void *value), (key, value))
OLDER("GLIBC_2.2.5", int, dlclose, (void *library), (library))
OLDER("GLIBC_2.2.5", char *, dlerror, (void), ())
OLDER("GLIBC_2.2.5", void *, dlopen, (const char *file, int flags), (file, flags))
OLDER("GLIBC_2.2.5", void *, dlsym, (void *library, const char *name), (library, name))

/* glibc 2.35 sets errno less often in these, and computes the same. */
OLDER("GLIBC_2.2.5", double, hypot, (double x, double y), (x, y))
OLDER("GLIBC_2.2.5", float, hypotf, (float x, float y), (x, y))

/* Before glibc 2.33 each program had these in itself. They called functions that are told which layout of `struct stat` is meant: 1. */
extern int __xstat64(int layout, const char *path, void *found);
extern int __lxstat64(int layout, const char *path, void *found);
extern int __fxstat64(int layout, int file, void *found);
extern int __fxstatat64(int layout, int folder, const char *path, void *found, int flags);

HIDDEN int stat64(const char *path, void *found) { return __xstat64(1, path, found); }
HIDDEN int lstat64(const char *path, void *found) { return __lxstat64(1, path, found); }
HIDDEN int fstat64(int file, void *found) { return __fxstat64(1, file, found); }
HIDDEN int fstatat64(int folder, const char *path, void *found, int flags) { return __fxstatat64(1, folder, path, found, flags); }

/* From glibc 2.32 on libstdc++ looks here whether it may count without atomic operations. "No" is always right. */
HIDDEN char __libc_single_threaded = 0;

/* Before glibc 2.34 each program brought the function that calls its constructors. Newer ones call it too, where a program brings one. */
typedef void constructor(int count, char **arguments, char **environment);

extern void _init(void);
extern HIDDEN constructor *const __init_array_start[];
extern HIDDEN constructor *const __init_array_end[];

static void construct(int count, char **arguments, char **environment) {
    _init();
    for (constructor *const *each = __init_array_start; each < __init_array_end; each++) {
        (*each)(count, arguments, environment);
    }
}

extern int older_start(int (*main)(int, char **, char **), int count, char **arguments, constructor *init, void (*fini)(void),
                       void (*end)(void), void *stack);
__asm__(".symver older_start,__libc_start_main@GLIBC_2.2.5");

HIDDEN int __libc_start_main(int (*main)(int, char **, char **), int count, char **arguments, constructor *init, void (*fini)(void),
                             void (*end)(void), void *stack) {
    return older_start(main, count, arguments, init ? init : construct, fini, end, stack);
}

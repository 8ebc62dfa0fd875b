/* The name by which code that GCC 11 or later compiled calls this function of libstdc++. Older ones have it by its other name only. */
extern void __cxa_throw_bad_array_new_length(void) __attribute__((noreturn));

__attribute__((visibility("hidden"), noreturn)) void _ZSt28__throw_bad_array_new_lengthv(void) { __cxa_throw_bad_array_new_length(); }

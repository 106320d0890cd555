// Stands in a bundle for process.report.getReport(), of which ffi-rs reads only this, and
// @node-rs/xxhash where there is no ldd. LIBC is set when it is bundled: glibc's version, empty for
// another library.
export const reportOfLibc = () => ({ header: { glibcVersionRuntime: LIBC } });

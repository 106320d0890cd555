export { describeFilesystem, type Filesystem, type FilesystemType, filesystemOf } from "./filesystem";
export { defaultThreads, LOCAL_THREADS_PER_CORE, LUSTRE_THREADS, NETWORK_THREADS } from "./limits";
export { type Mount, mountOf, parseMountinfo } from "./mountinfo";

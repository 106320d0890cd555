export { callFailed, type NativeErrorCode } from "./errors";
export {
  askFilesystem,
  describeFilesystem,
  type Filesystem,
  filesystemByMounts,
  filesystemOf,
} from "./filesystem";
export {
  declareFilesystemTypes,
  FILESYSTEM_TYPES_NAME,
  type FilesystemType,
  type FilesystemTypes,
  readFilesystemTypes,
} from "./filesystem-types";
export {
  type ArgumentType,
  Library,
  openLibrary,
  type ResultType,
  type VersionCheck,
} from "./library";
export { defaultThreads, LOCAL_THREADS_PER_CORE, LUSTRE_THREADS, NETWORK_THREADS } from "./limits";
export { fsnameOf, type LustreTarget, lustreTargets } from "./lustre-targets";
export { type Mount, mountOf, parseMountinfo } from "./mountinfo";
export { serverRole } from "./server-role";
export { loadedBeside, TRUST_REMEDY, untrusted } from "./trust";

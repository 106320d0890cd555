export {
  BaculaLab,
  type BaculaOptions,
  type JobResult,
  type Level,
  labs,
  type RestoreOptions,
  startBacula,
  sweep,
} from "./bacula";
export type { CatalogRow } from "./catalog";
export type { LabJob } from "./configuration";
export { LabError } from "./errors";
export type { Attributes } from "./lstat";
export { ensureRelease, missingForRelease, type Release, releaseOf, releases } from "./release";

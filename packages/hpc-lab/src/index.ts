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
export { compareTrees, type Difference, type Parity, type ParityOptions } from "./parity";
export { ensureRelease, missingForRelease, type Release, releaseOf, releases } from "./release";
export { makeTree, type TreeOptions, type TreeSummary } from "./tree";

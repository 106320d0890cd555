export {
  BaculaLab,
  type BaculaOptions,
  type JobResult,
  type Level,
  labs,
  type RestoreOptions,
  startBacula,
  sweep,
} from "./bacula/bacula";
export type { CatalogRow } from "./bacula/catalog";
export type { LabJob } from "./bacula/configuration";
export {
  ensureRelease,
  missingForRelease,
  type Release,
  releaseOf,
  releases,
} from "./bacula/release";
export { compareTrees, type Difference, type Parity, type ParityOptions } from "./parity";
export { makeTree, type TreeOptions, type TreeSummary } from "./trees/tree";

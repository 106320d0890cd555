import type { ContentDriver } from "./content-reader";
import { fileDriver } from "./file-reader";

/** The first that can read a file does; the last can read any. */
export const CONTENT_DRIVERS: readonly ContentDriver[] = [fileDriver];

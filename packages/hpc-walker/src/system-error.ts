import { constants } from "node:os";

/** errno of an error that a system call raised; anything else is a bug and is thrown again. */
export function errnoOf(error: unknown): number {
  const errno = (error as NodeJS.ErrnoException | null)?.errno;
  if (typeof errno !== "number") throw error;
  return Math.abs(errno);
}

export const {
  EAGAIN,
  EIO,
  ENOENT,
  ENOTDIR,
  ELOOP,
  ENXIO,
  ESTALE,
  EINVAL,
  EPERM,
  ENAMETOOLONG,
  EFBIG,
  E2BIG,
} = constants.errno;

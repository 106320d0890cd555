import { constants } from "node:os";

/** The errnos that the engines know by name. */
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

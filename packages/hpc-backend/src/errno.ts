import { constants } from "node:os";

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

/** "ENOENT" for 2; "errno 999" for a number that the system has no name for. */
export function nameOfErrno(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

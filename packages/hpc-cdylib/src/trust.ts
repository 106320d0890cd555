import { type Stats, statSync } from "node:fs";
import { dirname } from "node:path";

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/**
 * Why a file that root runs cannot be trusted, or undefined if it can: it, and every folder above it, must belong to root (or to
 * the user that we run as) and be writable by no one else. A folder with the sticky bit (/tmp) protects what root puts there.
 */
export function untrusted(file: string): string | undefined {
  for (let at = file, top = true; ; at = dirname(at), top = false) {
    let stat: Stats;
    try {
      stat = statSync(at);
    } catch (error) {
      return `${at}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
    }
    if (stat.uid !== 0 && stat.uid !== process.geteuid?.()) return `${at} belongs to uid ${stat.uid}`;
    const sticky = !top && (stat.mode & STICKY) !== 0;
    if ((stat.mode & WRITABLE_BY_OTHERS) !== 0 && !sticky)
      return `${at} is writable by group or others (mode ${(stat.mode & 0o7777).toString(8).padStart(4, "0")})`;
    if (at === dirname(at)) return undefined;
  }
}

/**
 * Most shards of one namespace. Each is a Bacula job of its own with a walk of its own, and a File
 * Daemon runs a few dozen at once; beyond a thousand the walks cost more than they divide. The
 * arithmetic would carry 2^21.
 */
export const MAX_SHARDS = 1024;

/** Every limit and default of the lab, with its reason. Times are milliseconds. */
export const limits = {
  /**
   * A daemon listens about 1.5 s after its start; a machine under load needs several times that.
   */
  daemonStart: 30_000,
  /** A director with an open console ignores SIGTERM; after this SIGKILL follows. */
  daemonTerm: 3_000,
  /**
   * A killed process is gone at once unless the kernel holds it; then something is wrong with the
   * machine.
   */
  daemonKill: 5_000,
  /** One console conversation. Building the restore tree of 10^5 entries takes 3 s. */
  console: 90_000,
  /** A job of 10^5 entries takes under 30 s on two busy cores. */
  job: 240_000,
  /** The job report is written after the job's status, by the same thread. */
  report: 15_000,
  /** How often a condition is looked at. */
  poll: 100,
  /** The same when it has been waited for long. */
  restPoll: 1000,
  /** Package downloads and debootstrap (35 s where the mirror is near). */
  install: 600_000,
  /**
   * Simultaneous jobs of each daemon; more than the drives, so that waiting for a drive is
   * possible.
   */
  concurrentJobs: 20,
  /** Volumes that can be written at the same time. */
  drives: 8,
  /**
   * Below the kernel's ephemeral ports (32768 and up), so that no outgoing connection takes one of
   * ours meanwhile.
   */
  portFirst: 20_000,
  portLast: 29_999,
} as const;

let inFlight = 0;

/**
 * File operations that have not come back: a process whose count is not 0 cannot exit in good
 * order.
 */
export function pendingCalls(): number {
  return inFlight;
}

/** Counts an operation until it comes back. */
export async function counted<T>(work: Promise<T>): Promise<T> {
  inFlight++;
  try {
    return await work;
  } finally {
    inFlight--;
  }
}

import type { Sentence } from "@podheitor/hpc-base";
/** One line of the doctor's report. */
export interface Finding {
  readonly name: string;
  /**
   * `missing`: something optional is not there, or not as it should be; `failed`: nothing works
   * without it.
   */
  readonly status: "ok" | "missing" | "failed";
  readonly detail: string;
  /** What to do; never with `ok`. */
  readonly remedy?: Sentence;
}

export function ok(name: string, detail: string): Finding {
  return { name, status: "ok", detail };
}

export function missing(name: string, detail: string, remedy: Sentence): Finding {
  return { name, status: "missing", detail, remedy };
}

export function failed(name: string, detail: string, remedy: Sentence): Finding {
  return { name, status: "failed", detail, remedy };
}

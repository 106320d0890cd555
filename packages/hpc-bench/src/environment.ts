/**
 * What a measured program has of our environment. More would burden some programs only: with
 * NODE_EXTRA_CA_CERTS Node starts 80 ms later.
 */
const KEPT = ["PATH", "HOME", "TMPDIR", "LANG"] as const;

export function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = KEPT.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), ...more };
}

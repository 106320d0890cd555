import { openNativeScanner, type Scanner, type ScanOptions } from "@podheitor/hpc-walker";
import type { EntrySource, SourceCapabilities, SourceProgress } from "./source";

/** Every name below the paths, by the native engine. */
export function openScan(options: ScanOptions): EntrySource {
  return scanSource(openNativeScanner(options));
}

/** A scan that runs, as a source. */
export function scanSource(
  scanner: Scanner,
  {
    name = "scan",
    everyName = true,
  }: { readonly name?: string; readonly everyName?: boolean } = {},
): EntrySource {
  const capabilities: SourceCapabilities = {
    frames: true,
    everyName,
    controls: new Set(scanner.control && (["threads", "metadataOps", "pause"] as const)),
  };
  return {
    name,
    capabilities,
    async next() {
      const batch = await scanner.next();
      return batch && { kind: "batch", bytes: batch.bytes };
    },
    ...(scanner.frames && { frames: scanner.frames.bind(scanner) }),
    ...(scanner.idleExcludes && { idleExcludes: scanner.idleExcludes.bind(scanner) }),
    stats: () => scanner.stats(),
    control: ({ pause, threads, metadataOps }) =>
      scanner.control?.({
        ...(threads !== undefined && { threads }),
        ...(metadataOps !== undefined && { metadataOps }),
        ...(pause !== undefined && { paused: pause }),
      }),
    progress: (): SourceProgress => ({ directory: undefined, queued: 0, waitsFor: undefined }),
    stop: () => scanner.stop(),
    close: () => scanner.close(),
  };
}

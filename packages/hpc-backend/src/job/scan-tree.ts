import type { TreeScan } from "@podheitor/hpc-archive";
import { openNativeScanner, type TreeScanner } from "@podheitor/hpc-walker";
import { parseParams } from "../params/params";
import { planScan } from "../params/plan";
import { requireRoots } from "../params/roots";

/**
 * Scans a tree as a backup of it would, without content and with nothing left out: what an archive
 * is compared with. Rejects with HPC_BAD_PATH where it cannot be read.
 */
export async function scanTree({ path, project, xattrs }: TreeScan): Promise<TreeScanner> {
  const params = parseParams([
    ["path", path],
    ["allow-root", Buffer.from("yes")],
    ["project", project],
  ]);
  await requireRoots(params);
  const { scan } = await planScan(params, { since: undefined, keepOlder: false, content: false });
  return openNativeScanner({ ...scan, xattrs });
}

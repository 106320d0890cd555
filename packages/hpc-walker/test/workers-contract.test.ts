import type { ScanOptions } from "../src/scanner";
import { openWorkersScanner } from "../src/workers-scanner";
import { describeScannerContract } from "./scanner-contract";

const open = (options: ScanOptions) => openWorkersScanner({ ...options, trustedTree: true });

describeScannerContract("workers", open, { beyondPathMax: false });

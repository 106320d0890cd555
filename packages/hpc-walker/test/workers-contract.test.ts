import { openWorkersScanner } from "../src/workers-scanner";
import { describeScannerContract } from "./scanner-contract";

describeScannerContract("workers", openWorkersScanner, { beyondPathMax: false });

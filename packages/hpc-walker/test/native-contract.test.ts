import { openNativeScanner } from "../src/native-scanner";
import { describeScannerContract } from "./scanner-contract";

describeScannerContract("native", (options) => openNativeScanner(options), { beyondPathMax: true });

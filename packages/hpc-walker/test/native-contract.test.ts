import { openNativeScanner } from "../src/native-scanner";
import { describeScannerContract } from "./scanner-contract";

describeScannerContract("native", openNativeScanner, { beyondPathMax: true });

// Starts the program whose files lie beside this one. PROGRAM is set when it is bundled.
const { join } = require("node:path");
const {
  loadedBeside,
  TRUST_REMEDY,
  unfitForRoot,
} = require("../../packages/hpc-native/src/trust.ts");
const { compiled } = require("./compiled.cjs");

/**
 * Root runs no text, addon or library that others could change; who they could be is looked at
 * before the first is loaded.
 */
const doubt = [__filename, ...loadedBeside(__filename)]
  .map((file) => unfitForRoot(file, __filename))
  .find((reason) => reason !== undefined);
if (doubt !== undefined) {
  process.stderr.write(
    `${PROGRAM}: it does not run as root, as ${doubt}. ${TRUST_REMEDY} [HPC_UNTRUSTED_FILE]\n`,
  );
  process.exit(1);
}

try {
  compiled(join(__dirname, `${PROGRAM}.main.cjs`), join(__dirname, `${PROGRAM}.cache`)).run();
} catch (error) {
  let reason = error;
  while (reason?.cause instanceof Error) reason = reason.cause;
  if (!/^Cannot find (module|native binding)/.test(error?.message)) throw error;
  // Node would show the line that failed, which is the whole bundle: the reason would be lost in
  // it.
  process.stderr.write(
    `${PROGRAM} cannot start: ${reason.message.split("\n", 1)[0]}; remedy: install it again, whole\n`,
  );
  process.exit(1);
}

// Starts the program whose files lie beside this one. PROGRAM is set when it is bundled.
const { join } = require("node:path");
const { compiled } = require("./compiled.cjs");

compiled(join(__dirname, `${PROGRAM}.main.cjs`), join(__dirname, `${PROGRAM}.cache`)).run();

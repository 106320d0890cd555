// System tests: a real Bacula for each. They stay out of `npx jest` (minutes, root, installed
// packages) and run two at a time, those that measure one at a time:
//   npx jest --config packages/hpc-lab/jest.lab.config.cjs
// HPC_LAB_RELEASES=9 or =15 chooses one release.
const base = require("../../jest.config.cjs");

/** @type {import('jest').Config} */
module.exports = {
  ...base,
  rootDir: "../..",
  testMatch: ["<rootDir>/packages/hpc-lab/test/**/*.lab.ts"],
  // Takes minutes, because what it measures does.
  testPathIgnorePatterns:
    process.env.PODHEITOR_HPC_LONG === "1" ? [] : ["/(topologies|stress|file-daemon)\\.lab\\.ts$"],
  testTimeout: 300_000,
  // Each test has daemons, ports and folders of its own, and waits more than it works.
  maxWorkers: process.env.PODHEITOR_HPC_LONG === "1" ? 1 : 2,
};

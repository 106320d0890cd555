// Test files run in child processes (jest's default), never in worker threads: ffi-rs must be
// imported by the main thread of its process, or the process dies at exit.
/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: "node",
  // Packages are tested as source, without a build in between.
  testEnvironmentOptions: {
    customExportConditions: ["@podheitor/source", "node", "require", "default"],
  },
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { parser: { syntax: "typescript" }, target: "es2022" }, module: { type: "commonjs" } },
    ],
  },
  testMatch: [
    "<rootDir>/scripts/*.test.ts",
    "<rootDir>/packages/*/src/**/*.test.ts",
    "<rootDir>/packages/*/test/**/*.test.ts",
  ],
  modulePathIgnorePatterns: ["<rootDir>/packages/[^/]+/dist/", "<rootDir>/.cache/"],
  workerThreads: false,
  // A limit that only something that hangs reaches, on a machine that is busy with other things, too.
  testTimeout: 60_000,
};

// Which package may import which: docs/architecture.md explains, this file decides.
// `npm run edges` fails on an import that is not listed here; scripts/edges.test.ts plants one and
// expects that.

/** package → packages it may import (its own files are always allowed) */
const edges = {
  base: [],
  report: ["base"],
  native: ["base"],
  wire: [],
  ptcomm: ["base", "wire"],
  walker: ["base", "native", "wire"],
  shard: ["base", "walker"],
  cdylib: ["base", "native", "ptcomm"],
  archive: ["base", "ptcomm", "walker", "shard", "native", "wire"],
  backend: ["archive", "base", "report", "ptcomm", "walker", "shard", "native"],
  bench: ["archive", "backend", "base", "report", "native", "walker"],
  cli: [
    "wire",
    "archive",
    "backend",
    "base",
    "bench",
    "cdylib",
    "report",
    "native",
    "ptcomm",
    "shard",
    "walker",
  ],
  // Private, used by tests only: it may look at everything.
  lab: [
    "wire",
    "archive",
    "base",
    "bench",
    "report",
    "native",
    "ptcomm",
    "walker",
    "shard",
    "backend",
    "cdylib",
    "cli",
  ],
};

const only = (from, allowed) => ({
  name: `hpc-${from}-edges`,
  severity: "error",
  comment: `hpc-${from} may import ${allowed.length ? allowed.map((name) => `hpc-${name}`).join(", ") : "no other package"}.`,
  from: { path: `^packages/hpc-${from}/` },
  to: {
    path: "^packages/hpc-[^/]+/",
    pathNot: `^packages/hpc-(${[from, ...allowed].join("|")})/`,
  },
});

module.exports = {
  forbidden: [
    ...Object.entries(edges).map(([from, allowed]) => only(from, allowed)),
    {
      name: "known-package",
      severity: "error",
      comment: "A new package needs a line in .dependency-cruiser.cjs.",
      from: { path: "^packages/hpc-", pathNot: `^packages/hpc-(${Object.keys(edges).join("|")})/` },
      to: {},
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "resolvable",
      severity: "error",
      comment: "An import that cannot be resolved hides its edge.",
      from: { path: "^packages/" },
      to: { couldNotResolve: true },
    },
    {
      name: "foreign-calls-in-one-place",
      severity: "error",
      comment: "Only hpc-native may import ffi-rs.",
      from: { pathNot: "^packages/hpc-native/" },
      to: { path: "node_modules/ffi-rs" },
    },
    {
      name: "declared-dependencies",
      severity: "error",
      comment: "Source code may use only what its package.json declares.",
      from: { path: "^packages/[^/]+/src/", pathNot: "\\.test\\.ts$|/testing/" },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown", "npm-dev"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)(dist|build|native|\\.cache)/" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@podheitor/source", "node", "require", "import", "default"],
    },
  },
};

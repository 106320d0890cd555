import type { Directive, Resource } from "./conf-parser";
import type { Setup } from "./generate";

/** What must let `shards` jobs run at once. */
export interface Need {
  /** The daemon in whose file it stands. */
  readonly daemon: "Director" | "Storage Daemon" | "File Daemon";
  /** Type and name of the resource. */
  readonly resource: string;
  readonly setting: string;
  readonly atLeast: number;
}

export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** Bacula's own value of `Maximum Concurrent Jobs` where none stands; 9.6 to 15. */
const DEFAULTS: Readonly<Record<string, number>> = {
  director: 20,
  storagedaemon: 20,
  filedaemon: 20,
  client: 1,
  storage: 1,
  device: 0,
};
const KEY = "maximumconcurrentjobs";
const JOBS = "Maximum Concurrent Jobs";

/** Jobs that this Storage gets at once. */
export function jobsOn(
  name: string,
  { shards, storages }: Pick<Setup, "shards" | "storages">,
): number {
  return Array.from({ length: shards }, (_, index) => storages[index % storages.length]).filter(
    (one) => one === name,
  ).length;
}

/** The settings to make, beside those that gen-fileset writes. */
export function needs(setup: Pick<Setup, "shards" | "storages" | "client">): Need[] {
  const { shards, client } = setup;
  const storages = [...new Set(setup.storages)].map((name) => ({
    name,
    jobs: jobsOn(name, setup),
  }));
  return [
    { daemon: "Director", resource: "Director", setting: JOBS, atLeast: shards },
    { daemon: "Director", resource: `Client ${client}`, setting: JOBS, atLeast: shards },
    ...storages.map(
      ({ name, jobs }): Need => ({
        daemon: "Director",
        resource: `Storage ${name}`,
        setting: JOBS,
        atLeast: jobs,
      }),
    ),
    { daemon: "Storage Daemon", resource: "Storage", setting: JOBS, atLeast: shards },
    ...storages
      .filter(({ jobs }) => jobs > 1)
      .map(
        ({ name, jobs }): Need => ({
          daemon: "Storage Daemon",
          resource: `Autochanger of ${name}`,
          setting: "Device",
          atLeast: jobs,
        }),
      ),
    { daemon: "File Daemon", resource: "FileDaemon", setting: JOBS, atLeast: shards },
  ];
}

/**
 * Looks for the settings in the configurations of some or all of the three daemons, all at once:
 * the Director's says which drives are meant. Says what is too low, and what it found no trace of.
 */
export function check(
  setup: Pick<Setup, "shards" | "storages" | "client">,
  resources: readonly Resource[],
): Finding[] {
  const { shards, storages, client } = setup;
  const findings: Finding[] = [];
  const ofType = (type: string) => resources.filter((one) => one.type === type);
  // The SD's own resource is a Storage too; in a Director's file each Storage has a Device and a
  // password, in the SD's a WorkingDirectory.
  const isDaemon = (one: Resource) => one.directives.some(({ key }) => key === "workingdirectory");
  // Since 9.0 a Director may call a Storage that has a changer an Autochanger, as Debian's
  // configuration does.
  const storagesKnown = resources.filter(
    (one) => (one.type === "storage" && !isDaemon(one)) || isDirectorsChanger(one),
  );
  const atLeast = (one: Resource, kind: string, wanted: number) => {
    const at = setting(one, KEY);
    const have = at === undefined ? (DEFAULTS[kind] ?? 1) : Number(at.value);
    if (have === 0 || have >= wanted) return;
    const where = at ?? { file: one.file, line: one.line };
    const label = `${one.type} ${nameOf(one)}`;
    const is =
      at === undefined
        ? `has no Maximum Concurrent Jobs, which means ${have}`
        : `has Maximum Concurrent Jobs = ${have}`;
    findings.push({
      file: where.file,
      line: where.line,
      message: `${label} ${is}: set it to ${wanted} or more`,
    });
  };
  const isDirectorFile = ofType("catalog").length > 0 || ofType("client").length > 0;
  if (isDirectorFile) {
    for (const one of ofType("director").filter((each) =>
      each.directives.some(({ key }) => key === "queryfile"),
    ))
      atLeast(one, "director", shards);
    const [wantedClient] = ofType("client").filter((one) => nameOf(one) === client);
    if (wantedClient === undefined)
      findings.push(absent(resources, `Client ${client}`, ofType("client")));
    else atLeast(wantedClient, "client", shards);
    for (const name of new Set(storages)) {
      const [one] = storagesKnown.filter((each) => nameOf(each) === name);
      if (one === undefined) findings.push(absent(resources, `Storage ${name}`, storagesKnown));
      else atLeast(one, "storage", jobsOn(name, setup));
    }
  }
  for (const one of ofType("storage").filter(isDaemon)) {
    atLeast(one, "storagedaemon", shards);
    for (const name of new Set(storages)) {
      const [known] = storagesKnown.filter((each) => nameOf(each) === name);
      const device = known === undefined ? undefined : setting(known, "device")?.value;
      findings.push(...drives(resources, device, jobsOn(name, setup)));
    }
  }
  for (const one of ofType("filedaemon")) atLeast(one, "filedaemon", shards);
  return findings;
}

/**
 * Whether `check` looks at anything of a file: not of bconsole's, nor of one with nothing but Jobs.
 */
export function isLookedAt(resources: readonly Resource[]): boolean {
  return resources.some((one) =>
    ["catalog", "client", "filedaemon", "storage", "autochanger"].includes(one.type),
  );
}

/**
 * In a Director's file it says where its Storage Daemon is; in that one's file it has drives and a
 * changer, and no password.
 */
function isDirectorsChanger(one: Resource): boolean {
  return one.type === "autochanger" && setting(one, "password") !== undefined;
}

/**
 * A drive writes one volume at a time: fewer drives than jobs, and jobs wait for each other or
 * share a volume. `device`: what the Director's Storage names; undefined, without the Director's
 * configuration: the largest changer is taken for it.
 */
function drives(
  resources: readonly Resource[],
  device: string | undefined,
  wanted: number,
): Finding[] {
  const drivesOf = (one: Resource) =>
    one.type === "autochanger"
      ? (setting(one, "device")?.value ?? "").split(",").filter((name) => name.trim() !== "").length
      : 1;
  const [best] = resources
    .filter(
      (one) => (one.type === "autochanger" && !isDirectorsChanger(one)) || one.type === "device",
    )
    .filter((one) => device === undefined || nameOf(one) === device)
    .sort((a, b) => drivesOf(b) - drivesOf(a));
  if (best === undefined || drivesOf(best) >= wanted) return [];
  const has = `${best.type} ${nameOf(best)} has ${drivesOf(best) === 1 ? "one drive" : `${drivesOf(best)} drives`}`;
  const message = `${has}: ${wanted} jobs would wait for each other or share a volume; give ${wanted} Devices to an Autochanger`;
  return [{ file: best.file, line: best.line, message }];
}

function absent(
  resources: readonly Resource[],
  what: string,
  others: readonly Resource[],
): Finding {
  const names = others.map(nameOf).join(", ");
  return {
    file: resources[0]?.file ?? "",
    line: 1,
    message: `there is no ${what}${names === "" ? "" : ` (there are: ${names})`}`,
  };
}

function setting(one: Resource, key: string): Directive | undefined {
  return one.directives.findLast((directive) => directive.key === key);
}

function nameOf(one: Resource): string {
  return one.directives.find(({ key }) => key === "name")?.value ?? ""; // its own stands before those of nested resources
}

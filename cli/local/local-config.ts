// Local configuration of every Worker: its wrangler.toml with queues replaced by queues on disk (workers/local), and
// bundled from running copies. Written to a wrangler.local.toml beside each wrangler.toml, never committed.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { parse, stringify } from "smol-toml";
import type { Consumer } from "../../workers/local/consumer.ts";
import type { Table } from "../project/bindings.ts";
import { ownConfig, type Project } from "../project/project.ts";
import { copyPath, REGISTRY_COPY, RUNNING } from "./running-copies.ts";

const NOTICE =
  "# Written by `weir dev` from the wrangler.toml beside it, for local work only. Leave it out of git.\n";
const FRONT_DOOR = "weir-local";
interface Producer {
  binding: string;
  queue: string;
}
type DeployedConsumer = Omit<Consumer, "binding"> & { max_concurrency?: number };
type Queues = { producers?: Producer[]; consumers?: DeployedConsumer[] };

/** Paths of the wrangler.toml of every Worker with queues. The front door comes first, and gets the port. */
export const configsOf = ({ root, pipelines }: Project): string[] => [
  "workers/local/wrangler.toml",
  ownConfig(root, "ledger"),
  "wrangler.toml",
  ...pipelines.map(({ folder }) => `${folder}/wrangler.toml`),
];

/** Makes the local configurations: path of each wrangler.local.toml → text. `configs` must hold the front door. */
export function localConfigs(root: string, configs: string[]): Map<string, string> {
  const tables = configs.map((config) => parse(readFileSync(join(root, config), "utf8")) as Table);
  const consumers = tables.flatMap((table) =>
    (queuesOf(table).consumers ?? []).map((consumer) => ({
      ...inOneBatch(consumer),
      binding: consumerBinding(table),
    })),
  );
  const services = [
    ...new Map(tables.filter((table) => queuesOf(table).consumers).map(serviceEntry)).values(),
  ];
  return new Map(
    configs.map((config, index) => {
      const table = withCopies(withLocalVar(withQueuesOnDisk(tables[index] ?? {})), dirname(config));
      const whole = table.name === FRONT_DOOR ? frontDoor(table, services, consumers) : table;
      return [join(dirname(config), localName(config)), NOTICE + stringify(whole)];
    }),
  );
}

/**
 * Writes the files that differ and returns the paths of all. An unchanged file is left alone, so that no watcher
 * wakes.
 */
export function writeLocalConfigs(root: string, configs: string[]): string[] {
  const files = localConfigs(root, configs);
  for (const [name, text] of files) {
    if (readOrEmpty(join(root, name)) !== text) writeFileSync(join(root, name), text);
  }
  return [...files.keys()];
}

const localName = (config: string) => basename(config).replace(/\.toml$/, ".local.toml");
const queuesOf = ({ queues = {} }: Table) => queues as Queues;
const consumerBinding = ({ name }: Table) => `CONSUMER_${String(name).replaceAll("-", "_").toUpperCase()}`;
const serviceEntry = (table: Table) =>
  [table.name, { binding: consumerBinding(table), service: table.name }] as const;

const MAX_BATCH_MESSAGES = 100;

/** A queue on disk delivers one batch at a time: it takes as many messages at once as its batches would in parallel. */
function inOneBatch({ max_concurrency, ...consumer }: DeployedConsumer): Omit<Consumer, "binding"> {
  if (max_concurrency === undefined || consumer.max_batch_size !== 1) return consumer;
  return { ...consumer, max_batch_size: Math.min(max_concurrency, MAX_BATCH_MESSAGES) };
}

/**
 * Leads the names of project files to their running copies. A pipeline's copy has its version, which as a setting would
 * change without the code.
 */
function withCopies(table: Table, folder: string): Table {
  const name = basename(folder);
  const copies: Record<string, string> = {
    "#pipeline/handler": copyPath(name, "handler.mjs"),
    "#pipeline/config": copyPath(name, "config.mjs"),
    "#weir/registry": REGISTRY_COPY,
    "#weir/connections": `${RUNNING}/connections.json`,
    "#weir/models": `${RUNNING}/models.json`,
  };
  const { alias = {}, vars = {} } = table as { alias?: Record<string, string>; vars?: Table };
  const { WEIR_VERSION: _, ...others } = vars;
  const led = Object.entries(alias).map(([of, path]) => {
    const copy = Object.hasOwn(copies, of) ? copies[of] : undefined;
    return [of, copy === undefined ? path : `./${relative(folder, copy)}`];
  });
  return { ...table, vars: others, ...(led.length > 0 && { alias: Object.fromEntries(led) }) };
}

/** Only local work signs URLs of this machine. */
const withLocalVar = (table: Table): Table => ({
  ...table,
  vars: { ...(table.vars as Table | undefined), WEIR_LOCAL: "1" },
});

/** Replaces each queue producer by a service binding of the same name and shape. */
function withQueuesOnDisk(table: Table): Table {
  const { queues: _, ...rest } = table;
  const doors = (queuesOf(table).producers ?? []).map(({ binding, queue }) => ({
    binding,
    service: FRONT_DOOR,
    entrypoint: "QueueDoor",
    props: { queue },
  }));
  return { ...rest, services: [...((table.services as Table[] | undefined) ?? []), ...doors] };
}

const frontDoor = (table: Table, services: Table[], consumers: Consumer[]): Table => ({
  ...table,
  vars: { ...(table.vars as Table | undefined), CONSUMERS: consumers },
  services: [...(table.services as Table[]), ...services],
  durable_objects: {
    bindings: [
      ...((table.durable_objects as { bindings: Table[] } | undefined)?.bindings ?? []),
      { name: "LOCAL_QUEUES", class_name: "LocalQueue" },
    ],
  },
  migrations: [{ tag: "v1", new_sqlite_classes: ["LocalQueue"] }],
});

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

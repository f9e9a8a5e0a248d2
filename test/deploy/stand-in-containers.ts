// The stand-in's container applications: what wrangler asks of them in a deploy, after the images were pushed. A rollout
// can be made to be reverted, as Cloudflare does where the new image does not start.
import { type Call, Refusal } from "./stand-in-shapes.ts";

interface Configuration {
  image: string;
  instance_type?: string;
  [field: string]: unknown;
}
interface Application {
  id: string;
  name: string;
  configuration: Configuration;
  max_instances: number;
  durable_objects: { namespace_id: string };
  active_rollout_id?: string;
}
interface Rollout {
  id: string;
  status: "pending" | "progressing" | "completed" | "reverted" | "replaced";
  target: Configuration;
}

const AT = "2026-11-23T00:00:00Z";

export class Containers {
  readonly applications = new Map<string, Application>();
  readonly rollouts = new Map<string, Rollout>();
  /** What becomes of the next rollouts. */
  ending: Rollout["status"] = "completed";
  /** Credentials given out for the registry, by what they permit. */
  readonly permitted: string[] = [];
  #ids = 0;

  answer(call: Call, [kind, id = "", part, rolloutId = ""]: string[]): unknown {
    if (kind === "me") return { external_account_id: "acc", limits: {}, defaults: {}, locations: [] };
    if (kind === "registries") {
      const { permissions } = call.body as { permissions: string[] };
      this.permitted.push(permissions.join("+"));
      return { account_id: "acc", registry_host: id, username: "v1", password: "stand-in-registry-word" };
    }
    if (kind !== "applications") return undefined;
    if (id === "" && call.method === "POST") return this.#create(call);
    if (id === "") {
      const name = call.query.get("name");
      return [...this.applications.values()]
        .filter((it) => name === null || it.name === name)
        .map(applicationOf);
    }
    const found = [...this.applications.values()].find((it) => it.id === id);
    if (!found) throw new Refusal(404, 1000, "APPLICATION_NOT_FOUND");
    if (part === "rollouts" && call.method === "POST") return this.#roll(call, found);
    if (part === "rollouts") {
      const rollout = this.rollouts.get(rolloutId);
      if (!rollout) throw new Refusal(404, 1000, "ROLLOUT_NOT_FOUND");
      return rolloutOf(rollout, found);
    }
    if (call.method === "PATCH") this.#modify(call, found);
    return applicationOf(found);
  }

  #create(call: Call): unknown {
    const body = call.body as Omit<Application, "id">;
    call.changed = true;
    call.what = `container ${body.name} of ${body.configuration.image.split(":").at(-1)}`;
    const { name, configuration, max_instances, durable_objects } = body;
    const made = { id: `app-${++this.#ids}`, name, configuration, max_instances, durable_objects };
    this.applications.set(name, made);
    return applicationOf(made);
  }

  /** A new image is a rollout's affair; how many instances there are is not. */
  #modify(call: Call, found: Application): void {
    call.changed = true;
    call.what = `instances of ${found.name}`;
    const { max_instances } = call.body as Partial<Application>;
    if (max_instances !== undefined) found.max_instances = max_instances;
  }

  #roll(call: Call, found: Application): unknown {
    const { target_configuration: target } = call.body as { target_configuration: Configuration };
    call.changed = true;
    call.what = `rollout of ${found.name} to ${target.image.split(":").at(-1)}`;
    const rollout: Rollout = { id: `roll-${++this.#ids}`, status: this.ending, target };
    this.rollouts.set(rollout.id, rollout);
    if (rollout.status === "completed") {
      found.configuration = { ...found.configuration, ...target };
      delete found.active_rollout_id;
    } else found.active_rollout_id = rollout.id;
    return rolloutOf(rollout, found);
  }
}

const applicationOf = (it: Application) => ({
  ...it,
  account_id: "acc",
  created_at: AT,
  updated_at: AT,
  instances: 0,
  scheduling_policy: "default",
  version: 1,
  health: { errors: [], instances: { active: 0, assigned: 0 }, summary: "healthy" },
});

const rolloutOf = ({ id, status, target }: Rollout, { configuration }: Application) => ({
  id,
  status,
  created_at: AT,
  last_updated_at: AT,
  current_configuration: configuration,
  current_version: 1,
  target_configuration: target,
  target_version: 2,
  description: "Progressive update",
  health: { errors: [], instances: { active: 0, assigned: 0 } },
  kind: "full_auto",
  strategy: "rolling",
});

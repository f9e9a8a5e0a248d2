// The container application as Cloudflare has it: which image it runs, on how many instances of which size, and what
// became of its last rollout. wrangler activates the compute Worker before it touches the application, so nothing that
// the Worker carries says what runs.
import { z } from "zod";
import type { ProjectSettings } from "../../src/shapes/project-settings.ts";
import type { Cloudflare } from "./cloudflare.ts";
import { CONTAINER } from "./image.ts";

export interface DeployedContainer {
  image: string;
  instanceType?: string;
  maxInstances?: number;
  /** A rollout that is under way, and the image that it leads to. */
  rollout?: { status: string; image?: string };
  /** By Cloudflare's own checks. */
  health?: string;
}

const configuration = z.looseObject({ image: z.string().optional(), instance_type: z.string().optional() });
const application = z.looseObject({
  id: z.string(),
  name: z.string(),
  configuration: configuration.optional(),
  max_instances: z.number().optional(),
  active_rollout_id: z.string().optional(),
  health: z.looseObject({ summary: z.string().optional() }).optional(),
});
const rollout = z.looseObject({ status: z.string(), target_configuration: configuration.optional() });

/** Reads the application; undefined where there is none. */
export async function readContainer(cloudflare: Cloudflare): Promise<DeployedContainer | undefined> {
  const all = await cloudflare.get(`containers/applications?name=${CONTAINER}`, z.array(application));
  const found = all?.find(({ name }) => name === CONTAINER);
  if (!found) return undefined;
  const { id, configuration, max_instances, active_rollout_id: active, health } = found;
  const rolling = active
    ? await cloudflare.get(`containers/applications/${id}/rollouts/${active}`, rollout)
    : undefined;
  const target = rolling?.target_configuration?.image;
  return {
    image: configuration?.image ?? "",
    ...(configuration?.instance_type !== undefined && { instanceType: configuration.instance_type }),
    ...(max_instances !== undefined && { maxInstances: max_instances }),
    ...(rolling && { rollout: { status: rolling.status, ...(target !== undefined && { image: target }) } }),
    ...(health?.summary !== undefined && { health: health.summary }),
  };
}

const UNDER_WAY = new Set(["pending", "progressing"]);
const isLeading = ({ rollout }: DeployedContainer, image: string) =>
  rollout?.image === image && UNDER_WAY.has(rollout.status);

/** Whether the application runs an image, or is about to. */
export const runsImage = (now: DeployedContainer | undefined, image: string): boolean =>
  now !== undefined && (now.image === image || isLeading(now, image));

/** Why the application is not as the project asks; undefined where it is. */
export function containerDiffers(
  now: DeployedContainer | undefined,
  image: string,
  { instances, instance_type }: ProjectSettings["compute"],
): string | undefined {
  if (!now) return "its container is not there";
  if (!runsImage(now, image)) {
    const ended =
      now.rollout && !UNDER_WAY.has(now.rollout.status) ? `: a rollout was ${now.rollout.status}` : "";
    return `its container runs another image${ended}`;
  }
  if (now.maxInstances !== undefined && now.maxInstances !== instances)
    return `its container has ${now.maxInstances} instances, not ${instances}`;
  if (now.instanceType !== undefined && now.instanceType !== instance_type)
    return `its container is a ${now.instanceType}, not a ${instance_type}`;
  return undefined;
}

/** What a person should know of a container that is as the project asks, or is becoming so. */
export function containerNotices(now: DeployedContainer | undefined): string[] {
  if (now?.rollout && UNDER_WAY.has(now.rollout.status))
    return [`A rollout of the compute container is ${now.rollout.status}.`];
  if (now?.health === "unhealthy" || now?.health === "degraded")
    return [`Cloudflare says that the compute container is ${now.health}: npx wrangler containers list`];
  return [];
}

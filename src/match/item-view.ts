// An item as a filter over items sees it: JSON under the names of item-names.ts. Free of where items are kept.
import type { SetKey, SetLineage } from "../shapes/item.ts";
import { extensionOf, nameOf } from "./attributes.ts";
import { JsonView } from "./json-view.ts";
import type { View } from "./types.ts";

/** What a filter over items judges. */
export interface JudgedItem {
  id: string;
  position: number;
  set: SetKey;
  lineage: SetLineage;
  data: unknown;
  span?: { start: number; end: number } | null | undefined;
}

/** The view of an item. Nothing in it is unknown: what it does not have is absent. */
export const itemView = (item: JudgedItem): View => new JsonView({ ...setJson(item), ...itemJson(item) });

/** What all items of a set have in common. */
export function setJson({ set, lineage }: Pick<JudgedItem, "set" | "lineage">): Record<string, unknown> {
  const { alias, connection, bucket, key } = set;
  const { etag, version_id, size, content_type, metadata, event_id, run_id } = lineage;
  const name = nameOf(key);
  return {
    object: present({
      ...{
        connection,
        bucket,
        key,
        name,
        extension: extensionOf(name),
        size,
        etag,
        version_id,
        content_type,
      },
      metadata: Object.fromEntries(
        Object.entries(metadata ?? {}).map(([named, value]) => [named.toLowerCase(), value]),
      ),
    }),
    ...{ pipeline: alias, version: lineage.version, commit: lineage.commit, event: event_id, run: run_id },
    ...{ time: lineage.event_time, stored_at: lineage.stored_at },
  };
}

/** What belongs to the item alone. */
export const itemJson = ({ id, position, data, span }: Omit<JudgedItem, "set" | "lineage">) => ({
  ...{ id, position, data },
  ...(span && { span }),
});

/** Names of {@link setJson}: a path below one of them has one value for all items of a set. */
export const isOfSet = (path: string): boolean => !/^(id|position|data|span)(\.|$)/.test(path);

const present = (values: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null));

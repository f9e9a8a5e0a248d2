// What is done to the objects of a history, in R2 and in a bucket with versions, and what senders tell of it.
import type { Told } from "../support/client.ts";
import { eventBridgeOf, recordsOf, type VersionedStore } from "../support/versioned-store.ts";
import type { Weir } from "../support/weir.ts";
import type { Change, Key } from "./history.ts";

export const BUCKETS = { R2: "test-media", versions: "test-peer" };

/** Tells of what was done: by one sender, by the other, or by both. */
type Tell = (by: Change["by"]) => Promise<void>;

export function openDeeds(weir: Weir, store: VersionedStore) {
  const otherOf = (key: Key) => (key === "a" ? "b" : "a");
  const textOf = (place: string, round: number) => `${place} of round ${round + 1}`;
  const metadataOf = ({ passes, throws }: Change) => ({ keep: passes ? "yes" : "no", fails: String(throws) });

  async function inR2(name: string, round: number, change: Change): Promise<Tell> {
    const bucket = BUCKETS.R2;
    const { op, key } = change;
    const [place, other] = [`${name}/${key}`, `${name}/${otherOf(key)}`];
    if (op === "mention" || op === "access") {
      const eventName = op === "access" ? "s3:ObjectAccessed:Get" : "s3:ObjectCreated:PutTagging";
      const notice = { bucket, eventName, eventTime: new Date().toISOString(), object: { key: place } };
      return () => toMedia(JSON.stringify(recordsOf([notice], "minio:s3")));
    }
    const metadata = metadataOf(change);
    const put = () => weir.put(bucket, place, textOf(place, round), metadata);
    const told = await {
      put,
      multipart: put,
      copy: () => weir.copy(bucket, other, place),
      metadata: () => weir.copy(bucket, place, place, metadata),
      delete: () => weir.remove(bucket, place),
      "bring up": async () => null,
    }[op]();
    if (!told) throw new Error(`there was nothing to ${op} for ${place}`);
    return async (by) => {
      if (by !== "S3") await weir.notifyR2(told);
      if (by !== "R2") await deliver(told);
    };
  }

  async function inVersions(name: string, round: number, change: Change): Promise<Tell> {
    const bucket = BUCKETS.versions;
    const { op, key } = change;
    const [place, other] = [`${name}/${key}`, `${name}/${otherOf(key)}`];
    const metadata = metadataOf(change);
    const notice = {
      put: () => store.put(bucket, place, textOf(place, round), metadata),
      multipart: () => store.multipart(bucket, place, textOf(place, round), metadata),
      copy: () => store.copy(bucket, other, place),
      metadata: () => store.copy(bucket, place, place, metadata),
      delete: () => store.remove(bucket, place),
      "bring up": () => store.removeNewest(bucket, place),
      mention: () => store.mention(bucket, place, "ObjectTagging:Put"),
      access: () => store.mention(bucket, place, "s3:ObjectAccessed:Get"),
    }[op]();
    if (!notice) throw new Error(`there was nothing to ${op} for ${place}`);
    return async (by) => {
      if (op === "access") return toPeer(recordsOf([notice], "minio:s3"));
      if (by !== "S3") await toPeer(eventBridgeOf(notice));
      if (by !== "R2") await toPeer(recordsOf([notice]));
    };
  }

  const accepted = async (response: Response): Promise<void> => {
    if (response.status !== 202) throw new Error(`a delivery was answered ${response.status}`);
  };
  const toMedia = async (body: string) => accepted(await weir.deliver("conn_media", body));
  const deliver = (told: Told) => toMedia(weir.s3Records(told));
  async function toPeer(body: object): Promise<void> {
    const authorization = `Bearer ${weir.secrets.CONN_PEER_TOKEN}`;
    const headers = { "content-type": "application/json", authorization };
    const request = { method: "POST", headers, body: JSON.stringify(body) };
    await accepted(await weir.fetch("/v1/connections/conn_peer/events", request));
  }

  return { R2: inR2, versions: inVersions, deliver };
}

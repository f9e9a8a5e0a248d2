// Reads the XML of S3 stores: listings, tags and errors, as each store writes them (Go's stores escape a quote as
// `&#34;`, AWS as `&quot;`). An answer that is not what was requested is a failure, never an empty list.
import { parseXml, XmlElement } from "@rgrove/parse-xml";
import { type Failure, FailureError } from "../shapes/failure.ts";
import type { Listed, Listing } from "./contract.ts";

/** One page of ListObjectsV2. @throws FailureError `source_refused` where the answer is no listing, or breaks off */
export function readListing(xml: string, place: string): Listing {
  const root = rootOf(xml, "ListBucketResult", place);
  // Percent-encoded as asked, so that any key survives XML; a store that does not know how says so by its silence.
  const isEncoded = textOf(root, "EncodingType") === "url";
  const objects = elementsOf(root, "Contents").map((entry): Listed => {
    const size = textOf(entry, "Size");
    if (!/^\d{1,15}$/.test(size))
      throw new FailureError(unreadable(place, `a size is ${JSON.stringify(size)}`));
    const key = textOf(entry, "Key");
    return {
      key: isEncoded ? decoded(key, place) : key,
      size: Number(size),
      etag: bareEtag(textOf(entry, "ETag")),
    };
  });
  if (textOf(root, "IsTruncated") !== "true") return { objects };
  const next = textOf(root, "NextContinuationToken");
  if (next === "") throw new FailureError(unreadable(place, "it says there is more, and not where"));
  return { objects, next };
}

/** An object's tags. @throws FailureError `source_refused` where the answer is none */
export function readTags(xml: string, place: string): Record<string, string> {
  const [set] = elementsOf(rootOf(xml, "Tagging", place), "TagSet");
  const tags = set ? elementsOf(set, "Tag") : [];
  return Object.fromEntries(tags.map((tag) => [textOf(tag, "Key"), textOf(tag, "Value")]));
}

/** The code of an error, such as `NoSuchBucket`; undefined where the body is none of S3's. */
export function readErrorCode(xml: string): string | undefined {
  const error = errorOf(xml);
  return error && (textOf(error, "Code") || undefined);
}

/**
 * The archive that a refusal to read names: `InvalidObjectState`, with the storage class or the access tier.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export function readArchive(xml: string): string | null {
  const error = errorOf(xml);
  if (!error || textOf(error, "Code") !== "InvalidObjectState") return null;
  return textOf(error, "AccessTier") || textOf(error, "StorageClass") || "an archive";
}

function errorOf(xml: string): XmlElement | undefined {
  try {
    const { root } = parseXml(xml);
    return root?.name === "Error" ? root : undefined;
  } catch {
    return undefined;
  }
}

/** An ETag as it is compared: without quotes and without the mark of a weak one. */
export const bareEtag = (etag: string): string => etag.replace(/^W\/|"/g, "");

function rootOf(xml: string, name: string, place: string): XmlElement {
  let root: XmlElement | null;
  try {
    ({ root } = parseXml(xml));
  } catch {
    // Its own words quote the answer, which may be anything.
    throw new FailureError(unreadable(place, "the answer is not XML"));
  }
  if (root?.name === name) return root;
  throw new FailureError(unreadable(place, `the answer is <${root?.name.slice(0, 80)}>, not <${name}>`));
}

const elementsOf = (parent: XmlElement, name: string): XmlElement[] =>
  parent.children.filter((child) => child instanceof XmlElement).filter((child) => child.name === name);

const textOf = (parent: XmlElement, name: string): string => elementsOf(parent, name)[0]?.text ?? "";

function decoded(key: string, place: string): string {
  try {
    return decodeURIComponent(key.replaceAll("+", " "));
  } catch {
    throw new FailureError(unreadable(place, "a key has a percent-escape that is none"));
  }
}

const unreadable = (place: string, why: string): Failure => ({
  kind: "source_refused",
  detail: `${place}: the store's answer cannot be read: ${why}.`,
  expected: "what S3 answers (ListObjectsV2, GetObjectTagging)",
  next: "Check the connection's endpoint in connections.json: it must be the store's S3 API, without the bucket.",
});

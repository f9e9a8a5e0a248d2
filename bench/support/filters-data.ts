// Data of bench/filters.ts: S3 notifications of about 1 KB as AWS sends them, and patterns on them, of which an event
// meets a few however many there are.

const BUCKETS = 10_000;
const FOLDERS = ["raw", "thumbs", "exports", "archive", "video", "invoices", "team-a", "team-b"];
const EXTENSIONS = ["jpg", "png", "mp4", "mov", "pdf", "csv", "json", "wav", "log", "parquet"];
const pick = <T>(list: readonly T[], i: number) => list[i % list.length] as T;
const scatter = (i: number) => (i * 7919) % BUCKETS;

/** The i-th event: the customers spread evenly over all 10,000, another key, size and address each time. */
export function event(i: number): object {
  const bucket = `customer-${scatter(i * 20)}`;
  const key = `${pick(FOLDERS, i)}/${2020 + (i % 7)}/project-${scatter(i * 3)}/DCIM/2026-11-23/100CANON/IMG_${i}.${pick(EXTENSIONS, i * 3)}`;
  return {
    Records: [
      {
        eventVersion: "2.1",
        eventSource: "aws:s3",
        awsRegion: pick(["us-east-1", "eu-west-1", "ap-southeast-2"], i),
        eventTime: "2026-11-23T15:04:05.123Z",
        eventName: pick(["ObjectCreated:Put", "ObjectCreated:Copy", "ObjectRemoved:Delete"], i),
        userIdentity: { principalId: "AWS:AROAIDPLRKLG7UEXAMPLE:upload-service-production-7f9c5b6d4-xk2lp" },
        requestParameters: { sourceIPAddress: `10.${i % 256}.${(i * 7) % 256}.17` },
        responseElements: {
          "x-amz-request-id": "C3D13FE58DE4C810",
          "x-amz-id-2":
            "EXAMPLE123/5678abcdefghijklambdaisawesome/FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpDQ3fUHkJ4k7qXJ8Zw",
        },
        glacierEventData: {
          restoreEventData: {
            lifecycleRestorationExpiryTime: "1970-01-01T00:00:00.000Z",
            lifecycleRestoreStorageClass: "",
          },
        },
        s3: {
          s3SchemaVersion: "1.0",
          configurationId: "all-objects-828aa6fc-f7b5-4305-8584-487c791949c1",
          bucket: {
            name: bucket,
            ownerIdentity: { principalId: "A3NL1KOZZKExample" },
            arn: `arn:aws:s3:::${bucket}`,
          },
          object: {
            key,
            size: 1000 + ((i * 104_729) % 50_000_000),
            eTag: "d41d8cd98f00b204e9800998ecf8427e",
            versionId: "096fKKXTRTtl3on89fVO.nfljtsv6qko",
            sequencer: "0066E3C4F1B2A9D7C8",
          },
        },
      },
    ],
  };
}

/** The i-th equality pattern: one customer's bucket, new objects. */
export const equalityPattern = (i: number) => ({
  Records: { eventName: ["ObjectCreated:Put"], s3: { bucket: { name: [`customer-${scatter(i)}`] } } },
});

/** The i-th of a mix of all operators, each narrowed as real ones are: to a folder, a customer, a block. */
export function mixedPattern(i: number): object {
  const bucket = `customer-${scatter(i)}`;
  const extension = pick(EXTENSIONS, i >> 3);
  const project = `${pick(FOLDERS, i)}/${2020 + (i % 7)}/project-${scatter(i)}`;
  switch (i % 10) {
    case 0:
      return equalityPattern(i);
    case 1:
      return { Records: { s3: { object: { key: [{ prefix: `${project}/` }] } } } };
    case 2:
      return { Records: { s3: { object: { key: [{ suffix: `_${i}.${extension}` }] } } } };
    case 3:
      return { Records: { s3: { object: { key: [{ wildcard: `${project}/*.${extension}` }] } } } };
    case 4:
      return { Records: { s3: { object: { size: [{ numeric: [">=", i * 5000, "<", i * 5000 + 4000] }] } } } };
    case 5:
      return {
        Records: { requestParameters: { sourceIPAddress: [{ cidr: `10.${i % 256}.${i >> 8}.0/24` }] } },
      };
    case 6:
      return { Records: { s3: { bucket: { name: [{ "equals-ignore-case": bucket.toUpperCase() }] } } } };
    case 7:
      return {
        Records: {
          eventName: [{ "anything-but": { prefix: "ObjectRemoved" } }],
          s3: { bucket: { name: [bucket] } },
        },
      };
    case 8:
      return {
        Records: {
          $or: [
            { s3: { bucket: { name: [bucket] } } },
            { s3: { object: { key: [{ prefix: `${project}/IMG` }] } } },
          ],
          awsRegion: [{ exists: true }],
        },
      };
    default:
      return {
        Records: {
          s3: { bucket: { name: [{ prefix: bucket }] }, object: { versionId: [{ exists: false }] } },
        },
      };
  }
}

/** The i-th equality pattern as a query of sift and mingo. */
export const mongoQuery = (i: number) => ({
  "Records.eventName": "ObjectCreated:Put",
  "Records.s3.bucket.name": `customer-${scatter(i)}`,
});

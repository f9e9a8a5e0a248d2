// Hosts of AWS by partition: China and the European Sovereign Cloud have domains of their own. Shared by what
// reads from S3, what verifies SNS, and the command.
// https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html

/** The domain under which a region's services are, as in `s3.<region>.<domain>`. */
export function awsDomain(region: string): string {
  if (region.startsWith("cn-")) return "amazonaws.com.cn";
  return region.startsWith("eusc-") ? "amazonaws.eu" : "amazonaws.com";
}

/** Where S3 of a region is, for path-style requests. */
export const s3Endpoint = (region: string): string => `https://s3.${region}.${awsDomain(region)}`;

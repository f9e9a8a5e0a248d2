// Addresses that compute may read from: public hosts, and the origins that COMPUTE_ALLOW_ORIGINS names for local work.
// A name is checked after it is resolved, and the connection goes to the address that was checked. Free of
// HTTP; source.ts makes the requests.
import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { type Failure, fail } from "../../../../src/shapes/failure.ts";

/** Not on the public internet: IANA's special-purpose registries for IPv4 and IPv6, and multicast. */
const special = new BlockList();
for (const range of [
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24",
  "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4",
  // Metadata services of clouds that do not use a link-local address.
  "168.63.129.16/32 100.100.100.200/32",
].flatMap((line) => line.split(" "))) {
  const [net = "", bits] = range.split("/");
  special.addSubnet(net, Number(bits), "ipv4");
}
/** Of IPv6 only 2000::/3 is global unicast; of it, what carries an IPv4 address inside is refused too. */
const globalUnicast = new BlockList();
globalUnicast.addSubnet("2000::", 3, "ipv6");
for (const range of "2001::/23 2001:db8::/32 2002::/16 3fff::/20".split(" ")) {
  const [net = "", bits] = range.split("/");
  special.addSubnet(net, Number(bits), "ipv6");
}

/** Whether an address is one that any computer on the internet could have. */
export function isPublic(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !special.check(address, "ipv4");
  return family === 6 && globalUnicast.check(address, "ipv6") && !special.check(address, "ipv6");
}

/** The origins of a comma-separated list, such as `http://127.0.0.1:8787`. Throws for what is no URL. */
export const originsOf = (list: string | undefined): string[] =>
  (list ?? "").split(",").flatMap((entry) => (entry.trim() ? new URL(entry.trim()).origin : []));

/** Thrown by {@link publicLookup}, through the connection that looked the name up. */
export class PrivateAddress extends Error {}

/** Resolves a name, and fails unless every address of it is public. */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, "");
    if (!addresses.every(({ address }) => isPublic(address)))
      return callback(new PrivateAddress(hostname), "");
    const [first] = addresses;
    if (options.all) callback(null, addresses);
    else callback(null, first?.address ?? "", first?.family);
  });
};

/** Why a URL is not read, as far as its text shows; a host given as a number never comes to a look-up. */
export function refusedHost({ protocol, hostname }: URL): Failure | undefined {
  const address = hostname.replace(/^\[|\]$/g, "");
  if (isIP(address) && !isPublic(address)) return privateHost(hostname);
  if (protocol === "https:") return undefined;
  const next = "Sign an https URL; in local work name the origin in COMPUTE_ALLOW_ORIGINS.";
  return fail("forbidden", `compute reads over https only, not from ${protocol}//${hostname}`, { next })
    .failure;
}

export function privateHost(hostname: string): Failure {
  const detail = `${hostname} is not on the public internet, so compute does not read from it`;
  const next = "Give a signed URL of the object; in local work name its origin in COMPUTE_ALLOW_ORIGINS.";
  return fail("forbidden", detail, { next }).failure;
}
